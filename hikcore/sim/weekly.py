"""A recorder's weekly schedule: blocks by weekday and wall clock, each continuous or on motion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from hikcore.deviceclock import ZoneRule
from hikcore.instants import DAY, NS, Span

_MS = 1_000_000
Day = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
Mode = Literal["CMR", "MOTION"]
DAYS: tuple[Day, ...] = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


def _checked(text: str) -> str:
    if _CLOCK.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a time of day; write it like 08:30, or 24:00")
    return text


OfDay = Annotated[str, AfterValidator(_checked)]


class Block(BaseModel):
    """A stretch of one weekday in which a camera records, by the recorder's wall clock.

    Attributes:
        day, begin, end: when.
        mode: `CMR`: without a break; `MOTION`: a clip now and then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: Day
    begin: OfDay = "00:00"
    end: OfDay = "24:00"
    mode: Mode = "CMR"


#: What a recorder does that nobody gave a schedule.
ALWAYS: tuple[Block, ...] = tuple(Block(day=day) for day in DAYS)


def scheduled(
    blocks: Sequence[Block], zone: ZoneRule, begin_ms: int, end_ms: int
) -> list[tuple[Span, Mode]]:
    """What of `[begin_ms, end_ms)` (ms since 1970 UTC) the schedule records, in order.

    A time of day that a change of the clock skips is where the change is.
    """
    found: list[tuple[Span, Mode]] = []
    first = zone.utc_to_local(begin_ms * _MS) // DAY - 1
    last = zone.utc_to_local(end_ms * _MS) // DAY + 1
    for day in range(first, last + 1):
        name = DAYS[(day + 3) % 7]  # 1970-01-01 was a Thursday
        for block in blocks:
            if block.day != name:
                continue
            at, until = (_utc_ms(zone, day, text) for text in (block.begin, block.end))
            at, until = max(at, begin_ms), min(until, end_ms)
            if at < until:
                found.append((Span(at, until), block.mode))
    return sorted(found)


def _utc_ms(zone: ZoneRule, day: int, text: str) -> int:
    hours, minutes = map(int, text.split(":"))
    local = day * DAY + (hours * 3600 + minutes * 60) * NS
    readings = zone.local_to_utc(local) or (local - zone.offset * NS,)
    return readings[0] // _MS
