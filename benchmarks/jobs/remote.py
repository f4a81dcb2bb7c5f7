"""Cuts of objects behind HTTP."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks.http_store import HttpStore, Opened, window
from benchmarks.jobs.cuts import span_of, write_span
from hikcore.media.mp4.clock import to_ninety
from hikcore.media.mp4.locate import index_span
from hikcore.media.mp4.read import index_mp4, read_head
from hikcore.media.table import SampleTable


def cut_segment(url: str, out: Path, begin: float, end: float, head: float) -> None:
    """A span of an archive's segment: the archive knows how long its head is."""
    store = HttpStore(url)
    table = read_head(store.get_range("", 0, int(head)))
    _cut_window(store, table, out, begin, end)


def cut(url: str, out: Path, begin: float, end: float) -> None:
    """A span of any MP4 behind HTTP."""
    store = HttpStore(url)
    source = Opened(store)
    table = to_ninety(index_mp4(source, source.size))
    _cut_window(store, table, out, begin, end)


def cut_fragmented(url: str, out: Path, begin: float, end: float) -> None:
    """A span of a fragmented MP4 without an index behind HTTP."""
    store = HttpStore(url)
    source = Opened(store)
    found = index_span(source, source.size, Fraction(begin), Fraction(end))
    _cut_window(store, to_ninety(found), out, begin, end)


def _cut_window(store: HttpStore, table: SampleTable, out: Path, begin: float, end: float) -> None:
    first, last, _ = span_of(table, begin, end)
    video = table.video
    assert video is not None
    low, high = int(video.first[first]), int(video.first[last])
    offsets = video.extent_offset[low:high].astype(np.int64)
    ends = offsets + video.extent_size[low:high]
    source = window(store, int(offsets.min()), int(ends.max()))
    with out.open("wb") as file:
        write_span(file, source, table, begin, end)
