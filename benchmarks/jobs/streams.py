"""Whole files: indexed, and made MP4 of."""

from __future__ import annotations

from pathlib import Path

from hikcore.media.ps_index import index_stream
from hikcore.media.remux import remux_file


def nothing() -> None:
    """The start of the interpreter and the imports."""


def index(path: Path) -> dict[str, float]:
    """Every sample of a program stream: its times, size, place, and whether it is a key picture."""
    found = index_stream(path)
    assert found.pictures is not None
    return {"samples": len(found.pictures)}


def remux(path: Path, out: Path) -> None:
    """A whole file as MP4, moov first."""
    remux_file(path, out)
