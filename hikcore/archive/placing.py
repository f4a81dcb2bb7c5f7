"""From pieces of runs to parts of a clip: which samples of which segments, and when in the clip.

Clip time is 90 kHz ticks since the asked begin. Pieces of one strand keep their exact media
distances; another strand is placed by its wall time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hikcore.archive.documents import RunRef, SegmentRef
from hikcore.archive.load import Footage
from hikcore.archive.proof import Proof
from hikcore.archive.resolver import Piece
from hikcore.archive.store import Store
from hikcore.archive.window import ObjectWindow
from hikcore.errors import ArchiveCorrupt
from hikcore.instants import Span, ns_to_ticks
from hikcore.media.clip import ClipPart
from hikcore.media.mp4.join import latest_duration
from hikcore.media.mp4.read import read_head
from hikcore.media.table import SampleTable

#: Times of segments are rounded to nanoseconds: so many ticks may a border be off.
_ROUNDING = 2


@dataclass(frozen=True, slots=True)
class Placed:
    """What a clip is made of.

    Attributes:
        parts: for `write_clip`. show_from, show_to: clip time, ticks.
        first, last: UTC ns of the first and last frame shown. end: UTC ns at which the last frame
            ends (at the latest the asked end).
        uncertainty: ns, the largest of the pieces.
        ambiguous: footage that may be shown twice, as it could not be told apart.
        segments: keys of the objects that were read.
    """

    parts: tuple[ClipPart, ...]
    show_from: int
    show_to: int
    first: int
    last: int
    end: int
    uncertainty: int
    ambiguous: bool
    segments: tuple[str, ...]


@dataclass(slots=True)
class _Part:
    """Samples of one segment that belong to one piece.

    `times` are their clip times, `instants` UTC ns, in decoding order.
    """

    piece: Piece
    segment: SegmentRef
    table: SampleTable
    first: int
    last: int
    shift: int
    times: np.ndarray[tuple[int], np.dtype[np.int64]]
    instants: np.ndarray[tuple[int], np.dtype[np.int64]]
    audio: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class _State:
    """What placing one piece leaves for the next."""

    strand: int = -1
    base: int = 0
    end: int | None = None
    parts: list[_Part] = field(default_factory=list)


def place(
    store: Store, footage: Footage, pieces: Sequence[Piece], span: Span, *, open_lead_in: bool
) -> Placed | None:
    """The parts of a clip of a span, None where no frame of it is held.

    Args:
        pieces: of one take, by begin.
        open_lead_in: the clip shows its lead-in, and lets it be heard.

    Raises:
        ArchiveCorrupt: a segment does not hold what its manifest says.
    """
    chosen = _touching(pieces, span)
    state = _State()
    for index, piece in enumerate(chosen):
        follows = index > 0 and _continues(chosen[index - 1], piece)
        followed = index + 1 < len(chosen) and _continues(piece, chosen[index + 1])
        _place_piece(store, footage, piece, span, state, follows, followed)
    return _select(store, footage, state.parts, span, open_lead_in) if state.parts else None


def _touching(pieces: Sequence[Piece], span: Span) -> list[Piece]:
    """Pieces that touch a span, and those before that a headless one continues."""
    numbers = [i for i, p in enumerate(pieces) if p.begin < span.end and p.end > span.begin]
    if not numbers:
        return []
    first = numbers[0]
    while pieces[first].joins and first > 0:
        first -= 1
    return list(pieces[first : numbers[-1] + 1])


def _continues(before: Piece, after: Piece) -> bool:
    """Whether media time goes on from one piece to the next without a gap."""
    return (
        before.strand == after.strand
        and before.time + before.pts_to - before.pts_from == after.time
    )


def _place_piece(
    store: Store,
    footage: Footage,
    piece: Piece,
    span: Span,
    state: _State,
    follows: bool,
    followed: bool,
) -> None:
    manifest = footage.manifests[piece.manifest]
    run = manifest.runs[piece.run]
    if piece.strand != state.strand:
        state.strand = piece.strand
        state.base = ns_to_ticks(piece.begin - span.begin) - piece.time
        if state.end is not None:
            state.base = max(state.base, state.end - piece.time)
    base = state.base + piece.time - piece.pts_from
    low, high = _needed(piece, span)
    for segment in _segments(footage, run, low, high):
        table = _head(store, footage, segment)
        part = _cut(piece, segment, table, base)
        if part is None:
            continue
        sound_low = piece.pts_from if follows else None
        sound_high = piece.pts_to if followed else None
        part.audio = _units(table, segment.pts, sound_low, sound_high)
        state.parts.append(part)
        assert table.video is not None
        ends = int(part.times.max()) + latest_duration(table.video, part.first, part.last)
        state.end = ends if state.end is None else max(state.end, ends)


def _needed(piece: Piece, span: Span) -> tuple[int, int]:
    """Ticks of the piece's run whose segments are needed."""
    low = piece.pts_from + max(ns_to_ticks(span.begin - piece.origin), 0)
    high = piece.pts_from + ns_to_ticks(span.end - piece.origin) + 1
    return min(low, piece.pts_to), min(high, piece.pts_to)


