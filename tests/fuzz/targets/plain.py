"""Cuts of plain MP4 files by the native walker: byte for byte those of the general reader.

An input is two bytes (where to cut) and a file. What the walker leaves to the general reader is
fuzzed as `mp4` and `cuts`.
"""

from __future__ import annotations

import io
from functools import cache

from hikcore.errors import MediaError
from hikcore.media.cut import Cut
from hikcore.media.mp4.plain import find_moov, open_plain
from hikcore.media.mp4.quick import QuickClip, cut_samples, finish, join_samples
from hikcore.media.whole import cut_ranges
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target
from tests.fuzz.targets.mp4 import BOXES
from tests.media.mp4_foreign import Bytes, foreign

_TABLES = tuple(
    name for name in BOXES
    if name in (b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64", b"elst", b"mdhd",
                b"stsd", b"avcC", b"hvcC", b"moov", b"stbl", b"tkhd", b"dref")
)  # fmt: skip


#: What the general reader says of samples without lengths. The plain way refuses a cut whose own
#: key pictures look like that, and does not look at others.
_START_CODES = "NAL units behind start codes in an MP4"


@cache
def seeds() -> list[bytes]:
    """Files without sound."""
    out = []
    for codec, bframes, scale, flags in (
        ("libx264", 0, "90000", ""), ("libx264", 2, "12800", "faststart"),
        ("libx265", 0, "1000", ""), ("libx265", 2, "11025", "faststart"),
    ):  # fmt: skip
        data = foreign(
            codec=codec, sound=None, movflags=flags, bframes=bframes, frames=24, gop=8,
            video_track_timescale=scale,
        )  # fmt: skip
        out += [bytes((at, 60)) + data for at in (0, 90, 180)]
    return out


def check(body: bytes) -> None:
    """See the module."""
    if len(body) < 2:
        return
    at, until, data = 450 * body[0], 450 * (body[0] + 1 + body[1]), body[2:]
    source = Bytes(data)
    try:
        found = find_moov(source, len(data))
        plain = None if found is None else open_plain(found[1], len(data))
        clip = None if plain is None else cut_samples(plain, plain.zero + at, plain.zero + until)
        quick = None if clip is None or plain is None else finish(clip, [source], [plain])
        whole = None if plain is None else join_samples([plain, plain])
        joined = (
            None if whole is None or plain is None else finish(whole, [source] * 2, [plain] * 2)
        )
    except MediaError:
        return
    if joined is not None:
        assert len(written(joined, [source, source])) == joined.size
    if quick is None or found is None:
        return
    out = io.BytesIO()
    try:
        made: Cut = cut_ranges(source, len(data), lambda _, __: source, out, at, until, found[1])
    except MediaError:
        return  # it looks at more than the pictures of the cut
    if _START_CODES in made.notes:
        return  # decided by a key picture before the cut; the cut's own have lengths
    again = written(quick, [source])
    assert again == out.getvalue()
    assert (made.frames, made.hidden, made.size) == (quick.frames, quick.hidden, len(again))


def written(clip: QuickClip, sources: list[Bytes]) -> bytes:
    """The clip's bytes."""
    out = io.BytesIO()
    clip.write(sources, out)
    return out.getvalue()


TARGET = Target("plain", seeds, check, Grammar((*_TABLES, b"\0" * 4, b"\xff" * 4), _TABLES, 60))
