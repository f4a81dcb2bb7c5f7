"""Whole files: indexed, and made MP4 of."""

from __future__ import annotations

from pathlib import Path

from hikcore.media.container import index_file
from hikcore.media.mp4.write import align, write_mp4
from hikcore.media.samples import FileSource, SampleReader


def nothing() -> None:
    """The start of the interpreter and the imports."""


def index(path: Path) -> dict[str, float]:
    """Every sample of a container."""
    table = index_file(path)
    return {"samples": len(table.video or ())}


def remux(path: Path, out: Path) -> None:
    """A whole file as MP4, moov first."""
    table = index_file(path)
    tracks = align(table.video, table.audio)
    with FileSource(path) as source, out.open("wb") as file:
        reader = SampleReader(source)
        write_mp4(file, tracks, lambda n, a, b: reader.read(tracks[n].samples, a, b))
