"""Refused logins as a document: which credentials a device refused, without giving them away.

Credentials are named by scrypt over user name and password, salted per device: whoever reads the
note can test a guess at some tens of guesses a second and core, and learns nothing else. What is
kept of refused ones stands until they change; those that were refused before stay in it, as two
configurations, one right and one wrong, may take turns at a device.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from typing import Final

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from hikcore.sources.base import Refusal

#: 32 MiB and some 80 ms a guess.
_COST: Final = 1 << 15
_MEMORY: Final = 96 << 20
#: Of so many credentials refusals are kept, the newest.
_MOST: Final = 16


class RefusedLogin(BaseModel):
    """One refusal; `fingerprint` names the credentials."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    fingerprint: str
    username: str
    message: str
    hint: str
    at: int
    until: int | None = None


class LoginNote(BaseModel):
    """What is known of the logins of one device.

    Attributes:
        device: for people.
        salt: of the fingerprints, hex.
        refused: oldest first.
        holder, turn: who logs in for the first time now, and how often that changed; used by guards
            whose store has no locks.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    device: str
    salt: str
    refused: tuple[RefusedLogin, ...] = ()
    holder: str = ""
    turn: int = 0

    def to_bytes(self) -> bytes:
        """As kept."""
        return self.model_dump_json(indent=1).encode() + b"\n"


def new_note(device: str) -> LoginNote:
    """A note with nothing in it."""
    return LoginNote(device=device, salt=secrets.token_hex(16))


def parse_note(data: bytes) -> LoginNote | None:
    """A note; None for what is none, which is as good as no note."""
    try:
        return LoginNote.model_validate_json(data)
    except ValidationError:
        return None


class Credentials:
    """A user name and password that can be looked up in a note.

    Slow on purpose: call its methods in a thread.
    """

    def __init__(self, username: str, password: SecretStr) -> None:
        self._username = username
        self._password = password
        self._known: dict[str, str] = {}

    def fingerprint(self, salt: str) -> str:
        """Under a note's salt, 32 hex digits."""
        if salt not in self._known:
            text = f"{self._username}\0{self._password.get_secret_value()}"
            self._known[salt] = hashlib.scrypt(
                text.encode(), salt=bytes.fromhex(salt), n=_COST, r=8, p=1, maxmem=_MEMORY, dklen=16
            ).hex()
        return self._known[salt]

    def find(self, note: LoginNote | None) -> Refusal | None:
        """Their refusal, if it is in a note."""
        if note is None or not note.refused:
            return None
        own = self.fingerprint(note.salt)
        for entry in note.refused:
            if entry.fingerprint == own:
                return Refusal(entry.message, entry.hint, entry.at, entry.until)
        return None

    def add(self, note: LoginNote, refusal: Refusal) -> LoginNote:
        """A note with their refusal in it."""
        entry = RefusedLogin(
            fingerprint=self.fingerprint(note.salt),
            username=self._username,
            message=refusal.message,
            hint=refusal.hint,
            at=refusal.at,
            until=refusal.until,
        )
        others = self.drop(note).refused
        return note.model_copy(update={"refused": (*others, entry)[-_MOST:]})

    def drop(self, note: LoginNote) -> LoginNote:
        """A note without their refusal; the same object where there is none."""
        if not note.refused:
            return note
        own = self.fingerprint(note.salt)
        left = tuple(entry for entry in note.refused if entry.fingerprint != own)
        return note if left == note.refused else note.model_copy(update={"refused": left})


def as_told(refusal: Refusal, when: str) -> Refusal:
    """A refusal that was met elsewhere or earlier, saying so."""
    return replace(refusal, message=f"{refusal.message} (met {when}; nothing was sent now)")
