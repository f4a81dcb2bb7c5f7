"""The recorder's clock as getTime tells it (9.19), and its local days."""

from __future__ import annotations

from typing import Any

from hikcore.deviceclock import Change, ZoneRule
from hikcore.instants import DAY, NS, format_local, to_datetime
from hikcore.sim.everfocus.profile import NvrClock

_MS = 1_000_000
_UNIT = {"minutes": 60, "hours": 3600, "seconds": 1}
_LAST = 5


def time_reply(clock: NvrClock, now: int) -> dict[str, Any]:
    """The reply of /system/getTime."""
    rule = clock.rule
    local = rule.utc_to_local(now)
    shift = rule.shift if rule.start is not None and rule.end is not None else 0
    offset = (local - now) // NS if clock.zone_has_dst else rule.offset
    reply: dict[str, Any] = {
        "time": now // _MS,
        "localtime": format_local(local, 3).replace("T", " "),
        "date_format": 0,
        "time_format": 0,
        "ntp_enable": False,
        "ntp_server": "pool.ntp.org",
        "time_zone": offset // 60,
        "dst_enable": bool(shift),
        "dst_mode": 0 if clock.dst_mode == "date" else 1,
        "dst_offset": shift * 1000 if clock.dst_unit == "milliseconds"
        else shift // _UNIT[clock.dst_unit],
    }  # fmt: skip
    year = to_datetime(local).year
    # Where there is no summer time, the guide's own example.
    start = rule.start or Change(3, _LAST, 0, 3600)
    end = rule.end or Change(10, _LAST, 0, 3600)
    later = shift if clock.dst_end_hour == "standard" else 0
    return reply | _change("dst_start", start, 0, year) | _change("dst_end", end, later, year)


def _change(name: str, change: Change, earlier: int, year: int) -> dict[str, int]:
    seconds = change.seconds - earlier
    return {
        f"{name}_month": change.month - 1,
        f"{name}_date": to_datetime(change.local_ns(year)).day,
        f"{name}_hour": seconds // 3600,
        f"{name}_minute": seconds % 3600 // 60,
        f"{name}_day": change.weekday,
        f"{name}_week": -1 if change.week == _LAST else change.week - 1,
    }


def midnight(rule: ZoneRule, utc: int) -> int:
    """The begin (ns UTC) of the local day that holds an instant."""
    local = rule.utc_to_local(utc)
    begin = local - local % DAY
    found = rule.local_to_utc(begin)
    if not found:
        # Midnight itself is skipped: the day begins at the change.
        return begin - rule.offset * NS
    return found[0]


def next_midnight(rule: ZoneRule, begin: int) -> int:
    """The begin of the local day after the one that begins there: 23, 24 or 25 hours later."""
    return midnight(rule, begin + 36 * 3600 * NS)
