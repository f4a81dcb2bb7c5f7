"""The one resolver: which samples of which chunk are shown for which instant. Pure, no I/O.

Coverage, clips, verification and the catalogue all use it. Manifests in, a timeline out: pieces of
runs, each shown once, in one take or another. Runs that hold the same footage are recognised by
bytes (matching) and shown as one strand (strands); strands that claim the same wall time with other
footage, as after a clock was set back, are further takes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hikcore.archive.documents import Manifest
from hikcore.archive.matching import RunView
from hikcore.archive.recognition import signature
from hikcore.archive.strands import Strand, Stretch, find_strands
from hikcore.instants import ticks_to_ns

_RANK = {"file": 0, "window": 1, "tail": 2}
#: Beside the uncertainties, between neighbours: a millisecond's rounding on either side.
_SLACK = 2_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Pictures of one run that are shown in one piece.

    Attributes:
        take: 1, 2, …: footage of other bytes at the same wall time has another take.
        manifest, run: index into the manifests, and into its runs.
        pts_from, pts_to: ticks of that run; from a sync sample (unless `joins`) to before the
            one at `pts_to`, in decoding order.
        begin, end: UTC ns that it covers. A frame's instant is `instant(pts)`.
        origin: UTC ns of `pts_from` by the run's own origin, before the order of pieces moves it.
        strand, time: pieces of one strand have exact media distances: `time` is the strand's 90 kHz
            time of `pts_from`.
        uncertainty: ns. joins: continues the piece before without a sync sample of its own.
        ambiguous: it may be the same footage as a neighbour; cut by time.
    """

    take: int
    manifest: int
    run: int
    pts_from: int
    pts_to: int
    begin: int
    end: int
    origin: int
    strand: int
    time: int
    uncertainty: int
    joins: bool
    ambiguous: bool

    def instant(self, pts: int) -> int:
        """UTC ns of a frame of it. Never before the piece's begin, so that instants rise over
        pieces whatever the residual step between two origins is."""
        return max(self.begin, self.origin + ticks_to_ns(pts - self.pts_from))

    def instants(self, pts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same of many, int64 (n,)."""
        return np.maximum(self.begin, self.origin + (pts - self.pts_from) * 100_000 // 9)


@dataclass(frozen=True, slots=True)
class Headless:
    """Pictures without the key frame that they need: (manifest, run), and UTC ns."""

    manifest: int
    run: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is shown when.

    Attributes:
        pieces: by take, then begin. headless: held but not decodable.
    """

    pieces: tuple[Piece, ...]
    headless: tuple[Headless, ...] = ()

    def take(self, number: int) -> tuple[Piece, ...]:
        """The pieces of one take, by begin."""
        return tuple(piece for piece in self.pieces if piece.take == number)


def resolve(manifests: Sequence[Manifest]) -> Timeline:
    """The timeline of one camera's stream.

    The order of the manifests does not matter (but for the indices in the answer).

    Args:
        manifests: all that count, whatever their state.
    """
    views = _views(manifests)
    strands = find_strands(views)
    strands.sort(key=lambda strand: _priority(views, strand))
    layers: list[_Layer] = []
    pieces: list[Piece] = []
    for number, strand in enumerate(strands):
        pieces += _place(views, strand, number, layers)
    pieces = _rising(pieces)
    headless = [
        Headless(
            views[s.view].manifest,
            views[s.view].run,
            views[s.view].wall(s.pts_from),
            views[s.view].wall(s.pts_to),
        )
        for strand in strands
        for s in strand.undecodable
    ]
    return Timeline(tuple(pieces), tuple(sorted(headless, key=lambda h: (h.begin, h.end))))


def _rising(pieces: list[Piece]) -> list[Piece]:
    """Sorted by take and begin, each beginning no earlier than the one before ends: two origins
    differ by what they do not know, and instants must rise all the same."""
    out: list[Piece] = []
    for piece in sorted(pieces, key=lambda p: (p.take, p.begin, p.end)):
        floor = out[-1].end if out and out[-1].take == piece.take else piece.begin
        begin = max(piece.begin, floor)
        out.append(replace(piece, begin=begin, end=max(piece.end, begin)))
    return out


def _views(manifests: Sequence[Manifest]) -> list[RunView]:
    out = [
        RunView(
            manifest=index,
            run=number,
            rank=_RANK[manifest.chunk.kind],
            begin=run.begin,
            uncertainty=run.uncertainty,
            pts_begin=run.pts_begin,
            pts_end=run.pts_end,
            signature=signature(run),
            ends_body=number + 1 == len(manifest.runs),
        )
        for index, manifest in enumerate(manifests)
        for number, run in enumerate(manifest.runs)
        if run.video is not None
    ]
    # The bytes of the manifest decide between equals, so that the caller's order does not.
    return sorted(out, key=lambda v: (v.begin, v.rank, _name(manifests[v.manifest]), v.run))


def _name(manifest: Manifest) -> tuple[str, str, str]:
    keys = [segment.sha256 for run in manifest.runs for segment in run.segments]
    return manifest.chunk.id, manifest.clock, ",".join(keys)


def _priority(views: Sequence[RunView], strand: Strand) -> tuple[int, int, int]:
    group = list(strand.offsets)
    return min(views[i].rank for i in group), min(views[i].begin for i in group), min(group)


class _Layer:
    """What a take already shows: disjoint intervals in order, each with its uncertainty."""

    def __init__(self) -> None:
        self._begins: list[int] = []
        self._spans: list[tuple[int, int, int]] = []

    def overlaps(self, begin: int, end: int, uncertainty: int) -> bool:
        """Whether [begin, end) is taken for longer than the uncertainties leave open."""
        at = max(bisect_right(self._begins, begin) - 1, 0)
        for low, high, theirs in self._spans[at:]:
            if low >= end:
                return False
            common = min(high, end) - max(low, begin)
            # A neighbour may lap over an edge by what both do not know; never be swallowed by it.
            bound = min(uncertainty + theirs + _SLACK, (end - begin) // 2)
            if common > bound:
                return True
        return False

    def add(self, begin: int, end: int, uncertainty: int) -> None:
        """Take [begin, end)."""
        at = bisect_right(self._begins, begin)
        self._begins.insert(at, begin)
        self._spans.insert(at, (begin, end, uncertainty))


def _place(
    views: Sequence[RunView], strand: Strand, number: int, layers: list[_Layer]
) -> list[Piece]:
    """Put a strand's stretches into the first take in which there is room, group by group where a
    whole stretch has none."""
    out: list[Piece] = []
    for stretch in strand.stretches:
        parts = [stretch]
        if _first_free(views, stretch, layers, out, number) != 1:
            parts = list(_by_group(views[stretch.view], stretch))
        for part in parts:
            take = _first_free(views, part, layers, out, number)
            if take > len(layers):
                layers.append(_Layer())
            out.append(_piece(views, strand, number, part, take))
    merged = _merge(out)
    for piece in merged:
        layers[piece.take - 1].add(piece.begin, piece.end, piece.uncertainty)
    return merged


def _by_group(view: RunView, stretch: Stretch) -> Iterable[Stretch]:
    edges = [stretch.pts_from]
    edges += [int(pts) for pts in view.signature.gop_pts if stretch.pts_from < pts < stretch.pts_to]
    edges.append(stretch.pts_to)
    for index, (begin, end) in enumerate(pairwise(edges)):
        yield Stretch(stretch.view, begin, end, stretch.joins and index == 0)


def _first_free(
    views: Sequence[RunView],
    stretch: Stretch,
    layers: list[_Layer],
    own: list[Piece],
    strand: int,
) -> int:
    view = views[stretch.view]
    begin, end = view.wall(stretch.pts_from), view.wall(stretch.pts_to)
    if stretch.joins and own:
        return own[-1].take
    for number, layer in enumerate(layers):
        if not layer.overlaps(begin, end, view.uncertainty):
            return number + 1
    return len(layers) + 1


def _piece(
    views: Sequence[RunView],
    strand: Strand,
    number: int,
    stretch: Stretch,
    take: int,
) -> Piece:
    view = views[stretch.view]
    begin, end = view.wall(stretch.pts_from), view.wall(stretch.pts_to)
    return Piece(
        take=take,
        manifest=view.manifest,
        run=view.run,
        pts_from=stretch.pts_from,
        pts_to=stretch.pts_to,
        begin=begin,
        end=end,
        origin=begin,
        strand=number,
        time=stretch.pts_from + strand.offsets[stretch.view],
        uncertainty=view.uncertainty,
        joins=stretch.joins,
        ambiguous=strand.ambiguous,
    )


def _merge(pieces: list[Piece]) -> list[Piece]:
    """Neighbouring groups of one run and take as one piece again."""
    out: list[Piece] = []
    for piece in pieces:
        last = out[-1] if out else None
        if (
            last is not None
            and (last.take, last.manifest, last.run) == (piece.take, piece.manifest, piece.run)
            and last.pts_to == piece.pts_from
            and last.end == piece.begin
        ):
            out[-1] = replace(
                last,
                pts_to=piece.pts_to,
                end=piece.end,
                ambiguous=last.ambiguous or piece.ambiguous,
            )
        else:
            out.append(piece)
    return out
