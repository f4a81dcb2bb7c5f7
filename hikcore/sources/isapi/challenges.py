"""What a 401 offers (RFC 7235, 4.1; RFC 7616, 3.3), brought into the one form that httpx reads.

Headers of recorders, and of what stands before them, differ in ways that the grammar allows and a
plain split does not: several challenges in one header, names of parameters in any case, blanks
around `=`, quotes within quotes, a realm in UTF-8. An empty `qop` is none (RFC 2069).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import httpx

_NAME: Final = "www-authenticate"
#: A parameter, or a word that none follows an `=` of: a scheme.
_PART: Final = re.compile(
    r'([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*))|([A-Za-z][\w-]*)(?=[\s,]|$)'
)
#: Others are nothing to a signature.
_SIGNED: Final = ("realm", "nonce", "opaque", "qop", "algorithm")


@dataclass(slots=True)
class Challenge:
    """One way to log in: its scheme and the names of its parameters in small letters. Values stand
    as between their quotes, escapes and all: what is echoed is echoed alike."""

    scheme: str
    given: dict[str, str] = field(default_factory=dict)

    @property
    def strong(self) -> bool:
        """Whether it comes before others of its scheme (RFC 7616, 3.7)."""
        return "SHA-256" in self.given.get("algorithm", "").upper()

    def alone(self) -> list[tuple[bytes, bytes]]:
        """The headers of a response that has this challenge only."""
        given = {name: value for name, value in self.given.items() if name in _SIGNED}
        ways = re.split(r"[\s,]+", given.pop("qop", "").lower().strip(", \t"))
        if ways != [""]:
            given["qop"] = ",".join(ways)
        fields = ", ".join(f'{name}="{_quoted(value)}"' for name, value in given.items())
        return [(_NAME.encode(), f"{self.scheme} {fields}".encode())]


def challenges_of(response: httpx.Response) -> list[Challenge]:
    """Every challenge, in the device's order. One that is no UTF-8 is left out: what would be
    signed is not what the device compares."""
    found: list[Challenge] = []
    for name, value in response.headers.raw:
        if name.lower() != _NAME.encode():
            continue
        try:
            text = value.decode()
        except UnicodeDecodeError:
            continue
        of_this: list[Challenge] = []
        for key, quoted, bare, scheme in _PART.findall(text):
            if scheme:
                of_this.append(Challenge(scheme.lower()))
            elif of_this:
                of_this[-1].given.setdefault(key.lower(), quoted or bare)
        found += of_this
    return found


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
