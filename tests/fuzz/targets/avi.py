"""AVI files, against the slow reference."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from hikcore.errors import MediaError
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target, pieces
from tests.fuzz.targets.ps import walk
from tests.media.avi_reference import avi, chunk, listed, sound_header, video_header
from tests.media.everfocus_reference import annexb, lengths
from tests.media.test_avi import chunks, compare, index

#: Bytes that mean something to a reader of AVI.
TOKENS = (
    b"RIFF\xff\xff\xff\xffAVI ", b"LIST\0\0\0\0movi", b"LIST\4\0\0\0rec ",
    b"LIST\xff\xff\xff\x7fhdrl",
    b"00dc\0\0\0\0", b"01wb\0\0\0\0", b"00dc\xff\xff\xff\xff", b"00dc\1\0\0\0\0", b"07dc\0\0\0\0",
    b"JUNK\0\0\1\0", b"ix00\x20\0\0\0", b"idx1\xff\xff\xff\xff", b"idx1\x20\0\0\0", b"00pc\2\0\0\0",
    b"strh\x38\0\0\0vids", b"strf\x28\0\0\0", b"LIST\0\0\0\0strl", b"\0\0\0\1", b"\xff" * 4, b"00",
)  # fmt: skip
MARKS = (b"00dc", b"01wb", b"LIST", b"idx1", b"strh", b"strf")


@cache
def seeds() -> list[bytes]:
    """Small files of both codecs and framings, with and without what an AVI may lack."""
    out = []
    for codec, fourcc in (("h264", b"H264"), ("h265", b"HEVC")):
        for framed in (annexb, lengths):
            parts = chunks(codec, 10, framed=framed)
            headers = video_header(fourcc), sound_header()
            out.append(avi(parts, *headers))
            out.append(avi(chunks(codec, 10, framed=framed, pad=False), *headers, idx1="none"))
            records = [listed(b"rec ", *parts[:9]), chunk(b"JUNK", bytes(99)), *parts[9:]]
            more = listed(b"AVIX", listed(b"movi", *parts), name=b"RIFF")
            out.append(avi(records, *headers, idx1="file", further=[more]))
    return out


def check(body: bytes, sizes: Sequence[int] | None = None) -> None:
    """It is read as the reference reads it, in pieces of any size, and all that is made of the
    table holds together."""
    sizes = sizes or pieces(body)
    compare(body, sizes)
    try:
        table = index(body, sizes)
    except MediaError:
        return
    walk(body, table)


TARGET = Target("avi", seeds, check, Grammar(TOKENS, MARKS, 60, "<"))
