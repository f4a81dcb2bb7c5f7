"""Movie fragments: what follows a sound `moov`, and one `moof` with hostile numbers around it.

An input is two bytes and what follows the movie's head: no fault of the head hides one of the rest.
"""

from __future__ import annotations

import contextlib
import struct
from fractions import Fraction
from functools import cache

from hikcore.errors import MediaError
from hikcore.media.mp4.locate import index_span
from hikcore.media.mp4.read import index_mp4
from hikcore.native.mp4 import FragmentCore
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target
from tests.fuzz.targets.mp4 import BOXES
from tests.media.mp4_foreign import Bytes, foreign

FLAGS = (
    "frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof+global_sidx",
    "frag_every_frame+empty_moov", "frag_keyframe",
)  # fmt: skip
_TABLES = BOXES[BOXES.index(b"moof") : BOXES.index(b"mfro") + 1]
GRAMMAR = Grammar((*_TABLES, b"\0\0\0\1", b"\0" * 8, b"\xff" * 4, b"\0\0\0\x08free"), _TABLES, 40)
_SIZES = (
    0,
    1,
    1000,
    1 << 16,
    1 << 31,
    1 << 32,
    (1 << 62) + 1,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
)
_ROW = 36


@cache
def _movies() -> tuple[tuple[bytes, bytes], ...]:
    """(head, what follows) of fragmented files."""
    out = []
    for flags in FLAGS:
        data = foreign(frames=18, gop=6, movflags=flags)
        at = 0
        while data[at + 4 : at + 8] != b"moov":
            at += struct.unpack_from(">I", data, at)[0]
        at += struct.unpack_from(">I", data, at)[0]
        out.append((data[:at], data[at:]))
    return tuple(out)


@cache
def _heads() -> tuple[bytes, ...]:
    return tuple(head for head, _ in _movies())


@cache
def seeds() -> list[bytes]:
    """What follows the heads, and the fragments alone."""
    out = []
    for number, (_, rest) in enumerate(_movies()):
        out.append(bytes((number, 3)) + rest)
        at = rest.find(b"moof") - 4
        out.append(bytes((number, 3)) + rest[at : at + struct.unpack_from(">I", rest, at)[0]])
    return out


def check(body: bytes) -> None:
    """A table or a MediaError; samples lie in the file; a span is part of the whole."""
    if len(body) < 3:
        return
    data = _heads()[body[0] % len(_heads())] + body[2:]
    source = Bytes(data)
    with contextlib.suppress(MediaError):
        table = index_mp4(source, len(data), verify=True)
        for one in (table.video, table.audio):
            if one is not None and len(one.extent_offset):
                assert int((one.extent_offset + one.extent_size).max()) <= len(data)
                assert (one.dts[1:] >= one.dts[:-1]).all() or table.damage
    with contextlib.suppress(MediaError):
        index_span(source, len(data), Fraction(1, 5), Fraction(2, 5))
    _alone(body[2:], body[1])


def _alone(moof: bytes, chosen: int) -> None:
    """The native reader with sizes and offsets at the ends of their types."""
    size = _SIZES[chosen % len(_SIZES)]
    core = FragmentCore(size, 2000)
    for identifier in range(4):
        core.register(identifier, 1, chosen * 1000, chosen % 3, 0, -chosen if chosen & 1 else 0)
    for at in (0, min(size, 1 << 62)):
        core.feed(moof, at)
    rows = [core.rows(identifier) for identifier in range(5)]
    assert sum(map(len, rows)) <= 2000 * _ROW
    for one in rows:
        for row in struct.iter_unpack("<qQiIIII", one):
            assert row[1] + row[3] <= size


TARGET = Target("fragments", seeds, check, GRAMMAR)
