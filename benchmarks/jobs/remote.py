"""Cuts of objects behind HTTP."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.http_store import HttpStore, Known, Opened, window
from hikcore.media.ranged import cut_ranged


def cut_segment(url: str, out: Path, begin: float, end: float, head: float, size: float) -> None:
    """A span of an archive's segment: its manifest says how long head and object are."""
    store = HttpStore(url)
    source, media = Known(store, int(head)), partial(window, store)
    with out.open("wb") as file:
        cut_ranged(source, int(size), media, file, begin, end)


def cut(url: str, out: Path, begin: float, end: float) -> None:
    """A span of any MP4 behind HTTP, moov first or last, in fragments or not."""
    store = HttpStore(url)
    source = Opened(store)
    with out.open("wb") as file:
        cut_ranged(
            source, source.size, lambda low, high: window(store, low, high), file, begin, end
        )
