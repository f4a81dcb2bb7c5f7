"""Live frames that wait to be written, as samples of a fragment (see hikcore.media.recording)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hikcore.media.mp4.headers import TIMESCALE
from hikcore.media.table import CodecConfig, Samples

#: A picture lasts no longer in a fragment (an hour): behind it the next fragment's time says more.
LONGEST: Final = 3600 * TIMESCALE


@dataclass(slots=True)
class LiveUnit:
    """A frame that came: its kind as `LiveFrame` has it, UTC ns by the device's clock (-1: not
    known), its bytes; the tick of 90 kHz that it gets (-1: none yet), and whether pictures can be
    decoded from it on."""

    kind: int
    time: int
    data: bytes
    tick: int = -1
    key: bool = False


class Memory:
    """Bytes in memory as the source of a table."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._view = memoryview(data)

    def read_at(self, offset: int, size: int) -> memoryview:
        """Those bytes."""
        return self._view[offset : offset + size]


def lasts(unit: LiveUnit) -> int:
    """Ticks of a unit of G.711 of 8 kHz."""
    return max(len(unit.data) * TIMESCALE // 8000, 1)


def rising(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pictures of one frame one tick after the other."""
    index = np.arange(len(ticks))
    return np.maximum.accumulate(ticks - index) + index


def timed(video: Samples, dts: NDArray[np.int64], pts: NDArray[np.int64], end: int) -> Samples:
    """The pictures at these ticks of 90 kHz (both of shape (n,)); the last one lasts to `end`."""
    config = video.configs[int(video.config[0])]
    return Samples(
        timescale=TIMESCALE,
        dts=dts,
        pts=pts,
        size=video.size,
        sync=video.sync,
        config=np.zeros(len(video), np.uint16),
        first=video.first,
        extent_offset=video.extent_offset,
        extent_size=video.extent_size,
        framing=video.framing,
        configs=(config,),
        last_duration=min(max(end - int(dts[-1]), 1), LONGEST),
    )


def sound_samples(units: Sequence[LiveUnit], config: CodecConfig, end: int) -> Samples:
    """The units, one behind the other in their source; the last one lasts to the tick `end`."""
    ticks = np.array([unit.tick for unit in units], np.int64)
    sizes = np.array([len(unit.data) for unit in units], np.uint32)
    ends = np.cumsum(sizes, dtype=np.uint64)
    return Samples(
        timescale=TIMESCALE,
        dts=ticks,
        pts=ticks,
        size=sizes,
        sync=np.ones(len(units), np.bool_),
        config=np.zeros(len(units), np.uint16),
        first=np.arange(len(units) + 1, dtype=np.int64),
        extent_offset=(ends - sizes).astype(np.uint64),
        extent_size=sizes,
        framing="raw",
        configs=(config,),
        last_duration=min(max(end - int(ticks[-1]), 1), LONGEST),
    )
