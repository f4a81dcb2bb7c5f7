"""Bodies as the media host gives them: real MP4 and program streams, and what is none."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Final

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from hikcore.deviceclock import ZoneRule
from hikcore.sim.camera import CameraProfile
from hikcore.sim.encoder import AccessUnit
from hikcore.sim.footage import Footage
from hikcore.sim.hik_cloud.profile import BodyKind
from hikcore.sim.psmux import Muxer, MuxProfile, joined, parts

#: Three hours: `fps=1` makes some 11,000 pictures of it. (libav writes no steps of 2^31 ticks.)
_JUMP_MS: Final = 10_800_000
_PLACEHOLDER: Final = CameraProfile(channel=99, name="Please switch", frame_ms=200, gop=25)


def body_of(
    footage: Footage, spans: list[tuple[int, int]], kind: BodyKind, *, front: bool
) -> bytes:
    """A download.

    Args:
        spans: of the footage in it, ms since 1970 UTC; it begins inside a group of pictures where
            that is where it begins.
        front: an MP4's index in front.
    """
    if kind in ("mp4", "irregular"):
        return _movie(footage, spans, _JUMP_MS if kind == "irregular" else 0, front)
    if kind == "ps":
        muxer = Muxer(footage.camera, MuxProfile(), footage.zone, footage.seed)
        return b"".join(
            block
            for begin, end in spans
            for block in joined(d for _, d in parts(footage, muxer, begin, end, headless=True))
        )
    if kind == "placeholder":
        return _movie(Footage(_PLACEHOLDER, 1, ZoneRule(), footage.cache), [(0, 5_000)], 0, False)
    return _OTHER[kind]


_OTHER: Final[dict[str, bytes]] = {
    "m3u8": b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10.0,\nhttps://media.example/1.ts\n",
    "ts": (b"\x47\x40\x00\x10" + b"\xff" * 184) * 8,
    "json": b'{"code":"49999","msg":"data error","url":"https://media.example/a?sign=x"}',
    "html": b"<html><body>502 Bad Gateway</body></html>",
    "empty": b"",
    # Encrypted footage looks like this.
    "noise": Random(1).randbytes(4096),  # noqa: S311  repeatable
}


def _movie(footage: Footage, spans: list[tuple[int, int]], jump_ms: int, front: bool) -> bytes:
    """Real MP4 by libav. Its times begin at 0, as no wall clock is in it."""
    camera = footage.camera
    units = [unit for span in spans for unit in footage.pictures(*span, headless=True)]
    if not units:
        return b""
    name = "h264" if camera.codec == "h264" else "hevc"
    options = {"movflags": "faststart"} if front else {}
    with tempfile.TemporaryDirectory() as folder:
        # A file: libav reads it again to put the index in front.
        out = Path(folder) / "movie.mp4"
        with (
            av.open(BytesIO(_key(footage, spans[0][0])), format=name) as source,
            av.open(str(out), "w", format="mp4", options=options) as target,
        ):
            _mux(target, source.streams.video[0], camera, units, jump_ms)
        return out.read_bytes()


def _mux(
    target: OutputContainer,
    template: VideoStream,
    camera: CameraProfile,
    units: list[AccessUnit],
    jump_ms: int,
) -> None:
    """All pictures, the second half of them so much later."""
    stream = target.add_stream_from_template(template)
    stream.time_base = Fraction(1, 90_000)
    first = min(unit.ms for unit in units)
    for index, unit in enumerate(units):
        shift = jump_ms if index >= len(units) // 2 else 0
        packet = av.Packet(unit.data)
        packet.stream = stream
        packet.time_base = Fraction(1, 1000)
        packet.pts = unit.ms - first + shift
        packet.dts = _decoded(units, index, camera) - first + shift
        packet.is_keyframe = unit.key
        target.mux(packet)


def _decoded(units: list[AccessUnit], index: int, camera: CameraProfile) -> int:
    """When a picture is decoded: in order, as early as those shown before it make it be."""
    if not camera.b_frames:
        return units[index].ms
    return sorted(unit.ms for unit in units)[index] - camera.b_frames * camera.frame_ms


def _key(footage: Footage, begin_ms: int) -> bytes:
    """The key picture of the group at hand: the parameter sets for the index are in it."""
    at = footage.group_start(begin_ms)
    step = footage.camera.frame_ms * (footage.camera.b_frames + 1)
    return b"".join(unit.data for unit in footage.pictures(at, at + step))
