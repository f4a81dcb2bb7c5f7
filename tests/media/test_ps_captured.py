"""The beginning of a real camera's program stream, byte by byte.

The heads of its packets stand in the tests of a media server (SRS, `KernelPSTest`), from a capture
of a camera over GB28181: two vendor descriptors of the map, the picture in four packets of which
one has a time, AAC, a private stream with bytes of every kind. Of picture and sound the capture has
the first bytes; what follows them was replaced there, and is filled up here.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.media import ps_reference
from tests.media.ps_bodies import index, nal_units

HEAD = bytes.fromhex("""
000001ba 44686e4c9401013013feffff0000a005
000001bb 0012 809809 04e17f e0e080 c0c008 bde080 bfe080
000001bc 005e fcff 0024
  400e 484b 0100 169ba5222ef7 00ffffff
  4112 484b 000102030405060708090a0b0c0d0e0f
  0030
  1be0 001c 420e 0710 10ea0280 01e01130 00001c20
       2a0a 7fff 00000708 1ffe503c
  0fc0 000c 430a 0090fe02b11301f403ff cb8554b9
000001e0 0026 8c8007 211a1b9325fffc 00000001 674d001e9da8280f69b808080a00000300020000030065 08
000001e0 000e 8c0003 fffffc 00000001 68ee3c80
000001e0 000e 8c0002 fffc 00000001 06e501ba80
""")  # fmt: skip
IDR = bytes.fromhex("000001e0 3562 8c0002 fff8 00000001 65")
PRIVATE = bytes.fromhex("""
000001bd 006a 8c8007 211a1b9325fff8
000200170001800000ffa005e0f1f050 1852d65ca2789023f9f664bac7905ed3
802f29ad06ee1462ec6f77aa7180b350 b8d1857f44304f44fdcd21e65536086c b8d1857f44304f44fdcd21e65536086c
c9f65c74 57b3a3bc162c3c9e698948a4
""")
SOUND = [
    bytes.fromhex("000001c0 0082 8c8009 211a1ba351fffffff8 fff950400edffc 012c2e8428230a8582a240"),
    bytes.fromhex("000001c0 008a 8c8009 211a1bb37dfffffff8 fff950400fdffc 012c2e882a130a09824110"),
]
SECOND = bytes.fromhex("""
000001ba 44686ebd1401013013feffff0000a006
000001e0 034a 8c8008 211a1baf45fffff8 00000001 61e008bf3cb663684b7fea
""")


def whole(packet: bytes) -> bytes:
    """A capture that ends in a packet, with the bytes that this one announces."""
    start = max(packet.rfind(b"\0\0\1\xe0"), packet.rfind(b"\0\0\1\xc0"))
    length = int.from_bytes(packet[start + 4 : start + 6], "big")
    return packet + b"\x55" * (start + 6 + length - len(packet))


BODY = HEAD + whole(IDR) + PRIVATE + b"".join(map(whole, SOUND)) + whole(SECOND)


def test_the_head_of_a_captured_stream() -> None:
    assert len(PRIVATE) == 6 + 0x6A
    table = index(BODY)
    video = table.video
    assert video is not None
    assert video.sync.tolist() == [True, False]
    pictures = nal_units(BODY, video)
    assert [[nal[0] & 31 for nal in picture] for picture in pictures] == [[7, 8, 6, 5], [1]]
    assert pictures == [unit.nals for unit in ps_reference.parse(BODY).units]
    first, second = video.pts.tolist()
    assert second - first == 3600  # as the RTP packets around it say
    wall = datetime(2022, 9, 23, 9, 18, 8, 478000, tzinfo=UTC)
    assert table.anchors is not None
    assert table.anchors.wall.tolist() == [round(wall.timestamp() * 1000) * 1_000_000]
    assert not table.encrypted
    sound = table.audio
    assert sound is not None
    assert len(sound) == 2
    assert sound.size.tolist() == [118 - 7, 126 - 7]  # without their ADTS headers
    assert [config.codec for config in video.configs] == ["h264"]


@pytest.mark.parametrize("size", [1, 7, 188, 1400])
def test_in_pieces(size: int) -> None:
    pieces = [size] * (len(BODY) // size + 1)
    assert index(BODY, pieces).video.pts.tolist() == index(BODY).video.pts.tolist()  # type: ignore[union-attr]
