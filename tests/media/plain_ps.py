"""Plain program streams: as libav muxes them, and with AAC, which it refuses to."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from hikcore.sim import hikps

RATE = 25
FLAVOURS = ("mpeg", "vob", "svcd", "dvd")


@dataclass(frozen=True)
class Coded:
    """A coded picture: 90 kHz, NAL units behind start codes."""

    pts: int
    dts: int
    data: bytes


@dataclass(frozen=True)
class Plain:
    """A body and what was put into it."""

    body: bytes
    pictures: list[Coded]


@functools.cache
def muxed_by_libav(
    codec: str, b_frames: int, flavour: str, sound: str | None = "mp2", crf: int = 40
) -> Plain:
    """Three seconds of moving bars. At a high `crf` several pictures lie in one packet of 2 KB."""
    out = io.BytesIO()
    pictures: list[Coded] = []
    with av.open(out, "w", format=flavour) as container:
        stream: Any = container.add_stream(f"lib{codec}", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 176, 144, "yuv420p"
        stream.options = _options(codec, b_frames, crf)
        audio: Any = container.add_stream(sound, rate=48_000) if sound else None
        if audio is not None:
            audio.layout = "stereo"
        for number in range(3 * RATE):
            for packet in stream.encode(bars(number)):
                _keep(packet, pictures)
                container.mux(packet)
            if audio is not None:
                for packet in audio.encode(_tone(number)):
                    container.mux(packet)
        for each in (stream, audio):
            if each is not None:
                for packet in each.encode(None):
                    if each is stream:
                        _keep(packet, pictures)
                    container.mux(packet)
    return Plain(out.getvalue(), pictures)


def _options(codec: str, b_frames: int, crf: int) -> dict[str, str]:
    if codec == "x265":
        own = f"bframes={b_frames}:keyint=15:crf={crf}:log-level=error:pools=1:frame-threads=1"
        return {"preset": "ultrafast", "x265-params": own}
    own = f"bframes={b_frames}:keyint=15:crf={crf}:threads=1:b-pyramid=normal"
    return {"preset": "veryfast", "x264-params": own}


def _keep(packet: Any, pictures: list[Coded]) -> None:
    tick = packet.time_base * 90_000
    pictures.append(Coded(int(packet.pts * tick), int(packet.dts * tick), bytes(packet)))


def bars(number: int) -> av.VideoFrame:
    """A picture that moves, and now and then does not."""
    rows, columns = np.mgrid[0:216, 0:176]
    picture = ((rows * 3 + columns * 5 + number * 7) % 256).astype(np.uint8)
    if number % 7 < 3:  # a still scene: pictures of a few bytes
        picture[:] = 90
    frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def _tone(number: int, rate: int = 48_000, form: str = "s16") -> av.AudioFrame:
    count = rate // RATE
    wave = np.sin((np.arange(count) + number * count) * 440 * 2 * np.pi / rate) * 9000
    samples = np.repeat(wave.astype(np.int16), 2).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(samples, format=form, layout="stereo")
    frame.sample_rate, frame.pts = rate, number * count
    frame.time_base = Fraction(1, rate)
    return frame


@functools.cache
def adts(rate: int = 44_100, seconds: int = 3) -> tuple[bytes, ...]:
    """AAC frames with their ADTS headers."""
    out = io.BytesIO()
    with av.open(out, "w", format="adts") as container:
        stream: Any = container.add_stream("aac", rate=rate)
        stream.layout = "stereo"
        for number in range(seconds * RATE):
            for packet in stream.encode(_tone(number, rate)):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    data, frames, at = out.getvalue(), [], 0
    while at < len(data):
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        frames.append(data[at : at + size])
        at += size
    return tuple(frames)


def program_map(video: int, audio: int) -> bytes:
    """A map without descriptors."""
    return hikps.program_map(1, b"", (video, b""), (audio, b""))
