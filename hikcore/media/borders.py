"""Where the relation of media times to the wall breaks: the borders of runs."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hikcore.errors import MediaDamaged
from hikcore.media.readings import Readings, clock_steps
from hikcore.media.table import Samples, SampleTable
from hikcore.media.times import jump_bound

#: A picture may be shown at most so many later than it is decoded (max_dec_frame_buffering of
#: H.264, sps_max_num_reorder_pics of H.265): PTS that go back by more went back themselves.
_REORDER = 16
#: So many runs in one body are no footage.
_MOST_RUNS = 10_000
#: No run lasts longer (23 hours, ticks): what is committed by one manifest stays within a day.
_LONGEST = 23 * 3600 * 90_000


def find_borders(table: SampleTable, readings: Readings) -> list[tuple[int, str]]:
    """(first sample, reason) of every run. Two reasons at one sample: the first stands."""
    video = table.video
    assert video is not None
    found: dict[int, str] = {0: "start"}
    changes = np.flatnonzero(np.diff(video.config.astype(np.int64))) + 1
    found.update({int(at): "configuration" for at in changes})
    for at in _jumps(video):
        found.setdefault(at, "pts jump")
    _few(found, video)
    edges = sorted(found)
    for number, first in enumerate(edges):
        last = edges[number + 1] if number + 1 < len(edges) else len(video)
        for sample, reason in clock_steps(video.pts, readings, first, last):
            found.setdefault(sample, reason)
    edges = sorted(found)
    for number, first in enumerate(edges):
        last = edges[number + 1] if number + 1 < len(edges) else len(video)
        for sample in _days(video, first, last):
            found.setdefault(sample, "length")
    _few(found, video)
    return sorted(found.items())


def _few(found: dict[int, str], video: Samples) -> None:
    if len(found) > _MOST_RUNS:
        raise MediaDamaged(
            f"its times break {len(found)} times: not one piece of it can be placed",
            offset=int(video.extent_offset[video.first[sorted(found)[_MOST_RUNS]]]),
        )


def _days(video: Samples, first: int, last: int) -> list[int]:
    """Key pictures at which [first, last) is cut so that no run lasts longer than a day, as readers
    look for footage no further before an instant."""
    syncs = first + np.flatnonzero(video.sync[first:last])
    times = video.pts[syncs]
    out: list[int] = []
    begin, end = int(video.pts[first]), int(video.pts[first:last].max())
    while end - begin > _LONGEST:
        at = int(np.searchsorted(times, begin + _LONGEST, side="right")) - 1
        if at < 0 or int(times[at]) <= begin:
            break  # one group of pictures for more than a day cannot be cut
        out.append(int(syncs[at]))
        begin = int(times[at])
    return out


def _jumps(video: Samples) -> list[int]:
    """Samples at which the PTS go elsewhere (times.strays took out those that come back): by more
    than the bound; or back by more than the reorder window; or back at all at a random access
    picture, which is shown after all that are decoded before it (H.264 8.2.5.1, H.265 8.1.3)."""
    pts = video.pts
    if len(pts) < 2:
        return []
    steps = np.diff(pts)
    far = np.abs(steps) > jump_bound(pts)
    window = _REORDER * int(np.median(np.abs(steps)))
    padded = np.concatenate((np.full(_REORDER, pts.min()), pts[:-1]))
    latest = sliding_window_view(padded, _REORDER + 1).max(axis=1)[: len(pts) - 1]
    back = (pts[1:] < latest - window) | (video.sync[1:] & (pts[1:] < latest))
    out: list[int] = []
    begin = 0
    for at in (np.flatnonzero(far | back) + 1).tolist():
        if not far[at - 1]:
            # Against what came since the last border alone.
            before = int(pts[max(begin, at - _REORDER - 1) : at].max())
            limit = before if video.sync[at] else before - window
            if pts[at] >= limit:
                continue
        out.append(at)
        begin = at
    return out
