"""Readings of a device's wall clock beside the times of its pictures: in UTC, where they step or
drift away, and what origin they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hikcore.deviceclock import DeviceClock
from hikcore.instants import NS, ticks_to_ns
from hikcore.media.table import SampleTable

#: Half of the least change between summer and winter (Lord Howe's).
_CHANGE = 900 * NS
#: A step of the wall clock against the PTS, or drift, past this begins a new run (ns).
STEP = NS // 2
#: A reading with milliseconds is rounded down to one.
_MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Readings:
    """Wall-clock readings: sample index, UTC ns, local ns; whether finer than a second."""

    sample: NDArray[np.int64]
    wall: NDArray[np.int64]
    local: NDArray[np.int64]
    milliseconds: bool


def read_clock(table: SampleTable, clock: DeviceClock, listing_begin: int) -> Readings:
    """In the hour that a clock repeats each reading is taken near where the PTS say from the first
    one on; of the first one that pass from which the clock goes on evenly, which footage shows that
    reaches out of that hour; else the one near the listing's begin."""
    anchors = table.anchors
    video = table.video
    if anchors is None or video is None:
        none = np.empty(0, np.int64)
        return Readings(none, none, none, False)
    if not len(anchors.wall):
        return Readings(anchors.sample, np.empty(0, np.int64), anchors.wall, anchors.milliseconds)
    pts = [ticks_to_ns(int(video.pts[sample])) for sample in anchors.sample]
    found = [
        _walls(anchors.wall, pts, clock, first)
        for first in clock.zone.local_to_utc(int(anchors.wall[0]))
        or (clock.wall_to_utc(int(anchors.wall[0])),)
    ]
    wall = min(found, key=lambda each: (_broken(each, pts), abs(int(each[0]) - listing_begin)))
    return Readings(anchors.sample, wall, anchors.wall, anchors.milliseconds)


def _walls(
    local: NDArray[np.int64], pts: Sequence[int], clock: DeviceClock, first: int
) -> NDArray[np.int64]:
    """Readings in UTC from a first one on, each near where the PTS say."""
    wall = [first]
    for index in range(1, len(local)):
        near = wall[-1] + pts[index] - pts[index - 1]
        wall.append(clock.wall_to_utc(int(local[index]), near))
    return np.array(wall, np.int64)


def _broken(wall: NDArray[np.int64], pts: Sequence[int]) -> int:
    """How often the clock leaves the PTS by what a change of the hour makes at least."""
    off = np.diff(wall - np.array(pts, np.int64))
    return int((np.abs(off) >= _CHANGE).sum())


def clock_steps(
    pts: NDArray[np.int64], readings: Readings, first: int, last: int
) -> list[tuple[int, str]]:
    """Readings inside [first, last) from which the wall clock no longer fits the PTS."""
    inside = _inside(readings, first, last)
    out: list[tuple[int, str]] = []
    base = previous = None
    low = high = 0
    for index in inside:
        at = int(readings.sample[index])
        residual = int(readings.wall[index]) - ticks_to_ns(int(pts[at]) - int(pts[first]))
        if base is None or previous is None:
            base = previous = residual
            low, high = residual, residual + NS
            continue
        if readings.milliseconds:
            step = abs(residual - previous) > STEP
            drift = abs(residual - base) > STEP
        else:
            # Whole seconds: the true origin lies in [residual, residual + 1 s) of every reading.
            step = residual - previous > NS + STEP or previous - residual > NS + STEP
            drift = max(low, residual) >= min(high, residual + NS)
        if step or drift:
            out.append((at, "clock step" if step else "drift"))
            base, low, high = residual, residual, residual + NS
        low, high = max(low, residual), min(high, residual + NS)
        previous = residual
    return out


def _inside(readings: Readings, first: int, last: int) -> range:
    """The readings of samples [first, last)."""
    low, high = np.searchsorted(readings.sample, (first, last))
    return range(int(low), int(high))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run begins: UTC ns, the device's own reading (local ns, None without one), `stream`
    or `listing`, and how far off it may be (ns)."""

    wall: int
    local: int | None
    kind: str
    uncertainty: int


def find_origin(
    pts: NDArray[np.int64], readings: Readings, first: int, last: int, begin: int
) -> Origin | None:
    """DESIGN: with milliseconds the median residual; whole seconds only: the midpoint of the
    interval that fits every reading, its half-width the uncertainty."""
    inside = _inside(readings, first, last)
    if not len(inside):
        return None
    media = np.array([ticks_to_ns(int(pts[readings.sample[i]]) - begin) for i in inside])
    residual = readings.wall[inside.start : inside.stop] - media
    if readings.milliseconds:
        wall = int(np.sort(residual)[(len(residual) - 1) // 2])
        uncertainty = int(np.abs(residual - wall).max()) + _MILLISECOND
    else:
        low, high = int(residual.max()), int(residual.min()) + NS
        wall, uncertainty = (low + high) // 2, max((high - low) // 2, _MILLISECOND)
    reading = inside[0]
    zone = int(readings.local[reading] - readings.wall[reading])
    return Origin(wall, wall + zone, "stream", uncertainty)
