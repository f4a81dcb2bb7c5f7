"""Whether the times of a container that holds no wall clock can be true. Pure.

Some clouds give MP4 whose times jump or stand still (`fps=1` then makes tens of thousands of
pictures of ten minutes). Times are *irregular* where one of three things is so:

- two pictures are shown at one instant, more than one time in a hundred;
- they go back: a picture is shown before one that was decoded more than 16 pictures earlier, which
  no codec's reordering does;
- there is a jump in them (as runs see it), and first to last they take longer than the footage is
  said to last, by more than 2 s and a tenth.

A hole in footage is none of these: the pictures on its other side are where they are said to be.
Nor is footage that is longer than it is said to be: a body may begin at the key picture before what
was asked, while the source only repeats what was asked. `excess` says by how much.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from hikcore.instants import NS
from hikcore.media.table import Samples, SampleTable
from hikcore.media.times import jump_bound

#: max_dec_frame_buffering of H.264, sps_max_num_reorder_pics of H.265.
_REORDER: Final = 16
_SAME: Final = 100
#: Said in whole seconds, rounded at both ends (ns).
_DOUBT: Final = 2 * NS


def irregularity(table: SampleTable, said: int) -> str:
    """Why the times of its pictures cannot be true; "" where they can, or where a wall clock in the
    stream tells.

    Args:
        table: of one body.
        said: ns that it is said to last.
    """
    video = table.video
    if video is None or len(video) < 2 or (table.anchors is not None and len(table.anchors.sample)):
        return ""
    pts = video.pts
    ordered = np.sort(pts)
    same = int((np.diff(ordered) == 0).sum())
    if same * _SAME > len(pts):
        return f"{same} of {len(pts)} pictures are shown at the same instant as another"
    if len(pts) > _REORDER:
        latest = np.maximum.accumulate(pts)
        if bool((pts[_REORDER:] < latest[:-_REORDER]).any()):
            return "its times go back"
    took = _took(table, video)
    jumps = bool((np.abs(np.diff(pts)) > jump_bound(pts)).any())
    if jumps and took > said + said // 10 + _DOUBT:
        return f"its times take {took / NS:.0f} s, the footage {said / NS:.0f} s"
    return ""


def excess(table: SampleTable, said: int) -> int:
    """Nanoseconds by which footage without a wall clock is longer than it is said to be; 0 within
    what whole seconds leave open. Nobody knows at which end they lie."""
    video = table.video
    if video is None or len(video) < 2 or (table.anchors is not None and len(table.anchors.sample)):
        return 0
    more = _took(table, video) - said
    return more if more > _DOUBT else 0


def _took(table: SampleTable, video: Samples) -> int:
    """Without what an edit list hides: whoever cut it so says how long the rest lasts."""
    first, last = int(video.pts.min()), int(video.pts.max()) + video.last_duration
    if table.presented is not None:
        first, last = max(first, table.presented[0]), min(last, table.presented[1])
    return (last - first) * NS // video.timescale
