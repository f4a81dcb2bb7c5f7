"""The C walks of floor.c, compiled where there is a compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path


class Floor:
    """Walks of EverFocus frames at the speed of the machine."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        for name in ("walk", "walk_file"):
            getattr(self._library, name).restype = ctypes.c_uint64

    def walk(self, address: int, length: int) -> int:
        """Frames in memory."""
        total = ctypes.c_uint64()
        return int(
            self._library.walk(
                ctypes.c_void_p(address), ctypes.c_uint64(length), ctypes.byref(total)
            )
        )

    def walk_file(self, descriptor: int, length: int) -> int:
        """Frames in a file."""
        total = ctypes.c_uint64()
        return int(
            self._library.walk_file(descriptor, ctypes.c_uint64(length), ctypes.byref(total))
        )


def build(folder: Path) -> Floor | None:
    """Compile into a folder; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source = Path(__file__).with_name("floor.c")
    library = folder / "floor.so"
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", source, "-o", library], check=True)
    return Floor(library)
