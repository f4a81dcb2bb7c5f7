"""The recorder's door: Digest (RFC 7616, 2069), Basic, stale nonces, a lock after wrong logins."""

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
class Guest:
    """What the door remembers of one address."""

    failed: int = 0
    locked_until: int = 0


@dataclass
class _Nonce:
    """When it was given out, and how often it was used."""

    given: int
    uses: int = 0


@dataclass
class Door:
    """Checks logins.

    Args:
        auth: who may come in, and how.
        guests: what is remembered of addresses; doors of one recorder may share it.
    """

    auth: Auth
    _issued: dict[str, _Nonce] = field(default_factory=dict)
    _count: int = 0
    guests: dict[str, Guest] = field(default_factory=dict)

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
        guest = self.guests.setdefault(address, Guest())
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
        if nonce is not None and not self._fresh(nonce, now):
            return "stale"
        guest.failed = 0
        return "in"

    def challenges(self, now: int, stale: bool = False) -> list[str]:
        """The WWW-Authenticate headers of a 401: the scheme of the profile first."""
        first = "Basic" if self.auth.scheme == "basic" else self.auth.algorithm
        return [self._challenge(kind, now, stale) for kind in (first, *self.auth.also)]

    def lock(self, address: str, now: int) -> tuple[int, int]:
        """(seconds until an address is unlocked, logins that it has left)."""
        guest = self.guests.get(address, Guest())
        seconds = max(0, -(-(guest.locked_until - now) // NS))
        return seconds, 0 if seconds else max(0, self.auth.lock_after - guest.failed)

    def forget_nonces(self) -> None:
        """As after a restart of the recorder: every nonce is stale."""
        self._issued.clear()

    def _challenge(self, kind: str, now: int, stale: bool) -> str:
        realm, said = self.auth.realm, str(stale).upper()
        if kind == "Basic":
            return f'Basic realm="{realm}"'
        self._count += 1
        name = f"{realm}/{self._count}".encode()
        nonce = f"{hashlib.sha256(name).hexdigest()[:32]}:{now // 1_000_000}"
        self._issued[nonce] = _Nonce(now)
        qop = 'qop="auth", ' if self.auth.qop else ""
        if self.auth.style == "rtsp":
            return f'Digest realm="{realm}", nonce="{nonce}", algorithm="{kind}"'
        if self.auth.style == "ipc":
            named = "" if kind == "MD5" else f", algorithm={kind}"
            return f'Digest {qop}realm="{realm}", nonce="{nonce}", stale="{said}"{named}'
        return (
            f'Digest realm="{realm}", domain="::", {qop}nonce="{nonce}", '
            f'opaque="", algorithm="{kind}", stale="{said}"'
        )

    def _fresh(self, nonce: str, now: int) -> bool:
        auth, known = self.auth, self._issued.get(nonce)
        if known is None or (auth.nonce_uses and known.uses >= auth.nonce_uses):
            return False
        if auth.nonce_seconds and now - known.given >= auth.nonce_seconds * NS:
            return False
        known.uses += 1
        return True

    def _right(self, method: str, target: str, header: str) -> tuple[bool, str | None]:
        user, password = self.auth.username, self.auth.password.get_secret_value()
        kind, _, rest = header.partition(" ")
        basic = self.auth.scheme == "basic"
        if kind.lower() == "basic" and (basic or "Basic" in self.auth.also):
            expected = base64.b64encode(f"{user}:{password}".encode()).decode()
            return hmac.compare_digest(rest.strip().encode(), expected.encode()), None
        if kind.lower() != "digest":
            return False, None
        given = {name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(rest)}
        nonce = given.get("nonce", "")
        taken = {
            name.lower() for name in (*(() if basic else (self.auth.algorithm,)), *self.auth.also)
        }
        # Without a name it is MD5 (RFC 7616 3.4).
        algorithm = given.get("algorithm", "MD5").lower()
        if given.get("username") != user or given.get("uri") != target or algorithm not in taken:
            return False, nonce
        expected = _response(given, algorithm, method, self.auth.realm, password)
        return hmac.compare_digest(given.get("response", "").encode(), expected.encode()), nonce


def _response(given: dict[str, str], algorithm: str, method: str, realm: str, password: str) -> str:
    """What the response of a login must be (RFC 7616 3.4.1; without qop RFC 2069 2.1.2)."""
    base, session = algorithm.removesuffix("-sess"), algorithm.endswith("-sess")
    name = "sha256" if base == "sha-256" else "md5"

    def hashed(*parts: str) -> str:
        return hashlib.new(name, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

    nonce, client = given.get("nonce", ""), given.get("cnonce", "")
    first = hashed(given["username"], realm, password)
    if session:
        first = hashed(first, nonce, client)
    second = hashed(method, given["uri"])
    if given.get("qop"):
        return hashed(first, nonce, given.get("nc", ""), client, given["qop"], second)
    return hashed(first, nonce, second)
