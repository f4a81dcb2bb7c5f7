"""What of an MP4 is no table of samples: headers of file, movie, track and media, edit lists.

Of numbers alone, so that whoever has tables without numpy writes the same file. Facts: ISO/IEC
14496-12 4.3, 8.2, 8.3, 8.4, 8.6.6. Nothing of the time of writing is in it (creation times are 0).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hikcore.media.formats import CodecConfig
from hikcore.media.mp4.boxes import box, full_box

#: Timescale of the movie header, and of every track that an archive holds.
TIMESCALE = 90_000
#: Seconds: no time of a file lies further from its begin, some 270 years (live encoders count from
#: 1970). So no time leaves 64 bits, in ticks or in ns.
FURTHEST = 1 << 33
FTYP = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2mp41")
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_LARGEST_32 = (1 << 32) - 1


class Writable(Protocol):
    """Where a file goes: it is written from the first byte to the last, never sought in."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Take all the bytes."""
        ...


class Edit(NamedTuple):
    """An entry of an edit list: `duration` in movie ticks, shown from `media_time` (in ticks of the
    track after its decoding times were rebased to 0), or nothing shown (-1). `rate` is 16.16: 1, or
    0 where one picture stands still."""

    duration: int
    media_time: int
    rate: int = 0x10000


class Times(NamedTuple):
    """Of a track: `presented` in the movie's ticks, `media` in its own (0 where fragmented)."""

    presented: int
    media: int
    timescale: int


def mdat_header(media: int) -> bytes:
    """The header of an mdat of so many bytes, of 64 bits where it must be."""
    if media + 8 > _LARGEST_32:
        return struct.pack(">I4sQ", 1, b"mdat", media + 16)
    return struct.pack(">I4s", media + 8, b"mdat")


def mvhd_box(duration: int, tracks: int, timescale: int) -> bytes:
    """The movie header; `duration` in its timescale."""
    version, word = _word(duration)
    times = struct.pack(f">{word}{word}I{word}", 0, 0, timescale, duration)
    rest = struct.pack(">IH10x", 0x10000, 0x100) + _MATRIX + bytes(24)
    return full_box(b"mvhd", version, 0, times, rest, struct.pack(">I", tracks + 1))


def trak_box(
    number: int, config: CodecConfig, times: Times, edits: Sequence[Edit], stbl: bytes
) -> bytes:
    """The trak of the track that is `number` (from 0)."""
    visual = config.codec in ("h264", "h265")
    version, word = _word(times.presented)
    tkhd = full_box(
        b"tkhd",
        version,
        3,  # enabled, in the movie
        struct.pack(f">{word}{word}I4x{word}8xHHH2x", 0, 0, number + 1, times.presented, 0, 0,
                    0 if visual else 0x100),
        _MATRIX,
        struct.pack(">II", config.width << 16, config.height << 16),
    )  # fmt: skip
    dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    header = full_box(b"vmhd", 0, 1, bytes(8)) if visual else full_box(b"smhd", 0, 0, bytes(4))
    media = box(b"mdia", _mdhd(times), _hdlr(visual), box(b"minf", header, dinf, stbl))
    return box(b"trak", tkhd, _edts(edits), media)


def _edts(edits: Sequence[Edit]) -> bytes:
    if not edits:
        return b""
    wide = any(max(e.duration, e.media_time) > (1 << 31) - 1 for e in edits)
    form = ">QqI" if wide else ">IiI"
    rows = b"".join(struct.pack(form, e.duration, e.media_time, e.rate) for e in edits)
    return box(b"edts", full_box(b"elst", int(wide), 0, struct.pack(">I", len(edits)), rows))


def _mdhd(times: Times) -> bytes:
    version, word = _word(times.media)
    fields = struct.pack(f">{word}{word}I{word}", 0, 0, times.timescale, times.media)
    return full_box(b"mdhd", version, 0, fields, struct.pack(">HH", 0x55C4, 0))  # und


def _hdlr(visual: bool) -> bytes:
    kind, name = (b"vide", b"Video\0") if visual else (b"soun", b"Sound\0")
    return full_box(b"hdlr", 0, 0, bytes(4), kind, bytes(12), name)


def _word(duration: int) -> tuple[int, str]:
    """Version of a header box, and the struct code of its times."""
    return (0, "I") if duration < _LARGEST_32 else (1, "Q")
