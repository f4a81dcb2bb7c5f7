"""`FileGuard`: all processes of a user on one machine share what they know of a login.

The note is a file that is replaced at once; the right to log in first is a lock on a file beside
it, which the kernel takes back from a process that dies.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from pydantic import SecretStr

from hikcore.errors import DeviceBusy
from hikcore.sources.base import Refusal
from hikcore.sources.refusals import Credentials, LoginNote, new_note, parse_note

_POLL: Final = 0.05
#: Seconds to wait for others' first logins. Each takes one request.
_PATIENCE: Final = 300.0


def note_path(folder: Path, host: str, port: int) -> Path:
    """Where the note of a device lies; an address may hold colons."""
    return folder / f"{re.sub(r'[^A-Za-z0-9.-]', '_', host)}_{port}.json"


class FileGuard:
    """A `LoginGuard` for one machine.

    Args:
        folder: of the notes; made when needed, readable by its owner only.
        host, port: of the device.
        username, password: its credentials.
    """

    def __init__(
        self, folder: Path, host: str, port: int, username: str, password: SecretStr
    ) -> None:
        self._folder = folder
        self._device = f"{host}:{port}"
        self._path = note_path(folder, host, port)
        self._credentials = Credentials(username, password)

    async def refusal(self) -> Refusal | None:
        """See `LoginGuard`."""
        return await asyncio.to_thread(lambda: self._credentials.find(self._read()))

    @asynccontextmanager
    async def first(self) -> AsyncIterator[None]:
        """See `LoginGuard`."""
        lock = await asyncio.to_thread(self._open_lock)
        try:
            deadline = asyncio.get_running_loop().time() + _PATIENCE
            while not _taken(lock):
                if asyncio.get_running_loop().time() > deadline:
                    raise DeviceBusy(
                        f"another process has been logging in for {_PATIENCE:g} s",
                        where=self._device,
                        hint=f"it holds {lock.name}",
                    )
                await asyncio.sleep(_POLL)
            yield
        finally:
            lock.close()

    async def refused(self, refusal: Refusal) -> None:
        """See `LoginGuard`."""
        await asyncio.to_thread(self._change, lambda note: self._credentials.add(note, refusal))

    async def accepted(self) -> None:
        """See `LoginGuard`."""
        if self._path.exists():
            await asyncio.to_thread(self._change, self._credentials.drop)

    def _read(self) -> LoginNote | None:
        try:
            return parse_note(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def _change(self, change: Callable[[LoginNote], LoginNote]) -> None:
        """Replace the note. Changes are rare and must not be lost: they have a lock of their own,
        as whoever logs in first holds the other."""
        with self._open_lock(".change") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self._read()
            after = change(before or new_note(self._device))
            if after == before or (before is None and not after.refused):
                return
            temporary = self._path.with_suffix(f".{secrets.token_hex(4)}.tmp")
            try:
                temporary.write_bytes(after.to_bytes())
                os.replace(temporary, self._path)
            finally:
                with suppress(FileNotFoundError):
                    temporary.unlink()

    def _open_lock(self, kind: str = ".lock") -> TextIO:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._path.with_suffix(kind).open("w")


def _taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
