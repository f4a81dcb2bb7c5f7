"""The login of a simulated EverFocus recorder (10.1 to 10.3).

The fields are those of RFC 2617; as the POST does not say its nonce again, the recorder keeps it
with the session. Each nonce is good for one try.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Any

from hikcore.instants import NS
from hikcore.sim.everfocus.profile import Login

#: The guide names no cookie.
COOKIE = "xnvr.sid"


@dataclass
class NvrSession:
    """One client's.

    Attributes:
        nonce: that its next login has to answer; empty: none was given, or it was used.
        since: when it logged in, ns; None: it did not.
    """

    name: str
    nonce: str = ""
    since: int | None = None


@dataclass
class _Guest:
    failed: int = 0
    locked_until: int = 0


@dataclass
class NvrDoor:
    """Keeps sessions.

    Args:
        login: who may come in, and how.

    Attributes:
        attempts: logins that were tried.
    """

    login: Login
    sessions: dict[str, NvrSession] = field(default_factory=dict)
    attempts: int = 0
    _guests: dict[str, _Guest] = field(default_factory=dict)
    _count: int = 0

    def inside(self, address: str, cookies: str, now: int, user: str = "") -> bool:
        """Whether a request belongs to a session that is logged in.

        Args:
            cookies, user: of its headers, empty where they are not there.
        """
        session = self._session(address, cookies)
        if self.login.place == "header":
            session = self.sessions.get(user)
        if session is None or session.since is None:
            return False
        seconds = self.login.session_seconds
        if seconds and now - session.since >= seconds * NS:
            session.since = None
        return session.since is not None

    def parameters(self, address: str, cookies: str) -> tuple[dict[str, Any], str]:
        """The reply of GET /admin/login, and the cookie to set (empty: none)."""
        session = self._session(address, cookies)
        cookie = ""
        if session is None:
            session = self._new(address)
            cookie = session.name if self.login.place == "cookie" else ""
        session.nonce = self._random("nonce")
        reply = {"realm": "xnvr", "qop": "auth", "nonce": session.nonce, "opaque": ""}
        if self.login.change_pwd is not None:
            reply["change_pwd"] = self.login.change_pwd
        return reply, cookie

    def enter(self, address: str, cookies: str, given: Any, now: int) -> tuple[dict[str, str], str]:
        """The reply of POST /admin/login, and the cookie to set (empty: none)."""
        self.attempts += 1
        guest = self._guests.setdefault(address, _Guest())
        if guest.locked_until > now:
            return _error("the account is locked"), ""
        session = self._session(address, cookies)
        nonce = session.nonce if session is not None else ""
        if session is not None:
            session.nonce = ""
        if session is None or not nonce:
            return _error("no login parameters were asked for"), ""
        if not isinstance(given, dict) or not self._right(given, nonce):
            guest.failed += 1
            if self.login.lock_after and guest.failed >= self.login.lock_after:
                guest.failed, guest.locked_until = 0, now + self.login.lock_seconds * NS
            return _error("wrong username or password"), ""
        guest.failed = 0
        cookie = ""
        if self.login.rotates and self.login.place == "cookie":
            del self.sessions[session.name]
            session = self._new(address)
            cookie = session.name
        if self.login.place == "header":
            # What the reply calls an id is the only proof of a login.
            session = self.sessions.setdefault(name := self._random("user"), NvrSession(name))
        session.since = now
        user = session.name if self.login.place == "header" else "1"
        reply = {"Result": "OK", "Description": f"userID={user}"}
        if self.login.temporary:
            reply["option"] = "needToChangePasswd"
        return reply, cookie

    def leave(self, address: str, cookies: str, user: str = "") -> None:
        """Log out."""
        session = self.sessions.get(user) or self._session(address, cookies)
        if session is not None:
            self.sessions.pop(session.name, None)

    def expire(self) -> None:
        """End every session now, as a restart of the recorder does."""
        self.sessions.clear()

    def response(self, username: str, nonce: str, nc: str, cnonce: str) -> str:
        """What a right login says (RFC 2617 3.2.2.1)."""
        login = self.login
        password = login.password.get_secret_value()
        if login.prehash == "md5":
            password = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
        first = self._hashed(username, "xnvr", password)
        second = self._hashed(login.method, login.uri)
        return self._hashed(first, nonce, nc, cnonce, "auth", second)

    def _right(self, given: dict[str, Any], nonce: str) -> bool:
        texts = [given.get(key) for key in ("username", "nc", "cnonce", "response")]
        if not all(isinstance(text, str) for text in texts):
            return False
        username, nc, cnonce, response = map(str, texts)
        expected = self.response(username, nonce, nc, cnonce)
        right = hmac.compare_digest(response.encode(), expected.encode())
        return right and username == self.login.username

    def _session(self, address: str, cookies: str) -> NvrSession | None:
        if self.login.place != "cookie":
            return self.sessions.get(address)
        match = re.search(rf"(?:^|;\s*){re.escape(COOKIE)}=([^;\s]+)", cookies)
        return self.sessions.get(match.group(1)) if match else None

    def _new(self, address: str) -> NvrSession:
        name = self._random("session") if self.login.place == "cookie" else address
        self.sessions[name] = NvrSession(name)
        return self.sessions[name]

    def _random(self, what: str) -> str:
        """Never the same twice, yet the same in each run."""
        self._count += 1
        return hashlib.sha256(f"{what}/{self._count}".encode()).hexdigest()[:32]

    def _hashed(self, *parts: str) -> str:
        text = ":".join(parts).encode()
        return hashlib.new(self.login.algorithm, text, usedforsecurity=False).hexdigest()


def _error(text: str) -> dict[str, str]:
    return {"Result": "Error", "Description": text}
