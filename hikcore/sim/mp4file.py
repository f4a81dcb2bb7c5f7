"""Real MP4, as some cameras write on their cards: made by libav, index at the end.

Video alone: MP4 has no G.711 that players agree on, and what cameras put there is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO

import av

from hikcore.sim.footage import Footage

_BLOCK = 256 * 1024


def whole_file(
    footage: Footage, begin_ms: int, end_ms: int, *, headless: bool = False, cut: int = 0
) -> Iterator[bytes]:
    """The bytes of one file, block by block; it is made in memory first.

    Args:
        cut: bytes that are missing at its end: of the index, without which there is nothing.
    """
    camera = footage.camera
    units = list(footage.pictures(begin_ms, end_ms, headless=headless))
    raw = BytesIO(b"".join(unit.data for unit in units[: camera.gop + 1]))
    out = BytesIO()
    name = "h264" if camera.codec == "h264" else "hevc"
    with av.open(raw, format=name) as source, av.open(out, "w", format="mp4") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.time_base = Fraction(1, 90_000)
        for index, unit in enumerate(units):
            packet = av.Packet(unit.data)
            packet.stream = stream
            packet.time_base = Fraction(1, 1000)
            packet.pts = unit.ms - units[0].ms
            # In decoding order, and as early as the pictures shown before it make it be.
            packet.dts = (index - camera.b_frames) * camera.frame_ms
            packet.is_keyframe = unit.key
            target.mux(packet)
    body = out.getbuffer()[: len(out.getbuffer()) - cut]
    for at in range(0, len(body), _BLOCK):
        yield bytes(body[at : at + _BLOCK])
