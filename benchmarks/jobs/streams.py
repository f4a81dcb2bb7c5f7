"""Whole files: indexed, and made MP4 of."""

from __future__ import annotations

from pathlib import Path

from hikcore.media.container import index_file
from hikcore.media.remux import remux_file


def nothing() -> None:
    """The start of the interpreter and the imports."""


def index(path: Path) -> dict[str, float]:
    """Every sample of a container."""
    table = index_file(path)
    return {"samples": len(table.video or ())}


def remux(path: Path, out: Path) -> None:
    """A whole file as MP4, moov first."""
    remux_file(path, out)
