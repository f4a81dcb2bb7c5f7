"""Arithmetic of timestamps in 90 kHz ticks: wrapping, gaps in them, decoding times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WRAP = 1 << 33
#: A jump of PTS is more than the larger of the first two (ticks, times the median step), and the
#: third at most: where every step is hours, none is the recorder's own pace.
JUMP_TICKS, _JUMP_STEPS, _JUMP_MOST = 5 * 90_000, 10, 3600 * 90_000
#: It counts when so many samples stay there: recorders are known that send a stray one.
_PERSIST = 3


def unwrap(pts: NDArray[np.int64], near: int | None = None) -> NDArray[np.int64]:
    """Timestamps of 33 bits as ones that grow past 2^33 (ISO 13818-1 2.4.3.7).

    Args:
        pts: int64 (n,), each in [0, 2^33).
        near: an unwrapped timestamp close to the first.
    """
    if not len(pts):
        return pts.astype(np.int64)
    steps = np.diff(pts)
    steps = (steps + WRAP // 2) % WRAP - WRAP // 2
    first = int(pts[0])
    if near is not None:
        first += round((near - first) / WRAP) * WRAP
    return np.concatenate(([0], np.cumsum(steps))).astype(np.int64) + first


def fill_missing(pts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Timestamps of -1 replaced by ones evenly between their neighbours (at the ends: by the step
    of the nearest known ones, 40 ms where there is none)."""
    known = np.flatnonzero(pts >= 0)
    if len(known) == len(pts):
        return pts.astype(np.int64)
    if not len(known):
        return np.arange(len(pts), dtype=np.int64) * 3600
    values = unwrap(pts[known].astype(np.int64))
    out = np.interp(np.arange(len(pts)), known, values).astype(np.int64)
    step = 3600
    if len(known) > 1 and known[-1] > known[0]:
        step = max(int((values[-1] - values[0]) // (known[-1] - known[0])), 1)
    head, tail = int(known[0]), int(known[-1])
    out[:head] = values[0] - step * np.arange(head, 0, -1)
    out[tail + 1 :] = values[-1] + step * np.arange(1, len(pts) - tail)
    result: NDArray[np.int64] = out % WRAP
    return result


def jump_bound(pts: NDArray[np.int64]) -> int:
    """Ticks past which a step between neighbours (decoding order) is a jump."""
    steps = np.abs(np.diff(pts))
    if not len(steps):
        return JUMP_TICKS
    return min(max(JUMP_TICKS, _JUMP_STEPS * int(np.median(steps))), _JUMP_MOST)


def strays(pts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which samples' (unwrapped) timestamps are far from those before and behind, which are near
    each other. At the end of the array nobody can tell: none there."""
    out = np.zeros(len(pts), np.bool_)
    bound = jump_bound(pts)
    for found in np.flatnonzero(np.abs(np.diff(pts)) > bound) + 1:
        at = int(found)
        if out[at]:
            continue
        last = at - 1
        while out[last]:
            last -= 1
        before = int(pts[last])
        if abs(int(pts[at]) - before) <= bound:
            continue
        for back in range(at + 1, min(at + _PERSIST, len(pts))):
            if abs(int(pts[back]) - before) <= bound:
                out[at:back] = True
                break
    return out


def decode_times(pts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Decoding times for samples in decoding order that carry presentation times only.

    The i-th decoding time is the i-th smallest presentation time less one constant delay, the
    smallest that leaves none after its presentation. Without B-frames both are equal.
    """
    ordered = np.sort(pts)
    delay = int((ordered - pts).max()) if len(pts) else 0
    return ordered - delay
