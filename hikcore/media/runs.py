"""Runs: stretches of samples over which wall time = origin + media time, slope exactly 1.

The origin of a run is found from every reading of the device's wall clock in it (facts: one per key
frame, with milliseconds on some firmware, whole seconds on others). A new run begins, with its
reason, where the relation breaks: the PTS jump and stay away, the clock steps, drift passes its
bound, or the codec configuration changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hikcore.deviceclock import DeviceClock
from hikcore.instants import NS, ns_to_ticks, ticks_to_ns
from hikcore.media.borders import find_borders
from hikcore.media.readings import Origin, Readings, find_origin, read_clock
from hikcore.media.table import Samples, SampleTable
from hikcore.media.times import JUMP_TICKS, decode_times

#: A step of the recorder's picture numbers by so many is a new count, no loss.
_RENUMBERED = 1_000_000
#: Units of sound that are looked at around the place where a run begins: of 5 s, more than any.
_NEAR = 4096
#: What the reading of a listing is worth (whole seconds, rounded by the device), ns.
LISTING_UNCERTAINTY = NS


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        first, last: its video samples, half-open.
        audio_first, audio_last: its audio units, half-open.
        pts, dts: int64, 90 kHz, unwrapped, of its video samples in decoding order.
        audio_pts: int64, 90 kHz, of its audio units.
        begin: UTC ns at `pts_begin`. begin_local: the device's own reading there (local ns).
        origin: `stream` or `listing`. uncertainty: ns, half-width.
        reason: why it began.
        pts_begin, pts_end: of the first picture shown; past the duration of the last.
        lost: pictures that the device's frame numbers say are missing inside.
    """

    first: int
    last: int
    audio_first: int
    audio_last: int
    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    audio_pts: NDArray[np.int64]
    begin: int
    begin_local: int | None
    origin: str
    uncertainty: int
    reason: str
    pts_begin: int
    pts_end: int
    lost: int

    def wall(self, pts: int) -> int:
        """UTC ns of a tick of this run."""
        return self.begin + ticks_to_ns(pts - self.pts_begin)

    def tick(self, wall: int) -> int:
        """The last tick of this run at or before a UTC instant."""
        return self.pts_begin + ns_to_ticks(wall - self.begin)


def find_runs(
    table: SampleTable,
    clock: DeviceClock,
    listing_begin: int,
    *,
    holes: bool = False,
    doubt: int = 0,
) -> list[Run]:
    """The runs of a container, in order.

    Args:
        table: with video, audio or both, 90 kHz.
        clock: what the wall clock inside the stream means.
        listing_begin: UTC ns at which the device lists the recording; the origin where the stream
            has no wall clock: of the first picture, or where an edit list hides a lead-in, of what
            is shown behind it.
        holes: a jump of times without a wall clock is a hole as long as it; else nobody knows how
            long it was, and what follows is put right behind.
        doubt: ns by which `listing_begin` may be wrong, besides whole seconds.

    Raises:
        MediaDamaged: its times break more often than in any footage.
    """
    if table.video is None or not len(table.video):
        return _sound_only(table, listing_begin)
    readings = read_clock(table, clock, listing_begin)
    borders = find_borders(table, readings)
    runs: list[Run] = []
    for number, (first, reason) in enumerate(borders):
        last = borders[number + 1][0] if number + 1 < len(borders) else len(table.video)
        runs.append(_run(table, readings, first, last, reason, runs, listing_begin, holes, doubt))
    return _with_audio(runs, table.video, table.audio)


def _run(
    table: SampleTable,
    readings: Readings,
    first: int,
    last: int,
    reason: str,
    before: list[Run],
    listing_begin: int,
    holes: bool,
    doubt: int,
) -> Run:
    video = table.video
    assert video is not None
    pts = video.pts[first:last]
    begin = int(pts.min())
    ordered = np.sort(pts)
    steps = np.diff(ordered)
    steps = steps[steps > 0]
    end = int(ordered[-1]) + (int(np.median(steps)) if len(steps) else video.last_duration)
    origin = find_origin(video.pts, readings, first, last, begin)
    if origin is None:
        wall = listing_begin - ticks_to_ns(_lead_in(table, begin, end))
        if before:
            over = holes and begin > before[-1].pts_end
            wall = before[-1].wall(begin if over else before[-1].pts_end)
        origin = Origin(wall, None, "listing", LISTING_UNCERTAINTY + doubt)
    return Run(
        first=first,
        last=last,
        audio_first=0,
        audio_last=0,
        pts=pts,
        dts=decode_times(pts),
        audio_pts=np.empty(0, np.int64),
        begin=origin.wall,
        begin_local=origin.local,
        origin=origin.kind,
        uncertainty=origin.uncertainty,
        reason=reason,
        pts_begin=begin,
        pts_end=end,
        lost=_lost(table.frame_numbers, first, last),
    )


