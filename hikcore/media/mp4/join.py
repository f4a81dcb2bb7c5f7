"""Joins stretches of several tables into the columns of one track, and reads their bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged
from hikcore.media.mp4.write import TIMESCALE
from hikcore.media.samples import SampleReader
from hikcore.media.table import ByteSource, CodecConfig, Samples

#: The next picture to show is among so many behind in decoding order: no more than 16 are held back
#: (H.264 A.3.1 h, H.265 A.4.2).
_NEAR = 64


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples first to last of one track of one table, `shift` ticks later than in the table.

    Ticks are of 90 kHz; a track in another timescale (audio of a clip) is brought to it, rounded.
    """

    source: ByteSource
    samples: Samples
    first: int
    last: int
    shift: int

    def __len__(self) -> int:
        return self.last - self.first

    @property
    def times(self) -> NDArray[np.int64]:
        """Composition times after the shift."""
        pts, scale = self.samples.pts[self.first : self.last], self.samples.timescale
        if scale != TIMESCALE:
            pts = (2 * pts * TIMESCALE + scale) // (2 * scale)
        return pts + self.shift

    @property
    def last_duration(self) -> int:
        """Ticks that the sample with the latest time lasts (in ticks of the table)."""
        return latest_duration(self.samples, self.first, self.last)

    def part(self, first: int, last: int) -> Stretch:
        """Samples first to last of this stretch, counted from its own first."""
        return replace(self, first=self.first + first, last=self.first + last)


def latest_duration(samples: Samples, first: int, last: int) -> int:
    """Ticks that of samples first to last the one with the latest time lasts: until the next one of
    the table. With B pictures that need not be the next in decoding order."""
    latest = int(samples.pts[first:last].max())
    for behind in (samples.pts[last : last + _NEAR], samples.pts[last + _NEAR :]):
        later = behind[behind > latest]
        if len(later):
            return int(later.min()) - latest
    return samples.last_duration


def join_video(stretches: Sequence[Stretch]) -> Samples:
    """One track in the given order. Composition times are kept; decoding times are made anew (the
    sorted composition times, less the least delay): two runs may have different delays.

    Raises:
        ValueError: a table has another timescale than 90 kHz, so that times would not be exact.
    """
    if any(stretch.samples.timescale != TIMESCALE for stretch in stretches):
        raise ValueError(f"video is joined in {TIMESCALE} ticks a second only")
    pts = np.concatenate([stretch.times for stretch in stretches])
    ordered = np.sort(pts)
    dts = ordered - int((ordered - pts).max())
    return _joined(stretches, pts, dts, stretches[-1].last_duration)


def join_audio(stretches: Sequence[Stretch]) -> Samples:
    """One track in the given order. A unit that begins before the one ahead of it (clocks of two
    chunks differ by a little) begins with it."""
    pts = np.maximum.accumulate(np.concatenate([stretch.times for stretch in stretches]))
    return _joined(stretches, pts, pts, stretches[-1].last_duration)


def _joined(
    stretches: Sequence[Stretch],
    pts: NDArray[np.int64],
    dts: NDArray[np.int64],
    last_duration: int,
) -> Samples:
    configs: dict[CodecConfig, int] = {}
    config = []
    for stretch in stretches:
        used = stretch.samples.config[stretch.first : stretch.last]
        mapped = np.zeros(len(stretch.samples.configs), np.uint16)
        for index in np.unique(used).tolist():
            mapped[index] = configs.setdefault(stretch.samples.configs[index], len(configs))
        config.append(mapped[used])

    def column(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(s.samples, name)[s.first : s.last] for s in stretches])

    size = column("size").astype(np.uint32)
    return Samples(
        timescale=TIMESCALE,
        dts=dts,
        pts=pts,
        size=size,
        sync=column("sync").astype(np.bool_),
        config=np.concatenate(config),
        first=np.zeros(len(size) + 1, np.int64),  # the bytes come from the stretches
        extent_offset=np.zeros(0, np.uint64),
        extent_size=np.zeros(0, np.uint32),
        framing=stretches[0].samples.framing if stretches[0].samples.framing == "raw" else "length",
        configs=tuple(configs),
        last_duration=last_duration,
    )


class StretchReader:
    """The bytes of joined stretches by the index in the joined track."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self._stretches = stretches
        self._begins = np.cumsum([0, *(len(s) for s in stretches)]).tolist()
        self._source: ByteSource | None = None

    def read(self, first: int, last: int) -> bytes | memoryview:
        """Samples first to last, in MP4 form; valid until the next call.

        Raises:
            MediaDamaged: a source does not hold what its table says.
        """
        out: list[bytes | memoryview] = []
        at = bisect_right(self._begins, first) - 1
        while first < last:
            if at >= len(self._stretches):
                raise MediaDamaged(f"sample {first} lies in no part of the clip")
            stretch, begin = self._stretches[at], self._begins[at]
            end = min(last, self._begins[at + 1])
            if first < end:
                low = stretch.first + first - begin
                data = self._of(stretch).read(stretch.samples, low, low + end - first)
                if end == last and not out:
                    return data
                out.append(bytes(data))
                first = end
            at += 1
        return b"".join(out)

    def _of(self, stretch: Stretch) -> SampleReader:
        if self._source is not stretch.source:
            self._source = stretch.source
            self._reader = SampleReader(stretch.source)
        return self._reader
