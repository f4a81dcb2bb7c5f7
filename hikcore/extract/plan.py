"""What is still to be fetched: a pure function of what the device listed and what manifests hold.

A chunk is settled when a take holds all that the latest listing says is there, or when two fetches
brought it alike (`hikcore.archive.settled`, which coverage goes by too); a body that cannot be
decoded is settled for schedules, not for repair.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hikcore.archive.documents import Manifest
from hikcore.archive.keys import chunk_id
from hikcore.archive.settled import digits, is_short, settles, takes_of
from hikcore.instants import NS, Span
from hikcore.sources.base import Recording

#: How far back a scheduled run asks again: recorders fill in late (a camera's own card after a lost
#: link, a clock that stepped), always behind any cursor.
TRAILING = 48 * 3600 * NS
#: Listings tell whole seconds, rounded down: footage may go on that long after a listed end.
_ROUNDED = NS


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
    """The chunk id of a recording: of the device's own begin and size (of a window its borders),
    never of the UTC made of them."""
    size = recording.size if recording.size is not None else recording.literal_end
    return chunk_id(camera, recording.stream, recording.literal_begin, size)


def plan(
    camera: str,
    recordings: Iterable[Recording],
    manifests: Sequence[Manifest],
    span: Span,
    *,
    device: str = "",
    begins_from: int | None = None,
    repair: bool = False,
    again: Sequence[Span] = (),
) -> list[PlannedChunk]:
    """The closed recordings that touch the span and are not settled, the oldest first: a recorder
    overwrites in that order.

    Args:
        camera: its id in the archive.
        recordings: the rows of the latest answers; repeats do no harm.
        manifests: of this camera and stream, over all that the rows reach.
        device: that listed the rows, "" where that is not known.
        begins_from: rows that begin before are left to whoever extracts the day before.
        repair: fetch again what is kept as damaged.
        again: where windows that came short are to be fetched once more; see `extract.again`.
    """
    rows: dict[str, Recording] = {}
    for row in recordings:
        chunk = identity(camera, row)
        if row.growing or not Span(row.span.begin, row.span.end + _ROUNDED).meets(span):
            continue
        known = rows.get(chunk)
        if known is None or digits(row.literal_end) > digits(known.literal_end):
            rows[chunk] = row
    planned = []
    for chunk, row in rows.items():
        if begins_from is not None and row.span.begin < begins_from:
            continue
        takes = takes_of(
            manifests,
            chunk=chunk,
            literal_begin=row.literal_begin,
            device=device,
            listed=rows.keys(),
        )
        anew = any(row.span.meets(each) for each in again)
        if not any(_settles(take, row, repair, anew) for take in takes):
            held = max((take.body.size for take in takes if take.state == "held"), default=0)
            planned.append(PlannedChunk(chunk, row, held))
    return sorted(planned, key=lambda c: (c.recording.span, c.id))


def _settles(take: Manifest, row: Recording, repair: bool, anew: bool) -> bool:
    if take.state == "damaged" and repair:
        return False
    if anew and row.kind == "window" and is_short(take):
        return False
    return settles(
        take,
        literal_end=row.literal_end,
        begin=row.span.begin,
        end=row.span.end,
        size=row.size,
        there=row.there,
    )
