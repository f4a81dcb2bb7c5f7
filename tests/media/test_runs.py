"""Runs: which stretches belong together, and what UTC they have. Tables are made by hand here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.deviceclock import UTC_CLOCK, Change, DeviceClock, ZoneRule
from hikcore.errors import MediaDamaged
from hikcore.instants import NS, parse_instant
from hikcore.media.runs import Run, find_runs
from hikcore.media.table import Anchors, CodecConfig, Samples, SampleTable
from hikcore.media.times import decode_times, fill_missing, strays, unwrap
from hikcore.sim.psmux import MuxProfile
from tests.cost import cost
from tests.media.ps_bodies import FRAME, index, muxed

STEP, GOP = 3600, 50  # 25 pictures a second, a key picture every two seconds
T0 = parse_instant("2026-11-20T10:00:00Z")
HOUR = 3600 * NS


def samples(
    pts: Sequence[int] | np.ndarray,
    *,
    sync: Sequence[bool] | None = None,
    config: Sequence[int] | None = None,
    offset: Sequence[int] | None = None,
    codec: str = "h264",
) -> Samples:
    """One extent of 10 bytes each, 100 apart."""
    times = np.array(pts, np.int64)
    count = len(times)
    place = np.arange(count) * 100 if offset is None else np.array(offset)
    configs = tuple(
        CodecConfig(codec, bytes((n,)), rate=0 if codec[0] == "h" else 8000, channels=1)  # type: ignore[arg-type]
        for n in range(max(config or [0]) + 1)
    )
    return Samples(
        timescale=90_000,
        dts=decode_times(times),
        pts=times,
        size=np.full(count, 10, np.uint32),
        sync=np.array(sync if sync is not None else [n % GOP == 0 for n in range(count)], np.bool_),
        config=np.array(config or [0] * count, np.uint16),
        first=np.arange(count + 1, dtype=np.int64),
        extent_offset=place.astype(np.uint64),
        extent_size=np.full(count, 10, np.uint32),
        framing="annexb" if codec[0] == "h" else "raw",
        configs=configs,
        last_duration=STEP,
    )


def anchors(pairs: Sequence[tuple[int, int]], milliseconds: bool = True) -> Anchors:
    at, wall = zip(*pairs, strict=True)
    return Anchors(np.array(at, np.int64), np.array(wall, np.int64), milliseconds)


def regular(count: int, begin: int = 1000, step: int = STEP) -> list[int]:
    return [begin + step * n for n in range(count)]


def ns(ticks: int) -> int:
    return ticks * 100_000 // 9


def walls(pts: Sequence[int], begin: int = T0, unit: int = 1_000_000) -> list[tuple[int, int]]:
    """A reading at each key picture, rounded down to a unit."""
    return [(n, (begin + ns(pts[n] - pts[0])) // unit * unit) for n in range(0, len(pts), GOP)]


def one(table: SampleTable, clock: DeviceClock = UTC_CLOCK, listing: int = T0) -> Run:
    (run,) = find_runs(table, clock, listing)
    return run


def test_milliseconds_give_the_median_reading() -> None:
    pts = regular(500)
    late = [(at, wall + (40_000_000 if at == 100 else 0)) for at, wall in walls(pts)]
    run = one(SampleTable("ps", samples(pts), anchors=anchors(late)))
    assert (run.origin, run.reason, run.begin, run.begin_local) == ("stream", "start", T0, T0)
    assert 40_000_000 <= run.uncertainty <= 42_000_000
    assert run.wall(run.pts_begin + 90_000) == T0 + NS
    assert run.tick(T0 + NS) == run.pts_begin + 90_000
    assert (run.pts_begin, run.pts_end) == (1000, 1000 + 500 * STEP)


def test_a_headless_beginning_is_placed_by_the_readings_behind_it() -> None:
    pts = regular(120)
    run = one(SampleTable("ps", samples(pts), anchors=anchors([(70, T0)])))
    assert run.begin == T0 - ns(70 * STEP)


@settings(deadline=None)
@given(
    origin=st.integers(0, 10**9),
    step=st.sampled_from([3600, 3750, 7500, 3003, 4501]),
    count=st.integers(1, 2000),
)
def test_whole_seconds_give_an_interval_that_holds_the_truth(
    origin: int, step: int, count: int
) -> None:
    pts = regular(count, 0, step)
    truth = T0 + origin
    table = SampleTable(
        "ps", samples(pts), anchors=anchors(walls(pts, truth, NS), milliseconds=False)
    )
    run = one(table)
    assert run.begin - run.uncertainty - 1 <= truth <= run.begin + run.uncertainty + 1
    assert run.uncertainty <= NS // 2
    # The definition: every origin inside the interval gives every reading.
    for at, wall in walls(pts, truth, NS):
        for begin in (run.begin - run.uncertainty + 2, run.begin + run.uncertainty - 2):
            assert begin + ns(pts[at]) <= wall + NS
            assert begin + ns(pts[at]) >= wall - 2


@pytest.mark.parametrize(("milliseconds", "unit"), [(True, 10**6), (False, NS)])
@pytest.mark.parametrize("step", [HOUR, -HOUR, 2 * NS, -2 * NS])
def test_a_step_of_the_clock_under_continuous_pts(step: int, milliseconds: bool, unit: int) -> None:
    pts = regular(500)
    readings = [(at, wall + (step if at >= 250 else 0)) for at, wall in walls(pts, T0, unit)]
    sound = regular(500, 1010)
    offsets = [n * 100 + 50 for n in range(500)]
    table = SampleTable(
        "ps", samples(pts), samples(sound, offset=offsets, codec="alaw"),
        anchors=anchors(readings, milliseconds),
    )  # fmt: skip
    first, second = find_runs(table, UTC_CLOCK, T0)
    assert (first.last, second.first, second.reason) == (250, 250, "clock step")
    assert abs(first.begin - T0) <= first.uncertainty
    assert abs(second.begin - T0 - step - ns(250 * STEP)) <= second.uncertainty
    # Sound has the same clock: it goes by its time.
    assert (first.audio_first, first.audio_last, second.audio_last) == (0, 250, 500)


def test_a_step_too_small_to_see_widens_the_uncertainty() -> None:
    pts = regular(500)
    readings = [(at, wall + (300_000_000 if at >= 250 else 0)) for at, wall in walls(pts)]
    run = one(SampleTable("ps", samples(pts), anchors=anchors(readings)))
    assert run.uncertainty >= 300_000_000


def test_drift_ends_a_run_where_it_passes_its_bound() -> None:
    pts = regular(50 * 200)  # 400 s at 0.2 % fast
    readings = [(at, T0 + ns(pts[at] - pts[0]) * 1002 // 1000) for at in range(0, 10_000, GOP)]
    runs = find_runs(SampleTable("ps", samples(pts), anchors=anchors(readings)), UTC_CLOCK, T0)
    assert [run.reason for run in runs] == ["start", "drift"]
    assert 250 * 25 <= runs[0].last <= 260 * 25
    for run in runs:
        for at, wall in readings:
            if run.first <= at < run.last:
                assert abs(run.wall(pts[at]) - wall) <= run.uncertainty


@pytest.mark.parametrize(
    "by", [6 * 90_000, -6 * 90_000, -1 * 90_000, 3600 * 90_000, -3600 * 90_000]
)
def test_pts_that_jump_and_stay_begin_a_run(by: int) -> None:
    pts = regular(300, 10**9)
    pts = [t + (by if n >= 130 else 0) for n, t in enumerate(pts)]
    sound = [t + 10 for t in pts]
    # Sound is written four units late.
    offsets = [(n + 4) * 100 + 50 for n in range(300)]
    table = SampleTable("ps", samples(pts), samples(sound, offset=offsets, codec="ulaw"))
    first, second = find_runs(table, UTC_CLOCK, T0)
    assert (first.last, second.first, second.reason) == (130, 130, "pts jump")
    assert (first.audio_last, second.audio_first, second.audio_last) == (130, 130, 300)
    assert (np.diff(second.pts) == STEP).all()
    assert second.begin == first.wall(first.pts_end)
    assert second.origin == "listing"


def test_a_key_picture_before_what_was_shown_begins_a_run() -> None:
    """Less than the reorder window, yet no coding explains it."""
    pts = regular(100, 10**6)
    pts = [t - (4 * STEP if n >= 50 else 0) for n, t in enumerate(pts)]
    runs = find_runs(SampleTable("ps", samples(pts)), UTC_CLOCK, T0)
    assert [(run.first, run.last) for run in runs] == [(0, 50), (50, 100)]


@pytest.mark.parametrize("b_frames", [1, 2, 3, 7])
def test_b_pictures_are_no_jump(b_frames: int) -> None:
    group = [0]
    while len(group) < GOP:
        anchor = len(group) + b_frames
        group += [anchor, *range(len(group), anchor)]
    pts = [(n * len(group) + at) * STEP for n in range(6) for at in group]
    sync = [at == 0 for _ in range(6) for at in range(len(group))]
    run = one(SampleTable("ps", samples(pts, sync=sync)))
    assert (run.first, run.last) == (0, len(pts))
    assert (run.dts <= run.pts).all()
    assert (np.diff(run.dts) == STEP).all()


@pytest.mark.parametrize("where", [(40,), (40, 41), (40, 42, 44), (40, 43, 44)])
@pytest.mark.parametrize("off", [3600 * 90_000, -3600 * 90_000])
def test_strays_are_the_pictures_that_nobody_follows(where: tuple[int, ...], off: int) -> None:
    pts = np.array(regular(100, 10**9))
    pts[list(where)] += off
    assert np.flatnonzero(strays(pts)).tolist() == list(where)
    there = pts.copy()
    there[60:] += off
    assert np.flatnonzero(strays(there)).tolist() == list(where)


@settings(deadline=None)
@given(
    start=st.integers(0, (1 << 33) - 1),
    steps=st.lists(st.integers(-3 * 3600, 90_000 * 3600), max_size=50),
)
def test_pts_pass_2_to_the_33(start: int, steps: list[int]) -> None:
    truth = start + np.cumsum([0, *steps])
    wrapped = truth % (1 << 33)
    assert unwrap(wrapped).tolist() == truth.tolist()
    assert unwrap(wrapped, int(truth[0]) + (1 << 33)).tolist() == (truth + (1 << 33)).tolist()


@settings(deadline=None)
@given(
    count=st.integers(2, 40),
    missing=st.sets(st.integers(0, 39)),
    begin=st.sampled_from([0, (1 << 33) - 20 * STEP]),
)
def test_missing_times_of_a_steady_stream_are_what_they_were(
    count: int, missing: set[int], begin: int
) -> None:
    truth = (begin + STEP * np.arange(count)) % (1 << 33)
    given_pts = np.where(np.isin(np.arange(count), list(missing)), -1, truth)
    if (given_pts >= 0).sum() < 2:
        return
    assert fill_missing(given_pts).tolist() == truth.tolist()


def test_one_body_over_the_wrap_is_one_run() -> None:
    made = muxed(MuxProfile(pts_wrap_ms=1_790_000_000_000 // 480 * 480 + 700), seconds=1.4)
    table = index(made.body)
    assert table.video is not None
    assert table.audio is not None
    run = one(table)
    assert run.pts.max() >= 1 << 33 > run.pts.min()
    assert (np.diff(run.pts) == FRAME * 90).all()
    assert (run.audio_first, run.audio_last) == (0, len(table.audio))
    assert abs(int(run.audio_pts[0]) - int(run.pts[0])) < 90_000
    assert run.begin == made.pictures[0].ms * 1_000_000


def test_another_configuration_begins_a_run() -> None:
    pts = regular(200)
    config = [0] * 100 + [1] * 100
    sound = regular(200, 1010)
    table = SampleTable(
        "ps", samples(pts, config=config),
        samples(sound, offset=[n * 100 + 900 for n in range(200)], codec="alaw"),
        anchors=anchors(walls(pts)),
    )  # fmt: skip
    first, second = find_runs(table, UTC_CLOCK, T0)
    assert (first.last, second.reason) == (100, "configuration")
    assert first.wall(first.pts_end) == second.begin
    assert (first.audio_last, second.audio_last) == (100, 200)


#: Central Europe: +1, +2 from the last Sunday of March 2:00 to the last of October 3:00.
BERLIN = DeviceClock(
    "utc", ZoneRule(3600, 3600, Change(3, 5, 0, 7200), Change(10, 5, 0, 10_800)), "setting"
)


@pytest.mark.parametrize(
    ("utc", "count"),
    [("2026-10-24T23:30:00Z", 3), ("2026-10-25T00:30:00Z", 3), ("2026-03-29T00:30:00Z", 2)],
)
def test_the_repeated_hour_is_told_by_continuity(utc: str, count: int) -> None:
    """The wall clock goes back (or on) an hour, UTC does not: one run, right on both sides."""
    begin = parse_instant(utc)
    pts = regular(count * 1800, step=2 * 90_000 // GOP * GOP)
    readings = [
        (at, BERLIN.zone.utc_to_local(begin + ns(pts[at] - pts[0])))
        for at in range(0, len(pts), GOP)
    ]
    table = SampleTable("ps", samples(pts), anchors=anchors(readings))
    run = one(table, BERLIN, begin)
    assert run.begin == begin
    assert run.begin_local == BERLIN.zone.utc_to_local(begin)
    assert run.uncertainty <= 1_000_000


def test_without_readings_the_listing_places_the_run() -> None:
    run = one(SampleTable("ps", samples(regular(10))), listing=T0 + 5)
    assert (run.origin, run.begin, run.begin_local, run.uncertainty) == (
        "listing",
        T0 + 5,
        None,
        NS,
    )


def test_sound_alone_is_a_run() -> None:
    run = one(SampleTable("ps", None, samples(regular(10), codec="alaw")))
    assert (run.first, run.last, run.audio_last, run.begin) == (0, 0, 10, T0)
    assert run.pts_end == 1000 + 10 * STEP
    assert find_runs(SampleTable("ps", None), UTC_CLOCK, T0) == []


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        ([5, 6, 7, 8], 0),
        ([5, 6, 9, 10], 2),
        ([5, None, None, 8, 9], 0),  # B pictures without a pack, counted
        ([5, None, None, 8, None, None, 11, None, None, 16], 2),
        ([5, None, None, 6, None, None, 7, None, None, 8], 0),  # and not counted
        ([5, None, None, 6, None, None, 7, None, None, 10], 2),
        ([4, 8, 5, 6, 7, 12, 9, 10, 11], 0),  # in the order of showing
        ([4, 8, 5, 7, 12, 9, 10, 11], 1),
        ([5, 6, 5_000_000, 5_000_001], 0),  # a new count
        ([4294967293, 4294967294, 0, 1], 0),
    ],
)
def test_lost_pictures_by_the_recorders_numbers(numbers: list[int | None], lost: int) -> None:
    column = np.array([0xFFFFFFFF if n is None else n for n in numbers], np.uint32)
    table = SampleTable("ps", samples(regular(len(numbers))), frame_numbers=column)
    assert one(table).lost == lost


def test_times_that_break_everywhere_are_damage_and_take_no_time() -> None:
    pts = [(n * 7919 % 1009) * 90_000 * 60 for n in range(60_000)]

    def find() -> None:
        with pytest.raises(MediaDamaged, match="break"):
            find_runs(SampleTable("ps", samples(pts)), UTC_CLOCK, T0)

    assert cost(find) < 3


@settings(deadline=None, max_examples=60)
@given(
    borders=st.lists(
        st.tuples(st.integers(3, 60), st.sampled_from([-(10**9), -700_000, 0, 500_000, 10**8])),
        min_size=1,
        max_size=6,
    ),
    late=st.integers(0, 6),
)
def test_every_sample_and_unit_is_in_exactly_one_run(
    borders: list[tuple[int, int]], late: int
) -> None:
    pts: list[int] = []
    at = 10**10
    for count, by in borders:
        at += by
        pts += [at + STEP * n for n in range(count)]
        at = pts[-1] + STEP
    offsets = [(n + late) * 100 + 50 for n in range(len(pts))]
    sound = samples([t + 9 for t in pts], offset=offsets, codec="alaw")
    runs = find_runs(SampleTable("ps", samples(pts), sound), UTC_CLOCK, T0)
    assert [run.first for run in runs] == [0, *(run.last for run in runs[:-1])]
    assert runs[-1].last == len(pts)
    assert [run.audio_first for run in runs] == [0, *(run.audio_last for run in runs[:-1])]
    assert runs[-1].audio_last == len(sound)
    # Each unit was recorded with the picture of the same number.
    for run in runs:
        assert (run.audio_first, run.audio_last) == (run.first, run.last)


def test_no_run_lasts_longer_than_a_day() -> None:
    seconds = 50 * 3600
    pts = np.arange(0, seconds, 10, dtype=np.int64) * 90_000  # a picture every ten seconds
    table = SampleTable("ps", samples(pts), anchors=anchors([(0, T0)]))
    runs = find_runs(table, UTC_CLOCK, T0)
    assert [run.reason for run in runs] == ["start", "length", "length"]
    assert sum(run.last - run.first for run in runs) == len(pts)
    assert all(run.pts_end - run.pts_begin <= 24 * 3600 * 90_000 for run in runs)
    # Without a wall clock of their own they continue the one before exactly.
    assert [run.begin for run in runs[1:]] == [run.wall(run.pts_end) for run in runs[:-1]]
