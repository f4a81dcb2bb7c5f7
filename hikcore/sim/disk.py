"""A disk that runs full: the one fault that no proxy can make, as it is local."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of `size` bytes at a folder: writes past it fail with ENOSPC, as they do.

    Raises:
        PermissionError: this process may not mount (in containers, mostly): use `short_files`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise PermissionError(f"cannot mount a small disk at {folder}: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


@contextmanager
def short_files(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: the kernel refuses with EFBIG.

    It needs no right to mount; it holds for every thread and every file of the process.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
