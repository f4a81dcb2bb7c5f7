"""Footage for the MP4 tests: real H.264 and H.265 whose pictures carry their own number.

A picture is 256x128 with 16 blocks of 32x64 pixels, black or white: the bits of its number. That
survives lossy coding, and PyAV (the oracle) reads it back.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from hikcore.media.codec import video_config
from hikcore.media.table import CodecConfig, Samples, SampleTable

WIDTH, HEIGHT, BITS = 256, 128, 16
AUDIO_UNIT = 320  # bytes of G.711: 40 ms


def picture(number: int, width: int = WIDTH) -> NDArray[np.uint8]:
    """Gray picture (HEIGHT, width) that shows a number."""
    bits = [(number >> bit) & 1 for bit in range(BITS)]
    rows = np.array(bits, np.uint8).reshape(2, 8) * 200 + 28
    out = np.full((HEIGHT, width), 28, np.uint8)
    out[:, :WIDTH] = np.kron(rows, np.ones((64, 32), np.uint8))
    return out


def read_number(frame: av.VideoFrame) -> int:
    """The number that a decoded picture shows."""
    gray = frame.to_ndarray(format="gray")[:, :WIDTH].reshape(2, 64, 8, 32).mean(axis=(1, 3))
    return int(sum(1 << bit for bit, value in enumerate(gray.ravel()) if value > 128))


def split_annexb(data: bytes) -> list[bytes]:
    """NAL units of an Annex B access unit (independent of the product's scanner)."""
    parts = data.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    return [part for part in parts[1:] if part]


def join_lengths(nals: Sequence[bytes]) -> bytes:
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


@dataclass(frozen=True)
class Footage:
    """A table with its bytes: sample i is `units[i]`, audio unit i is `sound[i]`."""

    table: SampleTable
    units: tuple[bytes, ...]
    sound: tuple[bytes, ...]
    blob: bytes

    def read_at(self, offset: int, size: int) -> bytes:
        assert offset + size <= len(self.blob)
        return self.blob[offset : offset + size]

    def read(self, track: int, first: int, last: int) -> bytes:
        return b"".join((self.units, self.sound)[track][first:last])


@functools.cache
def encode(
    codec: str, frames: int, gop: int, bframes: int, width: int = WIDTH, first: int = 0
) -> tuple[tuple[tuple[bytes, ...], ...], tuple[int, ...], tuple[bool, ...]]:
    """(NAL units, number of the picture, key) of every access unit in decoding order."""
    context = av.CodecContext.create("libx264" if codec == "h264" else "libx265", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, HEIGHT, "yuv420p"
    context.time_base = Fraction(1, 25)
    common = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={bframes}"
    if codec == "h264":
        context.options = {"preset": "ultrafast", "x264-params": common + ":threads=1"}
    else:
        extra = ":log-level=none:pools=none:frame-threads=1:open-gop=0:repeat-headers=1"
        context.options = {"preset": "ultrafast", "x265-params": common + extra}
    packets = []
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(picture(first + number, width), format="gray")
        frame.pts = number
        packets += context.encode(frame)
    packets += context.encode(None)
    return (
        tuple(tuple(split_annexb(bytes(packet))) for packet in packets),
        tuple(int(packet.pts) for packet in packets),
        tuple(bool(packet.is_keyframe) for packet in packets),
    )


def config_of(codec: str, nals: Sequence[bytes]) -> CodecConfig:
    return video_config(codec, nals)  # type: ignore[arg-type]


def columns(
    pts: NDArray[np.int64],
    size: Sequence[int],
    sync: Sequence[bool],
    configs: tuple[CodecConfig, ...],
    offset: int,
    last_duration: int,
    config: NDArray[np.uint16] | None = None,
) -> Samples:
    """One extent a sample, one behind the other from `offset`; dts are the sorted pts, set back by
    the least constant delay that keeps every dts at or before its pts."""
    order = np.sort(pts)
    dts = order - int((order - pts).max(initial=0))
    sizes = np.array(size, np.uint32)
    video = configs[0].codec in ("h264", "h265")
    return Samples(
        timescale=90_000,
        dts=dts,
        pts=pts,
        size=sizes,
        sync=np.array(sync, np.bool_),
        config=np.zeros(len(pts), np.uint16) if config is None else config,
        first=np.arange(len(pts) + 1, dtype=np.int64),
        extent_offset=(offset + np.cumsum(sizes, dtype=np.uint64) - sizes).astype(np.uint64),
        extent_size=sizes,
        framing="length" if video else "raw",
        configs=configs,
        last_duration=last_duration,
    )


def footage(
    codec: str = "h264",
    frames: int = 100,
    gop: int = 25,
    bframes: int = 0,
    *,
    pts: Sequence[int] | None = None,
    base: int = 0,
    audio: str | None = "alaw",
    audio_delay: int = 0,
    width: int = WIDTH,
    first: int = 0,
) -> Footage:
    """Encoded footage of pictures first, first + 1, …

    Args:
        pts: 90 kHz time of each picture (default 3600 apart from `base`).
        audio_delay: ticks from the first picture to the first audio unit.
    """
    nals, numbers, keys = encode(codec, frames, gop, bframes, width, first)
    shown = np.array(pts if pts is not None else base + 3600 * np.arange(frames), np.int64)
    units = tuple(join_lengths(unit) for unit in nals)
    config = config_of(codec, nals[0])
    video = columns(shown[list(numbers)], list(map(len, units)), keys, (config,), 0, 3600)
    blob = b"".join(units)
    sound: tuple[bytes, ...] = ()
    samples = None
    if audio:
        begin = int(shown.min()) + audio_delay
        times = np.arange(begin, int(shown.max()) + 3600, 3600, dtype=np.int64)
        sound = tuple((first + n).to_bytes(4, "big") * (AUDIO_UNIT // 4) for n in range(len(times)))
        samples = columns(
            times,
            [AUDIO_UNIT] * len(times),
            [True] * len(times),
            (CodecConfig(audio, rate=8000, channels=1),),  # type: ignore[arg-type]
            len(blob),
            3600,
        )
        blob += b"".join(sound)
    return Footage(SampleTable("mp4", video, samples), units, sound, blob)


def decode_video(data: bytes) -> list[tuple[int, int]]:
    """(pts in ticks of the track, number shown) of every picture that a player shows."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        return [(int(f.pts), read_number(f)) for f in container.decode(stream)]


def packets(data: bytes, kind: str) -> list[tuple[int, bytes]]:
    """(pts, bytes) of the packets of the first video or audio stream."""
    with av.open(io.BytesIO(data)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [(int(p.pts), bytes(p)) for p in container.demux(stream) if p.size]


def boxes(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[tuple[str, int, int]]:
    """(path, payload begin, end) of every box, containers walked into; sizes must nest exactly."""
    inner = {"moov", "trak", "mdia", "minf", "stbl", "edts", "dinf"}
    end = len(data) if end is None else end
    at = begin
    while at < end:
        size, kind, payload = (
            int.from_bytes(data[at : at + 4], "big"),
            data[at + 4 : at + 8],
            at + 8,
        )
        if size == 1:
            size, payload = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        assert payload - at <= size <= end - at
        name = kind.decode()
        yield name, payload, at + size
        if name in inner:
            yield from ((f"{name}/{path}", b, e) for path, b, e in boxes(data, payload, at + size))
        at += size
    assert at == end
