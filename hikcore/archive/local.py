"""A store in a local folder: the embedded default.

Everything is written to a temporary file first, flushed to the disk, and only then given its name
by link(2) (which fails if the name is taken: create-once) or rename(2), so a reader never sees a
part of an object. Temporary files and locks lie in `.hikcore/` under the root, on the same file
system as the rest: a killed writer leaves nothing beside the objects, and sweeping is one listing.
An object's ETag is made of its modification time, size and inode; `swap` makes the time grow, so no
two contents of one key ever share an ETag.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from hikcore.archive.keys import check_key, check_prefix
from hikcore.archive.store import Names, ObjectInfo
from hikcore.errors import (
    ArchiveConflict,
    ArchiveDenied,
    ArchiveError,
    ArchiveNotFound,
    ArchiveUnavailable,
)

_OWN: Final = ".hikcore"
#: Another file system, one without links, or no more of them (or none of a file of another's).
_NO_LINKS: Final = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS)
#: File systems keep modification times in steps of 1 ns to 2 s.
_TIME_STEPS: Final = (1, 1_000, 1_000_000, 1_000_000_000, 2_000_000_000)
_COPY_BLOCK: Final = 1 << 20


class LocalStore:
    """The folder `root`; made with the first write, so that reading needs no right to write.

    Safe between threads and processes of one machine, and on network file systems that have
    link(2) and flock(2) over all clients.
    """

    far = False

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.abspath(root))
        self._swept = False
        self._guard = threading.Lock()

    @property
    def url(self) -> str:
        """`file:///…`."""
        return self._root.as_uri()

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    def exists(self) -> bool:
        """Whether the folder is there."""
        return self._root.is_dir()

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Content and ETag of a small object, None if it is not there."""
        with self._errors(key):
            try:
                with self._path(key).open("rb") as file:
                    return file.read(), _etag(os.fstat(file.fileno()))
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                return None

    def get_range(self, key: str, offset: int, size: int, if_match: str | None = None) -> bytes:
        """At most `size` bytes from `offset`: see `Store.get_range`."""
        with self._errors(key):
            try:
                file = self._path(key).open("rb", buffering=0)
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise _absent(self, key) from None
            with file:
                if if_match is not None and _etag(os.fstat(file.fileno())) != if_match:
                    raise _changed(self, key)
                file.seek(offset)
                return _read_full(file, size)

    def head(self, key: str) -> ObjectInfo | None:
        """What it is, None if it is not there."""
        with self._errors(key):
            try:
                found = self._path(key).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            if not _is_file(found):
                return None
            return ObjectInfo(key, found.st_size, _etag(found))

    def put_file(
        self, key: str, path: Path, *, content_type: str, metadata: Mapping[str, str],
        given: bool = False,
    ) -> None:  # fmt: skip
        """Put a file under a key that names its content; metadata have no place in a folder. One
        that is `given` gets a second name, where it lies on the same file system."""
        if given and self._adopt(key, path):
            return
        with path.open("rb") as source:
            self._put(key, lambda out: shutil.copyfileobj(source, out, _COPY_BLOCK))

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        """The same for bytes in memory."""
        self._put(key, lambda out: out.write(data))

    def create(self, key: str, data: bytes, *, content_type: str) -> str:
        """Create an object once: see `Store.create`."""
        with self._errors(key), self._temporary(lambda out: out.write(data)) as temporary:
            if not self._link(temporary, self._path(key)):
                raise ArchiveConflict("the object is there already", where=f"{self.url}/{key}")
            return _etag(temporary.stat())

    def swap(self, key: str, data: bytes, etag: str, *, content_type: str) -> str:
        """Replace an object that still has this ETag: see `Store.swap`."""
        target = self._path(key)
        with (
            self._errors(key),
            self._temporary(lambda out: out.write(data)) as temporary,
            self._locked(key),
        ):
            try:
                found = target.stat()
            except FileNotFoundError:
                raise _changed(self, key) from None
            if _etag(found) != etag:
                raise _changed(self, key)
            _make_younger(temporary, found.st_mtime_ns)
            new = _etag(temporary.stat())
            os.rename(temporary, target)
            _sync_folder(target.parent)
            return new

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key begins with `prefix`, in key order, those after `after`."""
        check_prefix(prefix)
        folder = prefix.rpartition("/")[0]
        with self._errors(prefix):
            yield from self._walk(f"{folder}/" if folder else "", prefix, after)

    def folders(self, prefix: str) -> Names:
        """The distinct next parts below `prefix` that hold objects, sorted."""
        check_prefix(prefix)
        with self._errors(prefix):
            names = sorted(name[:-1] for name in self._entries(prefix) if name.endswith("/"))
            # A folder whose objects were all removed stays behind: no folder, as in S3.
            return [name for name in names if any(True for _ in self.list(f"{prefix}{name}/"))]

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if it is not there."""
        target = self._path(key)
        with self._errors(key):
            if not target.exists():
                return
            with self._locked(key):
                target.unlink(missing_ok=True)
                _sync_folder(target.parent)

    def sweep(self) -> int:
        """Remove the temporary files of writers that have died; returns how many.

        A live writer holds a lock on its file, which ends with the process: no clock is compared.
        The first write of a store does this by itself.
        """
        removed = 0
        for path in (self._root / _OWN / "tmp").glob("*"):
            with _open_or_none(path) as file:
                if file is None or not _try_lock(file):
                    continue
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _put(self, key: str, write: Callable[[IO[bytes]], object]) -> None:
        target = self._path(key)
        with self._errors(key), self._temporary(write) as temporary:
            if self._link(temporary, target):
                return
            # The key names the content, so another size is an object damaged on this disk.
            if target.stat().st_size != temporary.stat().st_size:
                with self._locked(key):
                    os.rename(temporary, target)
                    _sync_folder(target.parent)

    def _adopt(self, key: str, path: Path) -> bool:
        """Whether a file that was written whole elsewhere is the object now."""
        with self._errors(key):
            with path.open("rb") as file:
                os.fsync(file.fileno())
            target = self._path(key)
            try:
                return self._link(path, target) or target.stat().st_size == path.stat().st_size
            except OSError as error:
                if error.errno in _NO_LINKS:
                    return False
                raise

    def _link(self, temporary: Path, target: Path) -> bool:
        """Whether the name was free and is ours now."""
        self._make_folder(target.parent)
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        _sync_folder(target.parent)
        return True

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)

    @contextmanager
    def _temporary(self, write: Callable[[IO[bytes]], object]) -> Iterator[Path]:
        folder = self._root / _OWN / "tmp"
        self._make_folder(folder)
        with self._guard:
            swept, self._swept = self._swept, True
        if not swept:
            self.sweep()
        path, file = _new_file(folder)
        try:
            with file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """One writer at a time on a key (and on those that share its one of 256 lock files)."""
        folder = self._root / _OWN / "locks"
        self._make_folder(folder)
        with (folder / hashlib.sha256(key.encode()).hexdigest()[:2]).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _entries(self, folder: str) -> Names:
        """Names in a folder in the order of their keys; those of folders end in `/`."""
        try:
            with os.scandir(self._root / folder) as found:
                names = [e.name + "/" if e.is_dir() else e.name for e in found]
        except (FileNotFoundError, NotADirectoryError):
            return []
        # `a.b` stands before `a/b` in a bucket, as `.` does before `/`: the slash takes part.
        return sorted(name for name in names if not name.startswith("."))

    def _walk(self, folder: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
        for name in self._entries(folder):
            key = folder + name
            if not (key.startswith(prefix) or prefix.startswith(key)):
                continue
            if name.endswith("/"):
                if key > after or after.startswith(key):
                    yield from self._walk(key, prefix, after)
            elif key > after and (found := self.head(key)) is not None:
                yield found

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _translate(error, f"{self.url}/{key}") from error


@contextmanager
def _open_or_none(path: Path) -> Iterator[IO[bytes] | None]:
    """A file opened for reading, None if it is not there any more."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        yield file


def _new_file(folder: Path) -> tuple[Path, IO[bytes]]:
    """A new temporary file, locked for as long as it is open."""
    while True:
        path = folder / os.urandom(12).hex()
        file = path.open("xb")
        # A sweeper may have come between the two calls: then the file is gone, or will be.
        if _try_lock(file) and os.fstat(file.fileno()).st_nlink > 0:
            return path, file
        file.close()


def _try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_younger(path: Path, than: int) -> None:
    """Give a file a modification time after another's: the clock may stand still between two swaps
    (4 ms on many kernels), and the inode of the last but one may have been given out again."""
    for step in _TIME_STEPS:
        now = path.stat().st_mtime_ns
        if now > than:
            return
        os.utime(path, ns=(now, than + step))


def _etag(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"


def _is_file(found: os.stat_result) -> bool:
    return (found.st_mode & 0o170000) == 0o100000


def _read_full(file: IO[bytes], size: int) -> bytes:
    blocks, left = [], size
    while left > 0 and (block := file.read(min(left, 1 << 24))):
        blocks.append(block)
        left -= len(block)
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def _sync_folder(folder: Path) -> None:
    """A name is on the disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _absent(store: LocalStore, key: str) -> ArchiveError:
    return ArchiveNotFound("no such object", where=f"{store.url}/{key}")


def _changed(store: LocalStore, key: str) -> ArchiveError:
    return ArchiveConflict("the object is another one by now", where=f"{store.url}/{key}")


def _translate(error: OSError, where: str) -> ArchiveError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ArchiveDenied(reason, where=where, hint="check the folder's owner and mode")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ArchiveUnavailable(reason, where=where, hint="make room on the archive's disk")
    if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EXDEV):
        return ArchiveConflict(
            reason, where=where, hint="something else lies where an object should"
        )
    return ArchiveUnavailable(reason, where=where)
