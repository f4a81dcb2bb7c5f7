"""The rule of a named time zone, as a recorder's clock keeps it: an offset and two changes a year.

A zone file ends in its present rule as a POSIX TZ string (RFC 9636, 3.3). Its history is not in
there: whoever reads older times by the rule asks `keeps` first.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Final

from hikcore.deviceclock import Change, ZoneRule
from hikcore.instants import NS, to_datetime

_NAME: Final = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)"
_TIME: Final = r"[+-]?\d{1,3}(?::\d\d){0,2}"
_DAY: Final = rf"M(\d+)\.(\d)\.(\d)(?:/({_TIME}))?"
_POSIX: Final = re.compile(rf"{_NAME}({_TIME})(?:{_NAME}({_TIME})?,{_DAY},{_DAY})?")
_TWO: Final = 7200


def zone_rule(name: str) -> ZoneRule:
    """The present rule of a zone like `Europe/Berlin`.

    Raises:
        ValueError: there is no such zone, or no yearly rule tells it.
    """
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone: write it like Asia/Tashkent") from None
    footer = _file(name).rstrip(b"\n").rpartition(b"\n")[2].decode("ascii", "replace")
    rule = _posix(footer)
    if rule is None:
        raise ValueError(f"the rule of {name} ({footer or 'none'}) is no yearly one")
    return rule


def rule_of(text: str) -> ZoneRule:
    """A rule as people write it: a zone (`Europe/Berlin`), a POSIX TZ string
    (`CET-1CEST,M3.5.0,M10.5.0/3`), or as recorders write it
    (`CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00`).

    Raises:
        ValueError: none of them.
    """
    text = text.strip()
    try:
        return ZoneRule.parse(text)
    except ValueError:
        return _posix(text) or zone_rule(text)


def check_device_time(text: str) -> str:
    """What a device's times mean: `auto` (measured), `utc`, `local` (its wall clock, by its own
    zone), or the zone of that wall clock, whatever the device says of it.

    Raises:
        ValueError: none of them.
    """
    if text not in ("auto", "utc", "local"):
        try:
            rule_of(text)
        except ValueError:
            raise ValueError(
                f"{text!r} is none of auto, utc, local, a zone like Europe/Berlin, a rule like "
                "CET-1CEST,M3.5.0,M10.5.0/3"
            ) from None
    return text


def _posix(text: str) -> ZoneRule | None:
    match = _POSIX.fullmatch(text)
    if match is None:
        return None
    offset = -_seconds(match[1])
    if match[3] is None:
        return ZoneRule(offset)
    summer = -_seconds(match[2]) if match[2] else offset + 3600
    start, end = _change(*match.groups()[2:6]), _change(*match.groups()[6:10])
    return ZoneRule(offset, summer - offset, start, end)


def keeps(name: str, rule: ZoneRule, instants: Iterable[int]) -> int | None:
    """The first of those UTC instants (ns) at which the zone had another offset than the rule says;
    None where they agree."""
    zone = zoneinfo.ZoneInfo(name)
    for instant in instants:
        offset = to_datetime(instant).astimezone(zone).utcoffset()
        assert offset is not None
        if rule.utc_to_local(instant) - instant != round(offset.total_seconds()) * NS:
            return instant
    return None


def _file(name: str) -> bytes:
    """As zoneinfo looks for it: the system's, else the package's."""
    for folder in zoneinfo.TZPATH:
        file = Path(folder) / name
        if file.is_file():
            return file.read_bytes()
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def _change(month: str, week: str, weekday: str, time: str | None) -> Change:
    seconds = _seconds(time) if time else _TWO
    return Change(int(month), int(week), int(weekday), seconds)


def _seconds(text: str) -> int:
    hours, *rest = text.lstrip("+-").split(":")
    minutes, seconds = [*map(int, rest), 0, 0][:2]
    total = int(hours) * 3600 + minutes * 60 + seconds
    return -total if text.startswith("-") else total
