"""The recorder's door: Digest (RFC 7616) or Basic, stale nonces, the lock after wrong logins."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Literal

from hikcore.instants import NS
from hikcore.sim.profile import Auth

_PAIR = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
Verdict = Literal["in", "challenge", "stale", "wrong", "locked"]


@dataclass
class _Guest:
    """What the door remembers of one address."""

    failed: int = 0
    locked_until: int = 0


@dataclass
class Door:
    """Checks logins.

    Args:
        auth: who may come in, and how.
    """

    auth: Auth
    _issued: dict[str, int] = field(default_factory=dict)
    _guests: dict[str, _Guest] = field(default_factory=dict)

    def check(
        self, address: str, method: str, target: str, header: str | None, now: int
    ) -> Verdict:
        """Judge one request.

        Args:
            address: of the client; locks are by address, as on the device.
            target: the request target as sent; Digest covers it with its query.
            header: the Authorization header, if any.
            now: the recorder's clock, ns.
        """
        guest = self._guests.setdefault(address, _Guest())
        if guest.locked_until > now:
            return "locked"
        if header is None:
            return "challenge"
        right, nonce = self._right(method, target, header)
        if not right:
            guest.failed += 1
            if self.auth.lock_after and guest.failed >= self.auth.lock_after:
                guest.locked_until = now + self.auth.lock_seconds * NS
                guest.failed = 0
                return "locked"
            return "wrong"
        if nonce is not None:
            uses = self._issued.get(nonce)
            if uses is None or (self.auth.nonce_uses and uses >= self.auth.nonce_uses):
                return "stale"
            self._issued[nonce] = uses + 1
        guest.failed = 0
        return "in"

    def challenge(self, now: int, stale: bool = False) -> str:
        """The WWW-Authenticate header of a 401, in the form of an NVR: empty opaque, a domain that
        is no address, upper-case stale, quoted algorithm."""
        if self.auth.scheme == "basic":
            return f'Basic realm="{self.auth.realm}"'
        name = f"{self.auth.realm}/{len(self._issued)}".encode()
        nonce = f"{hashlib.sha256(name).hexdigest()[:32]}:{now // 1_000_000}"
        self._issued[nonce] = 0
        return (
            f'Digest realm="{self.auth.realm}", domain="::", qop="auth", nonce="{nonce}", '
            f'opaque="", algorithm="{self.auth.algorithm}", stale="{str(stale).upper()}"'
        )

    def lock(self, address: str, now: int) -> tuple[int, int]:
        """(seconds until an address is unlocked, logins that it has left)."""
        guest = self._guests.get(address, _Guest())
        seconds = max(0, -(-(guest.locked_until - now) // NS))
        return seconds, 0 if seconds else max(0, self.auth.lock_after - guest.failed)

    def forget_nonces(self) -> None:
        """As after a restart of the recorder: every nonce is stale."""
        self._issued.clear()

    def _right(self, method: str, target: str, header: str) -> tuple[bool, str | None]:
        user, password = self.auth.username, self.auth.password.get_secret_value()
        kind, _, rest = header.partition(" ")
        if kind.lower() != self.auth.scheme:
            return False, None
        if self.auth.scheme == "basic":
            wanted = base64.b64encode(f"{user}:{password}".encode()).decode()
            return hmac.compare_digest(rest.strip().encode(), wanted.encode()), None
        given = {name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(rest)}
        nonce = given.get("nonce", "")
        if given.get("username") != user or given.get("uri") != target:
            return False, nonce
        first = self._hash(f"{user}:{self.auth.realm}:{password}")
        second = self._hash(f"{method}:{target}")
        middle = nonce
        if given.get("qop"):
            middle = ":".join((nonce, given.get("nc", ""), given.get("cnonce", ""), given["qop"]))
        wanted = self._hash(f"{first}:{middle}:{second}")
        return hmac.compare_digest(given.get("response", "").encode(), wanted.encode()), nonce

    def _hash(self, text: str) -> str:
        name = "sha256" if self.auth.algorithm == "SHA-256" else "md5"
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()
