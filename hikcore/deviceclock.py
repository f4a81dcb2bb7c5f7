"""What a device's times mean: the clock profile.

A recorder shows times in three places: the literal times of its listings (a `Z` behind them may
mean UTC or the device's own wall clock), the wall clock inside the stream (always the device's own
wall clock, no zone), and `System/time`. A profile says how each becomes UTC. It is measured per
device (facts: the same firmware reads differently on two units), kept in the archive named by its
content, and never guessed.

Local readings are held as nanoseconds *as if they were UTC* ("local ns"); no naive datetime crosses
a module border.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from hikcore.instants import NS, from_datetime

#: `CST-3:00:00DST01:00:00,M3.5.5/02:00:00,M10.5.0/02:00:00` (ISAPI System/time, device fact): the
#: sign is POSIX's (CST-3 is UTC+3), the DST field is the *shift*, not an offset from UTC as there.
_ZONE = re.compile(
    r"[A-Za-z]+([+-]?\d{1,2})(?::(\d\d))?(?::(\d\d))?"
    r"(?:[A-Za-z]+(\d{1,2}):(\d\d)(?::(\d\d))?,M(\d+)\.(\d)\.(\d)/(\d\d):(\d\d)(?::\d\d)?,"
    r"M(\d+)\.(\d)\.(\d)/(\d\d):(\d\d)(?::\d\d)?)?"
)


@dataclass(frozen=True, slots=True)
class Change:
    """A yearly change of the clock: the `week`-th (5 = last) `weekday` (0 = Sunday) of `month`, at
    `seconds` after local midnight, by the wall clock that is in force until then."""

    month: int
    week: int
    weekday: int
    seconds: int

    def local_ns(self, year: int) -> int:
        """The wall-clock reading at which it happens in that year."""
        first = datetime(year, self.month, 1, tzinfo=UTC)
        day = 1 + (self.weekday - (first.weekday() + 1)) % 7 + 7 * (self.week - 1)
        following = (first + timedelta(days=32)).replace(day=1)
        last = (following - timedelta(days=1)).day
        while day > last:
            day -= 7
        return from_datetime(first.replace(day=day)) + self.seconds * NS


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """Standard offset east of UTC in seconds, and the summer shift with its two changes, if any."""

    offset: int = 0
    shift: int = 0
    start: Change | None = None
    end: Change | None = None

    @classmethod
    def parse(cls, text: str) -> ZoneRule:
        """Read a device's `timeZone`.

        Raises:
            ValueError: not of that form.
        """
        match = _ZONE.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"time zone {text!r} is not like CST-3:00:00")
        hours = match.group(1)
        sign = 1 if hours.startswith("-") else -1
        offset = sign * (
            abs(int(hours)) * 3600 + int(match.group(2) or 0) * 60 + int(match.group(3) or 0)
        )
        if match.group(4) is None:
            return cls(offset)
        numbers = [int(part or 0) for part in match.groups()[3:]]
        shift = numbers[0] * 3600 + numbers[1] * 60 + numbers[2]
        start = Change(numbers[3], numbers[4], numbers[5], numbers[6] * 3600 + numbers[7] * 60)
        end = Change(numbers[8], numbers[9], numbers[10], numbers[11] * 3600 + numbers[12] * 60)
        return cls(offset, shift, start, end)

    def utc_to_local(self, utc: int) -> int:
        """The wall-clock reading (local ns) at a UTC instant."""
        standard = utc + self.offset * NS
        return standard + (self.shift * NS if self._summer(standard) else 0)

    def local_to_utc(self, local: int) -> tuple[int, ...]:
        """The UTC instants at which the wall clock reads so: one; two, earlier first, in the
        repeated hour; none in the skipped one."""
        candidates = {
            local - self.offset * NS,
            local - (self.offset + self.shift) * NS,
        }
        return tuple(sorted(c for c in candidates if self.utc_to_local(c) == local))

    def _summer(self, standard: int) -> bool:
        if self.start is None or self.end is None or not self.shift:
            return False
        year = datetime.fromtimestamp(standard // NS, UTC).year
        start = self.start.local_ns(year)
        end = self.end.local_ns(year) - self.shift * NS
        if start < end:
            return start <= standard < end
        return not end <= standard < start


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """How a device's times become UTC.

    Attributes:
        listing: what literal times in listings mean: `utc`, or `local` (the device's wall clock).
        zone: the wall clock's rule.
        source: how that was found: `measured`, `setting`, `zone is UTC`, or `zone is UTC now` (both
            readings are the same until the clock changes, and nothing tells which it is).
    """

    listing: Literal["utc", "local"]
    zone: ZoneRule
    source: str = "measured"

    def literal_to_utc(self, literal: int) -> int:
        """UTC of a listing's time, its digits held as nanoseconds as if UTC. In the repeated hour
        the first reading; in the skipped hour what the standard offset gives."""
        return literal if self.listing == "utc" else self.wall_to_utc(literal)

    def literal_readings(self, literal: int) -> tuple[int, ...]:
        """Every UTC instant that a listing's time can mean, earlier first: one; two in the repeated
        hour; in the skipped hour what the standard offset gives."""
        if self.listing == "utc":
            return (literal,)
        return self.zone.local_to_utc(literal) or (literal - self.zone.offset * NS,)

    def utc_to_literal(self, utc: int) -> int:
        """The digits to ask a device for that UTC instant."""
        return utc if self.listing == "utc" else self.zone.utc_to_local(utc)

    def wall_to_utc(self, local: int, near: int | None = None) -> int:
        """UTC of the wall clock inside a stream.

        Args:
            local: the reading, local ns.
            near: a UTC instant known to be close (continuity decides the repeated hour).
        """
        found = self.zone.local_to_utc(local)
        if not found:
            return local - self.zone.offset * NS
        if near is None:
            return found[0]
        return min(found, key=lambda utc: abs(utc - near))


UTC_CLOCK = DeviceClock("utc", ZoneRule(), "zone is UTC")
