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
from hikcore.media.table import Samples, SampleTable
from hikcore.media.times import decode_times

#: A step of the wall clock against the PTS, or drift, past this begins a new run (ns).
STEP = NS // 2
#: A jump of PTS is more than the larger of these (ticks, times the median step).
_JUMP_TICKS, _JUMP_STEPS = 5 * 90_000, 10
#: It counts when the next pictures stay there; a stray one alone does not.
_PERSIST = 3
#: What the reading of a listing is worth (whole seconds, rounded by the device), ns.
LISTING_UNCERTAINTY = NS
#: A reading with milliseconds is rounded down to one.
_MILLISECOND = 1_000_000


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


@dataclass(frozen=True, slots=True)
class _Origin:
    wall: int
    local: int | None
    kind: str
    uncertainty: int


def find_runs(table: SampleTable, clock: DeviceClock, listing_begin: int) -> list[Run]:
    """The runs of a container, in order.

    Args:
        table: with video, audio or both, 90 kHz.
        clock: what the wall clock inside the stream means.
        listing_begin: UTC ns at which the device lists the recording; the origin where the stream
            has no wall clock.
    """
    if table.video is None or not len(table.video):
        return _sound_only(table, listing_begin)
    readings = _readings(table, clock, listing_begin)
    borders = _borders(table, readings)
    runs: list[Run] = []
    for number, (first, reason) in enumerate(borders):
        last = borders[number + 1][0] if number + 1 < len(borders) else len(table.video)
        runs.append(_run(table, readings, first, last, reason, runs, listing_begin))
    return _with_audio(runs, table.audio)


@dataclass(frozen=True, slots=True)
class _Readings:
    """Wall-clock readings: sample index, UTC ns, local ns; whether finer than a second."""

    sample: NDArray[np.int64]
    wall: NDArray[np.int64]
    local: NDArray[np.int64]
    milliseconds: bool


def _readings(table: SampleTable, clock: DeviceClock, listing_begin: int) -> _Readings:
    """In the hour that a clock repeats the first reading is taken near the listing's begin, and
    each later one near where the PTS say."""
    anchors = table.anchors
    video = table.video
    if anchors is None or video is None:
        none = np.empty(0, np.int64)
        return _Readings(none, none, none, False)
    wall: list[int] = []
    for index, (sample, local) in enumerate(zip(anchors.sample, anchors.wall, strict=True)):
        near = listing_begin
        if index:
            before = int(video.pts[anchors.sample[index - 1]])
            near = wall[-1] + ticks_to_ns(int(video.pts[sample]) - before)
        wall.append(clock.wall_to_utc(int(local), near))
    return _Readings(anchors.sample, np.array(wall, np.int64), anchors.wall, anchors.milliseconds)


def _borders(table: SampleTable, readings: _Readings) -> list[tuple[int, str]]:
    """(first sample, reason) of every run. Two reasons at one sample: the first stands."""
    video = table.video
    assert video is not None
    found: dict[int, str] = {0: "start"}
    changes = np.flatnonzero(np.diff(video.config.astype(np.int64))) + 1
    found.update({int(at): "configuration" for at in changes if int(at) not in found})
    found.update({at: "pts jump" for at in _jumps(video.pts) if at not in found})
    edges = sorted(found)
    for number, first in enumerate(edges):
        last = edges[number + 1] if number + 1 < len(edges) else len(video)
        for sample, reason in _steps(video.pts, readings, first, last):
            found.setdefault(sample, reason)
    return sorted(found.items())


def _jumps(pts: NDArray[np.int64]) -> list[int]:
    """Samples at which the PTS go elsewhere and stay. In decoding order B-frames go back by less
    than the bound."""
    if len(pts) < 2:
        return []
    steps = np.abs(np.diff(pts))
    bound = max(_JUMP_TICKS, _JUMP_STEPS * int(np.median(steps)))
    out: list[int] = []
    for at in np.flatnonzero(steps > bound) + 1:
        here = pts[at : at + _PERSIST]
        before = int(pts[at - 1])
        # A stray picture: what follows is near what came before it again.
        back = len(here) > 1 and abs(int(here[-1]) - before) <= bound
        stray_end = out and at - out[-1] < _PERSIST and abs(int(pts[at]) - int(pts[out[-1] - 1]))
        if back or (stray_end and stray_end <= bound):
            continue
        out.append(int(at))
    return out


