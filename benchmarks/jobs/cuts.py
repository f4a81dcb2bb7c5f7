"""Cuts of an MP4 at hand, and segments joined: the functions that the command calls."""

from __future__ import annotations

from pathlib import Path

from hikcore.media.cut import cut_file, join_files


def cut(path: Path, out: Path, begin: float, end: float) -> None:
    """A span of a file, cut to the frame."""
    cut_file(path, out, begin, end)


def join(path: Path, out: Path, count: float) -> None:
    """One segment so many times over as one clip: each is opened and walked by itself."""
    join_files([path] * int(count), out)
