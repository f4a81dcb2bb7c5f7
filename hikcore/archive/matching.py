"""Recognising the same footage in two runs, by bytes. Pure.

DESIGN, "Overlaps": a match is one constant PTS distance, inside the overlap of measured times plus
both uncertainties, under which everything known of both in their common stretch is equal. The last
access unit of a body does not count: it may be cut off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hikcore.archive.recognition import Signature
from hikcore.instants import ns_to_ticks, ticks_to_ns

#: Beside the uncertainties: times of manifests are rounded down to a nanosecond and a tick.
_SLACK = 1_000_000
#: Distances tried, those with most equal pictures first (a static scene has many).
_TRIES = 64


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as the resolver sees it.

    Attributes:
        manifest, run: where it stands. rank: 0 closed file, 1 window, 2 tail.
        begin: UTC ns at `pts_begin`. uncertainty: ns.
        pts_begin, pts_end: ticks.
        signature: what it is recognised by.
        ends_body: its last picture is the last of the body, which may be cut off.
    """

    manifest: int
    run: int
    rank: int
    begin: int
    uncertainty: int
    pts_begin: int
    pts_end: int
    signature: Signature
    ends_body: bool

    @property
    def end(self) -> int:
        """UTC ns past the last picture."""
        return self.wall(self.pts_end)

    def wall(self, pts: int) -> int:
        """UTC ns of a tick."""
        return self.begin + ticks_to_ns(pts - self.pts_begin)


@dataclass(frozen=True, slots=True)
class Match:
    """`distance`: ticks to add to a PTS of the second run to get that of the first, or None where
    two distances fit equally well."""

    distance: int | None


def match(a: RunView, b: RunView) -> Match | None:
    """How the footage of two runs is the same, None if it is not."""
    bound = a.uncertainty + b.uncertainty + _SLACK
    if a.begin - bound >= b.end or b.begin - bound >= a.end:
        return None
    middle = a.pts_begin - b.pts_begin + ns_to_ticks(b.begin - a.begin)
    reach = ns_to_ticks(bound) + 1
    found: list[tuple[int, int, int]] = []
    for distance in _candidates(a.signature, b.signature, middle, reach):
        frames = _verified(a, b, distance)
        if frames:
            found.append((-frames, abs(distance - middle), distance))
    if not found:
        return None
    found.sort()
    if len(found) > 1 and found[0][:2] == found[1][:2]:
        return Match(None)
    return Match(found[0][2])


def _candidates(a: Signature, b: Signature, middle: int, reach: int) -> list[int]:
    distances = np.concatenate(
        (
            _equal(a.gop_pts, a.gop_hash, b.gop_pts, b.gop_hash, middle, reach),
            _equal(a.unit_pts, a.unit_hash, b.unit_pts, b.unit_hash, middle, reach),
        )
    )
    values, counts = np.unique(distances, return_counts=True)
    order = np.lexsort((np.abs(values - middle), -counts))
    return [int(value) for value in values[order][:_TRIES]]


def _equal(
    a_pts: NDArray[np.int64],
    a_hash: NDArray[np.uint64],
    b_pts: NDArray[np.int64],
    b_hash: NDArray[np.uint64],
    middle: int,
    reach: int,
) -> NDArray[np.int64]:
    """Distances within `middle` ± `reach` at which a hash of one equals a hash of the other."""
    low = np.searchsorted(a_pts, b_pts + (middle - reach), side="left")
    high = np.searchsorted(a_pts, b_pts + (middle + reach), side="right")
    out = [np.empty(0, np.int64)]
    for step in range(int((high - low).max(initial=0))):
        mine = np.flatnonzero(low + step < high)
        other = low[mine] + step
        same = a_hash[other] == b_hash[mine]
        out.append(a_pts[other][same] - b_pts[mine][same])
    return np.concatenate(out)


def _verified(a: RunView, b: RunView, distance: int) -> int:
    """How many pictures are equal under a distance; 0 where anything known of both differs."""
    begin = max(a.pts_begin, b.pts_begin + distance)
    end = min(_certain_end(a), _certain_end(b) + distance)
    groups = _groups_equal(a, b, distance, begin, end) if begin < end else 0
    if groups is None:
        return 0
    units = _units_equal(a.signature, b.signature, distance, begin, end)
    return 0 if units is None else max(groups, units)


def _certain_end(view: RunView) -> int:
    """PTS at which what is surely whole ends (exclusive)."""
    pts = view.signature.unit_pts
    return int(pts[-1]) if view.ends_body and len(pts) else view.pts_end


def _groups_equal(a: RunView, b: RunView, distance: int, begin: int, end: int) -> int | None:
    """Pictures in groups that lie wholly in [begin, end) of both and are equal; None where a group
    begins in one only or a whole one differs."""
    mine, theirs = a.signature, b.signature
    left = np.flatnonzero((mine.gop_pts >= begin) & (mine.gop_pts < end))
    right = np.flatnonzero((theirs.gop_pts + distance >= begin) & (theirs.gop_pts + distance < end))
    if len(left) != len(right):
        return None
    if not np.array_equal(mine.gop_pts[left], theirs.gop_pts[right] + distance):
        return None
    whole = (_group_ends(a)[left] <= end) & (_group_ends(b)[right] + distance <= end)
    if not np.array_equal(mine.gop_hash[left][whole], theirs.gop_hash[right][whole]):
        return None
    return int(mine.gop_frames[left][whole].sum())


def _group_ends(view: RunView) -> NDArray[np.int64]:
    return np.append(view.signature.gop_pts[1:], view.pts_end)


def _units_equal(a: Signature, b: Signature, distance: int, begin: int, end: int) -> int | None:
    """Pictures known one by one in both that are equal; None where one before `end` differs. Past
    it lies a last access unit: equal it counts, cut off it says nothing."""
    common, left, right = np.intersect1d(
        a.unit_pts, b.unit_pts + distance, assume_unique=False, return_indices=True
    )
    same = a.unit_hash[left] == b.unit_hash[right]
    if not same[(common >= begin) & (common < end)].all():
        return None
    return int(same.sum())
