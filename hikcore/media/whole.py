"""Cuts of files by way of their whole sample table: any container, at the cost of all of its index.

`hikcore.media.cut` is the door; plain MP4 files do not come here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from hikcore.errors import MediaDamaged, MediaError, MediaUnsupported, NoRecording
from hikcore.media.clip import ClipPart, ClipReport, write_clip
from hikcore.media.container import accept, index_file
from hikcore.media.cut import Cut
from hikcore.media.files import FileSource
from hikcore.media.mp4.clock import in_ticks, to_ninety
from hikcore.media.mp4.edits import origin
from hikcore.media.mp4.headers import TIMESCALE, Writable
from hikcore.media.mp4.locate import index_span
from hikcore.media.mp4.plain import find_moov
from hikcore.media.mp4.read import index_mp4, read_edits
from hikcore.media.sniff import SNIFF_BYTES, sniff
from hikcore.media.table import ByteSource, Samples, SampleTable
from hikcore.media.times import jump_bound


def cut_table(
    path: Path, out: int, at: int, until: int, start: Literal["exact", "key"] = "exact", *,
    strip: bool = False,
) -> Cut:  # fmt: skip
    """As `hikcore.media.cut.cut_file`, in ticks of 90 kHz, to where the descriptor `out` stands.

    Raises:
        NoRecording: no picture lies in the span.
        MediaUnsupported: no pictures, or their times go back; and as `index_file`.
    """
    with FileSource(path) as source:
        table, zero = _open(path, source)
        return write_span(
            table, zero, lambda _, __: source, _Descriptor(out), at, until, start, path.name,
            strip=strip,
        )  # fmt: skip


def cut_ranges(
    source: ByteSource, size: int, window: Callable[[int, int], ByteSource], out: Writable,
    at: int, until: int, moov: bytes,
) -> Cut:  # fmt: skip
    """As `hikcore.media.ranged.cut_ranged`, in ticks of 90 kHz, of any MP4 (with this moov)."""
    found = index_span(source, size, Fraction(at, TIMESCALE), Fraction(until, TIMESCALE))
    zero = _zero(_video(found), moov)
    if zero:  # what was asked for lies elsewhere in the media
        begin, end = Fraction(at + zero, TIMESCALE), Fraction(until + zero, TIMESCALE)
        found = index_span(source, size, begin, end)
    return write_span(to_ninety(found), zero, window, out, at, until)


def write_span(
    table: SampleTable, zero: int, window: Callable[[int, int], ByteSource], out: Writable,
    at: int, until: int, start: Literal["exact", "key"] = "exact", name: str = "", *,
    strip: bool = False,
) -> Cut:  # fmt: skip
    """The clip of [at, until), in ticks of 90 kHz since `zero`.

    Args:
        window: gives the source for the bytes from its first argument to its second.

    A stream whose times jump (PS, AVI, EverFocus) has nothing to show in between: a span that
    begins there begins with the picture after it, and one that lies there is none.

    Raises:
        NoRecording: no picture lies in the span.
        MediaDamaged: no key picture lies before it.
    """
    video = _video(table)
    at, until = zero + at, zero + until
    holes = _holes(table, video)
    for low, high in holes:
        if low <= at and until <= high:
            raise NoRecording(f"no picture lies in the span: {_told(low, high, zero)}", where=name)
        if low <= at < high:
            at = high
    early = video.pts <= at
    shown = int(video.pts[early].max()) if early.any() else int(video.pts.min())
    covering = int(np.flatnonzero(video.pts == shown)[0])
    keys = np.flatnonzero(video.sync[: covering + 1])
    if shown >= until or shown + _lasts(video, shown) <= at:
        raise NoRecording("no picture lies in the span", where=name)
    if not len(keys):
        raise MediaDamaged("no key picture to begin with", where=name)
    first, last = int(keys[-1]), int(np.flatnonzero(video.pts < until)[-1]) + 1
    units = len(table.audio) if table.audio is not None else 0
    source = window(*_bytes(video, first, last, table.audio))
    part = ClipPart(source, table, first, len(video), -shown, 0, units)
    report = write_clip(
        out, [part], show_from=0, show_to=until - shown, start=start, hashed=False,
        strip_parameter_sets=strip,
    )  # fmt: skip
    inside = [f"{_told(*hole, zero)}: the picture before stands still"
              for hole in holes if shown < hole[0] < until]  # fmt: skip
    cut = _cut(report, shown - zero, table)
    return cut._replace(notes=(*cut.notes, *inside))


def _holes(table: SampleTable, video: Samples) -> list[tuple[int, int]]:
    """Where the times of a stream jump: ticks at which the last picture ends and the next begins.

    An MP4 says itself how long a picture lasts.
    """
    if table.container == "mp4":
        return []
    times = np.sort(video.pts)
    jumps = np.flatnonzero(np.diff(times) > jump_bound(video.pts))
    return [(int(times[at]) + video.last_duration, int(times[at + 1])) for at in jumps]


def _told(low: int, high: int, zero: int) -> str:
    begin, end = ((tick - zero) / TIMESCALE for tick in (low, high))
    return f"the file has nothing from {begin:.3f} s to {end:.3f} s"


def _bytes(video: Samples, first: int, last: int, audio: Samples | None) -> tuple[int, int]:
    """Where the bytes of these pictures lie, and of what may sound with them."""
    low, high = int(video.first[first]), int(video.first[last])
    offsets = video.extent_offset[low:high].astype(np.int64)
    begin, end = int(offsets.min()), int((offsets + video.extent_size[low:high]).max())
    if audio is None:
        return begin, end
    slack = 1 << 20  # sound lies within seconds of its pictures; what does not is read by itself
    return max(begin - slack, 0), end + slack


def join_tables(paths: Sequence[Path], out: int) -> Cut:
    """As `hikcore.media.cut.join_files`, to where the descriptor `out` stands."""
    parts: list[ClipPart] = []
    end = 0
    notes: list[str] = []
    with ExitStack() as stack:
        for path in paths:
            source = stack.enter_context(FileSource(path))
            table, zero = _open(path, source)
            video = _video(table)
            begin = max(zero, int(video.pts.min()))
            if not video.sync[0] or int(video.pts.min()) < zero:
                raise MediaUnsupported("its first picture is no key picture that is shown",
                                       where=path.name)  # fmt: skip
            units = len(table.audio) if table.audio is not None else 0
            parts.append(ClipPart(source, table, 0, len(video), end - begin, 0, units))
            end += int(video.pts.max()) - begin + video.last_duration
            notes += table.notes
        report = write_clip(_Descriptor(out), parts, show_from=0, show_to=end, hashed=False)
    return _cut(report, 0, None)._replace(notes=tuple(dict.fromkeys((*notes, *report.notes))))


def _open(path: Path, source: FileSource) -> tuple[SampleTable, int]:
    """The table in 90 kHz, and the tick at which the file's own time begins."""
    if sniff(source.read_at(0, min(SNIFF_BYTES, source.size))) != "mp4":
        table = index_file(path)
        return table, int(_video(table).pts.min())
    found = index_mp4(source, source.size, verify=True)
    return accept(to_ninety(found)), _zero(_video(found), find_moov(source, source.size))


