"""The oldest recording of a channel, found by looking at few days."""

from __future__ import annotations

from dataclasses import dataclass

from hikcore.instants import DAY, Span
from hikcore.sources.base import Recording, Source, Stream

#: Looks without any before it that make the oldest a sure one.
_QUIET = 2
#: Days back that are looked at first; more than two years nobody keeps.
_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768)


@dataclass(frozen=True, slots=True)
class Oldest:
    """The oldest recording that was seen.

    Attributes:
        sure: every day that was looked at since then has some, and at least two before have none:
            so it is with footage that is overwritten in order. Where days are quiet, older footage
            may lie between those that were looked at.
    """

    recording: Recording
    sure: bool


async def oldest(source: Source, channel: int, now: int, stream: Stream = "main") -> Oldest | None:
    """The oldest recording, by halving. None where none is found on the days looked at.

    Raises:
        DeviceError: the device does not answer.
    """
    found: dict[int, Recording | None] = {}

    async def first_of(days_back: int) -> Recording | None:
        if days_back not in found:
            begin = now - days_back * DAY
            answer = await source.recordings(channel, stream, Span(begin, begin + DAY))
            found[days_back] = min(answer.recordings, key=lambda r: r.span, default=None)
        return found[days_back]

    there, gone = 0, 0
    for step in _STEPS:
        if await first_of(step) is not None:
            there, gone = step, 0
        elif gone:
            break  # two looks without any: it is not just a quiet day
        else:
            gone = step
    upper = min((step for step in found if step > there), default=there + 1)
    while upper - there > 1:
        middle = (there + upper) // 2
        if await first_of(middle) is not None:
            there = middle
        else:
            upper = middle
    recordings = {day: each for day, each in found.items() if each is not None}
    if not recordings:
        return None
    last = max(recordings)
    sure = all(day in recordings or day > last for day in found)
    sure = sure and sum(day > last for day in found) >= _QUIET
    return Oldest(min(recordings.values(), key=lambda each: each.span), sure)
