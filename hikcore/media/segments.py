"""Segments: a run cut into MP4 files of about ten minutes at sync samples, by the UTC clock.

DESIGN: cut before the first sync sample at or after each UTC boundary of 600 s, never leaving less
than 60 s on one side. Samples before a run's first sync sample are a segment of their own, marked
`headless`. An audio unit belongs to the segment whose sync sample is the last at or before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged
from hikcore.instants import NS
from hikcore.media.mp4.sound import last_unit
from hikcore.media.mp4.write import OutTrack, align, write_mp4
from hikcore.media.runs import Run
from hikcore.media.samples import SampleReader
from hikcore.media.table import ByteSource, Samples, SampleTable
from hikcore.media.times import decode_times
from hikcore.native.gather import fingerprints

EVERY = 600 * NS
LEAST = 60 * NS


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """Half-open ranges of the table's video samples and audio units."""

    first: int
    last: int
    audio_first: int
    audio_last: int
    headless: bool


@dataclass(frozen=True, slots=True)
class WrittenSegment:
    """A segment as written.

    Attributes:
        size, sha256: of the file. head: bytes from its start that hold ftyp and moov.
        begin, end: UTC ns of its video; of its audio, where it has none.
        pts: the run's tick (90 kHz, unwrapped) at which the first video sample is decoded, which is
            the file's media time 0; of the first audio unit, where it has no video.
        frames, units: video samples and audio units in it.
        codec: for people: `h264`, `h265+alaw`, `ulaw`, …
        hashes: uint64 (frames,), see native.gather.fingerprints.
    """

    size: int
    sha256: str
    head: int
    begin: int
    end: int
    pts: int
    frames: int
    units: int
    headless: bool
    codec: str
    hashes: NDArray[np.uint64]


def plan_segments(table: SampleTable, run: Run) -> list[SegmentPlan]:
    """The segments of a run, in order."""
    count = run.last - run.first
    if not count:
        return [SegmentPlan(0, 0, run.audio_first, run.audio_last, headless=False)]
    video = table.video
    assert video is not None
    syncs = np.flatnonzero(video.sync[run.first : run.last])
    if not len(syncs):
        return [SegmentPlan(run.first, run.last, run.audio_first, run.audio_last, headless=True)]
    begins = ([0] if syncs[0] else []) + _cuts(run, syncs)
    ends = [*begins[1:], count]
    # Where a unit goes depends on the sync sample at which a segment begins; those before any
    # go to the first segment.
    times = np.array([int(run.pts[at]) for at in begins[1:]], np.int64)
    owner = np.searchsorted(times, run.audio_pts, side="right")
    owner = np.maximum.accumulate(owner) if len(owner) else owner
    edges = run.audio_first + np.searchsorted(owner, np.arange(len(begins) + 1))
    return [
        SegmentPlan(
            run.first + begin,
            run.first + end,
            int(edges[number]),
            int(edges[number + 1]),
            headless=begin < syncs[0],
        )
        for number, (begin, end) in enumerate(zip(begins, ends, strict=True))
    ]


def _cuts(run: Run, syncs: NDArray[np.intp]) -> list[int]:
    """Where segments begin: the first sync sample and each that a boundary asks for."""
    out = [int(syncs[0])]
    start = run.wall(int(run.pts[out[0]]))
    end = run.wall(run.pts_end)
    boundary = (start // EVERY + 1) * EVERY
    for at in syncs[1:]:
        wall = run.wall(int(run.pts[at]))
        if wall < boundary:
            continue
        if wall - start >= LEAST and end - wall >= LEAST:
            out.append(int(at))
            start = wall
        boundary = (wall // EVERY + 1) * EVERY
    return out


class _Hashing:
    """Writes through to a file and hashes on the way."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        self.sha256.update(data)
        self.size += len(data)
        return self._out.write(data)


def write_segment(
    out: BinaryIO, source: ByteSource, table: SampleTable, run: Run, plan: SegmentPlan
) -> WrittenSegment:
    """Write one segment as MP4.

    Raises:
        MediaDamaged: the source is not what the table indexes.
    """
    video, audio = segment_tracks(table, run, plan)
    tracks: list[OutTrack] = align(video, audio)
    hashes = np.zeros(len(video) if video is not None else 0, np.uint64)
    read = _reader(source, tracks, hashes)
    hashing = _Hashing(out)
    layout = write_mp4(hashing, tracks, read)
    if video is not None:
        begin, end = int(video.pts.min()), int(video.pts.max()) + video.last_duration
        zero = int(video.dts[0])
    else:
        assert audio is not None
        begin, end = int(audio.pts[0]), int(audio.pts[-1]) + audio.last_duration
        zero = begin
    kinds = [track.samples.configs[0].codec for track in tracks]
    return WrittenSegment(
        size=hashing.size,
        sha256=hashing.sha256.hexdigest(),
        head=len(layout.head),
        begin=run.wall(begin),
        end=run.wall(end),
        pts=zero,
        frames=len(video) if video is not None else 0,
        units=len(audio) if audio is not None else 0,
        headless=plan.headless,
        codec="+".join(kinds),
        hashes=hashes,
    )


def segment_tracks(
    table: SampleTable, run: Run, plan: SegmentPlan
) -> tuple[Samples | None, Samples | None]:
    """The tracks of a segment with the run's times, and the one configuration that it has."""
    video = audio = None
    if table.video is not None and plan.last > plan.first:
        low, high = plan.first - run.first, plan.last - run.first
        whole = replace(
            table.video.slice(run.first, run.last),
            pts=run.pts,
            dts=run.dts,
            last_duration=_last_duration(run),
        )
        video = _one_config(whole.slice(low, high))
    if table.audio is not None and plan.audio_last > plan.audio_first:
        sound = table.audio.slice(plan.audio_first, plan.audio_last)
        low, high = plan.audio_first - run.audio_first, plan.audio_last - run.audio_first
        # The last unit lasts as long as its own bytes, not until a next one that may be far.
        last = last_unit(sound)
        pts = run.audio_pts[low:high]
        audio = replace(sound, pts=pts, dts=decode_times(pts), last_duration=last)
    return video, audio


def _last_duration(run: Run) -> int:
    return max(run.pts_end - int(run.pts.max()), 1)


def _one_config(video: Samples) -> Samples:
    """A run has one configuration; its index becomes 0."""
    config = video.configs[int(video.config[0])]
    return replace(video, configs=(config,), config=np.zeros(len(video), np.uint16))


def _reader(
    source: ByteSource, tracks: list[OutTrack], hashes: NDArray[np.uint64]
) -> Callable[[int, int, int], memoryview]:
    """Reads samples for the writer, and takes the fingerprints of pictures on the way."""
    reader = SampleReader(source)

    def read(track: int, first: int, last: int) -> memoryview:
        samples = tracks[track].samples
        data = reader.read(samples, first, last)
        if samples.framing != "raw":
            codec = 2 if samples.configs[0].codec == "h265" else 1
            sizes = np.ascontiguousarray(samples.size[first:last])
            bad = fingerprints(data, sizes, hashes[first:last], codec)
            if bad >= 0:
                raise MediaDamaged(
                    f"NAL units of sample {first + bad} do not add up",
                    offset=int(samples.extent_offset[samples.first[first + bad]]),
                )
        return data

    return read
