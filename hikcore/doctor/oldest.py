"""The oldest recording of a channel, found by looking at few days."""

from __future__ import annotations

from hikcore.instants import DAY, Span
from hikcore.sources.base import Recording, Source

#: Days back that are looked at first; more than two years nobody keeps.
_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768)


async def oldest(source: Source, channel: int, now: int) -> Recording | None:
    """The oldest recording by halving, as a device overwrites in order: exact where every day has
    some, else the oldest of those days that were looked at. None where the last days have none.

    Raises:
        DeviceError: the device does not answer.
    """
    found: dict[int, Recording | None] = {}

    async def first_of(days_back: int) -> Recording | None:
        if days_back not in found:
            begin = now - days_back * DAY
            answer = await source.recordings(channel, "main", Span(begin, begin + DAY))
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
    recordings = [recording for recording in found.values() if recording is not None]
    return min(recordings, key=lambda recording: recording.span, default=None)
