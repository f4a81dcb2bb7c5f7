"""Schedules against an oracle that looks at every minute through the time zone database."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.deviceclock import ZoneRule
from hikcore.sim.weekly import DAYS, Block, scheduled

ZONES = {
    "Europe/Berlin": "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00",
    "America/New_York": "CST+5:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00",
    "Asia/Shanghai": "CST-8:00:00",
}
_HOURS = st.integers(0, 23)


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(sorted(ZONES)),
    day=st.sampled_from(DAYS),
    begin=_HOURS,
    length=st.integers(1, 8),
    # Around both changes of 2026, and a week without one.
    start=st.sampled_from([(3, 5), (3, 26), (6, 10), (10, 22), (10, 29)]),
)
def test_every_minute_is_scheduled_as_the_wall_clock_says(
    zone: str, day: str, begin: int, length: int, start: tuple[int, int]
) -> None:
    end = min(24, begin + length)
    block = Block.model_validate({"day": day, "begin": f"{begin:02d}:00", "end": f"{end:02d}:00"})
    first = datetime(2026, *start, tzinfo=UTC)
    minutes = [first + timedelta(minutes=15 * index) for index in range(6 * 96)]
    begin_ms = int(first.timestamp() * 1000)
    found = scheduled([block], ZoneRule.parse(ZONES[zone]), begin_ms, begin_ms + 6 * 86_400_000)
    for minute in minutes:
        local = minute.astimezone(ZoneInfo(zone))
        wanted = local.strftime("%A") == day and begin <= local.hour < end
        at = int(minute.timestamp() * 1000)
        there = any(span.begin <= at < span.end for span, _ in found)
        assert there == wanted, minute
