"""When the times of a container are taken for true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hikcore.instants import NS
from hikcore.media.regular import excess, irregularity
from hikcore.media.table import Anchors, Samples, SampleTable

STEP = 3600


def table(pts: list[int]) -> SampleTable:
    count = len(pts)
    video = Samples(
        timescale=90_000,
        dts=np.sort(np.array(pts, np.int64)),
        pts=np.array(pts, np.int64),
        size=np.ones(count, np.uint32),
        sync=np.zeros(count, np.bool_),
        config=np.zeros(count, np.uint16),
        first=np.arange(count + 1, dtype=np.int64),
        extent_offset=np.arange(count, dtype=np.uint64),
        extent_size=np.ones(count, np.uint32),
        framing="length",
        configs=(),
        last_duration=STEP,
    )
    return SampleTable("mp4", video)


def said(count: int) -> int:
    return count * STEP * NS // 90_000


@given(
    st.lists(st.integers(1, 3 * STEP), min_size=1, max_size=400),
    st.integers(0, 10**9),
    st.integers(0, 8),
)
def test_footage_in_whatever_steps_and_order_is_regular(
    steps: list[int], begin: int, reach: int
) -> None:
    pts = (begin + np.cumsum(steps)).tolist()
    for at in range(
        0, len(pts) - reach, reach + 1
    ):  # as B pictures: the last one shown comes first
        pts[at : at + reach + 1] = [pts[at + reach], *pts[at : at + reach]]
    took = (max(pts) - min(pts) + STEP) * NS // 90_000
    assert irregularity(table(pts), took) == ""


@given(st.integers(40, 400), st.integers(1, 39), st.integers(0, 10**6))
def test_a_hole_that_is_said_is_regular(count: int, at: int, gap: int) -> None:
    pts = [number * STEP + (gap if number >= at else 0) for number in range(count)]
    assert irregularity(table(pts), said(count) + gap * NS // 90_000) == ""


@given(st.integers(40, 400), st.integers(1, 39), st.integers(6, 10**6))
def test_a_jump_past_what_is_said_is_irregular(count: int, at: int, more: int) -> None:
    gap = (said(count) // 10 * 90_000 // NS) + more * 90_000
    pts = [number * STEP + (gap if number >= at else 0) for number in range(count)]
    assert "the footage" in irregularity(table(pts), said(count))


@given(st.integers(60, 400), st.integers(20, 59))
def test_times_that_go_back_are_irregular(count: int, back: int) -> None:
    pts = [number * STEP - (back * STEP - 7 if number >= back else 0) for number in range(count)]
    assert irregularity(table(pts), said(count)) == "its times go back"


@given(st.integers(100, 400), st.integers(2, 50))
def test_times_that_stand_still_are_irregular(count: int, each: int) -> None:
    pts = [number // each * each * STEP for number in range(count)]
    assert "same instant" in irregularity(table(pts), said(count))


def test_where_a_wall_clock_tells_times_may_be_anything() -> None:
    odd = table([0, 0, 0, 10**9])
    anchors = Anchors(np.array([0]), np.array([0]), milliseconds=False)
    assert irregularity(odd, NS) != ""
    assert irregularity(replace(odd, anchors=anchors), NS) == ""
    assert irregularity(SampleTable("mp4", None), NS) == ""


@given(st.integers(100, 400), st.integers(0, 200))
def test_footage_that_is_longer_than_said_is_regular_and_its_excess_told(
    count: int, more: int
) -> None:
    pts = [number * STEP for number in range(count + more)]
    assert irregularity(table(pts), said(count)) == ""
    extra = said(more)
    assert excess(table(pts), said(count)) == (extra if extra > 2 * NS else 0)
