"""JPEG pictures of a camera, for snapshots and alerts."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import av
from av.video.codeccontext import VideoCodecContext

from hikcore.sim.playing import key_units
from hikcore.sim.vault import Vault

_START = b"\x00\x00\x00\x01"


def jpeg(vault: Vault, ms: int) -> bytes:
    """The key picture at or before an instant (ms since 1970 UTC)."""
    name = "h264" if vault.camera.codec == "h264" else "hevc"
    decoder = cast(VideoCodecContext, av.CodecContext.create(name, "r"))
    data = b"".join(_START + unit for unit in key_units(vault, ms))
    frame = [*decoder.decode(av.Packet(data)), *decoder.decode(None)][0]
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.framerate, encoder.options = Fraction(1), {"qscale": "3"}
    frame = frame.reformat(format="yuvj420p")
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
