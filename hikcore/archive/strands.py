"""Strands: runs whose footage is the same where they overlap, on one media timeline. Pure.

Within a strand every group of pictures is shown once, from one run: a whole one before one that the
end of a body cut off, then closed files before windows before tails, then by begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hikcore.archive.matching import RunView, match
from hikcore.instants import NS


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pictures of one run that are shown: from the sync sample (or headless picture) at `pts_from`
    to before `pts_to`, ticks of that run. `joins`: continues the stretch before without a sync
    sample of its own."""

    view: int
    pts_from: int
    pts_to: int
    joins: bool = False


@dataclass(frozen=True, slots=True)
class Strand:
    """What is shown of runs that match, in order of media time.

    Attributes:
        stretches: what is shown. offsets: view to ticks that make its PTS the strand's time.
        ambiguous: a match of one of its runs was undecided.
        undecodable: (view, pts_from, pts_to) of headless pictures that continue nothing held.
    """

    stretches: tuple[Stretch, ...]
    offsets: dict[int, int]
    ambiguous: bool
    undecodable: tuple[Stretch, ...]


def find_strands(views: Sequence[RunView]) -> list[Strand]:
    """Group runs that match and choose what is shown of each group.

    Args:
        views: sorted by begin.
    """
    parent, offset, ambiguous = _link(views)
    members: dict[int, list[int]] = {}
    for index in range(len(views)):
        members.setdefault(parent[index], []).append(index)
    return [
        _strand(views, group, {index: offset[index] for index in group}, bool(ambiguous & {*group}))
        for group in members.values()
    ]


def _link(views: Sequence[RunView]) -> tuple[list[int], list[int], set[int]]:
    """For each run: the first of its strand, and the ticks that bring its PTS to that one's."""
    parent = list(range(len(views)))
    offset = [0] * len(views)
    ambiguous: set[int] = set()
    open_: list[int] = []
    for index, view in enumerate(views):
        reach = view.uncertainty + NS
        open_ = [o for o in open_ if views[o].end + views[o].uncertainty + reach > view.begin]
        for other in open_:
            found = match(views[other], view)
            if found is None:
                continue
            if found.distance is None:
                ambiguous |= {other, index}
                continue
            _join(parent, offset, other, index, found.distance)
        open_.append(index)
    return parent, offset, ambiguous


def _join(parent: list[int], offset: list[int], a: int, b: int, distance: int) -> None:
    """Bring b's strand onto a's: a PTS of b plus `distance` is one of a."""
    if parent[a] == parent[b]:
        return
    shift = distance + offset[a] - offset[b]
    old = parent[b]
    for index, root in enumerate(parent):
        if root == old:
            parent[index] = parent[a]
            offset[index] += shift


@dataclass(frozen=True, slots=True)
class _Groups:
    """Groups of pictures that are shown: strand time, owner, and where they lie in it."""

    time: NDArray[np.int64]
    view: NDArray[np.int64]
    gop: NDArray[np.int64]


def _strand(
    views: Sequence[RunView], group: list[int], offsets: dict[int, int], ambiguous: bool
) -> Strand:
    shown = _choose(views, group, offsets)
    stretches: list[Stretch] = []
    # One stretch as long as groups of one body follow each other.
    follows = (np.diff(shown.view) == 0) & (np.diff(shown.gop) == 1)
    edges = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(shown.gop)]
    for first, last in pairwise(edges if len(shown.gop) else []):
        view, gop = int(shown.view[first]), int(shown.gop[last - 1])
        pts = views[view].signature.gop_pts
        end = int(pts[gop + 1]) if gop + 1 < len(pts) else views[view].pts_end
        stretches.append(Stretch(view, int(pts[shown.gop[first]]), end))
    joined, undecodable = _heads(views, group, offsets, stretches)
    return Strand(tuple(joined), offsets, ambiguous, tuple(undecodable))


def _choose(views: Sequence[RunView], group: list[int], offsets: dict[int, int]) -> _Groups:
    columns: list[NDArray[np.int64]] = []
    for order, index in enumerate(sorted(group, key=lambda i: (views[i].rank, views[i].begin, i))):
        view = views[index]
        count = len(view.signature.gop_pts)
        cut = np.zeros(count, np.int64)
        if count:
            cut[-1] = 1  # by the body's end, or where a clock step or a loss ended the run
        # Of two that are cut off the longer one; whole ones are equally long.
        length = np.where(cut == 1, -view.signature.gop_frames, 0)
        columns.append(
            np.stack(
                (
                    view.signature.gop_pts + offsets[index],
                    cut,
                    length,
                    np.full(count, order),
                    np.full(count, index),
                    np.arange(count),
                )
            )
        )
    table = np.concatenate(columns, axis=1)
    table = table[:, np.lexsort(table[3::-1])]
    keep = np.append(True, np.diff(table[0]) != 0) if table.shape[1] else np.empty(0, np.bool_)
    table = table[:, keep]
    return _Groups(table[0], table[4], table[5])


def _heads(
    views: Sequence[RunView], group: list[int], offsets: dict[int, int], shown: list[Stretch]
) -> tuple[list[Stretch], list[Stretch]]:
    """Let headless beginnings continue the cut-off group before them; name those that cannot."""
    out = list(shown)
    # Those that lead to a sync sample first: the last picture of the others may be cut off. Over a
    # group that is longer than a body, others have to be placed before those can be.
    waiting = sorted(
        (index for index in group if views[index].signature.head is not None),
        key=lambda i: (not len(views[i].signature.gop_pts), i),
    )
    while True:
        left = [index for index in waiting if not _placed(views, index, offsets, out)]
        if len(left) == len(waiting):
            break
        waiting = left
    return out, [Stretch(index, *_head(views[index])) for index in waiting]


def _head(view: RunView) -> tuple[int, int]:
    """Ticks of its first headless picture, and past its last."""
    assert view.signature.head is not None
    syncs = view.signature.gop_pts
    return view.signature.head, int(syncs[0]) if len(syncs) else view.pts_end


def _placed(
    views: Sequence[RunView], index: int, offsets: dict[int, int], out: list[Stretch]
) -> bool:
    """Let a headless beginning continue the cut-off group before it, where that reaches it."""
    head, until = _head(views[index])
    begin, end = head + offsets[index], until + offsets[index]
    before = _last_before(out, offsets, begin)
    if before is None:
        return False
    last = out[before]
    if last.pts_to + offsets[last.view] >= end:
        return True  # the group is held whole elsewhere
    owner = views[last.view]
    seam = int(owner.signature.unit_pts[-1]) if owner.ends_body else last.pts_to
    seam += offsets[last.view]
    if begin > seam or last.view == index:
        return False
    out[before] = Stretch(last.view, last.pts_from, seam - offsets[last.view], last.joins)
    out.insert(before + 1, Stretch(index, seam - offsets[index], until, joins=True))
    return True


def _last_before(shown: list[Stretch], offsets: dict[int, int], time: int) -> int | None:
    """The last stretch that begins at or before a strand time, or continues such a one without a
    gap."""
    found = None
    finish = time
    for number, stretch in enumerate(shown):
        if stretch.pts_from + offsets[stretch.view] <= finish:
            found = number
            finish = max(finish, stretch.pts_to + offsets[stretch.view])
    return found
