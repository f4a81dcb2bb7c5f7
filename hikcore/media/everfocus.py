"""EverFocus frame streams (NVR SDK guide, 3.1) to sample tables.

Every frame carries UTC to the millisecond, so `pts` is that time in 90 kHz ticks since 1970, a
millisecond being 90 of them exactly, as long as the clock runs forward (hikcore.media.spread says
what happens when it does not), and every picture is an anchor. As these readings are UTC, give
`find_runs` the clock `hikcore.deviceclock.UTC_CLOCK`, whatever zone the recorder stands in.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.columns import SAMPLE, SHARED_FAULTS, codec_configs, damage, samples
from hikcore.media.spread import MediaTimes, media_times
from hikcore.media.table import Anchors, CodecConfig, Damage, Framing, Samples, SampleTable
from hikcore.native.everfocus import FrameCore, Header, parse_header
from hikcore.native.everfocus_scan import scan, scan_file

if TYPE_CHECKING:
    from hikcore.native.everfocus import FrameColumns

__all__ = ["HEADERS", "MAX_FRAME", "EverFocusIndexer", "Header", "parse_header", "read_headers"]

#: A header that declares a larger frame is taken for none.
MAX_FRAME: Final = 16 << 20
#: Columns of `read_headers`: `time` is UTC ns (-1: none), `offset` that of the header, `size`
#: bytes of the frame behind it.
HEADERS: Final = np.dtype(
    [("offset", "<u8"), ("time", "<i8"), ("size", "<u4"), ("kind", "<u2"), ("width", "<u2"),
     ("height", "<u2"), ("msec", "<u2"), ("sec", "<u4")]
)  # fmt: skip
_FAULTS: Final = SHARED_FAULTS | {
    101: "bytes between frames passed over",
    102: "a frame header that declares more than any frame holds",
    103: "a frame that is shorter than it declares, left out",
    104: "a picture that does not begin with a NAL unit, left out",
    105: "a frame without a usable time: estimated",
    106: "a picture framed in another way than the first, left out",
}
_MS = 1_000_000
_TICKS = 90


def read_headers(
    data: Buffer | Path, max_frame: int = MAX_FRAME
) -> tuple[NDArray[np.void], list[Damage]]:
    """The headers of all whole frames in a buffer, or in a file, of which little else is read.

    Returns:
        (HEADERS (n,) in order of offset; what was passed over, at most 1000).
    """
    if isinstance(data, Path):
        with data.open("rb", buffering=0) as file:
            rows, faults = scan_file(file.fileno(), os.fstat(file.fileno()).st_size, max_frame)
    else:
        rows, faults = scan(data, max_frame)
    return np.frombuffer(rows, HEADERS), list(damage(faults, _FAULTS)) if faults else []


class EverFocusIndexer:
    """Indexes a frame stream that is fed in pieces of any size, while it arrives: WebSocket
    messages (one frame each, several, or parts of one), or blocks of a file of them.

    Args:
        max_frame: bytes; a header that declares more is taken for none.
        size_counts_header: whether the declared length counts the header's own 32 bytes, which the
            guide leaves open; None: the first frame shows it.
        law, rate: of the G.711 sound; the guide says u-law for sound that is sent to the recorder.
        max_samples, max_extents: caps of the index, each track; past one the table ends there.
    """

    def __init__(
        self,
        *,
        max_frame: int = MAX_FRAME,
        size_counts_header: bool | None = None,
        law: Literal["ulaw", "alaw"] = "ulaw",
        rate: int = 8000,
        max_samples: int = 3_000_000,
        max_extents: int = 6_000_000,
    ) -> None:
        self._core = FrameCore(max_frame, size_counts_header, max_samples, max_extents)
        self._sound = CodecConfig(law, rate=rate, channels=1)
        self._first = b""
        self._size = 0

    @property
    def latest(self) -> int:
        """UTC ns of the newest whole frame that told its time; -1 before one did. A playback has no
        end of its own: its reader stops when this passes the asked end."""
        return self._core.latest

    def feed(self, block: bytes | bytearray | memoryview) -> None:
        """The next piece."""
        if len(self._first) < 4:
            self._first += bytes(block[: 4 - len(self._first)])
        self._size += len(block)
        self._core.feed(block)

    def finish(self) -> SampleTable:
        """The end of the stream.

        Raises:
            MediaUnsupported: the headers are big-endian.
            MediaDamaged: there is not one picture and no sound in it, or no picture can be decoded.
        """
        columns = self._core.finish()
        video = np.frombuffer(columns["video"], SAMPLE)
        audio = np.frombuffer(columns["audio"], SAMPLE)
        faults = damage(columns["faults"], _FAULTS)
        if not len(video) and not len(audio):
            raise self._nothing(faults)
        track, times, notes = _video(columns, video)
        return SampleTable(
            container="everfocus",
            video=track,
            audio=_audio(columns, audio, self._sound, video, times),
            anchors=_anchors(video, times),
            damage=faults,
            cut_off=columns["cut_off"],
            notes=tuple(notes + self._notes()),
        )

    def _notes(self) -> list[str]:
        unknown = self._core.unknown
        return [f"{unknown} frames of unknown types dropped"] if unknown else []

    def _nothing(self, faults: tuple[Damage, ...]) -> MediaDamaged | MediaUnsupported:
        if self._first == b"\x89\x63\x96\x15":
            return MediaUnsupported("EverFocus frames with big-endian headers", offset=0)
        reason = f": {faults[0].reason}" if faults else ""
        offset = faults[0].offset if faults else self._size
        return MediaDamaged(f"no picture and no sound in this frame stream{reason}", offset=offset)


def _video(
    columns: FrameColumns, records: NDArray[np.void]
) -> tuple[Samples | None, MediaTimes | None, list[str]]:
    if not len(records):
        return None, None, []
    configs, chosen, notes = codec_configs(columns["configs"], records["config"])
    if not configs:
        raise MediaDamaged(
            "no parameter sets, so no key frame either: nothing of it can be decoded", offset=0
        )
    times = _times(records)
    estimated = int((~times.exact).sum())
    if estimated:
        notes = [*notes, f"{estimated} pictures without a time of their own: estimated"]
    framing: Framing = "length" if columns["framing"] == 2 else "annexb"
    # No B-frames (the guide has key frames and P alone): decoded in the order of showing.
    track = samples(
        records,
        columns["video_extents"],
        times.pts,
        times.pts,
        configs=configs,
        config=chosen,
        framing=framing,
        last_duration=times.step,
    )
    return track, times, notes


def _times(records: NDArray[np.void]) -> MediaTimes:
    known = records["pts"] >= 0
    return media_times(records["pts"].astype(np.int64) * _TICKS, known)


def _anchors(records: NDArray[np.void], times: MediaTimes | None) -> Anchors | None:
    if times is None or not times.own.any():
        return None
    wall = records["pts"][times.own].astype(np.int64)
    return Anchors(
        np.flatnonzero(times.own).astype(np.int64), wall * _MS, bool((wall % 1000 != 0).any())
    )


def _audio(
    columns: FrameColumns,
    records: NDArray[np.void],
    config: CodecConfig,
    video: NDArray[np.void],
    times: MediaTimes | None,
) -> Samples | None:
    """Sound on the pictures' timeline: its readings of the same clock, shifted as those around."""
    if not len(records):
        return None
    clock = records["pts"].astype(np.int64) * _TICKS
    if times is not None:
        # Pictures behind the first of a frame have no ordinal of their own.
        order = np.where(video["frame"] == 0xFFFFFFFF, 0, video["frame"])
        order = np.maximum.accumulate(order)
        before = np.maximum(np.searchsorted(order, records["frame"]) - 1, 0)
        behind = np.minimum(before + 1, len(order) - 1)
        early, late = clock + times.shift[before], clock + times.shift[behind]
        near = times.pts[before]
        clock = np.where(np.abs(early - near) <= np.abs(late - near), early, late)
    pts = media_times(clock, records["pts"] >= 0).pts
    last = int(records["size"][-1]) * 90_000 // config.rate
    return samples(
        records,
        columns["audio_extents"],
        pts,
        pts,
        configs=(config,),
        framing="raw",
        last_duration=last,
    )
