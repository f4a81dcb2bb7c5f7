"""dailyDistribution: on which days of a month a device says that it has footage of a track.

Cheap and steady even on units whose wide searches fail (facts 1.6). It is a second witness: it can
show that a search missed something, and proves no absence by itself.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element

from hikcore.deviceclock import DeviceClock
from hikcore.errors import DeviceError, DeviceProtocolError, DeviceRefused
from hikcore.instants import DAY, NS, Span
from hikcore.sources.isapi import xml

_PATH: Final = "/ISAPI/ContentMgmt/record/tracks/{track}/dailyDistribution"
#: Seconds for which a month is believed.
_GOOD: Final = 600.0
#: A local day counts for a question that holds so much of it.
_MOST: Final = DAY // 2

Ask = Callable[[str, bytes], Awaitable[Element]]


class Calendar:
    """The calendars of one device.

    Args:
        ask: the document that a POST answers.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._months: dict[tuple[int, int, int], tuple[float, frozenset[int]]] = {}
        self._silent: set[int] = set()

    async def days(self, track: int, year: int, month: int) -> frozenset[int] | None:
        """The days of a month, by the device's wall clock, that have footage; None where the
        device does not tell.

        Raises:
            DeviceError: it does not answer.
        """
        if track in self._silent:
            return None
        at = (track, year, month)
        read, days = self._months.get(at, (float("-inf"), frozenset()))
        if time.monotonic() - read < _GOOD:
            return days
        body = (
            f"<trackDailyParam><year>{year}</year><monthOfYear>{month:02d}</monthOfYear>"
            "</trackDailyParam>"
        )
        try:
            days = parse_days(await self._ask(_PATH.format(track=track), body.encode()))
        except (DeviceRefused, DeviceProtocolError, ValueError) as error:
            if isinstance(error, DeviceError) and error.retryable:
                raise  # it has one, and spoiled it: no witness is dropped for that
            self._silent.add(track)  # a sub-stream has none where main streams have
            return None
        self._months[at] = (time.monotonic(), days)
        return days

    async def recorded(self, track: int, span: Span, clock: DeviceClock) -> list[Span]:
        """The local days (UTC spans) that lie for the most part in a span and have footage, as the
        calendar says.

        Raises:
            DeviceError: the device does not answer.
        """
        found = []
        for day in _local_days(span, clock):
            begin = datetime.fromtimestamp(clock.zone.utc_to_local(day.begin) // NS, UTC)
            days = await self.days(track, begin.year, begin.month)
            if days is not None and begin.day in days:
                found.append(day)
        return found


def parse_days(root: Element) -> frozenset[int]:
    """The days with footage.

    Raises:
        ValueError: no calendar.
    """
    days = list(xml.descendants(root, "day"))
    if not days:
        raise ValueError("no day in it")
    return frozenset(
        int(number)
        for day in days
        if xml.text(day, "record").lower() == "true"
        and (number := xml.text(day, "dayOfMonth") or xml.text(day, "id")).isdecimal()
        and len(number) < 3
    )


def _local_days(span: Span, clock: DeviceClock) -> list[Span]:
    first = clock.zone.utc_to_local(span.begin) // DAY
    last = clock.zone.utc_to_local(span.end) // DAY
    days = []
    for number in range(first, last + 1):
        begin, end = clock.wall_to_utc(number * DAY), clock.wall_to_utc((number + 1) * DAY)
        if min(end, span.end) - max(begin, span.begin) >= _MOST:
            days.append(Span(begin, end))
    return days
