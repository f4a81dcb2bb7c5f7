"""Logins of RTSP (RFC 2326 D, RFC 7616, and RFC 2069 where there is no qop, as most recorders)."""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from pydantic import SecretStr

_PAIR: Final = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_HASHES: Final = {"md5": "md5", "sha-256": "sha256"}


class NoWay(Exception):
    """None of the offered schemes may be answered; the text says which there are."""


class Signer:
    """Answers one challenge over and over.

    Args:
        username, password: of an account.
        basic: whether Basic may be answered: it sends the password readable.
    """

    def __init__(self, username: str, password: SecretStr, *, basic: bool = False) -> None:
        self._username, self._password = username, password
        self._basic = basic
        self._challenge: dict[str, str] | None = None
        self._count = 0

    @property
    def ready(self) -> bool:
        """Whether a challenge is known."""
        return self._challenge is not None

    def take(self, challenges: Sequence[str]) -> bool:
        """Take the strongest of what a 401 offers; whether it says that the last one was stale.

        Raises:
            NoWay: nothing that may be answered.
        """
        best: tuple[int, dict[str, str]] | None = None
        for challenge in challenges:
            scheme, _, rest = challenge.strip().partition(" ")
            found = {name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(rest)}
            strength = self._strength(scheme.lower(), found)
            found["scheme"] = scheme.lower()
            if strength and (best is None or strength > best[0]):
                best = strength, found
        if best is None:
            offered = sorted({challenge.partition(" ")[0][:40] for challenge in challenges})
            raise NoWay(", ".join(offered) or "none")
        self._challenge, self._count = best[1], 0
        return best[1].get("stale", "").lower() == "true"

    def _strength(self, scheme: str, given: dict[str, str]) -> int:
        if scheme == "basic":
            return 1 if self._basic else 0
        if scheme != "digest" or "nonce" not in given:
            return 0
        name = given.get("algorithm", "MD5").lower().removesuffix("-sess")
        return {"md5": 2, "sha-256": 3}.get(name, 0)

    def sign(self, method: str, url: str) -> str | None:
        """The Authorization header of a request; None before a challenge is known."""
        given, secret = self._challenge, self._password.get_secret_value()
        if given is None:
            return None
        if given["scheme"] == "basic":
            return "Basic " + b64encode(f"{self._username}:{secret}".encode()).decode()
        algorithm = given.get("algorithm", "MD5")
        name = _HASHES[algorithm.lower().removesuffix("-sess")]

        def hashed(*parts: str) -> str:
            text = ":".join(parts).encode()
            return hashlib.new(name, text, usedforsecurity=False).hexdigest()

        realm, nonce = given.get("realm", ""), given["nonce"]
        self._count += 1
        number, client = f"{self._count:08x}", secrets.token_hex(8)
        first = hashed(self._username, realm, secret)
        if algorithm.lower().endswith("-sess"):
            first = hashed(first, nonce, client)
        second = hashed(method, url)
        fields = {"username": self._username, "realm": realm, "nonce": nonce, "uri": url}
        more = f", algorithm={algorithm}" if "algorithm" in given else ""
        if "auth" in re.split(r"[\s,]+", given.get("qop", "")):
            fields["response"] = hashed(first, nonce, number, client, "auth", second)
            more += f', qop=auth, nc={number}, cnonce="{client}"'
        else:
            fields["response"] = hashed(first, nonce, second)
            more += f', cnonce="{client}"' if algorithm.lower().endswith("-sess") else ""
        if "opaque" in given:
            fields["opaque"] = given["opaque"]
        return "Digest " + ", ".join(f'{key}="{_quoted(v)}"' for key, v in fields.items()) + more


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