def _lead_in(table: SampleTable, begin: int, end: int) -> int:
    """Ticks by which the first run's pictures begin before those that the container shows: what a
    device lists is what its file shows, not what an edit list hides before it."""
    if table.presented is None:
        return 0
    return min(max(table.presented[0] - begin, 0), end - begin)


def _lost(numbers: NDArray[np.uint32] | None, first: int, last: int) -> int:
    """Pictures that the recorder's numbers miss. B pictures have no pack, so no number, on some
    firmware: whether the count includes them shows in how most gaps over them look."""
    if numbers is None:
        return 0
    own = numbers[first:last].astype(np.int64)
    known = np.flatnonzero(own != 0xFFFFFFFF)
    # Where every picture has one, B pictures may have them in the order of showing.
    values = np.sort(own) if len(known) == len(own) else own[known]
    steps, between = np.diff(values), np.diff(known)
    good = (steps > 0) & (steps < _RENUMBERED)
    steps, between = steps[good], between[good]
    over = between > 1
    if over.any() and np.median(steps[over]) == 1:
        between = np.ones_like(between)
    return int(np.maximum(steps - between, 0).sum())


def _with_audio(runs: list[Run], video: Samples, audio: Samples | None) -> list[Run]:
    """Give every audio unit to the run in which it lies."""
    if audio is None or not len(audio):
        return runs
    offsets = audio.extent_offset[audio.first[:-1]]
    out: list[Run] = []
    at = 0
    for number, run in enumerate(runs):
        end = len(audio)
        if number + 1 < len(runs):
            following = runs[number + 1]
            place = video.extent_offset[video.first[following.first]]
            near = max(int(np.searchsorted(offsets, place)), at)
            end = _audio_border(audio.pts, at, near, run, following)
        out.append(_take_audio(run, audio, at, end))
        at = end
    return out


def _audio_border(pts: NDArray[np.int64], least: int, near: int, run: Run, following: Run) -> int:
    """The first unit of the following run: from the place in the body at which its video begins,
    on or back to where the units' own times pass from one run to the other."""
    begin, latest = following.pts_begin, int(run.pts.max())
    middle = (run.pts_end + begin) // 2

    def later(unit: int) -> bool:
        if begin <= latest:
            return int(pts[unit]) < middle
        return int(pts[unit]) >= (begin if begin - run.pts_end <= JUMP_TICKS else middle)

    def close(unit: int) -> bool:
        return abs(int(pts[unit]) - int(pts[near])) <= JUMP_TICKS

    at = near
    while at < min(len(pts), near + _NEAR) and not later(at) and close(at):
        at += 1
    if at > near:
        return at if at == len(pts) or later(at) else near
    while at > max(least, near - _NEAR) and later(at - 1):
        at -= 1
    return at


def _take_audio(run: Run, audio: Samples, first: int, last: int) -> Run:
    return replace(run, audio_first=first, audio_last=last, audio_pts=audio.pts[first:last])


def _sound_only(table: SampleTable, listing_begin: int) -> list[Run]:
    audio = table.audio
    if audio is None or not len(audio):
        return []
    none = np.empty(0, np.int64)
    return [
        Run(
            first=0,
            last=0,
            audio_first=0,
            audio_last=len(audio),
            pts=none,
            dts=none,
            audio_pts=audio.pts,
            begin=listing_begin,
            begin_local=None,
            origin="listing",
            uncertainty=LISTING_UNCERTAINTY,
            reason="start",
            pts_begin=int(audio.pts[0]),
            pts_end=int(audio.pts[-1]) + audio.last_duration,
            lost=0,
        )
    ]
