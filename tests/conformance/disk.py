"""A disk that runs full when told to: a file system of its own where we may mount one, else the
kernel's limit on the size of files."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from hikcore.sim.disk import short_files, small_disk

_SIZE = 32 << 20
_BALLAST = "ballast"


class SmallSpool:
    """A folder for a spool; `fill` takes all that is left of its disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._mounted = False

    def __enter__(self) -> Path:
        try:
            self._stack.enter_context(small_disk(self._folder, _SIZE))
            self._mounted = True
        except PermissionError:
            pass
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
        if not self._mounted:
            self._stack.enter_context(short_files(1))
            return
        try:
            with (self._folder / _BALLAST).open("ab", buffering=0) as out:
                for size in (1 << 20, 4096, 1):
                    block = bytes(size)
                    try:
                        while out.write(block) == size:
                            pass
                    except OSError:
                        continue
        except OSError:
            pass
