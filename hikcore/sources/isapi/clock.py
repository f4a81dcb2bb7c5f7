"""What a device's clock says, and what the `Z` of its listings means (facts 1.7).

`Z` is true UTC on some recorders and the wall clock on others of the same firmware, so it is
measured: what is listed around the device's now is held against it under both readings.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import ClockUndecided, DeviceProtocolError
from hikcore.instants import NS, format_instant, format_local
from hikcore.sources.isapi import xml
from hikcore.sources.isapi.paging import digits

PATH: Final = "/ISAPI/System/time"
Reading = Literal["utc", "local"]
#: How long before the device's now the newest recording may have ended and still touch it: what a
#: recorder has not flushed to its index yet.
TOUCH: Final = 120 * NS
#: A recording may be listed as begun a little ahead of System/time, as the two are read apart.
_AHEAD: Final = 5 * NS
#: Room around both readings of now in which the newest recording is looked for.
AROUND: Final = 1800 * NS
#: Channels looked at before giving up, and how many that decide must agree.
_CHANNELS: Final = 16
_VOTES: Final = 2
_SUFFIX: Final = re.compile(r"([+-])(\d\d):?(\d\d)$")


@dataclass(frozen=True, slots=True)
class DeviceTime:
    """System/time: the wall clock (local ns), and its rule."""

    local: int
    zone: ZoneRule

    def utc(self, near: int) -> int:
        """The instant, by the device's clock; `near` decides in the repeated hour."""
        return DeviceClock("local", self.zone).wall_to_utc(self.local, near)


def parse_time(body: bytes, where: str) -> DeviceTime:
    """Read System/time. The digits of localTime and the rule in timeZone count; the offset behind
    the digits is the standard one in summer on some devices and missing on others, so it is used
    only where there is no rule.

    Raises:
        DeviceProtocolError: no time, or neither rule nor offset.
    """
    try:
        root = xml.parse(body)
        text = xml.text(root, "localTime")
        local = digits(text)
        return DeviceTime(local, _zone(xml.text(root, "timeZone"), text))
    except ValueError as error:
        raise DeviceProtocolError(
            f"its time cannot be read: {error}", where=where, hint="set its zone in its web page"
        ) from None


def _zone(rule: str, local_time: str) -> ZoneRule:
    try:
        return ZoneRule.parse(rule)
    except ValueError:
        suffix = _SUFFIX.search(local_time)
        if suffix is None and not local_time.endswith("Z"):
            raise
    if suffix is None:
        return ZoneRule()
    seconds = int(suffix[2]) * 3600 + int(suffix[3]) * 60
    return ZoneRule(-seconds if suffix[1] == "-" else seconds)


#: Of a channel: literal begin and end of its rows in a window of literal time.
Look = Callable[[int, int, int], Awaitable[list[tuple[int, int]]]]


async def measure(
    time: DeviceTime, utc: int, channels: Iterable[int], look: Look, where: str
) -> DeviceClock:
    """Decide between the two readings.

    A reading is possible for a channel when a recording holds or touches the device's now under it
    and none begins after. A channel under which one reading alone is possible votes for it. Two
    votes decide (one, where no other channel can vote); two that differ decide nothing.

    Args:
        time: the device's clock. utc: the same instant in UTC.
        look: lists a channel; see `Look`.

    Raises:
        ClockUndecided: no channel votes, or they differ.
    """
    readings: dict[Reading, DeviceClock] = {
        "utc": DeviceClock("utc", time.zone),
        "local": DeviceClock("local", time.zone),
    }
    votes: list[Reading] = []
    room = AROUND + time.zone.shift * NS
    begin, end = min(utc, time.local) - room, max(utc, time.local) + room
    seen = ""
    for channel in list(channels)[:_CHANNELS]:
        rows = await look(channel, begin, end)
        if not rows:
            continue
        newest = max(rows)
        seen = seen or f"newest {format_local(newest[0], 0)} to {format_local(newest[1], 0)}"
        possible = [reading for reading, clock in readings.items() if fits(rows, clock, utc)]
        if len(possible) == 1:
            votes += possible
            if len(votes) == _VOTES:
                break
    if votes and len(set(votes)) == 1:
        return DeviceClock(votes[0], time.zone, "measured")
    raise ClockUndecided(
        "cannot tell what the Z of its listings means: as UTC its now is "
        f"{format_instant(utc, 0)}, as its own wall clock {format_local(time.local, 0)}; "
        + (seen or "no recording near either"),
        where=where,
        hint='compare with its web page, then set device_time = "utc" or device_time = "local"',
    )


def fits(rows: list[tuple[int, int]], clock: DeviceClock, now: int) -> bool:
    """Whether rows can be what a recorder lists at an instant: one holds or touches it, none begins
    after. In the hour that the wall clock repeats, either reading of a row may make it fit."""
    touching = False
    for begin, end in rows:
        first = min(clock.literal_readings(begin))
        if first > now + _AHEAD:
            return False
        touching = touching or max(clock.literal_readings(end)) >= now - TOUCH
    return touching