def _segments(footage: Footage, run: RunRef, low: int, high: int) -> list[SegmentRef]:
    """Segments of a run with video in [low, high), with the one that covers `low`; those that
    retention removed are not there to be shown."""
    removed = {key for stone in footage.tombstones for key in stone.objects}
    found = [s for s in run.segments if s.frames and s.key not in removed]
    out = []
    for segment in found:
        begin = run.pts_begin + ns_to_ticks(segment.begin - run.begin) - _ROUNDING
        end = run.pts_begin + ns_to_ticks(segment.end - run.begin) + _ROUNDING
        if begin < high and end > low:
            out.append(segment)
    return out


def _head(store: Store, footage: Footage, segment: SegmentRef) -> SampleTable:
    info = footage.objects[segment.key]
    head = store.get_range(segment.key, 0, segment.head, if_match=info.etag)
    if len(head) < segment.head:
        raise ArchiveCorrupt(
            f"it ends inside its head, after {len(head)} of {segment.head} bytes",
            where=segment.key,
        )
    table = read_head(head)
    if table.video is None or len(table.video) != segment.frames:
        raise ArchiveCorrupt(f"it does not hold {segment.frames} frames", where=segment.key)
    return table


def _cut(piece: Piece, segment: SegmentRef, table: SampleTable, base: int) -> _Part | None:
    """The samples of a segment that a piece shows: in decoding order, from the one at `pts_from` to
    before the sync sample at `pts_to`."""
    video = table.video
    assert video is not None
    pts = video.pts + segment.pts
    first = np.flatnonzero(pts == piece.pts_from)
    last = np.flatnonzero((pts == piece.pts_to) & (video.sync | piece.joins))
    begin, end = 0, len(pts)
    if len(first):
        begin = int(first[0])
    elif pts.max() < piece.pts_from:
        return None
    if len(last) and last[0] >= begin:
        end = int(last[0])
    elif pts.min() >= piece.pts_to:
        return None
    elif not len(last):
        # A cut-off group ends before `pts_to` lies in this run: what is at or past it is not shown.
        beyond = np.flatnonzero(pts[begin:] >= piece.pts_to)
        end = begin + int(beyond[0]) if len(beyond) else end
    if begin >= end:
        return None
    shown = pts[begin:end]
    instants = piece.instants(shown)
    shift = base + segment.pts
    return _Part(piece, segment, table, begin, end, shift, video.pts[begin:end] + shift, instants)


def _units(table: SampleTable, pts: int, low: int | None, high: int | None) -> tuple[int, int]:
    """Audio units on this side of the seams: those that begin in [low, high) of the run."""
    if table.audio is None:
        return 0, 0
    times = table.audio.pts + pts
    first = 0 if low is None else int(np.searchsorted(times, low, side="left"))
    last = len(times) if high is None else int(np.searchsorted(times, high, side="left"))
    return first, max(first, last)


def _lead_in(parts: list[_Part], number: int, index: int) -> list[_Part]:
    """Parts from the sync sample that the first shown frame needs."""
    while True:
        part = parts[number]
        video = part.table.video
        assert video is not None
        syncs = np.flatnonzero(video.sync[part.first : part.first + index + 1])
        if len(syncs):
            begin = int(syncs[-1])
            part.first += begin
            part.times, part.instants = part.times[begin:], part.instants[begin:]
            return parts[number:]
        if number == 0:
            raise ArchiveCorrupt("no key frame before the first frame", where=part.segment.key)
        number -= 1
        index = parts[number].last - parts[number].first - 1


