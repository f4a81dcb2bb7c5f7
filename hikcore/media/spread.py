"""Media times from the wall clock that every frame carries (EverFocus)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hikcore.media.times import JUMP_TICKS, strays

_SECOND = 90_000
#: 40 ms, where nothing in the stream tells.
_STEP = 3600


@dataclass(frozen=True, slots=True)
class MediaTimes:
    """Times of frames in decoding order, all columns of shape (n,), 90 kHz.

    Attributes:
        pts: int64, rising. shift: int64, what was added to the clock's ticks: it grows where the
            clock was set back, and is 0 before.
        own: bool, whether the frame's own time could be used (if not: estimated from others).
        exact: bool, whether pts - shift is that time.
        step: ticks between frames, on average.
    """

    pts: NDArray[np.int64]
    shift: NDArray[np.int64]
    own: NDArray[np.bool_]
    exact: NDArray[np.bool_]
    step: int


def media_times(clock: NDArray[np.int64], known: NDArray[np.bool_]) -> MediaTimes:
    """Rising media times from readings of a wall clock, differences kept exactly.

    A clock that goes forward is believed: the difference is the pause. One that goes back by a
    frame or more was set back: media time goes on by one step, and the reading itself, kept as an
    anchor, tells `find_runs` that a new run begins. Frames with equal times (some clocks tell whole
    seconds) or none, and those that one or two alone have hours off, are laid evenly between
    their neighbours, never into a pause.

    Args:
        clock: int64 (n,), readings in 90 kHz ticks. known: bool (n,), which of them are any.
    """
    count = len(clock)
    own = known.copy()
    own[np.flatnonzero(known)[strays(clock[known])]] = False
    at = np.flatnonzero(own)
    if not len(at):
        zero = np.zeros(count, np.int64)
        return MediaTimes(np.arange(count, dtype=np.int64) * _STEP, zero, own, own, _STEP)
    step = _step(clock[at], at)
    risen, shift = _risen(clock[at], at, step)
    top = np.maximum.accumulate(risen)
    ahead = np.concatenate(([True], risen[1:] > top[:-1]))
    pts = _between(at[ahead], risen[ahead], count, step)
    last = np.maximum(np.searchsorted(at, np.arange(count), side="right") - 1, 0)
    shifts = shift[last]
    exact = own & (pts - shifts == clock)
    return MediaTimes(pts, shifts, own, exact, step)


def _step(clock: NDArray[np.int64], at: NDArray[np.intp]) -> int:
    """Ticks between frames: the median. A reading that several have is divided among them; how
    many had the first one before it is not known."""
    ticks = np.diff(clock)
    changes = np.flatnonzero(ticks)
    frames = np.diff(at[changes + 1], prepend=at[0])
    if len(changes) > 1:
        changes, frames = changes[1:], frames[1:]
    ticks = ticks[changes]
    plain = (ticks > 0) & (ticks <= JUMP_TICKS)
    if not plain.any():
        return _STEP
    each = np.repeat(ticks[plain] // frames[plain], frames[plain])
    return max(int(np.median(each)), 1)


def _risen(
    clock: NDArray[np.int64], at: NDArray[np.intp], step: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The clock with its steps back made good, and what that added."""
    ticks = np.diff(clock)
    back = ticks <= -step
    shift = np.concatenate(([0], np.cumsum(np.where(back, step * np.diff(at) - ticks, 0))))
    return clock + shift, shift.astype(np.int64)


def _between(
    at: NDArray[np.intp], ticks: NDArray[np.int64], count: int, step: int
) -> NDArray[np.int64]:
    """Times of all frames from those of some: evenly between two, where that is about a step each;
    else one step after another behind the earlier."""
    frames = np.append(np.diff(at), 1)
    room = np.append(np.diff(ticks), step)
    pause = room > frames * step + frames * step // 2
    each = np.where(pause, frames * step, room)
    index = np.arange(count)
    group = np.maximum(np.searchsorted(at, index, side="right") - 1, 0)
    inside = index - at[group]
    # Before the first known time and behind the last: steps.
    outside = (inside < 0) | (group == len(at) - 1)
    even = inside * each[group] // frames[group]
    out: NDArray[np.int64] = ticks[group] + np.where(outside, inside * step, even)
    if len(at) > 1 and frames[0] > 1 and not (ticks[:2] % _SECOND).any():
        # Whole seconds only, begun within one: these frames are its last ones.
        late = ticks[1] - (at[1] - index[: at[1]]) * step
        if late[at[0]] >= ticks[0]:
            out[: at[1]] = late
    return out
