"""A window whose body has irregular times is asked for again in two halves, before it is flagged:
shorter requests were found to give bodies that are in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from hikcore.archive.settled import PART
from hikcore.errors import NoRecording
from hikcore.extract.commit import Commit, Committed
from hikcore.extract.intake import Body
from hikcore.extract.plan import PlannedChunk
from hikcore.instants import Span
from hikcore.media.regular import irregularity
from hikcore.sources.base import SpanSource

IRREGULAR: Final = "irregular times: "
#: A chunk as the source told it, and its body.
Part = tuple[PlannedChunk, Body]
Fetch = Callable[[PlannedChunk, Callable[[PlannedChunk, Body], bool]], Awaitable[Part]]


def doubt(chunk: PlannedChunk, body: Body) -> str:
    """Why the times of a window's body cannot be true, "" where they can."""
    if chunk.recording.kind != "window" or body.table is None:
        return ""
    return irregularity(body.table, chunk.recording.span.length)


def flagged(body: Body, reason: str) -> None:
    """Let a body's manifest say that its times cannot be true."""
    _note(body, f"{IRREGULAR}{reason}")


async def in_halves(
    chunk: PlannedChunk, source: SpanSource, request: Span, fetched: Fetch
) -> list[Part]:
    """What came of asking again; empty where that is irregular too, or where there is nothing.

    Args:
        chunk: as planned.
        request: what was asked for it, margins included.
        fetched: brings what is wanted for the chunk.

    Raises:
        HikcoreError: a half could not be had.
    """
    parts = []
    for half in _halves(chunk, source, request):
        try:
            part = await fetched(half, lambda each, body: False)
        except NoRecording:
            continue  # all that there is lies in the other one
        if doubt(*part):
            return []
        parts.append(part)
    return parts


def put_parts(commit: Commit, parts: list[Part], reason: str) -> Committed:
    """Commit the halves in order, each by a manifest of its own: all but the last say that they are
    parts, and that does not settle the chunk. Blocking.

    Raises:
        ArchiveError, SpoolFull: as for a whole.
    """
    stored = 0
    for number, (chunk, body) in enumerate(parts, 1):
        if number < len(parts):
            _note(body, f"{PART}{number} of {len(parts)}")
        _note(body, f"asked again in halves: {reason}")
        committed = commit.put(chunk, body)
        stored += committed.stored
    return replace(committed, stored=stored)


def _halves(chunk: PlannedChunk, source: SpanSource, request: Span) -> list[PlannedChunk]:
    """The same chunk asked for in two pieces, which overlap like neighbouring windows do."""
    windows = source.windows
    window = windows.aligned(chunk.recording.span)[0]
    middle = (window.begin + window.end) // 2
    spans = (
        Span(request.begin, min(middle + windows.margin, request.end)),
        Span(max(middle - windows.margin, request.begin), request.end),
    )
    return [replace(chunk, recording=source.asking(chunk.recording, span)) for span in spans]


def _note(body: Body, note: str) -> None:
    if body.table is not None:
        body.table = replace(body.table, notes=(*body.table.notes, note))
