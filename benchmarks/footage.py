"""Ten seconds of real 1080p video at a camera's rate, coded once; all inputs repeat its groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

WIDTH, HEIGHT = 1920, 1080
#: 25 pictures a second, a key picture every 2 s, 4 Mbit/s: an ordinary camera's main stream.
FRAME_MS, GOP, BITRATE = 40, 50, 4_000_000
SECONDS = 10
_START = b"\x00\x00\x00\x01"


@dataclass(frozen=True)
class Footage:
    """Coded pictures in decoding order: (key, NAL units behind start codes of 4 bytes)."""

    codec: str
    pictures: tuple[tuple[bool, bytes], ...]

    @property
    def size(self) -> int:
        """Bytes of one repetition."""
        return sum(len(data) for _, data in self.pictures)

    def endless(self) -> Iterator[tuple[int, bool, bytes]]:
        """(number, key, data) for ever."""
        number = 0
        while True:
            for key, data in self.pictures:
                yield number, key, data
                number += 1


def load(codec: str, folder: Path) -> Footage:
    """The footage of a codec, coded and kept in `folder` where it is not there yet."""
    index = folder / f"footage-{codec}.json"
    body = folder / f"footage-{codec}.bin"
    if not index.exists():
        pictures = list(_encode(codec))
        body.write_bytes(b"".join(data for _, data in pictures))
        index.write_text(json.dumps([[key, len(data)] for key, data in pictures]))
    data = body.read_bytes()
    out, at = [], 0
    for key, size in json.loads(index.read_text()):
        out.append((bool(key), data[at : at + size]))
        at += size
    return Footage(codec, tuple(out))


def _encode(codec: str) -> Iterator[tuple[bool, bytes]]:
    context: VideoCodecContext = av.CodecContext.create(
        "libx264" if codec == "h264" else "libx265", "w"
    )
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base = Fraction(1, 25)
    context.framerate = Fraction(25)
    context.bit_rate = BITRATE
    common = f"keyint={GOP}:min-keyint={GOP}:scenecut=0:repeat-headers=1:bframes=0"
    rate = f"vbv-maxrate={BITRATE * 5 // 4000}:vbv-bufsize={BITRATE // 1000}"
    if codec == "h264":
        context.options = {"preset": "veryfast", "x264-params": f"{common}:{rate}:threads=2"}
    else:
        context.options = {
            "preset": "ultrafast",
            "x265-params": f"{common}:{rate}:open-gop=0:info=0:log-level=none:pools=2",
        }
    for picture in _scene():
        for packet in context.encode(picture):
            yield packet.is_keyframe, _long(bytes(packet))
    for packet in context.encode(None):
        yield packet.is_keyframe, _long(bytes(packet))


def _scene() -> Iterator[av.VideoFrame]:
    """A panning texture under the noise of a sensor: it costs the encoder all of its bits."""
    random = np.random.default_rng(1)
    texture = random.integers(60, 190, (HEIGHT // 8, WIDTH // 4), np.uint8)
    wide = np.kron(texture, np.ones((8, 8), np.uint8))
    noise = random.integers(0, 14, (HEIGHT + 64, WIDTH + 64), np.uint8)
    for number in range(SECONDS * 1000 // FRAME_MS):
        luma = wide[:, 3 * number : 3 * number + WIDTH].copy()
        down, right = random.integers(0, 64, 2)
        luma += noise[down : down + HEIGHT, right : right + WIDTH]
        planes: Any = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        planes[:HEIGHT] = luma
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        yield frame


def _long(data: bytes) -> bytes:
    """All start codes four bytes long, as recorders write them."""
    parts = data.replace(_START, _START[1:]).split(_START[1:])
    return b"".join(_START + part for part in parts[1:])
