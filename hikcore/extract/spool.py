"""The spool: bodies on their way from a device to the archive, on local disk, within a limit.

Nothing here is needed for rightness: whoever finds no body fetches again, and two processes with
the same body commit the same objects. What the files are is told in `hikcore.extract.parts`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hikcore.errors import SpoolFull
from hikcore.extract.parts import Finished, Part, create, is_held, open_locked, parse_body
from hikcore.extract.sizes import MOST

#: Beside a body lies the segment that is being cut from it, at worst as large as the body; what a
#: container adds to its samples is far below this.
_SLACK = 4 << 20


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
        """Remove the parts that no living process holds, and rows without a body; how many."""
        self.folder.mkdir(parents=True, exist_ok=True)
        alone = [
            path for path in self.folder.glob("*.row") if not path.with_suffix(".body").exists()
        ]
        orphans = [path for path in [*self.folder.glob("*.part"), *alone] if not is_held(path)]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)

    def finished(self, owner: str) -> list[Finished]:
        """The bodies of an owner (`<site>.<camera>.<stream>`) that arrived."""
        found = (parse_body(owner, path) for path in sorted(self.folder.glob(f"{owner}.*.body")))
        return [body for body in found if body is not None]

    def finish(self, part: Part, name: str, row: bytes) -> Finished | None:
        """Let a body survive a kill, with the recording that it is of beside it: that first.

        Args:
            name: see `parts.body_name`.
        """
        beside = self.part(name)
        try:
            beside.write(row)
            beside.finish(name.removesuffix(".body") + ".row")
            part.finish(name)
        finally:
            beside.close()
        return parse_body(".".join(name.split(".")[:3]), self.folder / name)

    @asynccontextmanager
    async def room(self, size: int | None, *, guessed: bool = False) -> AsyncIterator[Room]:
        """Take room for a body of that size and a segment of it; waits, in turn, until it is there.
        The first call sweeps.

        Args:
            size: bytes; None where nobody can say: what a recorder's files are at most.
            guessed: the device does not say: less room than that may do, if the limit is less.

        Raises:
            SpoolFull: it can never be there: larger than the limit, or nobody alive will free any.
        """
        needed = self._needed(size, guessed=guessed)
        room = Room(self, needed, 0)
        async with self._queue:
            if not self._swept:
                await asyncio.to_thread(self.sweep)
                self._swept = True
            hopeless = 0
            while True:
                # Asked before the look at the folder: who goes in between has made room.
                alive = bool(self._rooms) or await asyncio.to_thread(self._others_alive)
                if await asyncio.to_thread(self._fits, needed):
                    break
                hopeless = 0 if alive else hopeless + 1
                if hopeless > 1:
                    raise self._full(needed)
                await asyncio.sleep(self._poll)
            self._rooms.append(room)
        try:
            yield room
        finally:
            self._rooms.remove(room)

    def _full(self, needed: int) -> SpoolFull:
        """Nobody alive will free any room: the disk lacks it, or what lies here takes it."""
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            return SpoolFull(
                f"the disk has {free} bytes free, {needed} are needed for a body and a segment",
                where=str(self.folder),
                hint="make room there, or set [spool] folder to a larger disk",
            )
        return SpoolFull(
            "finished bodies of other cameras take all the room, and nothing that runs will free "
            "it",
            where=str(self.folder),
            hint="extract those cameras, delete their *.body files, or raise the limit",
        )

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
        part = Part(path, file, room.use if room is not None else _free, self._forget)
        self._inodes[id(part)] = os.fstat(file.fileno()).st_ino
        return part

    @contextmanager
    def adopt(self, body: Finished) -> Iterator[Part]:
        """A finished body under a part's name of our own, so that nobody takes it from under us.

        Raises:
            FileNotFoundError: another process used it up meanwhile.
        """
        while True:
            path = self._next(body.chunk)
            try:
                os.link(body.path, path)
                break
            except FileExistsError:
                continue
        part = Part(path, open_locked(path), _free, self._forget)
        part.size = os.fstat(part.file.fileno()).st_size
        try:
            yield part
        finally:
            part.close()

    def _forget(self, part: Part) -> None:
        self._inodes.pop(id(part), None)

    def _next(self, prefix: str) -> Path:
        self._count += 1
        return self.folder / f"{prefix}.{os.getpid()}-{self._count}.part"

    def _needed(self, size: int | None, *, guessed: bool) -> int:
        needed = 2 * (MOST if size is None else size) + _SLACK
        if size is None or guessed:
            return min(needed, self.limit)
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
            path = self._next(prefix)
            file = create(path)
            if file is not None:
                return path, file

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
        return any(is_held(path) for path in self.folder.glob("*.part"))


def _free(size: int) -> None:
    """Bytes that are counted nowhere: segments, for which their body's room has place."""
