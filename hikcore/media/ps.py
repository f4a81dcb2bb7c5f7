"""MPEG program streams, as Hikvision and others write them, to sample tables (docs/formats.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged, MediaEncrypted, MediaUnsupported
from hikcore.media.columns import (
    ANCHOR,
    HEAD,
    SAMPLE,
    SHARED_FAULTS,
    codec_configs,
    damage,
    samples,
)
from hikcore.media.ps_scan import OTHER_BEGINS, PsScan, said
from hikcore.media.ps_sound import sound
from hikcore.media.ps_times import median_step, readable, slice_heads, video_times
from hikcore.media.table import Anchors, SampleTable

if TYPE_CHECKING:
    from hikcore.native.ps import Columns, PsCore

__all__ = ["PsIndexer", "make_table"]

_FAULTS: Final = SHARED_FAULTS | {
    1: "bytes between packets passed over",
    2: "a packet header that cannot be",
    3: "a program stream map that cannot be",
}
#: Pictures that are named and not read: by stream_type, by 256 + the stream's first start code.
_OTHERS: Final = {
    0x01: "MPEG-1 video", 0x02: "MPEG-2 video", 0x10: "MPEG-4 part 2 video", 0x80: "SVAC video",
    0xB1: "MJPEG", OTHER_BEGINS + 0xB0: "MPEG-4 part 2 video",
    OTHER_BEGINS + 0xB3: "MPEG-1 or MPEG-2 video",
    OTHER_BEGINS + 0xB5: "MPEG-4 part 2 video",
}  # fmt: skip


class PsIndexer(PsScan):
    """Indexes a program stream that is fed in pieces of any size, while it arrives.

    Args: as of PsScan.
    """

    def finish(self) -> SampleTable:
        """The end of the body.

        Raises:
            MediaUnsupported: its pictures are in a codec that is not read.
            MediaDamaged: there is not one picture in it.
            MediaEncrypted: the same, and the device says that the video is encrypted.
        """
        return make_table(self.core, self.end(), self.size)


def make_table(core: PsCore, columns: Columns, size: int) -> SampleTable:
    """The table of a parser's records, of a body of so many bytes; raises as `PsIndexer.finish`."""
    video = np.frombuffer(columns["video"], SAMPLE)
    if not len(video) and not columns["audio"]:
        raise _nothing(core, "no picture and no sound in this program stream", size)
    configs, chosen, notes = codec_configs(columns["configs"], video["config"])
    # Slices of another codec may look like parameter sets.
    if len(video) and (not configs or core.told()[0] >= OTHER_BEGINS):
        raise _nothing(
            core, "no parameter sets, so no key frame either: nothing of it can be decoded", 0
        )
    pictures, encrypted = None, core.encrypted
    if len(video):
        heads = np.frombuffer(columns["heads"], HEAD)
        slices = slice_heads(heads, len(video), configs, chosen)
        pts, dts, late = video_times(video, slices)
        notes += late
        pictures = samples(
            video,
            columns["video_extents"],
            dts,
            pts,
            configs=configs,
            config=chosen,
            framing="annexb",
            last_duration=median_step(pts),
        )
        if encrypted and core.clear:
            # Not every map says so: the bytes decide.
            flags = np.frombuffer(columns["anchors"], ANCHOR)
            encrypted = not readable(flags, slices, len(video))
            notes += [] if encrypted else ["maps that say encrypted, pictures that are not"]
    near = int(pictures.pts[0]) if pictures is not None else None
    heard, lacking = sound(core, columns, near)
    return SampleTable(
        container="ps",
        video=pictures,
        audio=heard,
        anchors=_anchors(columns),
        frame_numbers=_numbers(video),
        damage=damage(columns["faults"], _FAULTS),
        cut_off=core.cut_off,
        encrypted=encrypted,
        notes=tuple(notes + lacking + said(core)),
    )


def _nothing(
    core: PsCore, reason: str, offset: int
) -> MediaDamaged | MediaEncrypted | MediaUnsupported:
    if core.encrypted:
        return MediaEncrypted(f"the recorder says that this video is encrypted: {reason}")
    name = _OTHERS.get(core.told()[0])
    if name is not None:
        return MediaUnsupported(f"pictures in {name}, which is not read", offset=offset)
    return MediaDamaged(reason, offset=offset)


def _numbers(video: NDArray[np.void]) -> NDArray[np.uint32] | None:
    frames: NDArray[np.uint32] = video["frame"].copy()
    return None if bool((frames == 0xFFFFFFFF).all()) else frames


def _anchors(columns: Columns) -> Anchors | None:
    """Wall-clock readings that are dates."""
    records = np.frombuffer(columns["anchors"], ANCHOR)
    good = records[records["wall"] >= 0]
    if not len(good):
        return None
    wall = good["wall"].astype(np.int64)
    milliseconds = bool((wall % 1_000_000_000 != 0).any())
    return Anchors(good["sample"].astype(np.int64), wall, milliseconds)
