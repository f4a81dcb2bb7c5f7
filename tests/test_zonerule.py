"""A named zone's present rule is what zoneinfo says of the years to come."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from hikcore.instants import NS, from_datetime, parse_instant, to_datetime
from hikcore.zonerule import keeps, zone_rule

HOUR = 3600 * NS


@pytest.mark.parametrize(
    "name",
    [
        "UTC",
        "Asia/Tashkent",
        "Asia/Kolkata",
        "Europe/Berlin",
        "Europe/Dublin",  # its summer is standard time, its winter the shift
        "America/New_York",
        "America/Nuuk",  # changes the evening before
        "Asia/Jerusalem",  # at 26 o'clock of a Thursday
        "Australia/Lord_Howe",  # half an hour, in the south
        "America/Sao_Paulo",
    ],
)
def test_every_hour_of_two_years(name: str) -> None:
    rule, zone = zone_rule(name), ZoneInfo(name)
    first = parse_instant("2026-01-01T00:00:00Z")
    for instant in range(first, first + 2 * 365 * 24 * HOUR, HOUR // 2):
        local = to_datetime(instant).astimezone(zone)
        offset = local.utcoffset()
        assert offset is not None
        assert rule.utc_to_local(instant) - instant == round(offset.total_seconds()) * NS, local
    year = range(first, first + 365 * 24 * HOUR, 6 * HOUR)
    assert keeps(name, rule, year) is None


def test_a_rule_that_was_another_one_once() -> None:
    """Kazakhstan gave up its second zone in March 2024."""
    rule = zone_rule("Asia/Almaty")
    before = parse_instant("2024-02-01T00:00:00Z")
    assert keeps("Asia/Almaty", rule, [parse_instant("2025-01-01T00:00:00Z")]) is None
    assert keeps("Asia/Almaty", rule, [before]) == before


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "", "Africa/Casablanca2"])
def test_what_is_no_zone(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        zone_rule(name)


def test_an_instant_is_an_instant() -> None:
    assert from_datetime(to_datetime(HOUR)) == HOUR
