"""Hours of the day at a site: when a device is left alone, and how much may be drawn from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from hikcore.instants import NS

_HOURS: Final = re.compile(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)")
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]i?)?(B|bit)/s", re.IGNORECASE)
_POWER: Final = {"": 0, "K": 1, "M": 2, "G": 3}
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Hours:
    """From one time of day to another, half-open, in seconds; over midnight where end <= begin."""

    begin: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read `22:00-06:00`.

        Raises:
            ValueError: it is not like that.
        """
        match = _HOURS.fullmatch(text.strip())
        numbers = [int(part) for part in match.groups()] if match else []
        if not numbers or numbers[1] > 59 or numbers[3] > 59 or max(numbers[0::2]) > 24:
            raise ValueError(f"{text!r} is not like 22:00-06:00")
        begin, end = (numbers[at] * 3600 + numbers[at + 1] * 60 for at in (0, 2))
        if begin > _DAY or end > _DAY or begin % _DAY == end % _DAY:
            raise ValueError(f"{text!r} is not a part of a day")
        return cls(begin % _DAY, end % _DAY)

    def holds(self, second: int) -> bool:
        """Whether a second of the day lies in it."""
        if self.begin < self.end:
            return self.begin <= second < self.end
        return second >= self.begin or second < self.end


@dataclass(frozen=True, slots=True)
class Limit:
    """Bytes a second, at some hours or (None) always."""

    rate: float
    hours: Hours | None = None

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read `2 MB/s` or `08:00-20:00 16 Mbit/s`.

        Raises:
            ValueError: it is not like that.
        """
        match = _RATE.fullmatch(text.strip())
        hours = None
        if match is None:
            found = _HOURS.match(text.strip())
            if found is None:
                raise ValueError(f"{text!r} is not like 08:00-20:00 2 MB/s")
            hours = Hours.parse(found.group())
            match = _RATE.fullmatch(text.strip()[found.end() :].strip())
        if match is None or float(match[1]) <= 0:
            raise ValueError(f"{text!r} is not like 08:00-20:00 2 MB/s")
        unit = (match[2] or "").upper()
        base = 1024 if unit.endswith("I") else 1000
        size = float(match[1]) * base ** _POWER[unit.removesuffix("I")]
        return cls(size / 8 if match[3].lower() == "bit" else size, hours)


@dataclass(frozen=True, slots=True)
class Timetable:
    """The hours of one device.

    Attributes:
        quiet: when nothing is asked of it.
        limits: of bytes a second, all its transfers together; the smallest that holds counts.
        zone: whose hours they are.
    """

    quiet: Sequence[Hours] = ()
    limits: Sequence[Limit] = ()
    zone: tzinfo = UTC

    def quiet_until(self, now: int) -> datetime | None:
        """When the quiet hours end that hold an instant (ns UTC); None outside them."""
        local = datetime.fromtimestamp(now // NS, self.zone)
        second = _second(local)
        ends = [_next(local, hours.end) for hours in self.quiet if hours.holds(second)]
        return max(ends, default=None)

    def rate(self, now: int) -> float | None:
        """Bytes a second at an instant (ns UTC); None: as many as come."""
        if not self.limits:
            return None
        second = _second(datetime.fromtimestamp(now // NS, self.zone))
        rates = [
            limit.rate for limit in self.limits if limit.hours is None or limit.hours.holds(second)
        ]
        return min(rates, default=None)


def _second(local: datetime) -> int:
    return local.hour * 3600 + local.minute * 60 + local.second


def _next(local: datetime, second: int) -> datetime:
    """The next time that the wall clock reads so."""
    at = local.replace(
        hour=second // 3600, minute=second // 60 % 60, second=0, microsecond=0, fold=0
    )
    return at if at > local else at + timedelta(days=1)
