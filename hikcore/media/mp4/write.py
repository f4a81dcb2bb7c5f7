"""Writes sample tables as MP4: moov first, exact timescale, co64, the same bytes every time.

Facts: ISO/IEC 14496-12 8.2-8.7. Media samples lie in chunks of at most a second, a video chunk and
then the audio up to it. Nothing of the time of writing is in the file (creation times are 0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged
from hikcore.media.mp4 import headers, tables
from hikcore.media.mp4.boxes import box
from hikcore.media.mp4.headers import TIMESCALE, Edit, Writable
from hikcore.media.table import Samples


@dataclass(frozen=True, slots=True)
class OutTrack:
    """A track to write. Its dts need not begin at 0: the writer takes the first from dts and pts.

    Only the columns dts, pts, size, sync, config and `configs`, `timescale`, `last_duration` are
    used; the extents are the affair of whoever reads the bytes.
    """

    samples: Samples
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file will be, known before a byte of media is read.

    Attributes:
        head: ftyp, moov and the header of mdat.
        chunks: (track, first sample, last sample), half-open, in the order of the file.
        size: bytes of the whole file.
    """

    head: bytes
    chunks: list[tuple[int, int, int]]
    size: int


def align(video: Samples | None, audio: Samples | None) -> list[OutTrack]:
    """The tracks of a segment, with edit lists only where they are needed to keep the tracks' times
    against each other: composition begins at 0 with whichever begins first.

    Both must have the timescale 90 000.

    Raises:
        MediaDamaged: a picture is shown before the first one is decoded: no edit list says that.
    """
    present = [track for track in (video, audio) if track is not None and len(track)]
    begins = [int(track.pts.min()) for track in present]
    origin = min(begins, default=0)
    out = []
    for track, begin in zip(present, begins, strict=True):
        media_time = begin - int(track.dts[0])
        if media_time < 0:
            raise MediaDamaged("a picture is to be shown before the first one is decoded")
        shown = int(track.pts.max()) + track.last_duration - begin
        edits: tuple[Edit, ...] = ()
        if begin != origin:
            edits = (Edit(begin - origin, -1), Edit(shown, media_time))
        elif media_time:
            edits = (Edit(shown, media_time),)
        out.append(OutTrack(track, edits))
    return out


def layout(tracks: Sequence[OutTrack], movie_timescale: int = TIMESCALE) -> Layout:
    """Where every byte of the file goes.

    Raises:
        MediaDamaged: decoding times go backwards.
        MediaUnsupported: a sample lasts longer than an MP4 can say.
    """
    for one in tracks:
        if not len(one.samples):
            raise ValueError("a track without samples cannot be written")
        tables.durations(one.samples)  # raises before anything is laid out
    first, track = _chunks(tracks, movie_timescale)
    media = sum(int(t.samples.size.sum(dtype=np.int64)) for t in tracks)
    last = np.zeros_like(first)
    sizes = np.zeros_like(first)
    for index, out in enumerate(tracks):
        mine = track == index
        last[mine] = np.append(first[mine][1:], len(out.samples))
        sizes[mine] = np.add.reduceat(out.samples.size.astype(np.int64), first[mine])
    offsets = np.cumsum(sizes) - sizes
    header = headers.mdat_header(media)
    ftyp = headers.FTYP

    def moov(base: int) -> bytes:
        traks = []
        for number, one in enumerate(tracks):
            mine = track == number
            stbl = stbl_box(one.samples, first[mine], base + offsets[mine])
            traks.append(trak_box(number, one, stbl, movie_timescale))
        return box(b"moov", mvhd_box(tracks, movie_timescale), *traks)

    # co64 is as long with any offsets, so the first pass says where the media begins.
    base = len(ftyp) + len(moov(0)) + len(header)
    head = ftyp + moov(base) + header
    chunks = list(zip(track.tolist(), first.tolist(), last.tolist(), strict=True))
    return Layout(head, chunks, len(head) + media)


