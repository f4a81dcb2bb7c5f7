"""The 90 kHz clock that runs, segments and clips are counted in, made of a file's own timescale.

Every time is converted from the file's origin by itself, never from the one before it, so nothing
accumulates: a timescale that divides 90 000 (1000, 15 000, 30 000, …), or whose times happen to
fall on ticks (12 800 at 25 pictures a second), stays exact; else each time is off by at most half a
tick (5.6 us), which a note says. Order is kept; two times fall together only if less than a tick
apart.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged
from hikcore.media.mp4.headers import FURTHEST, TIMESCALE
from hikcore.media.table import Samples, SampleTable


def to_ninety(table: SampleTable) -> SampleTable:
    """The same table with both tracks in 90 kHz.

    Raises:
        MediaDamaged: times that no file has.
    """
    notes = list(table.notes)
    video, audio, presented = table.video, table.audio, table.presented
    if video is not None:
        exact = _exact(video)
        if not exact:
            notes.append(
                f"times of pictures rounded to 1/{TIMESCALE} s from a timescale of "
                f"{video.timescale}: off by half a tick at most"
            )
        if presented is not None and video.timescale != TIMESCALE:
            begin, end = _ticks(np.array(presented, np.int64), video.timescale)
            presented = int(begin), int(end)
        video = in_ticks(video)
    return replace(
        table,
        video=video,
        audio=in_ticks(audio) if audio is not None else None,
        notes=tuple(notes),
        presented=presented,
    )


def in_ticks(samples: Samples) -> Samples:
    """The samples with times in 90 kHz, each to the nearest tick.

    Raises:
        MediaDamaged: times that no file has.
    """
    scale = samples.timescale
    for times in (samples.dts, samples.pts):
        if len(times) and max(int(times.max()), -int(times.min())) // scale >= FURTHEST:
            raise MediaDamaged("its times lie centuries from its begin")
    if scale == TIMESCALE or not len(samples):
        return replace(samples, timescale=TIMESCALE)
    dts = _ticks(samples.dts, scale)
    end = _ticks(samples.dts[-1:] + samples.last_duration, scale)
    return replace(
        samples,
        timescale=TIMESCALE,
        dts=dts,
        pts=_ticks(samples.pts, scale),
        last_duration=int(end[0] - dts[-1]),
    )


def _ticks(times: NDArray[np.int64], scale: int) -> NDArray[np.int64]:
    """To the nearest tick (a half goes up), without leaving 63 bits on the way."""
    whole, rest = np.divmod(times, scale)
    out: NDArray[np.int64] = whole * TIMESCALE + (2 * rest * TIMESCALE + scale) // (2 * scale)
    return out


def _exact(samples: Samples) -> bool:
    """Whether every composition time falls on a tick."""
    rest = np.mod(samples.pts, samples.timescale)
    return not (rest * TIMESCALE % samples.timescale).any()
