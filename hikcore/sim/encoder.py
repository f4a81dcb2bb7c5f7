"""Encodes one closed group of pictures by itself, so that it is a function of its pictures alone.

One thread, no look-ahead and a new encoder for each group: what a group's bytes are cannot depend
on which group was asked for before, or on the machine's load. Parameter sets stand before each key
picture, as recorders send them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from numpy.typing import NDArray

from hikcore.sim.camera import CameraProfile

START = b"\x00\x00\x00\x01"


class AccessUnit(NamedTuple):
    """One coded picture.

    Attributes:
        ms: its instant, since 1970 UTC.
        key: whether it is an IDR picture.
        data: its NAL units, each behind a start code of four bytes.
    """

    ms: int
    key: bool
    data: bytes

    def units(self) -> list[bytes]:
        """The NAL units without start codes (inside a unit no start code can occur)."""
        return self.data.split(START)[1:]


def encode_group(
    camera: CameraProfile, pictures: Iterable[tuple[int, NDArray[np.uint8]]]
) -> list[AccessUnit]:
    """Code pictures (instant in ms, planar YUV) into one closed group, in decoding order."""
    context = _context(camera)
    packets: list[av.Packet[VideoStream]] = []
    first = None
    for ms, picture in pictures:
        first = ms if first is None else first
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = ms - first
        frame.time_base = Fraction(1, 1000)
        packets += context.encode(frame)
    packets += context.encode(None)
    return [
        AccessUnit((first or 0) + (packet.pts or 0), packet.is_keyframe, _long(bytes(packet)))
        for packet in packets
    ]


def _context(camera: CameraProfile) -> VideoCodecContext:
    name = "libx264" if camera.codec == "h264" else "libx265"
    context = cast(VideoCodecContext, av.CodecContext.create(name, "w"))
    context.width, context.height = camera.width, camera.height
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, 1000)
    context.framerate = Fraction(1000, camera.frame_ms)
    context.thread_count = 1
    options = {"preset": "ultrafast", "crf": str(camera.crf)}
    common = f"keyint=1000000:scenecut=0:repeat-headers=1:bframes={camera.b_frames}"
    if camera.codec == "h264":
        options["tune"] = "zerolatency"
        options["x264-params"] = f"{common}:threads=1:sliced-threads=0:b-adapt=0:b-pyramid=none"
    else:
        # x265 writes its name and settings into an SEI of 2 KB unless info=0.
        options["tune"] = "zerolatency"
        options["x265-params"] = (
            f"{common}:pools=none:frame-threads=1:wpp=0:info=0:log-level=none"
            ":b-adapt=0:b-pyramid=0:open-gop=0:rc-lookahead=10"
        )
    context.options = options
    return context


def _long(data: bytes) -> bytes:
    """The same NAL units with all start codes four bytes long, as recorders write them."""
    parts = data.replace(START, b"\x00\x00\x01").split(b"\x00\x00\x01")
    return b"".join(START + part for part in parts[1:])


def filler(camera: CameraProfile) -> bytes:
    """A filler data NAL unit (H.264 7.3.2.7 type 12, H.265 7.3.2.8 type 38), or nothing."""
    if not camera.filler:
        return b""
    head = b"\x0c" if camera.codec == "h264" else b"\x4c\x01"
    return START + head + b"\xff" * camera.filler + b"\x80"
