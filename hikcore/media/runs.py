"""Runs: stretches of samples over which wall time = origin + media time, slope exactly 1.

The origin of a run is found from every reading of the device's wall clock in it (facts: one per key
frame, with milliseconds on some firmware, whole seconds on others). A new run begins, with its
reason, where the relation breaks: the PTS jump and stay away, the clock steps, drift passes its
bound, or the codec configuration changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hikcore.deviceclock import DeviceClock
from hikcore.errors import MediaDamaged
from hikcore.instants import NS, ns_to_ticks, ticks_to_ns
from hikcore.media.table import Samples, SampleTable
from hikcore.media.times import JUMP_TICKS, decode_times, jump_bound

#: Half of the least change between summer and winter (Lord Howe's).
_CHANGE = 900 * NS

#: A step of the wall clock against the PTS, or drift, past this begins a new run (ns).
STEP = NS // 2
#: A picture may be shown at most so many later than it is decoded (max_dec_frame_buffering of
#: H.264, sps_max_num_reorder_pics of H.265): PTS that go back by more went back themselves.
_REORDER = 16
#: A step of the recorder's picture numbers by so many is a new count, no loss.
_RENUMBERED = 1_000_000
#: Units of sound that are looked at around the place where a run begins: of 5 s, more than any.
_NEAR = 4096
#: So many runs in one body are no footage.
_MOST_RUNS = 10_000
#: What the reading of a listing is worth (whole seconds, rounded by the device), ns.
LISTING_UNCERTAINTY = NS
#: No run lasts longer (23 hours, ticks): what is committed by one manifest stays within a day.
_LONGEST = 23 * 3600 * 90_000
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
    readings = _readings(table, clock, listing_begin)
    borders = _borders(table, readings)
    runs: list[Run] = []
    for number, (first, reason) in enumerate(borders):
        last = borders[number + 1][0] if number + 1 < len(borders) else len(table.video)
        runs.append(_run(table, readings, first, last, reason, runs, listing_begin, holes, doubt))
    return _with_audio(runs, table.video, table.audio)


@dataclass(frozen=True, slots=True)
class _Readings:
    """Wall-clock readings: sample index, UTC ns, local ns; whether finer than a second."""

    sample: NDArray[np.int64]
    wall: NDArray[np.int64]
    local: NDArray[np.int64]
    milliseconds: bool


def _readings(table: SampleTable, clock: DeviceClock, listing_begin: int) -> _Readings:
    """In the hour that a clock repeats each reading is taken near where the PTS say from the first
    one on; of the first one that pass from which the clock goes on evenly, which footage shows that
    reaches out of that hour; else the one near the listing's begin."""
    anchors = table.anchors
    video = table.video
    if anchors is None or video is None:
        none = np.empty(0, np.int64)
        return _Readings(none, none, none, False)
    if not len(anchors.wall):
        return _Readings(anchors.sample, np.empty(0, np.int64), anchors.wall, anchors.milliseconds)
    pts = [ticks_to_ns(int(video.pts[sample])) for sample in anchors.sample]
    found = [
        _walls(anchors.wall, pts, clock, first)
        for first in clock.zone.local_to_utc(int(anchors.wall[0]))
        or (clock.wall_to_utc(int(anchors.wall[0])),)
    ]
    wall = min(found, key=lambda each: (_broken(each, pts), abs(int(each[0]) - listing_begin)))
    return _Readings(anchors.sample, wall, anchors.wall, anchors.milliseconds)


def _walls(
    local: NDArray[np.int64], pts: Sequence[int], clock: DeviceClock, first: int
) -> NDArray[np.int64]:
    """Readings in UTC from a first one on, each near where the PTS say."""
    wall = [first]
    for index in range(1, len(local)):
        near = wall[-1] + pts[index] - pts[index - 1]
        wall.append(clock.wall_to_utc(int(local[index]), near))
    return np.array(wall, np.int64)


def _broken(wall: NDArray[np.int64], pts: Sequence[int]) -> int:
    """How often the clock leaves the PTS by what a change of the hour makes at least."""
    off = np.diff(wall - np.array(pts, np.int64))
    return int((np.abs(off) >= _CHANGE).sum())


