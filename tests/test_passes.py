"""The pass of a repeated hour that a recording is of, from its neighbours."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.instants import NS, Span, parse_instant
from hikcore.passes import Digits, spans

BERLIN = ZoneRule.parse("CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
LORD_HOWE = ZoneRule.parse("CST-10:30:00DST00:30:00,M10.1.0/02:00:00,M4.1.0/02:00:00")
#: At these instants summer time ends.
ENDS = {
    BERLIN: parse_instant("2026-10-25T01:00:00Z"),
    LORD_HOWE: parse_instant("2026-04-04T15:00:00Z"),
}
HOUR = 3600 * NS


def listed(clock: DeviceClock, span: Span, rate: int | None, number: int) -> Digits:
    return Digits(
        clock.utc_to_literal(span.begin),
        clock.utc_to_literal(span.end),
        None if rate is None else span.length // NS * rate,
        f"{number:017d}",
    )


@given(
    zone=st.sampled_from(sorted(ENDS, key=str)),
    begin=st.integers(0, 7200),
    lengths=st.lists(st.integers(60, 7200), min_size=1, max_size=60),
    overlap=st.integers(0, 3),
    seed=st.integers(0, 99),
    sized=st.booleans(),
)
def test_recording_without_a_break_has_one_reading(
    zone: ZoneRule, begin: int, lengths: list[int], overlap: int, seed: int, sized: bool
) -> None:
    """Half a day before the change and some hours after it. Without sizes it is the usual length
    that tells, so recordings must have one."""
    lengths = lengths if sized else lengths[:1]
    clock, draw = DeviceClock("local", zone), random.Random(seed)
    at = ENDS[zone] - 14 * HOUR + begin * NS
    truth: list[Span] = []
    while at < ENDS[zone] + 2 * HOUR:
        length = lengths[len(truth) % len(lengths)] * NS
        truth.append(Span(at, at + length + overlap * NS))
        at += length
    rows = [
        listed(clock, span, draw.randint(40_000, 60_000) if sized else None, n)
        for n, span in enumerate(truth)
    ]
    assert spans(clock, rows) == truth


@given(order=st.randoms(use_true_random=False))
def test_a_listing_by_digits_is_read_by_the_names(order: object) -> None:
    clock = DeviceClock("local", BERLIN)
    begin = ENDS[BERLIN] - 3 * HOUR
    truth = [Span(begin + n * 1200 * NS, begin + (n + 1) * 1200 * NS + NS) for n in range(16)]
    numbered = [(listed(clock, span, 50_000, n), span) for n, span in enumerate(truth)]
    numbered.sort(key=lambda pair: pair[0].begin)
    assert spans(clock, [row for row, _ in numbered]) == [span for _, span in numbered]
    assert any(a[1] > b[1] for a, b in pairwise(numbered))


@pytest.mark.parametrize(
    ("clip", "meant"),
    [
        # Out of the hour on one side: one reading is as short as the digits allow.
        (("2026-10-25T02:50:00Z", "2026-10-25T03:05:00Z"), ("01:50:00", "02:05:00")),
        (("2026-10-25T01:55:00Z", "2026-10-25T02:05:00Z"), ("23:55:00", "00:05:00")),
        # Over the change: its digits run back.
        (("2026-10-25T02:55:00Z", "2026-10-25T02:05:00Z"), ("00:55:00", "01:05:00")),
        # Within it, both passes are as likely, and nothing tells: the earlier one.
        (("2026-10-25T02:10:00Z", "2026-10-25T02:20:00Z"), ("00:10:00", "00:20:00")),
    ],
)
@pytest.mark.parametrize("sized", [True, False])
def test_a_clip_alone(clip: tuple[str, str], meant: tuple[str, str], sized: bool) -> None:
    """Between clips on motion that touch nothing."""
    clock = DeviceClock("local", BERLIN)
    day = parse_instant("2026-10-25T00:00:00Z")
    others = [Span(day - n * HOUR, day - n * HOUR + 600 * NS) for n in (5, 4, 3)]
    literal = [parse_instant(text) for text in clip]
    begin, end = (parse_instant(f"2026-10-2{4 if text > '12' else 5}T{text}Z") for text in meant)
    size = (end - begin) // NS * 50_000 if sized else None
    rows = [listed(clock, span, 50_000 if sized else None, n) for n, span in enumerate(others)]
    late = Span(day + 6 * HOUR, day + 6 * HOUR + 300 * NS)
    rows += [Digits(*literal, size), listed(clock, late, 50_000 if sized else None, 9)]
    assert spans(clock, rows) == [*others, Span(begin, end), late]


def test_two_clips_that_cannot_both_be_of_the_first_pass() -> None:
    clock = DeviceClock("local", BERLIN)
    minutes = 60 * NS
    begin = ENDS[BERLIN] - 50 * minutes
    truth = [Span(begin, begin + 10 * minutes)]
    truth.append(Span(begin + 65 * minutes, begin + 70 * minutes))  # 02:15 again, after 02:10-02:20
    rows = [listed(clock, span, None, n) for n, span in enumerate(truth)]
    assert spans(clock, rows) == truth


def test_digits_that_no_reading_makes_a_span_are_a_second() -> None:
    clock = DeviceClock("utc", BERLIN)
    at = parse_instant("2026-07-01T00:00:00Z")
    assert spans(clock, [Digits(at, at - HOUR)]) == [Span(at, at + NS)]
    assert spans(clock, []) == []
