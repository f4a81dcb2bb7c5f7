"""Cuts of an MP4 at hand, and segments joined."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hikcore.media.clip import ClipPart, write_clip
from hikcore.media.mp4.clock import to_ninety
from hikcore.media.mp4.read import index_mp4
from hikcore.media.mp4.write import TIMESCALE, Writable
from hikcore.media.samples import FileSource
from hikcore.media.table import ByteSource, SampleTable


def cut(path: Path, out: Path, begin: float, end: float, *, hashed: bool = False) -> None:
    """A span of an MP4 at hand, cut to the frame."""
    with FileSource(path) as source:
        table = to_ninety(index_mp4(source, source.size))
        with out.open("wb") as file:
            write_span(file, source, table, begin, end, hashed=hashed)


def join(path: Path, out: Path, count: float) -> None:
    """One segment so many times over as one clip: each is opened and indexed by itself."""
    parts, at = [], 0
    sources = []
    for _ in range(int(count)):
        source = FileSource(path)
        sources.append(source)
        table = to_ninety(index_mp4(source, source.size))
        video = table.video
        assert video is not None
        begin = int(video.pts.min())
        parts.append(ClipPart(source, table, 0, len(video), at - begin))
        at += int(video.pts.max()) - begin + video.last_duration
    with out.open("wb") as file:
        write_clip(file, parts, show_from=0, show_to=at, hashed=False)
    for source in sources:
        source.close()


def span_of(table: SampleTable, begin: float, end: float) -> tuple[int, int, int]:
    """(first sample to decode, last, tick of the picture that covers the begin)."""
    video = table.video
    assert video is not None
    zero = 0 if table.container == "mp4" else int(video.pts.min())
    at = zero + round(begin * TIMESCALE)
    covering = int(np.flatnonzero(video.pts <= at)[-1])
    first = int(np.flatnonzero(video.sync[: covering + 1])[-1])
    last = int(np.searchsorted(video.dts, zero + round(end * TIMESCALE)))
    return first, last, int(video.pts[covering])


def write_span(
    out: Writable,
    source: ByteSource,
    table: SampleTable,
    begin: float,
    end: float,
    *,
    hashed: bool = False,
) -> None:
    """The clip of a span (seconds of the table's time)."""
    first, last, shown = span_of(table, begin, end)
    part = ClipPart(source, table, first, last, -shown)
    show_to = round((end - begin) * TIMESCALE)
    write_clip(out, [part], show_from=0, show_to=show_to, hashed=hashed)
