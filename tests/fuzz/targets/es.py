"""Elementary streams of H.264 and H.265, cut into packets anywhere: access units, parameter sets.

An input is two bytes (which packets) and an Annex B stream. It is wrapped so that no fault of a
container hides one of the stream; what is fuzzed is native/es.pyx.
"""

from __future__ import annotations

from functools import cache

from hikcore.sim import hikps
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target
from tests.fuzz.targets import ps
from tests.media.ps_bodies import muxed

TOKENS = (
    b"\0\0\1", b"\0\0\0\1", b"\0\0\1\x67\x42\0\x1e", b"\0\0\1\x68\xce", b"\0\0\1\x65\x88",
    b"\0\0\1\x41\x9a", b"\0\0\1\x09\x10", b"\0\0\1\x06\5", b"\0\0\1\x40\1\x0c", b"\0\0\1\x42\1\1",
    b"\0\0\1\x44\1\xc1", b"\0\0\1\x26\1\xaf", b"\0\0\1\x2a\1\xaf", b"\0\0\1\x10\1\x80",
    b"\0\0\1\x12\1\x80", b"\0\0\1\x02\1\xd0", b"\0\0\1\x46\1\x10", b"\0\0\1\x4e\1\5",
    b"\0\0\1\x28\1\xaf", b"\0\0\1\x01", b"\0\0\1\x43", b"\0\0\3", b"\0\0\0", b"\0" * 70,
)  # fmt: skip
#: Payload bytes of packets, over and over.
SIZES = (1, 2, 3, 4, 7, 16, 64, 300, 5000, 60_000)


@cache
def seeds() -> list[bytes]:
    """The video of small bodies."""
    out = []
    for number, (codec, b_frames) in enumerate((("h264", 0), ("h264", 2), ("h265", 0))):
        units = [unit.units() for unit in muxed(codec=codec, b_frames=b_frames).pictures]
        stream = b"".join(b"\0\0\0\1" + nal for nals in units for nal in nals)
        out += [bytes((number * 40, 0x85)) + stream, bytes((9, number)) + stream]
        # Sets and heads of pictures: as many access units as fit.
        short = b"".join(b"\0\0\1" + nal[:40] for nals in units for nal in nals)
        out.append(bytes((0, 7)) + short)
    return out


def wrapped(body: bytes) -> bytes:
    """The stream in packets of one or two sizes, some of them with a PTS, in one pack."""
    if len(body) < 3:
        return b""
    sizes = SIZES[body[0] % len(SIZES)], SIZES[body[0] // len(SIZES) % len(SIZES)]
    out = [hikps.pack_header(0, 1)]
    at, number = 2, 0
    while at < len(body):
        size = sizes[number % 2]
        pts = 3600 * number if body[1] >> number % 8 & 1 else None
        out.append(hikps.pes(0xE0, body[at : at + size], pts=pts))
        at, number = at + size, number + 1
    return b"".join(out)


def check(body: bytes) -> None:
    """As of program streams."""
    # Of the smallest packets no more than the reference reads in a moment.
    ps.check(wrapped(body[: 4096 if body[:1] and SIZES[body[0] % len(SIZES)] < 16 else 1 << 16]))


TARGET = Target("es", seeds, check, Grammar(TOKENS, (b"\0\0\1",), 8), largest=1 << 15)