def _steps(
    pts: NDArray[np.int64], readings: _Readings, first: int, last: int
) -> list[tuple[int, str]]:
    """Readings inside [first, last) from which the wall clock no longer fits the PTS."""
    inside = np.flatnonzero((readings.sample >= first) & (readings.sample < last))
    out: list[tuple[int, str]] = []
    base = previous = None
    low = high = 0
    for index in inside:
        at = int(readings.sample[index])
        residual = int(readings.wall[index]) - ticks_to_ns(int(pts[at]) - int(pts[first]))
        if base is None or previous is None:
            base = previous = residual
            low, high = residual, residual + NS
            continue
        if readings.milliseconds:
            step = abs(residual - previous) > STEP
            drift = abs(residual - base) > STEP
        else:
            # Whole seconds: the true origin lies in [residual, residual + 1 s) of every reading.
            step = residual - previous > NS + STEP or previous - residual > NS + STEP
            drift = max(low, residual) >= min(high, residual + NS)
        if step or drift:
            out.append((at, "clock step" if step else "drift"))
            base, low, high = residual, residual, residual + NS
        low, high = max(low, residual), min(high, residual + NS)
        previous = residual
    return out


def _run(
    table: SampleTable,
    readings: _Readings,
    first: int,
    last: int,
    reason: str,
    before: list[Run],
    listing_begin: int,
) -> Run:
    video = table.video
    assert video is not None
    pts = video.pts[first:last]
    begin = int(pts.min())
    ordered = np.sort(pts)
    steps = np.diff(ordered)
    steps = steps[steps > 0]
    end = int(ordered[-1]) + (int(np.median(steps)) if len(steps) else video.last_duration)
    origin = _origin(video.pts, readings, first, last, begin)
    if origin is None:
        wall = before[-1].wall(before[-1].pts_end) if before else listing_begin
        origin = _Origin(wall, None, "listing", LISTING_UNCERTAINTY)
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


def _origin(
    pts: NDArray[np.int64], readings: _Readings, first: int, last: int, begin: int
) -> _Origin | None:
    """DESIGN: with milliseconds the median residual; whole seconds only: the midpoint of the
    interval that fits every reading, its half-width the uncertainty."""
    inside = np.flatnonzero((readings.sample >= first) & (readings.sample < last))
    if not len(inside):
        return None
    media = np.array([ticks_to_ns(int(pts[readings.sample[i]]) - begin) for i in inside])
    residual = readings.wall[inside] - media
    if readings.milliseconds:
        wall = int(np.sort(residual)[(len(residual) - 1) // 2])
        uncertainty = int(np.abs(residual - wall).max()) + _MILLISECOND
    else:
        low, high = int(residual.max()), int(residual.min()) + NS
        wall, uncertainty = (low + high) // 2, max((high - low) // 2, _MILLISECOND)
    reading = inside[0]
    zone = int(readings.local[reading] - readings.wall[reading])
    return _Origin(wall, wall + zone, "stream", uncertainty)


def _lost(numbers: NDArray[np.uint32] | None, first: int, last: int) -> int:
    if numbers is None:
        return 0
    own = numbers[first:last].astype(np.int64)
    steps = np.diff(own[own != 0xFFFFFFFF])
    steps = steps[(steps > 1) & (steps < 1_000_000)]
    return int((steps - 1).sum())


def _with_audio(runs: list[Run], audio: Samples | None) -> list[Run]:
    """Give every audio unit to the run in which it lies: by its time where the runs' PTS do not
    overlap, which `unwrap` near the video makes the common case."""
    if audio is None or not len(audio):
        return runs
    out: list[Run] = []
    at = 0
    for number, run in enumerate(runs):
        end = len(audio)
        if number + 1 < len(runs):
            border = runs[number + 1].pts_begin
            later = np.flatnonzero(_beyond(audio.pts[at:], run, border))
            end = at + int(later[0]) if len(later) else len(audio)
        out.append(_take_audio(run, audio, at, end))
        at = end
    return out


def _beyond(pts: NDArray[np.int64], run: Run, border: int) -> NDArray[np.bool_]:
    """Whether a unit belongs to a later run: past the border, or, where the PTS went back, behind
    this run's begin."""
    if border >= run.pts_begin:
        result: NDArray[np.bool_] = pts >= border
    else:
        result = pts < run.pts_begin - _JUMP_TICKS
    return result


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
