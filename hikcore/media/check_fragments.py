"""Movie fragments: their samples, and what must hold of their order and index (rules 3, 6, 14).

Facts: ISO/IEC 14496-12 8.8.5 (mfhd), 8.8.12 (tfdt), 8.16.3 (sidx). A fragment may begin later than
the one before it ends, as where a stream was interrupted; earlier, it doubles time.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from hikcore.errors import MediaDamaged
from hikcore.media.mp4.boxes import find
from hikcore.media.mp4.fragments import Fragments
from hikcore.media.mp4.movie import Movie, Track
from hikcore.media.mp4.read import MAX_MOOV

if TYPE_CHECKING:
    from hikcore.media.check_file import Checked, Report
    from hikcore.media.samples import FileSource

#: (kind, offset, payload offset, end) of a box at the top of a file.
Box = tuple[bytes, int, int, int]
#: What a range of a sidx may begin with.
_SUBSEGMENT = (b"moof", b"styp", b"sidx", b"emsg", b"prft")


def add_fragments(
    source: FileSource, size: int, boxes: list[Box], movie: Movie, report: Report
) -> None:
    """Give the movie's tracks the samples of its fragments, and tell what is wrong with those.

    Raises:
        MediaDamaged, MediaUnsupported, MediaEncrypted: a track cannot be read.
    """
    fragments = Fragments(movie, size)
    for kind, at, _, end in boxes:
        if kind != b"moof":
            continue
        if end > size or end - at > MAX_MOOV:
            raise MediaDamaged("a fragment's head is cut off, or too large", offset=at)
        fragments.feed(source.read_at(at, end - at), at)
    for damage in fragments.damage:
        rule = 6 if "decoding time" in damage.reason else 3
        report.fail(rule, damage.reason, offset=damage.offset)
    for name in ("video", "audio"):
        track: Track | None = getattr(movie, name)
        if track is not None:
            setattr(movie, name, replace(track, samples=fragments.samples(track)))


def check_fragments(checked: Checked) -> None:
    """14: fragments are numbered in their order, each has its media behind it, and an index points
    at them; 6: the index tells their times."""
    report, boxes = checked.report, checked.boxes
    number = 0
    for index, (kind, at, payload, end) in enumerate(boxes):
        if kind == b"moof":
            behind = boxes[index + 1][0] if index + 1 < len(boxes) else b""
            if behind != b"mdat":
                report.fail(14, "no mdat behind a moof", offset=at)
            head = checked.source.read_at(at, end - at)
            mfhd = find(head, payload - at, end - at, b"mfhd")
            if mfhd is None or mfhd[1] - mfhd[0] < 8:
                report.fail(14, "a moof without mfhd", offset=at)
                continue
            (found,) = struct.unpack_from(">I", head, mfhd[0] + 4)
            if found <= number:
                report.fail(14, f"fragment {found} comes behind fragment {number}", offset=at)
            number = found
        elif kind == b"sidx":
            _check_index(checked, at, payload, end)


def _check_index(checked: Checked, at: int, payload: int, end: int) -> None:
    """That every range of a sidx is one of the file, and lasts as long as its pictures."""
    report = checked.report
    data = checked.source.read_at(payload, end - payload)
    wide = data[:1] == b"\x01"
    form = ">IIQQHH" if wide else ">IIIIHH"
    if len(data) < 4 + struct.calcsize(form):
        report.fail(14, "a sidx that is cut off", offset=at)
        return
    _, scale, _, first, _, count = struct.unpack_from(form, data, 4)
    rows = data[4 + struct.calcsize(form) :]
    if len(rows) < 12 * count or not scale:
        report.fail(14, "a sidx that is cut off, or without a timescale", offset=at)
        return
    begins = {begin for kind, begin, _, _ in checked.boxes if kind in _SUBSEGMENT}
    ends = {stop for _, _, _, stop in checked.boxes}
    total = 0
    begin = at = end + first
    for row in range(count):
        size, duration, _ = struct.unpack_from(">III", rows, 12 * row)
        stop = begin + (size & 0x7FFFFFFF)
        if begin not in begins or stop not in ends:
            report.fail(14, f"range {row} of a sidx is no fragment", offset=begin)
            return
        begin, total = stop, total + duration
    track = checked.movie.video or checked.movie.audio
    if track is None:
        return
    samples = track.samples
    inside = (samples.extent_offset >= at) & (samples.extent_offset < begin)
    if not inside.any():
        return
    last = int(inside.nonzero()[0][-1])
    until = (
        int(samples.dts[last + 1])
        if last + 1 < len(samples)
        else int(samples.dts[last]) + samples.last_duration
    )
    lasts = Fraction(until - int(samples.dts[inside.argmax()]), samples.timescale)
    if abs(lasts - Fraction(total, scale)) > Fraction(count, scale):
        report.fail(
            6, f"a sidx says {total / scale:.6f} s of pictures that last {float(lasts):.6f} s",
            offset=end,
        )  # fmt: skip