def _select(
    store: Store, footage: Footage, parts: list[_Part], span: Span, open_lead_in: bool
) -> Placed | None:
    """Choose the first and last frame shown, and the parts from the key frame on.

    Shown first is the frame that covers the begin: the last one before it, unless one begins at it
    or nothing was held there; shown last the last one before the end.
    """
    owner = np.repeat(np.arange(len(parts)), [len(part.times) for part in parts])
    index = np.concatenate([np.arange(len(part.times)) for part in parts])
    times = np.concatenate([part.times for part in parts])
    order = np.argsort(times, kind="stable")
    times, owner, index = times[order], owner[order], index[order]
    instants = np.concatenate([part.instants for part in parts])[order]
    at = int(np.searchsorted(instants, span.begin, side="left"))
    exact = at < len(times) and int(instants[at]) == span.begin
    if at and not exact and parts[int(owner[at - 1])].piece.end > span.begin:
        at -= 1
    until = int(np.searchsorted(instants, span.end, side="left"))
    if until <= at:
        return None
    last = int(instants[until - 1])
    show_to = int(times[until - 1]) + max(ns_to_ticks(span.end - last), 1)
    if until < len(times):
        show_to = min(show_to, int(times[until]))
    chosen = _lead_in(parts, int(owner[at]), int(index[at]))
    chosen = [part for part in chosen if int(part.times.min()) < show_to]
    heard_from = int(chosen[0].times[0]) if open_lead_in else int(times[at])
    for part in chosen:
        _trim(part, heard_from, show_to)
    return Placed(
        parts=tuple(_clip_part(store, footage, part) for part in chosen),
        show_from=int(times[at]),
        show_to=show_to,
        first=int(chosen[0].instants[0] if open_lead_in else instants[at]),
        last=last,
        end=max(min(parts[int(owner[until - 1])].piece.end, span.end), last),
        uncertainty=max(part.piece.uncertainty for part in chosen),
        ambiguous=any(part.piece.ambiguous for part in chosen),
        segments=tuple(dict.fromkeys(part.segment.key for part in chosen)),
    )


def _trim(part: _Part, heard_from: int, show_to: int) -> None:
    """Leave out what nothing shown needs, so that it is not read: pictures after the last one in
    decoding order, and sound outside of [heard_from, show_to) but for the unit before, which AAC
    needs to begin with."""
    needed = np.flatnonzero(part.times < show_to)
    part.last = part.first + int(needed[-1]) + 1
    audio = part.table.audio
    if audio is None or part.audio[0] >= part.audio[1]:
        return
    times = audio.pts + part.shift
    first = max(int(np.searchsorted(times, heard_from, side="right")) - 2, part.audio[0])
    last = min(int(np.searchsorted(times, show_to, side="left")), part.audio[1])
    part.audio = first, max(first, last)


def _clip_part(store: Store, footage: Footage, part: _Part) -> ClipPart:
    info = footage.objects[part.segment.key]
    begin, end = _bytes(part)
    run = footage.manifests[part.piece.manifest].runs[part.piece.run]
    proof = Proof(run, part.segment, part.table, part.first, part.last)
    return ClipPart(
        source=ObjectWindow(store, part.segment.key, info.etag, begin, end, proof),
        table=part.table,
        first=part.first,
        last=part.last,
        shift=part.shift,
        audio_first=part.audio[0],
        audio_last=part.audio[1],
    )


def _bytes(part: _Part) -> tuple[int, int]:
    """The range of the object in which the samples of a part lie."""
    low, high = [], []
    tracks = [(part.table.video, part.first, part.last), (part.table.audio, *part.audio)]
    for samples, first, last in tracks:
        if samples is None or first >= last:
            continue
        a, b = int(samples.first[first]), int(samples.first[last])
        offsets = samples.extent_offset[a:b].astype(np.int64)
        low.append(int(offsets.min()))
        high.append(int((offsets + samples.extent_size[a:b]).max()))
    return min(low), max(high)
