"""A disk that runs full when told to: a file system of its own where we may mount one; else files
of the spool that refuse to be written, as the kernel would have them."""

from __future__ import annotations

import errno
import io
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import pytest

from hikcore.extract import spool as spool_module
from hikcore.sim.disk import small_disk

_SIZE = 32 << 20


class SmallSpool:
    """A folder for a spool; `fill` takes all that is left of its disk.

    Args:
        folder: where it is mounted.
        mount: False: as where that is not allowed.
    """

    def __init__(self, folder: Path, *, mount: bool = True) -> None:
        self._folder, self._mount = folder, mount
        self._stack = ExitStack()
        self.full = False

    def __enter__(self) -> Path:
        if self._mount:
            try:
                self._stack.enter_context(small_disk(self._folder, _SIZE))
            except PermissionError:
                self._mount = False
        if not self._mount:
            patch = self._stack.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(spool_module, "create", self._create)
        return self._folder / "spool"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def fill(self) -> None:
        """From here on nothing can be written."""
        self.full = True
        if not self._mount:
            return
        with suppress(OSError), (self._folder / "ballast").open("ab", buffering=0) as out:
            for size in (1 << 20, 4096, 1):
                with suppress(OSError):
                    while out.write(bytes(size)) == size:
                        pass

    def _create(self, path: Path, create: Any = spool_module.create) -> BinaryIO | None:
        """In place of `hikcore.extract.parts.create`; the lock stays, as the file is the same."""
        file = create(path)
        if file is None:
            return None
        raw = _Raw(os.dup(file.fileno()), "r+b")
        raw.disk = self
        file.close()
        return io.BufferedRandom(raw)


class _Raw(io.FileIO):
    disk: SmallSpool

    def write(self, data: Any) -> int:
        if self.disk.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)
