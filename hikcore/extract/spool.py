"""The spool: bodies on their way from a device to the archive, on local disk, within a limit.

Two kinds of files lie in it:

- `*.part`: being written or worked on by a living process, which holds a shared lock on it (flock).
  The lock falls with the process, so that `sweep` removes what a killed one left, and nothing else.
- `<site>.<camera>.<stream>.<chunk>.<size>.<sha16>.<whole|short>.body`: a body that arrived, another
  name of the same inode. It survives a kill and is used again in place of a fetch, after its size
  and hash were compared with its name.

Nothing here is needed for rightness: whoever finds no body fetches again, and two processes with
the same body commit the same objects.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from hikcore.errors import SpoolFull

#: Beside a body lies the segment that is being cut from it, at worst as large as the body; what a
#: container adds to its samples is far below this.
_SLACK = 4 << 20
#: Bytes of a recorder's file at most, as far as is known (facts: 1.063 to 1.067 GB).
_USUAL_SIZE = 1_100_000_000


@dataclass(frozen=True, slots=True)
class Finished:
    """A body that arrived: its file, and what its name says of it.

    Attributes:
        short: two fetches brought it alike, and less than was listed.
    """

    path: Path
    chunk: str
    size: int
    sha16: str
    short: bool


class Part:
    """A file of the spool under a name of its own, gone when it is closed.

    Writes are blocking: call them in a thread.
    """

    def __init__(self, spool: Spool, path: Path, file: BinaryIO, room: Room | None) -> None:
        self._spool = spool
        self._room = room
        self.path = path
        self.file = file
        self.size = 0

    def write(self, block: bytes | memoryview) -> None:
        """Append a block.

        Raises:
            SpoolFull: the disk is full, or the body is longer than the room taken for it and there
                is no more.
        """
        if self._room is not None:
            self._room.use(len(block))
        try:
            self.file.write(block)
        except OSError as error:
            raise _full(error, self._spool.folder) from error
        self.size += len(block)

    def finish(self, name: str) -> None:
        """Make what was written durable and give it the name under which it survives a kill."""
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
        except OSError as error:
            raise _full(error, self._spool.folder) from error
        try:
            os.link(self.path, self._spool.folder / name)
        except FileExistsError:
            return  # another process fetched the same bytes (their hash is in the name)
        _sync_folder(self._spool.folder)

    def close(self) -> None:
        """Remove the file (a finished body keeps its other name) and release its lock."""
        self._spool.forget(self)
        self.path.unlink(missing_ok=True)
        self.file.close()


@dataclass(slots=True)
class Room:
    """Disk space taken from the limit for one chunk's work."""

    spool: Spool
    reserved: int
    body: int

    def use(self, size: int) -> None:
        """Count bytes of the body; take more from the limit where it is longer than listed.

        Raises:
            SpoolFull: there is no more. Waiting here could wait for itself.
        """
        self.body += size
        needed = 2 * self.body + _SLACK
        if needed > self.reserved:
            self.spool.extend(self, needed)


