"""What is measured of ours, by the functions that the product itself uses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from hikcore.media.clip import ClipPart, write_clip
from hikcore.media.container import index_file
from hikcore.media.mp4.clock import to_ninety
from hikcore.media.mp4.locate import index_span
from hikcore.media.mp4.read import index_mp4, read_head
from hikcore.media.mp4.write import TIMESCALE, Writable, align, write_mp4
from hikcore.media.samples import FileSource, SampleReader
from hikcore.media.table import ByteSource, SampleTable


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


def cut_segment_http(url: str, out: Path, begin: float, end: float, head: float) -> None:
    """A span of an archive's segment: the archive knows how long its head is."""
    from benchmarks.http_store import HttpStore, window

    store = HttpStore(url)
    table = read_head(store.get_range("", 0, int(head)))
    _cut_window(store, table, out, begin, end, window)


def cut_http(url: str, out: Path, begin: float, end: float) -> None:
    """A span of any MP4 behind HTTP."""
    from benchmarks.http_store import HttpStore, Opened, window

    store = HttpStore(url)
    source = Opened(store)
    table = to_ninety(index_mp4(source, source.size))
    _cut_window(store, table, out, begin, end, window)


def cut_fragmented_http(url: str, out: Path, begin: float, end: float) -> None:
    """A span of a fragmented MP4 without an index behind HTTP."""
    from benchmarks.http_store import HttpStore, Opened, window

    store = HttpStore(url)
    source = Opened(store)
    found = index_span(source, source.size, Fraction(begin), Fraction(end))
    _cut_window(store, to_ninety(found), out, begin, end, window)


def _cut_window(store, table: SampleTable, out: Path, begin: float, end: float, window) -> None:  # type: ignore[no-untyped-def]
    first, last, _ = span_of(table, begin, end)
    video = table.video
    assert video is not None
    low, high = int(video.first[first]), int(video.first[last])
    offsets = video.extent_offset[low:high].astype(np.int64)
    ends = offsets + video.extent_size[low:high]
    source = window(store, int(offsets.min()), int(ends.max()))
    with out.open("wb") as file:
        write_span(file, source, table, begin, end)


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