def _borders(table: SampleTable, readings: _Readings) -> list[tuple[int, str]]:
    """(first sample, reason) of every run. Two reasons at one sample: the first stands."""
    video = table.video
    assert video is not None
    found: dict[int, str] = {0: "start"}
    changes = np.flatnonzero(np.diff(video.config.astype(np.int64))) + 1
    found.update({int(at): "configuration" for at in changes})
    for at in _jumps(video):
        found.setdefault(at, "pts jump")
    _few(found, video)
    edges = sorted(found)
    for number, first in enumerate(edges):
        last = edges[number + 1] if number + 1 < len(edges) else len(video)
        for sample, reason in _steps(video.pts, readings, first, last):
            found.setdefault(sample, reason)
    edges = sorted(found)
    for number, first in enumerate(edges):
        last = edges[number + 1] if number + 1 < len(edges) else len(video)
        for sample in _days(video, first, last):
            found.setdefault(sample, "length")
    _few(found, video)
    return sorted(found.items())


def _few(found: dict[int, str], video: Samples) -> None:
    if len(found) > _MOST_RUNS:
        raise MediaDamaged(
            f"its times break {len(found)} times: not one piece of it can be placed",
            offset=int(video.extent_offset[video.first[sorted(found)[_MOST_RUNS]]]),
        )


def _days(video: Samples, first: int, last: int) -> list[int]:
    """Key pictures at which [first, last) is cut so that no run lasts longer than a day, as readers
    look for footage no further before an instant."""
    syncs = first + np.flatnonzero(video.sync[first:last])
    times = video.pts[syncs]
    out: list[int] = []
    begin, end = int(video.pts[first]), int(video.pts[first:last].max())
    while end - begin > _LONGEST:
        at = int(np.searchsorted(times, begin + _LONGEST, side="right")) - 1
        if at < 0 or int(times[at]) <= begin:
            break  # one group of pictures for more than a day cannot be cut
        out.append(int(syncs[at]))
        begin = int(times[at])
    return out


def _jumps(video: Samples) -> list[int]:
    """Samples at which the PTS go elsewhere (times.strays took out those that come back): by more
    than the bound; or back by more than the reorder window; or back at all at a random access
    picture, which is shown after all that are decoded before it (H.264 8.2.5.1, H.265 8.1.3)."""
    pts = video.pts
    if len(pts) < 2:
        return []
    steps = np.diff(pts)
    far = np.abs(steps) > jump_bound(pts)
    window = _REORDER * int(np.median(np.abs(steps)))
    padded = np.concatenate((np.full(_REORDER, pts.min()), pts[:-1]))
    latest = sliding_window_view(padded, _REORDER + 1).max(axis=1)[: len(pts) - 1]
    back = (pts[1:] < latest - window) | (video.sync[1:] & (pts[1:] < latest))
    out: list[int] = []
    begin = 0
    for at in (np.flatnonzero(far | back) + 1).tolist():
        if not far[at - 1]:
            # Against what came since the last border alone.
            before = int(pts[max(begin, at - _REORDER - 1) : at].max())
            limit = before if video.sync[at] else before - window
            if pts[at] >= limit:
                continue
        out.append(at)
        begin = at
    return out


def _steps(
    pts: NDArray[np.int64], readings: _Readings, first: int, last: int
) -> list[tuple[int, str]]:
    """Readings inside [first, last) from which the wall clock no longer fits the PTS."""
    inside = _inside(readings, first, last)
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


def _inside(readings: _Readings, first: int, last: int) -> range:
    """The readings of samples [first, last)."""
    low, high = np.searchsorted(readings.sample, (first, last))
    return range(int(low), int(high))


def _run(
    table: SampleTable,
    readings: _Readings,
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
    origin = _origin(video.pts, readings, first, last, begin)
    if origin is None:
        wall = listing_begin - ticks_to_ns(_lead_in(table, begin, end))
        if before:
            over = holes and begin > before[-1].pts_end
            wall = before[-1].wall(begin if over else before[-1].pts_end)
        origin = _Origin(wall, None, "listing", LISTING_UNCERTAINTY + doubt)
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


def _origin(
    pts: NDArray[np.int64], readings: _Readings, first: int, last: int, begin: int
) -> _Origin | None:
    """DESIGN: with milliseconds the median residual; whole seconds only: the midpoint of the
    interval that fits every reading, its half-width the uncertainty."""
    inside = _inside(readings, first, last)
    if not len(inside):
        return None
    media = np.array([ticks_to_ns(int(pts[readings.sample[i]]) - begin) for i in inside])
    residual = readings.wall[inside.start : inside.stop] - media
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
