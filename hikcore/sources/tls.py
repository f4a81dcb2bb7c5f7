"""TLS to recorders, whose certificates are nearly always self-signed: verify, trust a CA, pin, off.

The pin is checked inside the handshake, before a byte of a request is sent: the context's
`sslobject_class` is the documented hook for that.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hikcore.errors import ConfigurationError, DeviceUnreachable


class CertificateRefused(DeviceUnreachable):
    """The device's certificate is not the one to trust; trying again changes nothing."""

    retryable = False


class WrongCertificate(ssl.SSLCertVerificationError):
    """The peer's certificate is not the pinned one."""


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """Whom to trust: `verify`, `ca` (value: file), `pin` (value: hex SHA-256), `off`."""

    kind: Literal["verify", "ca", "pin", "off"]
    value: str = ""

    @classmethod
    def parse(cls, text: str) -> TlsPolicy:
        """Read the setting `tls`.

        Raises:
            ConfigurationError: none of the four forms.
        """
        kind, _, value = text.strip().partition(":")
        if kind == "verify" and not value:
            return cls("verify")
        if kind == "off" and not value:
            return cls("off")
        if kind == "ca" and value:
            return cls("ca", value)
        if kind == "pin":
            digest = re.sub(r"[:\s]", "", value).lower()
            if re.fullmatch(r"[0-9a-f]{64}", digest):
                return cls("pin", digest)
        raise ConfigurationError(
            f"tls = {text!r} is none of verify, ca:FILE, pin:SHA256 (64 hex digits), off",
            hint='for a self-signed recorder connect once with "verify": the error names its pin',
        )

    @property
    def authenticated(self) -> bool:
        """Whether the peer is known to be the device (so that Basic may be sent to it)."""
        return self.kind != "off"

    def context(self) -> ssl.SSLContext:
        """A client context.

        Raises:
            ConfigurationError: the CA file cannot be read.
        """
        if self.kind in ("verify", "ca"):
            return self._verifying()
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        # Recorders present 1024-bit RSA and SHA-1: level 2 refuses them before a pin is looked at.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        if self.kind == "pin":
            context.sslobject_class = _pinned(self.value)
        return context

    def _verifying(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.value or None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"CA file {Path(self.value)} cannot be used: {error}", where="tls"
            ) from None
        # Set by default since Python 3.13; certificates that recorders make break it.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def _pinned(pin: str) -> type[ssl.SSLObject]:
    class PinnedObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            found = fingerprint(self.getpeercert(binary_form=True) or b"")
            if found != pin:
                raise WrongCertificate(f"fingerprint {found} is not the pinned one")

    return PinnedObject


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, 64 hex digits."""
    return hashlib.sha256(der).hexdigest()


def peer_fingerprint(host: str, port: int, timeout: float) -> str | None:
    """The fingerprint that a peer presents now, None where it cannot be had. Blocks."""
    try:
        pem = ssl.get_server_certificate((host, port), timeout=timeout)
    except (OSError, ValueError):
        return None
    return fingerprint(ssl.PEM_cert_to_DER_cert(pem))


def verifies(host: str, port: int, timeout: float) -> bool:
    """Whether a peer's certificate is one that this machine trusts for that name. Blocks."""
    context = TlsPolicy("verify").context()
    try:
        with (
            socket.create_connection((host, port), timeout) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except (OSError, ValueError):
        return False


def certificate_error(
    error: BaseException | None,
) -> ssl.SSLCertVerificationError | None:
    """The refused certificate among the causes of a connection error, if that is what it was."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def certificate_refused(reason: str, found: str | None, where: str) -> CertificateRefused:
    """The error for a certificate that does not verify, with the line that would trust it."""
    hint = "the certificate could not be read; look at it with: openssl s_client -connect"
    if found:
        hint = (
            f"its SHA-256 fingerprint is {found}; if that is your device, "
            f'write tls = "pin:{found}" into its section'
        )
    return CertificateRefused(f"TLS certificate not trusted: {reason}", where=where, hint=hint)
