"""Files as sources of bytes, without numpy, which takes longer to load than a short cut takes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from hikcore.errors import MediaDamaged

_BLOCK = 512 * 1024


class FileSource:
    """A file as the source of a table's bytes. Closes with `close` or as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._fd).st_size

    def read_at(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes.

        Raises:
            MediaDamaged: the file ends before.
        """
        out = os.pread(self._fd, size, offset)
        while len(out) < size:
            more = os.pread(self._fd, size - len(out), offset + len(out))
            if not more:
                raise MediaDamaged(
                    f"the file ends {size - len(out)} bytes early",
                    where=self.path.name,
                    offset=offset + len(out),
                )
            out += more
        return out

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill `view` from `offset`.

        Raises:
            MediaDamaged: the file ends before.
        """
        done = 0
        while done < len(view):
            got = os.preadv(self._fd, [view[done:]], offset + done)
            if not got:
                raise MediaDamaged(
                    f"the file ends {len(view) - done} bytes early",
                    where=self.path.name,
                    offset=offset + done,
                )
            done += got

    def send(self, offset: int, size: int, out: int) -> None:
        """Copy bytes to the place where the descriptor `out` stands, within the kernel: they are
        not read into this process. Where that cannot be done (a pipe, some file systems) they are.

        Raises:
            MediaDamaged: the file ends before.
        """
        end = offset + size
        try:
            while offset < end:
                # Linux sends 2 GiB less a page at most.
                done = os.sendfile(out, self._fd, offset, end - offset)
                if not done:
                    break
                offset += done
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS):
                raise
        while offset < end:
            data = self.read_at(offset, min(end - offset, _BLOCK))
            offset += len(data)
            view = memoryview(data)
            while view:
                view = view[os.write(out, view) :]

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def __enter__(self) -> FileSource:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def new_file(out: Path) -> Iterator[int]:
    """A descriptor under a temporary name beside `out`, which it gets when it is whole."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
        part.replace(out)
    finally:
        os.close(descriptor)
        part.unlink(missing_ok=True)
