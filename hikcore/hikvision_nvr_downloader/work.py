"""What a download keeps between tries: a small archive of its own beside the clip, and its lock.

The pieces are those of every extraction, so an interrupted download goes on where it was, the clip
is cut exactly, and the folder goes when the clip is there.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TextIO

#: States of a hole that a later try may fill.
_PASSING: Final = frozenset({"pending", "unknown"})
_HASH_BLOCK: Final = 1 << 20


class WorkFolder:
    """The folder of one clip's work: `<dest>/.hikcore/<name>/`.

    Args:
        clip: where the clip will be.
    """

    def __init__(self, clip: Path) -> None:
        self._clip = clip
        self._home = clip.parent / ".hikcore"
        self._folder = self._home / clip.stem

    @property
    def archive(self) -> Path:
        """The archive's folder."""
        return self._folder / "archive"

    @property
    def spool(self) -> Path:
        """Where bodies lie on their way into it."""
        return self._folder / "spool"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the work for the block; another process waits, and then finds the clip."""
        path = self._home / f"{self._clip.stem}.lock"
        while True:
            self._home.mkdir(parents=True, exist_ok=True)
            try:
                handle = path.open("w")
            except FileNotFoundError:
                continue  # somebody was done and removed the folder meanwhile
            with handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if not _is(path, handle):
                    continue  # that lock was removed with the work that it guarded
                yield
                return

    def remove(self) -> None:
        """Everything but the clip, while the lock is held."""
        shutil.rmtree(self._folder, ignore_errors=True)
        (self._home / f"{self._clip.stem}.lock").unlink(missing_ok=True)
        with suppress(OSError):
            self._home.rmdir()  # empty, unless there is other work


def _is(path: Path, handle: TextIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle.fileno()))
    except FileNotFoundError:
        return False


def is_complete(clip: Path) -> bool:
    """Whether a clip is there as the JSON beside it says, and no later try can add to it."""
    try:
        told: Any = json.loads(clip.with_suffix(".json").read_text(encoding="utf-8"))
        files = [(clip.with_name(file["name"]), file["sha256"]) for file in told["files"]]
        passing = {hole["state"] for hole in told["missing"]} & _PASSING
        return not passing and bool(files) and all(_hash(path) == told_ for path, told_ in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()
