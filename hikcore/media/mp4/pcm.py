"""Sound that a file counts by its samples, as units that a table can hold.

QuickTime makes every frame of PCM (one sample of each channel) a sample of its own: an hour of
8 kHz sound is 28.8 million. Frames that lie together become units of at most FRAMES.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: As long as an AAC unit; small enough that a cut's edit list trims little.
FRAMES = 1024


@dataclass(frozen=True, slots=True)
class PcmUnits:
    """Columns of units, each of shape (n,): begin in ticks, byte offset, bytes."""

    begin: NDArray[np.int64]
    offset: NDArray[np.uint64]
    size: NDArray[np.uint32]
    last_duration: int


def pcm_units(
    chunks: NDArray[np.uint64],
    held: NDArray[np.int64],
    frame: int,
    runs: NDArray[np.int64],
    deltas: NDArray[np.int64],
    rate: int,
) -> PcmUnits:
    """Units of the frames in the chunks.

    Args:
        chunks, held: (k,) offset and number of frames of each chunk.
        frame: bytes of a frame.
        runs, deltas: (r,) frames and ticks of each, run by run (stts).
        rate: samples a second; a unit is never longer than a second.
    """
    most = max(min(FRAMES, rate or FRAMES), 1)
    pieces = -(-held // most)
    chunk = np.repeat(np.arange(len(held)), pieces)
    number = np.arange(len(chunk)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    frames = np.minimum(held[chunk] - number * most, most)
    first = (np.cumsum(held) - held)[chunk] + number * most
    total = int(runs.sum())
    keep = first < total  # those whose time is not known are left out
    chunk, number, frames, first = (c[keep] for c in (chunk, number, frames, first))
    frames = np.minimum(frames, total - first)
    begin = _times(first, runs, deltas)
    end = _times(first[-1:] + frames[-1:], runs, deltas)
    return PcmUnits(
        begin,
        chunks[chunk] + (number * most * frame).astype(np.uint64),
        (frames * frame).astype(np.uint32),
        int(end[0] - begin[-1]) if len(begin) else 0,
    )


def _times(
    frames: NDArray[np.int64], runs: NDArray[np.int64], deltas: NDArray[np.int64]
) -> NDArray[np.int64]:
    """When frames begin, by their number."""
    if not len(runs):
        return np.zeros(len(frames), np.int64)
    ends = np.cumsum(runs)
    ticks = np.cumsum(runs * deltas)
    run = np.minimum(np.searchsorted(ends, frames, side="right"), len(runs) - 1)
    out: NDArray[np.int64] = ticks[run] - (ends[run] - frames) * deltas[run]
    return out