def write_mp4(
    out: Writable, tracks: Sequence[OutTrack], read: Callable[[int, int, int], bytes | memoryview]
) -> Layout:
    """Write the file; `read(track, first, last)` gives the bytes of those samples.

    Raises:
        MediaDamaged: what `read` gives is not as long as the table says.
    """
    plan = layout(tracks)
    out.write(plan.head)
    for index, first, last in plan.chunks:
        data = read(index, first, last)
        wanted = int(tracks[index].samples.size[first:last].sum(dtype=np.int64))
        if len(data) != wanted:
            raise MediaDamaged(
                f"samples {first} to {last} of track {index + 1} are {len(data)} bytes long where "
                f"{wanted} are listed"
            )
        out.write(data)
    return plan


def _chunks(
    tracks: Sequence[OutTrack], movie_timescale: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(first sample, track) of every chunk in file order."""
    firsts, owners, seconds = [], [], []
    for owner, track in enumerate(tracks):
        samples = track.samples
        ticks = samples.dts - samples.dts[0] + presented(track, movie_timescale)
        second = ticks // samples.timescale
        new = np.ones(len(samples), np.bool_)
        new[1:] = (np.diff(second) != 0) | (np.diff(samples.config.astype(np.int64)) != 0)
        first = np.flatnonzero(new)
        firsts.append(first)
        owners.append(np.full(len(first), owner, np.int64))
        seconds.append(second[first])
    begin, number = np.concatenate(firsts), np.concatenate(owners)
    order = np.lexsort((begin, number, np.concatenate(seconds)))
    return begin[order].astype(np.int64), number[order]


def presented(track: OutTrack, movie_timescale: int) -> int:
    """When media time 0 is presented, in ticks of the track (negative: hidden by the edit list)."""
    empty = 0
    for edit in track.edits:
        if edit.media_time >= 0:
            return empty * track.samples.timescale // movie_timescale - edit.media_time
        empty += edit.duration
    return 0


def _duration(track: OutTrack, movie_timescale: int) -> int:
    """Presented duration in movie ticks."""
    if track.edits:
        return sum(edit.duration for edit in track.edits)
    samples = track.samples
    media = int(samples.dts[-1] - samples.dts[0]) + samples.last_duration
    return -(-media * movie_timescale // samples.timescale)


def mvhd_box(tracks: Sequence[OutTrack], movie_timescale: int) -> bytes:
    """The movie header: it lasts as long as its longest track."""
    duration = max(_duration(track, movie_timescale) for track in tracks)
    return headers.mvhd_box(duration, len(tracks), movie_timescale)


def stbl_box(samples: Samples, first: NDArray[np.int64], offset: NDArray[np.int64]) -> bytes:
    """The tables of a track whose chunks begin with these samples, at these offsets."""
    return box(
        b"stbl",
        tables.description_box(samples),
        tables.timing_boxes(samples),
        tables.size_box(samples),
        tables.chunk_boxes(first, len(samples), samples.config[first], offset),
    )


def trak_box(
    number: int, track: OutTrack, stbl: bytes, movie_timescale: int, *, fragmented: bool = False
) -> bytes:
    """The trak of the track that is `number` (from 0); where it is fragmented, no duration of the
    media is in it."""
    samples = track.samples
    media = int(samples.dts[-1] - samples.dts[0]) + samples.last_duration
    return headers.trak_box(
        number,
        samples.configs[0],
        headers.Times(
            presented=_duration(track, movie_timescale),
            media=0 if fragmented else media,
            timescale=samples.timescale,
        ),
        track.edits,
        stbl,
    )


def endless_trak(number: int, track: OutTrack, stbl: bytes) -> bytes:
    """The trak of a fragmented track of which nobody knows how long it will be."""
    times = headers.Times(presented=0, media=0, timescale=track.samples.timescale)
    return headers.trak_box(number, track.samples.configs[0], times, track.edits, stbl)


__all__ = ["TIMESCALE", "Edit", "Layout", "OutTrack", "Writable", "align", "layout", "write_mp4"]
