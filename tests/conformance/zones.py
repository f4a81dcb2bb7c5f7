"""The four zones, and the two instants of 2026 at which their clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hikcore.instants import NS

#: Zone to how a recorder writes its rule: POSIX signs, and a rule of the vendor's own spelling.
RULES = {
    "Europe/Berlin": "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00",
    "America/New_York": "CST+5:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00",
    "Australia/Lord_Howe": "CST-10:30:00DST00:30:00,M10.1.0/02:00:00,M4.1.0/02:00:00",
    "Asia/Shanghai": "CST-8:00:00",
}
#: Clocks go forward, and back.
CHANGES = ("spring", "autumn")


def change(zone: str, which: str) -> int:
    """UTC ns of a change in 2026, by the zone database. Shanghai has none: the instant of Berlin's,
    at which it must have none here either."""
    if zone == "Asia/Shanghai":
        zone = "Europe/Berlin"
    place = ZoneInfo(zone)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    while at.year == 2026:
        after = at + timedelta(minutes=30)
        step = _offset(place, after) - _offset(place, at)
        if step > timedelta(0) if which == "spring" else step < timedelta(0):
            return round(after.timestamp()) * NS
        at = after
    raise AssertionError(f"{zone} does not change in {which}")


def _offset(place: ZoneInfo, at: datetime) -> timedelta:
    offset = at.astimezone(place).utcoffset()
    assert offset is not None
    return offset
