"""MP4 and MOV files as others write them (libavformat), and boxes changed by hand."""

from __future__ import annotations

import functools
import io
import struct
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from hikcore.errors import MediaDamaged
from tests.media.mp4_footage import boxes, picture


class Bytes:
    """A ByteSource over bytes that counts what is asked of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.requests = self.total = 0

    def read_at(self, offset: int, size: int) -> bytes:
        if offset + size > len(self.data):
            raise MediaDamaged("the source ends before", offset=offset)
        self.requests += 1
        self.total += size
        return self.data[offset : offset + size]


@functools.cache
def foreign(
    container: str = "mp4",
    codec: str = "libx264",
    sound: str | None = "aac",
    movflags: str = "",
    frames: int = 60,
    rate: int = 25,
    bframes: int = 2,
    gop: int = 12,
    **options: str,
) -> bytes:
    """A file of pictures 0, 1, … with a tone, as libavformat writes it."""
    options = {"movflags": movflags, **options} if movflags else dict(options)
    options = {key: value for key, value in options.items() if value}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / f"a.{container}")
        with av.open(path, "w", container, options=options) as out:
            video = out.add_stream(codec, rate=rate)
            video.width, video.height, video.pix_fmt = 256, 128, "yuv420p"
            video.options = {"preset": "ultrafast", "bf": str(bframes), "g": str(gop),
                             "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0"
                             f":bframes={bframes}:threads=1"}  # fmt: skip
            if codec == "libx265":
                video.options = {"preset": "ultrafast", "x265-params":
                                 f"log-level=none:pools=none:frame-threads=1:open-gop=0:keyint={gop}:"
                                 f"min-keyint={gop}:bframes={bframes}:scenecut=0"}  # fmt: skip
            audio = _audio(out, sound) if sound else None
            for number in range(frames):
                frame = av.VideoFrame.from_ndarray(picture(number), format="gray")
                frame.pts, frame.time_base = number, Fraction(1, rate)
                out.mux(video.encode(frame))
                if audio is not None:
                    out.mux(audio.encode(_tone(audio, number, rate)))
            out.mux(video.encode(None))
            if audio is not None:
                out.mux(audio.encode(None))
        return Path(path).read_bytes()


def _audio(out: av.container.OutputContainer, codec: str) -> av.AudioStream:
    hertz = 8000 if codec in ("pcm_alaw", "pcm_mulaw") else 48_000
    stream = out.add_stream(codec, rate=hertz)
    stream.layout = "mono"
    return stream


def _tone(audio: av.AudioStream, number: int, rate: int) -> av.AudioFrame:
    hertz = audio.codec_context.sample_rate
    count = hertz // rate
    wave = (8000 * np.sin(np.arange(number * count, (number + 1) * count) / 9)).astype(np.int16)
    if audio.codec_context.name in ("aac", "libopus", "opus"):
        frame = av.AudioFrame.from_ndarray(
            (wave / 32768).astype(np.float32).reshape(1, -1),
            format="fltp" if audio.codec_context.name == "aac" else "flt", layout="mono",
        )  # fmt: skip
    else:
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = hertz, number * count, Fraction(1, hertz)
    return frame


def libav_packets(data: bytes, kind: str) -> list[tuple[Fraction, Fraction, bytes, bool]]:
    """(pts, dts in seconds, bytes, key) of every packet as libavformat reads them."""
    with av.open(io.BytesIO(data)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [
            (p.pts * p.time_base, p.dts * p.time_base, bytes(p), p.is_keyframe)
            for p in container.demux(stream)
            if p.size
        ]


def payload(data: bytes, path: str, which: int = 0) -> tuple[int, int]:
    """Payload begin and end of the n-th box on a path that ends so."""
    return [(b, e) for name, b, e in boxes(data) if name.endswith(path)][which]


def patched(data: bytes, path: str, at: int, new: bytes, which: int = 0) -> bytes:
    """The file with bytes of a box's payload changed."""
    begin, end = payload(data, path, which)
    assert begin + at + len(new) <= end
    return data[: begin + at] + new + data[begin + at + len(new) :]


def rebuilt(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """The file with boxes replaced: `change(path, payload)` gives a new payload or None (as it
    was); sizes of parents follow. Chunk offsets are not moved: media must lie before the moov."""
    inner = {"moov", "trak", "mdia", "minf", "stbl", "edts", "dinf", "mvex", "moof", "traf"}

    def walk(begin: int, end: int, prefix: str) -> bytes:
        out, at = [], begin
        while at < end:
            size, kind = struct.unpack_from(">I4s", data, at)
            path = prefix + kind.decode()
            body = data[at + 8 : at + size]
            new = change(path, body)
            if new is None:
                new = walk(at + 8, at + size, path + "/") if kind.decode() in inner else body
            out.append(struct.pack(">I", 8 + len(new)) + kind + new)
            at += size
        return b"".join(out)

    return walk(0, len(data), "")