class Spool:
    """A folder with a byte limit, for one event loop; other processes may use the same folder.

    Args:
        folder: made when first used.
        limit: bytes that all its files together may take.
        poll: seconds between looks at the folder while waiting for room.
    """

    def __init__(self, folder: Path, limit: int, *, poll: float = 0.25) -> None:
        self.folder = folder
        self.limit = limit
        self._poll = poll
        self._rooms: list[Room] = []
        self._inodes: dict[int, int] = {}
        self._queue = asyncio.Lock()
        self._count = 0
        self._swept = False

    def sweep(self) -> int:
        """Remove the parts that no living process holds; how many there were."""
        self.folder.mkdir(parents=True, exist_ok=True)
        removed = 0
        for path in self.folder.glob("*.part"):
            if not _held(path):
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def finished(self, owner: str) -> dict[str, Finished]:
        """The bodies of an owner (`<site>.<camera>.<stream>`), by chunk; shortened ones last."""
        found: dict[str, Finished] = {}
        for path in sorted(self.folder.glob(f"{owner}.*.body")):
            body = _parse(owner, path)
            if body is not None and (body.chunk not in found or found[body.chunk].short):
                found[body.chunk] = body
        return found

    def used(self, owner: str, chunk: str) -> None:
        """Remove the finished bodies of a chunk: it is committed, or they are not what they say."""
        for path in self.folder.glob(f"{owner}.{chunk}.*.body"):
            path.unlink(missing_ok=True)

    @asynccontextmanager
    async def room(self, size: int | None) -> AsyncIterator[Room]:
        """Take room for a body of that size and a segment of it; waits, in turn, until it is there.
        The first call sweeps.

        Args:
            size: bytes; None where the device does not say: what a recorder's files are at most.

        Raises:
            SpoolFull: it can never be there: larger than the limit, or nobody alive will free any.
        """
        needed = self._needed(size)
        room = Room(self, needed, 0)
        async with self._queue:
            if not self._swept:
                await asyncio.to_thread(self.sweep)
                self._swept = True
            while not await asyncio.to_thread(self._fits, needed):
                if not self._rooms and not await asyncio.to_thread(self._others_alive):
                    raise SpoolFull(
                        "finished bodies of other cameras take all the room, and nothing that runs "
                        "will free it",
                        where=str(self.folder),
                        hint="extract those cameras, delete their *.body files, or raise the limit",
                    )
                await asyncio.sleep(self._poll)
            self._rooms.append(room)
        try:
            yield room
        finally:
            self._rooms.remove(room)

    def extend(self, room: Room, needed: int) -> None:
        """Enlarge a room, if there is place right now.

        Raises:
            SpoolFull: there is none.
        """
        if not self._fits(needed - room.reserved):
            raise SpoolFull(
                f"the body is longer than listed ({room.body} bytes so far) and the spool has no "
                "more room",
                where=str(self.folder),
                hint="it is tried again at the next run; raise [spool] limit if it comes back",
            )
        room.reserved = needed

    def part(self, prefix: str, room: Room | None = None) -> Part:
        """A new part. With `room`, what is written to it is counted there."""
        path, file = self._create(prefix)
        part = Part(self, path, file, room)
        self._inodes[id(part)] = os.fstat(file.fileno()).st_ino
        return part

    @contextmanager
    def adopt(self, body: Finished) -> Iterator[Part]:
        """A finished body under a part's name of our own, so that nobody takes it from under us.

        Raises:
            FileNotFoundError: another process used it up meanwhile.
        """
        while True:
            self._count += 1
            path = self.folder / f"{body.chunk}.{os.getpid()}-{self._count}.part"
            try:
                os.link(body.path, path)
                break
            except FileExistsError:
                continue
        file = cast(BinaryIO, path.open("rb"))
        fcntl.flock(file, fcntl.LOCK_SH)
        part = Part(self, path, file, None)
        part.size = os.fstat(file.fileno()).st_size
        try:
            yield part
        finally:
            part.close()

    def forget(self, part: Part) -> None:
        """Stop counting a part as ours."""
        self._inodes.pop(id(part), None)

    def _needed(self, size: int | None) -> int:
        if size is None:
            return min(2 * _USUAL_SIZE + _SLACK, self.limit)
        needed = 2 * size + _SLACK
        if needed > self.limit:
            raise SpoolFull(
                f"the spool limit of {self.limit} bytes is less than the {needed} bytes that a "
                f"body of {size} bytes needs while it is cut",
                where=str(self.folder),
                hint="raise [spool] limit",
            )
        return needed

    def _create(self, prefix: str) -> tuple[Path, BinaryIO]:
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            self._count += 1
            path = self.folder / f"{prefix}.{os.getpid()}-{self._count}.part"
            try:
                file = cast(BinaryIO, path.open("x+b"))
            except FileExistsError:
                continue  # left by a killed process that had our number
            except OSError as error:
                raise _full(error, self.folder) from error
            fcntl.flock(file, fcntl.LOCK_SH)
            if os.fstat(file.fileno()).st_nlink:
                return path, file
            file.close()  # a sweep came between the creation and the lock

    def _fits(self, needed: int) -> bool:
        """Whether the limit and the disk have that much beside what is promised already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ours = set(self._inodes.values())
        seen: dict[int, int] = {}
        for entry in os.scandir(self.folder):
            try:
                stat = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            seen[stat.st_ino] = stat.st_size
        written = sum(size for inode, size in seen.items() if inode in ours)
        foreign = sum(seen.values()) - written
        promised = sum(room.reserved for room in self._rooms)
        free = shutil.disk_usage(self.folder).free - max(promised - written, 0)
        return foreign + promised + needed <= self.limit and needed <= free

    def _others_alive(self) -> bool:
        return any(_held(path) for path in self.folder.glob("*.part"))


def body_name(owner: str, chunk: str, size: int, sha256: str, *, short: bool) -> str:
    """The name of a finished body (see the module)."""
    return f"{owner}.{chunk}.{size}.{sha256[:16]}.{'short' if short else 'whole'}.body"


def _parse(owner: str, path: Path) -> Finished | None:
    fields = path.name.removeprefix(owner + ".").split(".")
    if len(fields) != 5 or not fields[1].isdecimal() or fields[3] not in ("whole", "short"):
        return None
    return Finished(path, fields[0], int(fields[1]), fields[2], fields[3] == "short")


def _held(path: Path) -> bool:
    """Whether a living process holds the lock of a part."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _full(error: OSError, folder: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SpoolFull(
            "the disk is full", where=str(folder), hint="free space or move [spool] folder"
        )
    return error
