"""The files of the spool: parts being written or worked on, and bodies that arrived.

- `*.part`: held by a living process with a shared lock (flock), which falls with the process: so a
  sweep removes what a killed one left, and nothing else.
- `<site>.<camera>.<stream>.<chunk>.<size>.<sha16>.<whole|short>.body`: a body that arrived, another
  name of the same inode; beside it, `.row` in place of `.body`, the recording that it is of. Both
  survive a kill, and the body is used in place of a fetch after its size and hash were compared
  with its name.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from hikcore.errors import SpoolFull


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

    def row(self) -> bytes | None:
        """What was kept beside it; None if that is gone."""
        try:
            return self.path.with_suffix(".row").read_bytes()
        except FileNotFoundError:
            return None

    def in_use(self) -> bool:
        """Whether a living process works on it."""
        return is_held(self.path)

    def remove(self) -> None:
        """Remove both files: it is committed, or not what it says. Whoever works on it goes on."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".row").unlink(missing_ok=True)


class Part:
    """A file of the spool under a name of its own, gone when it is closed.

    Writes are blocking: call them in a thread.

    Args:
        use: told the size of each block before it is written; may raise SpoolFull.
        closed: called when it is closed.
    """

    def __init__(
        self,
        path: Path,
        file: BinaryIO,
        use: Callable[[int], None],
        closed: Callable[[Part], None],
    ) -> None:
        self.path = path
        self.file = file
        self.size = 0
        self._use = use
        self._closed = closed

    def write(self, block: bytes | memoryview) -> None:
        """Append a block.

        Raises:
            SpoolFull: the disk is full, or the body is longer than the room taken for it and there
                is no more.
        """
        self._use(len(block))
        try:
            self.file.write(block)
        except OSError as error:
            raise full(error, self.path.parent) from error
        self.size += len(block)

    def cut(self) -> None:
        """End the file where the last write ended."""
        self.file.flush()
        self.file.truncate(self.file.tell())

    def again(self) -> bool:
        """Begin anew, over what is there; False where the file has another name by now, so that it
        is not ours alone to change."""
        if os.fstat(self.file.fileno()).st_nlink != 1:
            return False
        self.file.seek(0)
        self.size = 0
        return True

    def finish(self, name: str) -> None:
        """Make what was written durable, and give it the name under which it survives a kill."""
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
        except OSError as error:
            raise full(error, self.path.parent) from error
        try:
            os.link(self.path, self.path.parent / name)
        except FileExistsError:
            return  # another process made the same: the name says its content
        _sync_folder(self.path.parent)

    def close(self) -> None:
        """Remove the file (a finished body keeps its other name) and release its lock."""
        self._closed(self)
        self.path.unlink(missing_ok=True)
        # What a full disk did not take is still in its buffer, and tried once more here: the
        # error, told already, must not stand in for the SpoolFull on its way up.
        with suppress(OSError):
            self.file.close()


class Scratch:
    """Files that are written one after the other and needed one at a time: the same part again, as
    its pages are there already, unless a store took it for its own.

    Args:
        new: makes a part.
    """

    def __init__(self, new: Callable[[], Part]) -> None:
        self._new = new
        self._part: Part | None = None

    def next(self) -> Part:
        """The part of the next file; what the last one held is gone."""
        if self._part is None or not self._part.again():
            self.close()
            self._part = self._new()
        return self._part

    def close(self) -> None:
        """Remove the file."""
        if self._part is not None:
            self._part.close()
            self._part = None

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def body_name(owner: str, chunk: str, size: int, sha256: str, *, short: bool) -> str:
    """The name of a finished body (see the module)."""
    return f"{owner}.{chunk}.{size}.{sha256[:16]}.{'short' if short else 'whole'}.body"


def parse_body(owner: str, path: Path) -> Finished | None:
    """A finished body from its name."""
    fields = path.name.removeprefix(owner + ".").split(".")
    if len(fields) != 5 or not fields[1].isdecimal() or fields[3] not in ("whole", "short"):
        return None
    return Finished(path, fields[0], int(fields[1]), fields[2], fields[3] == "short")


def create(path: Path) -> BinaryIO | None:
    """A new file, locked; None if the name is taken, or a sweep came between.

    Raises:
        SpoolFull: the disk is full.
    """
    try:
        file = cast(BinaryIO, path.open("x+b"))
    except FileExistsError:
        return None  # left by a killed process that had our number
    except OSError as error:
        raise full(error, path.parent) from error
    fcntl.flock(file, fcntl.LOCK_SH)
    if os.fstat(file.fileno()).st_nlink:
        return file
    file.close()
    return None


def open_locked(path: Path) -> BinaryIO:
    """An existing file for reading, locked."""
    file = cast(BinaryIO, path.open("rb"))
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock of a file, under whatever name."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def full(error: OSError, folder: Path) -> Exception:
    """SpoolFull for a full disk, or one that takes no file of that size; any other error as it
    is."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SpoolFull(
            "the disk is full", where=str(folder), hint="free space or move [spool] folder"
        )
    if error.errno == errno.EFBIG:
        return SpoolFull(
            "no file may be that large here",
            where=str(folder),
            hint="see `ulimit -f`, or move [spool] folder to another file system",
        )
    return error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
