"""What the `Z` of a device's listings means: true UTC, or its own wall clock (facts 1.7).

Recorders of the same firmware differ, so it is measured. First what is listed around the device's
now is held against it under both readings: a file that is being written holds it under the right
one. Where nothing is being written (recording by motion or schedule), a file that ended long ago
may touch the wrong one by chance; then the clock inside a recording decides, which is always the
device's wall clock: the first megabytes of one file are fetched, and left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import ClockUndecided
from hikcore.instants import DAY, NS, format_instant, format_local
from hikcore.sources.isapi.clock import DeviceTime
from hikcore.sources.isapi.literal import digits
from hikcore.sources.isapi.search import SearchRow

Reading = Literal["utc", "local"]
_READINGS: Final[tuple[Reading, ...]] = ("utc", "local")
#: How long before the device's now a recording may have ended and still touch it: what a recorder
#: has not flushed to its index yet.
TOUCH: Final = 120 * NS
#: A recording may be listed as begun a little ahead of System/time, as the two are read apart.
_AHEAD: Final = 5 * NS
#: Room around both readings of now in which recordings are looked for.
_AROUND: Final = 1800 * NS
#: Channels looked at around now, and how many must agree; channels and days of a look back.
_CHANNELS: Final = 16
_VOTES: Final = 2
_BACK_CHANNELS: Final = 4
_BACK_DAYS: Final = 7
#: Recordings of a channel whose clock inside is read, at most.
_WALLS: Final = 3
#: How far a listed begin may lie from the first picture: pre-recording and rounding.
_NEAR: Final = 90 * NS


class Probe(Protocol):
    """The two looks at a device that a measurement needs."""

    async def look(self, channel: int, begin: int, end: int) -> list[SearchRow]:
        """A channel's rows in a window of literal time."""
        ...

    async def wall(self, row: SearchRow) -> int | None:
        """The wall clock inside a recording at its first picture (local ns); None where its stream
        tells none or it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class _Vote:
    """The one reading that a channel's rows allow; `sure`: a file is being written under it."""

    reading: Reading
    sure: bool


async def measure(
    time: DeviceTime,
    utc: int,
    channels: Iterable[int],
    probe: Probe,
    where: str,
    *,
    known: Reading | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> DeviceClock:
    """Decide between the two readings.

    Args:
        time: the device's clock. utc: the same instant in UTC.
        known: what an earlier measurement found: where nothing that is written now says otherwise,
            it stands, and no byte of footage is fetched for it.
        tell: takes the evidence, in lines.

    Raises:
        ClockUndecided: nothing settles it; the message names both readings and the setting.
    """
    channels = list(channels)
    votes, seen = await _around_now(time, utc, channels[:_CHANNELS], probe)
    agreed = {vote.reading for vote in votes}
    now = f"{format_instant(utc, 0)} as UTC, {format_local(time.local, 0)} by its wall clock"
    tell(f"its now: {now}; listed: {seen or 'nothing near either'}")
    if len(agreed) == 1 and any(vote.sure for vote in votes):
        tell(f"{votes[0].reading}: a file is being written under that reading")
        return DeviceClock(votes[0].reading, time.zone, "measured")
    if known is not None:
        tell(f"{known}: as measured before; nothing that is written now says otherwise")
        return DeviceClock(known, time.zone, "measured")
    inside = await _inside(time, utc, channels[:_BACK_CHANNELS], probe)
    if inside is not None:
        tell(f"{inside}: the wall clock inside a recording fits its listing under that reading")
        return DeviceClock(inside, time.zone, "measured")
    if len(agreed) == 1:
        tell(f"{votes[0].reading}: the newest file touches that now, and not the other")
        return DeviceClock(votes[0].reading, time.zone, "measured")
    raise ClockUndecided(
        "cannot tell what the Z of its listings means: as UTC its now is "
        f"{format_instant(utc, 0)}, as its own wall clock {format_local(time.local, 0)}; "
        + (f"listed is {seen}" if seen else "no recording is near either"),
        where=where,
        hint='compare with its web page, then set device_time = "utc" or device_time = "local" '
        "(--device-time on the command line)",
    )


def agree(zone: ZoneRule, begin: int, end: int) -> bool:
    """Whether both readings are the same all along (UTC ns), as in a winter of Western Europe:
    there nothing depends on which it is."""
    changes = range(begin - DAY, end + DAY, DAY)
    return all(zone.utc_to_local(at) == at for at in (*changes, end + DAY))


async def _around_now(
    time: DeviceTime, utc: int, channels: Sequence[int], probe: Probe
) -> tuple[list[_Vote], str]:
    """The channels' votes, until two that are sure agree; and what was listed, for people."""
    votes: list[_Vote] = []
    room = _AROUND + time.zone.shift * NS
    begin, end = min(utc, time.local) - room, max(utc, time.local) + room
    seen = ""
    for channel in channels:
        rows = await probe.look(channel, begin, end)
        seen = seen or (f"{rows[-1].begin} to {rows[-1].end}" if rows else "")
        vote = _vote(rows, time.zone, utc)
        if vote is not None:
            votes.append(vote)
        if sum(each.sure for each in votes) == _VOTES:
            break
    return votes, seen


def _vote(rows: Sequence[SearchRow], zone: ZoneRule, now: int) -> _Vote | None:
    clocks = {reading: DeviceClock(reading, zone) for reading in _READINGS}
    possible = [reading for reading in _READINGS if _fits(rows, clocks[reading], now)]
    if len(possible) != 1:
        return None
    clock = clocks[possible[0]]
    ends = [max(clock.literal_readings(digits(row.end))) for row in rows]
    return _Vote(possible[0], max(ends) > now)


def _fits(rows: Sequence[SearchRow], clock: DeviceClock, now: int) -> bool:
    """Whether rows can be what a recorder lists at an instant: one holds or touches it, none begins
    after. In the hour that the wall clock repeats, either reading of a row may make it fit."""
    touching = False
    for row in rows:
        if min(clock.literal_readings(digits(row.begin))) > now + _AHEAD:
            return False
        touching = touching or max(clock.literal_readings(digits(row.end))) >= now - TOUCH
    return touching


async def _inside(
    time: DeviceTime, utc: int, channels: Sequence[int], probe: Probe
) -> Reading | None:
    """The reading that the clock inside the newest recordings shows."""
    for begin, end in _windows_back(time, utc):
        for channel in channels:
            told = 0
            for row in reversed(await probe.look(channel, begin, end)):
                if not _differ(digits(row.begin), time.zone):
                    continue  # here both readings are the same: nothing to learn
                wall = await probe.wall(row)
                reading = _read(digits(row.begin), wall, time.zone)
                if reading is not None:
                    return reading
                told += 1
                if told == _WALLS:
                    break
    return None


def _windows_back(time: DeviceTime, utc: int) -> Iterator[tuple[int, int]]:
    end = max(utc, time.local) + _AROUND
    for _ in range(_BACK_DAYS):
        yield end - DAY, end
        end -= DAY


def _differ(begin: int, zone: ZoneRule) -> bool:
    return abs(zone.utc_to_local(begin) - begin) > 2 * _NEAR


def _read(begin: int, wall: int | None, zone: ZoneRule) -> Reading | None:
    if wall is None:
        return None
    if abs(wall - begin) <= _NEAR:
        return "local"
    return "utc" if abs(wall - zone.utc_to_local(begin)) <= _NEAR else None
