"""Cuts of plain MP4 files by the native walker: byte for byte those of the general reader.

An input is two bytes (where to cut) and a file. What the walker leaves to the general reader is
fuzzed as `mp4` and `cuts`.
"""

from __future__ import annotations

import io
from functools import cache
from typing import cast

from hikcore.errors import MediaError
from hikcore.media.cut import Cut
from hikcore.media.files import FileSource
from hikcore.media.mp4.plain import find_moov
from hikcore.media.mp4.quick import QuickClip, quick_cut, quick_join
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
    """Files without sound, with AAC and with PCM."""
    out = []
    for container, codec, bframes, sound, scale, flags in (
        ("mp4", "libx264", 0, None, "90000", ""),
        ("mp4", "libx264", 2, "aac", "12800", "faststart"),
        ("mov", "libx265", 0, "pcm_alaw", "1000", ""),
        ("mp4", "libx265", 2, None, "11025", "faststart"),
    ):  # fmt: skip
        data = foreign(
            container, codec, sound, movflags=flags, bframes=bframes, frames=24, gop=8,
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
    held = cast(FileSource, _Held(data))
    try:
        moov = find_moov(source, len(data))
        quick = quick_cut(source, len(data), moov, at, until)
        joined = quick_join([held, held])
    except MediaError:
        return
    if joined is not None:
        assert len(written(joined)) == joined.size
    if quick is None:
        return
    out = io.BytesIO()
    try:
        made: Cut = cut_ranges(source, len(data), lambda _, __: source, out, at, until, moov)
    except MediaError:
        return  # it looks at more than the pictures of the cut
    if _START_CODES in made.notes:
        return  # decided by a key picture before the cut; the cut's own have lengths
    again = written(quick)
    assert again == out.getvalue()
    assert (made.frames, made.hidden, made.size) == (quick.frames, quick.hidden, len(again))


class _Held(Bytes):
    """What a join asks of a file."""

    @property
    def size(self) -> int:
        return len(self.data)


def written(clip: QuickClip) -> bytes:
    """The clip's bytes."""
    out = io.BytesIO()
    clip.write(out)
    return out.getvalue()


TARGET = Target("plain", seeds, check, Grammar((*_TABLES, b"\0" * 4, b"\xff" * 4), _TABLES, 60))
