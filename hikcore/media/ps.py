"""MPEG program streams, as Hikvision and others write them, to sample tables (docs/formats.md)."""

from __future__ import annotations

import struct
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
from hikcore.media.ps_sound import IMKH_SOUND, sound
from hikcore.media.ps_times import median_step, readable, slice_heads, video_times
from hikcore.media.table import Anchors, SampleTable
from hikcore.native.ps import PsCore

if TYPE_CHECKING:
    from hikcore.native.ps import Columns

__all__ = ["PsIndexer"]

_FAULTS: Final = SHARED_FAULTS | {
    1: "bytes between packets passed over",
    2: "a packet header that cannot be",
    3: "a program stream map that cannot be",
}
_IMKH_SIZE: Final = 40
_IMKH_VIDEO: Final = {1: 1, 0x100: 1, 5: 2}
_OTHER_BEGINS: Final = 256
#: Pictures that are named and not read: by stream_type, by 256 + the stream's first start code.
_OTHERS: Final = {
    0x01: "MPEG-1 video", 0x02: "MPEG-2 video", 0x10: "MPEG-4 part 2 video", 0x80: "SVAC video",
    0xB1: "MJPEG", _OTHER_BEGINS + 0xB0: "MPEG-4 part 2 video",
    _OTHER_BEGINS + 0xB3: "MPEG-1 or MPEG-2 video",
    _OTHER_BEGINS + 0xB5: "MPEG-4 part 2 video",
}  # fmt: skip


class PsIndexer:
    """Indexes a program stream that is fed in pieces of any size, while it arrives.

    Args:
        max_samples, max_extents: caps of the index, each track; past one the table ends there.
        core: the parser, where it is to do more than to parse.
    """

    def __init__(
        self,
        max_samples: int = 3_000_000,
        max_extents: int = 6_000_000,
        core: PsCore | None = None,
    ) -> None:
        self._core = core if core is not None else PsCore(max_samples, max_extents)
        self._head: bytearray | None = bytearray()
        self._size = 0

    def feed(self, block: bytes | bytearray | memoryview) -> None:
        """The next piece of the body."""
        self._size += len(block)
        if self._head is None:
            self._core.feed(block)
            return
        self._head += block
        if len(self._head) >= _IMKH_SIZE or not b"IMKH".startswith(bytes(self._head[:4])):
            self._begin()

    def finish(self) -> SampleTable:
        """The end of the body.

        Raises:
            MediaUnsupported: its pictures are in a codec that is not read.
            MediaDamaged: there is not one picture in it.
            MediaEncrypted: the same, and the device says that the video is encrypted.
        """
        if self._head is not None:
            if self._head.startswith(b"IMKH"):
                raise MediaDamaged("the body ends inside its file header", offset=len(self._head))
            self._begin()
        columns = self._core.finish()
        video = np.frombuffer(columns["video"], SAMPLE)
        if not len(video) and not columns["audio"]:
            raise self._nothing("no picture and no sound in this program stream", self._size)
        configs, chosen, notes = codec_configs(columns["configs"], video["config"])
        # Slices of another codec may look like parameter sets.
        if len(video) and (not configs or self._core.told()[0] >= _OTHER_BEGINS):
            raise self._nothing(
                "no parameter sets, so no key frame either: nothing of it can be decoded", 0
            )
        pictures, encrypted = None, self._core.encrypted
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
            if encrypted and self._core.clear:
                # Not every map says so: the bytes decide.
                flags = np.frombuffer(columns["anchors"], ANCHOR)
                encrypted = not readable(flags, slices, len(video))
                notes += [] if encrypted else ["maps that say encrypted, pictures that are not"]
        near = int(pictures.pts[0]) if pictures is not None else None
        heard, lacking = sound(self._core, columns, near)
        return SampleTable(
            container="ps",
            video=pictures,
            audio=heard,
            anchors=_anchors(columns),
            frame_numbers=_numbers(video),
            damage=damage(columns["faults"], _FAULTS),
            cut_off=self._core.cut_off,
            encrypted=encrypted,
            notes=tuple(notes + lacking + self._notes()),
        )

    def _nothing(
        self, reason: str, offset: int
    ) -> MediaDamaged | MediaEncrypted | MediaUnsupported:
        if self._core.encrypted:
            return MediaEncrypted(f"the recorder says that this video is encrypted: {reason}")
        name = _OTHERS.get(self._core.told()[0])
        if name is not None:
            return MediaUnsupported(f"pictures in {name}, which is not read", offset=offset)
        return MediaDamaged(reason, offset=offset)

    def _begin(self) -> None:
        head, self._head = bytes(self._head or b""), None
        if head.startswith(b"IMKH") and len(head) >= _IMKH_SIZE:
            system, video, audio = struct.unpack_from("<HHH", head, 8)
            if system not in (2, 8):
                raise MediaUnsupported(
                    f"a Hikvision file whose header says system format {system:#x}, not MPEG-PS",
                    offset=8,
                )
            self._core.expect(_IMKH_VIDEO.get(video, 0), IMKH_SOUND.get(audio, 0))
            self._core.skip(_IMKH_SIZE)
            head = head[_IMKH_SIZE:]
        if head:
            self._core.feed(head)

    def _notes(self) -> list[str]:
        out = ["further video streams dropped"] if self._core.dropped_streams else []
        if self._core.open_end:
            out.append(
                "the last picture may not be whole: the body ends behind a packet of full size"
            )
        return out


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