def _zero(video: Samples, moov: bytes) -> int:
    """The tick of 90 kHz of an MP4's media time at which its edit list begins; 0 without one."""
    try:
        edits = read_edits(moov)
    except MediaError:
        return 0
    zero = -origin(edits.video, video.timescale, edits.timescale or 1)
    return int(in_ticks(_at(video, zero)).pts[0])


def _at(samples: Samples, time: int) -> Samples:
    """One sample with that time: it is converted as all others are."""
    return replace(
        samples.slice(0, 1), dts=np.array([time], np.int64), pts=np.array([time], np.int64)
    )


def _video(table: SampleTable) -> Samples:
    """The pictures.

    Raises:
        MediaUnsupported: there are none, or their times go back by more than reordering explains.
    """
    video = table.video
    if video is None or not len(video):
        raise MediaUnsupported("no pictures in it: there is nothing to cut by")
    back = np.flatnonzero(np.diff(video.pts) < -jump_bound(video.pts))
    if len(back):
        seconds = (int(video.pts[back[0]]) - int(video.pts.min())) / TIMESCALE
        raise MediaUnsupported(
            f"its clock goes back after {seconds:.3f} s: one time names two pictures",
            hint="put it into an archive, which tells the takes apart",
        )
    return video


def _lasts(video: Samples, shown: int) -> int:
    later = video.pts[video.pts > shown]
    return int(later.min()) - shown if len(later) else video.last_duration


def _cut(report: ClipReport, begin: int, table: SampleTable | None) -> Cut:
    notes = (*(table.notes if table is not None else ()), *report.notes)
    stripped = sum(file.stripped for file in report.files)
    if stripped:
        notes += (f"parameter sets were left out of {stripped} pictures",)
    first = begin + report.begin
    return Cut(
        first, begin + report.end, report.lead_in, report.frames,
        sum(file.hidden for file in report.files), report.files[0].size, notes,
    )  # fmt: skip


class _Descriptor:
    """A descriptor as a stream."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes | memoryview, /) -> int:
        view = memoryview(data)
        size = len(view)
        while view:
            view = view[os.write(self._descriptor, view) :]
        return size
