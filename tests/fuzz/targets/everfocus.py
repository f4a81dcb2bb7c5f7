"""EverFocus frame streams: one header, the whole buffer, a file, a stream in pieces."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import cache

from hikcore.errors import MediaError
from hikcore.media.everfocus import parse_header
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target, pieces
from tests.fuzz.targets.ps import walk
from tests.media.everfocus_reference import G711, MAGIC, annexb, lengths
from tests.media.test_everfocus import T, compare, frame, index, stream

#: Bytes that mean something to a reader of frames.
TOKENS = (
    MAGIC, MAGIC[:3], MAGIC * 3, b"\0\0\0\1", b"\0\0\1\x67", b"\0\0\1\x65\x88", b"\0\0\0\5",
    frame(6, b"", T), frame(7, b"", T, size=2**32 - 1), frame(8, b"", T, size=500),
    frame(G711, b"", T, size=16), frame(99, bytes(9), T), b"\xff" * 8, bytes(32), b"\0\0\1\x40\1",
)  # fmt: skip


@cache
def seeds() -> list[bytes]:
    """Small streams of both codecs and framings."""
    return [
        b"".join(stream(codec, 12, framed=framed))
        for codec in ("h264", "h265")
        for framed in (annexb, lengths)
    ]


def check(body: bytes, sizes: Sequence[int] | None = None) -> None:
    """Frames as the reference finds them, in pieces of any size; all that is made of the table
    holds together."""
    sizes = sizes or pieces(body)
    with contextlib.suppress(MediaError):
        parse_header(body)
    compare(body, sizes)
    for counted in (None, True):
        with contextlib.suppress(MediaError):
            walk(body, index(body, sizes, size_counts_header=counted))


TARGET = Target("everfocus", seeds, check, Grammar(TOKENS, (MAGIC,), 40, "<"))
