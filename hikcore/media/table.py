"""The sample table: one index for every container, and the one thing every cut is made of.

The table is columns, not objects. Sample bytes are one or more extents of the source; `dts` and
`pts` are integers in the source's own timescale (PTS unwrapped, so that they grow past 2^33).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hikcore.media.formats import ByteSource, Codec, CodecConfig, Damage, Framing

if TYPE_CHECKING:  # numpy takes longer to load than a short cut takes: see hikcore.media.mp4.quick
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one track in decoding order. All columns have shape (n,) unless said.

    Attributes:
        timescale: ticks a second.
        dts, pts: int64.
        size: uint32, bytes as written to an MP4 (NAL units behind 4-byte lengths; audio as is).
        sync: bool; a real IDR or IRAP picture that decoding can begin at.
        config: uint16, index into `configs`.
        first: int64 (n+1,), sample i has the extents first[i] to first[i+1].
        extent_offset: uint64 (m,), byte offset in the source.
        extent_size: uint32 (m,), bytes.
        last_duration: ticks that the last sample lasts (the others last until the next dts).
    """

    timescale: int
    dts: NDArray[np.int64]
    pts: NDArray[np.int64]
    size: NDArray[np.uint32]
    sync: NDArray[np.bool_]
    config: NDArray[np.uint16]
    first: NDArray[np.int64]
    extent_offset: NDArray[np.uint64]
    extent_size: NDArray[np.uint32]
    framing: Framing
    configs: tuple[CodecConfig, ...]
    last_duration: int

    def __len__(self) -> int:
        return len(self.pts)

    def slice(self, begin: int, end: int) -> Samples:
        """Samples begin to end (decoding order); extents are shared, not copied. The last sample
        of the slice lasts until the next dts of the whole."""
        last = self.last_duration
        if 0 < end < len(self):
            last = int(self.dts[end] - self.dts[end - 1])
        return replace(
            self,
            dts=self.dts[begin:end],
            pts=self.pts[begin:end],
            size=self.size[begin:end],
            sync=self.sync[begin:end],
            config=self.config[begin:end],
            first=self.first[begin : end + 1],
            last_duration=last,
        )


@dataclass(frozen=True, slots=True)
class Anchors:
    """Readings of the device's wall clock, each at the sample whose pack it came with.

    Attributes:
        sample: int64 (k,), index of the video sample.
        wall: int64 (k,), local ns (the device's own reading; no zone).
        milliseconds: whether any reading has a part below the second.
    """

    sample: NDArray[np.int64]
    wall: NDArray[np.int64]
    milliseconds: bool


@dataclass(frozen=True, slots=True)
class SampleTable:
    """The index of one container.

    Attributes:
        container: `ps`, `mp4`, …
        video, audio: the tracks, or None.
        anchors: wall-clock readings found in the stream.
        frame_numbers: uint32 (n,) of the video samples, 0xFFFFFFFF where absent; None if never.
        damage: what was passed over, in order, at most 1000.
        cut_off: bytes of a last access unit that the end of the body cut (they are in no sample).
        encrypted: the device says that the video is encrypted.
        notes: named things that were left out (`audio g7221 dropped`, …).
        presented: ticks of the video from which and to which the container's own edit list shows
            pictures; None where it has none, and all are shown. Hidden pictures are in the table.
    """

    container: str
    video: Samples | None
    audio: Samples | None = None
    anchors: Anchors | None = None
    frame_numbers: NDArray[np.uint32] | None = None
    damage: tuple[Damage, ...] = ()
    cut_off: int = 0
    encrypted: bool = False
    notes: tuple[str, ...] = field(default=())
    presented: tuple[int, int] | None = None


__all__ = [
    "Anchors", "ByteSource", "Codec", "CodecConfig", "Damage", "Framing", "SampleTable", "Samples",
]  # fmt: skip
