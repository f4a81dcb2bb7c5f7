"""What is still to be fetched: a pure function of what the device listed and what manifests hold.

The rules are the archive's ("A chunk", "Settled" in docs/design.md): a chunk is settled when a take
holds all that the latest listing says is there, or when two fetches brought it alike (then the rest
is declared `short`); a body that cannot be decoded is settled for schedules, not for repair.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hikcore.archive.documents import Manifest
from hikcore.archive.keys import chunk_id
from hikcore.instants import NS, Span
from hikcore.sources.base import Recording

#: How far back a scheduled run asks again: recorders fill in late (a camera's own card after a lost
#: link, a clock that stepped), always behind any cursor.
TRAILING = 48 * 3600 * NS

#: What a manifest's note begins with where two fetches alike brought less than was listed.
SHORT = "short: "

_DIGITS = re.compile(r"\D")


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """One recording that is to be fetched.

    Attributes:
        id: of the chunk (hikcore.archive.keys.chunk_id).
        held: bytes of the longest body that the archive has of the same recording; 0 if none.
    """

    id: str
    recording: Recording
    held: int = 0

    @property
    def size(self) -> int:
        """Bytes as listed, 0 where the device does not say."""
        return self.recording.size or 0


def trailing(now: int, length: int = TRAILING) -> Span:
    """The span that a scheduled run asks: the last `length` ns."""
    return Span(now - length, now)


def identity(camera: str, recording: Recording) -> str:
    """The chunk id of a recording: of the device's own begin and size, never of the UTC made of
    them."""
    size = recording.size if recording.size is not None else recording.literal_end
    return chunk_id(camera, recording.stream, recording.literal_begin, size)


def plan(
    camera: str,
    recordings: Iterable[Recording],
    manifests: Sequence[Manifest],
    span: Span,
    *,
    begins_from: int | None = None,
    repair: bool = False,
) -> list[PlannedChunk]:
    """The closed recordings that touch the span and are not settled, the oldest first: a recorder
    overwrites in that order.

    Args:
        camera: its id in the archive.
        recordings: the rows of the latest answers; repeats do no harm.
        manifests: of this camera and stream, over all that the rows reach.
        begins_from: rows that begin before are left to whoever extracts the day before.
        repair: fetch again what is kept as damaged.
    """
    rows: dict[str, Recording] = {}
    for row in recordings:
        chunk = identity(camera, row)
        if row.growing or not row.span.meets(span):
            continue
        known = rows.get(chunk)
        if known is None or _digits(row.literal_end) > _digits(known.literal_end):
            rows[chunk] = row
    planned = []
    for chunk, row in rows.items():
        if begins_from is not None and row.span.begin < begins_from:
            continue
        takes = _takes(chunk, row, manifests, rows)
        if not any(settles(take, row, repair=repair) for take in takes):
            held = max((take.body.size for take in takes if take.state == "held"), default=0)
            planned.append(PlannedChunk(chunk, row, held))
    return sorted(planned, key=lambda c: (c.recording.span, c.id))


def settles(take: Manifest, row: Recording, *, repair: bool = False) -> bool:
    """Whether a take of a recording leaves nothing to fetch of what is listed of it now."""
    if take.state == "damaged" and repair:
        return False
    reaches = (
        _digits(take.chunk.literal_end) >= _digits(row.literal_end) or take.end >= row.span.end
    )
    if row.size is None or not reaches:
        return reaches
    return take.body.size >= row.size or (is_short(take) and (take.chunk.size or 0) >= row.size)


def is_short(take: Manifest) -> bool:
    """Whether two fetches brought alike less than was listed, so that no more is to be had."""
    return any(note.startswith(SHORT) for note in take.notes)


def _takes(
    chunk: str, row: Recording, manifests: Sequence[Manifest], listed: dict[str, Recording]
) -> list[Manifest]:
    """The takes of this recording, whatever end and size it was listed with when they were made.

    Two rows of one answer with the same begin are two recordings (the clock was set back), not one
    relisted: a take whose own chunk is still listed beside is of the other.
    """
    return [
        take
        for take in manifests
        if take.chunk.id == chunk
        or (
            take.chunk.literal_begin == row.literal_begin
            and take.stream == row.stream
            and take.chunk.id not in listed
        )
    ]


def _digits(literal: str) -> str:
    """A literal time without its punctuation: comparable between two spellings of one device."""
    return _DIGITS.sub("", literal)
