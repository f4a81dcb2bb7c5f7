"""Times, targets and options as people write them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.cli.arguments import parse_span, parse_target
from hikcore.cli.output import clock_text, length_text, share_text, size_text
from hikcore.errors import ConfigurationError
from hikcore.instants import NS, from_datetime, parse_instant

ZONES = [ZoneInfo(name) for name in ("Asia/Tashkent", "America/New_York", "Australia/Lord_Howe")]


@given(
    st.dates(date(2000, 1, 1), date(2037, 1, 1)),
    st.integers(0, 400),
    st.sampled_from(ZONES),
)
def test_a_date_as_the_end_is_the_whole_day(first: date, days: int, zone: ZoneInfo) -> None:
    """By the standard library's own arithmetic of wall clocks."""
    last = first + timedelta(days=days)
    span = parse_span(first.isoformat(), last.isoformat(), zone)
    midnight = datetime.min.time()
    after = last + timedelta(days=1)
    assert span.begin == from_datetime(datetime.combine(first, midnight, zone))
    assert span.end == from_datetime(datetime.combine(after, midnight, zone))


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-07-01", 24)]
)
def test_days_of_a_clock_change(day: str, hours: int) -> None:
    assert parse_span(day, day, ZoneInfo("America/New_York")).length == hours * 3600 * NS


@pytest.mark.parametrize(
    ("end", "means"),
    [
        ("2026-11-20Z", "2026-11-21T00:00:00Z"),
        ("20261120+05:00", "2026-11-20T19:00:00Z"),
        ("2026-11-20T00:00Z", "2026-11-20T00:00:00Z"),
        ("2026-12-31Z", "2027-01-01T00:00:00Z"),
    ],
)
def test_a_date_with_a_zone_of_its_own(end: str, means: str) -> None:
    assert parse_span("2026-11-01T00:00Z", end, None).end == parse_instant(means)


@pytest.mark.parametrize(
    ("begin", "end", "says"),
    [
        ("2026-11-20 10:00", "2026-11-20T11:00Z", "has no zone"),
        ("2026-11-20", "2026-11-20T11:00Z", "has no zone"),
        ("2026-11-20T11:00Z", "2026-11-20T11:00Z", "is not before"),
        ("0001-01-01T00:00+05:00", "2026-11-20T11:00Z", "before 1970"),
        ("0001-01-01T00:00Z", "2026-11-20T11:00Z", "before 1970"),
        ("2026-11-20T11:00Z", "9999-12-31T23:00Z", "after 2200"),
        ("2026-11-20T11:00Z", "2026-11-20T10:00Z", "is not before"),
        ("yesterday", "2026-11-20T10:00Z", "not a time"),
        ("2026-11-31Z", "2026-12-20Z", "not a time"),
        ("2026-11-01Z", "2026-02-30Z", "not a time"),
    ],
)
def test_what_is_no_span(begin: str, end: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        parse_span(begin, end, None)
    assert caught.value.exit_code == 2


def test_the_repeated_hour_names_both_readings() -> None:
    zone = ZoneInfo("Europe/Berlin")
    with pytest.raises(ConfigurationError) as caught:
        parse_span("2026-10-25 02:30", "2026-10-25 12:00", zone)
    assert "2026-10-25T00:30:00.000Z" in str(caught.value)
    assert "2026-10-25T01:30:00.000Z" in str(caught.value)


@pytest.mark.parametrize("text", ["", "Home", "home/", "/door", "home/door/main", "ho me", "-home"])
def test_what_is_no_target(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_target(text)


def test_targets() -> None:
    assert (parse_target("home").site, parse_target("home").camera) == ("home", None)
    assert parse_target("home/nvr-01", camera=True).camera == "nvr-01"
    with pytest.raises(ConfigurationError, match="SITE/CAMERA"):
        parse_target("home", camera=True)


@given(st.integers(1, 10**18), st.integers(0, 10**18))
def test_shares_never_round_a_hole_away(whole: int, part: int) -> None:
    part = min(part, whole)
    text = share_text(part, whole)
    assert (text == "100 %") == (part == whole)
    assert (text == "0 %") == (part == 0)
    assert abs(float(text.removesuffix(" %")) - part * 100 / whole) <= 0.11


@pytest.mark.parametrize(
    ("ns", "length", "clock"),
    [
        (0, "0 s", "0:00:00"),
        (4_250_000_000, "4.250 s", "0:00:04"),
        (59_999_000_000, "59.999 s", "0:01:00"),
        (750 * NS, "12 min 30 s", "0:12:30"),
        (7500 * NS, "2 h 05 min", "2:05:00"),
        (200 * 3600 * NS, "8 d 08 h", "200:00:00"),
    ],
)
def test_lengths(ns: int, length: str, clock: str) -> None:
    assert (length_text(ns), clock_text(ns)) == (length, clock)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (56_800_000, "56.8 MB"),
        (999_600_000, "1.0 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size_text(count) == text
