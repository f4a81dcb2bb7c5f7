"""Where a channel has footage, by the cheapest maps: the days of a month by one request, minutes
of the days that have any, seconds of the minutes that have any. An hour of seconds costs a request,
and an hour of playback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hikcore.errors import DeviceProtocolError, DeviceRefused
from hikcore.instants import NS
from hikcore.sources.everfocus.maps import (
    CHANNELS,
    PATHS,
    Grid,
    MapKind,
    Question,
    Reading,
    Seconds,
    batches,
    by_hours,
    clipped,
    contradicted,
    first_question,
    joined,
    read,
    refined,
    settled_minutes,
    without,
)

#: Seconds for which a reply serves the other channels of its four, and the other days of its month.
KEPT: Final = {"day": 300, "minute": 60, "second": 60}
#: Requests for one span of one map at most: a device that answers a cell at a time is not followed.
_MOST: Final = 64
#: Seconds by which a recorder's days may begin elsewhere than is believed.
_BESIDE: Final = 14 * 3600
#: Replies that are remembered.
_ROOM: Final = 256

#: Posts a body to a path; gives the reply.
Post = Callable[[str, Mapping[str, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Footage:
    """What a recorder has of a channel in a span.

    Attributes:
        there: where there is footage: by seconds, and by minutes where those are not told.
        exact: what was told by seconds, footage or none.
        complete: all of the span was answered.
        asked: device time, ns UTC, of the oldest reply that this stands on.
        warnings: what is odd about the replies.
    """

    there: tuple[Seconds, ...]
    exact: tuple[Seconds, ...]
    complete: bool
    asked: int
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Told:
    """Readings of one kind over a span, put together."""

    there: list[Seconds] = field(default_factory=list)
    told: list[Seconds] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    asked: int | None = None

    def add(self, reading: Reading, asked: int) -> None:
        self.there += reading.there
        self.told += reading.told
        self.warnings += reading.warnings
        self.asked = asked if self.asked is None else min(self.asked, asked)


class RecordMaps:
    """The record maps of one recorder.

    Args:
        post: sends a request.
        grid: where its days and hours begin.
        now: the device's time, ns UTC.
        channels: of the recorder that are worked on, asked about together.
        at_once: channels of one question.
        inclusive: EndTime is the last second that is asked for.
        absent: a channel that a reply leaves out has nothing.
    """

    def __init__(
        self,
        post: Post,
        grid: Grid,
        now: Callable[[], int],
        *,
        channels: Iterable[int] = (),
        at_once: int = CHANNELS,
        inclusive: bool = True,
        absent: bool = True,
    ) -> None:
        self._post, self._grid, self._now = post, grid, now
        self._inclusive, self._absent = inclusive, absent
        self._batches = {n: batch for batch in batches(channels, at_once) for n in batch}
        self._months: dict[tuple[tuple[int, ...], str], Seconds] = {}
        self._kept: dict[Question, tuple[int, Mapping[str, Any]]] = {}

    async def footage(
        self, channel: int, stream: str, span: Seconds, settled: int | None = None
    ) -> Footage:
        """Where there is footage in a span.

        Args:
            settled: what is later (seconds) is not looked at by seconds: it changes yet.

        Raises:
            DeviceError: the recorder cannot be asked.
        """
        days = await self._map("day", channel, stream, self._month(channel, stream, span), span)
        minutes = _Told()
        # The days beside those that have footage are looked at too: if the recorder's days begin
        # elsewhere than is believed, theirs ends in one that it calls empty.
        near = [(begin - _BESIDE, end + _BESIDE) for begin, end in days.there]
        for day in clipped(near, span):
            found = await self._map("minute", channel, stream, day, day)
            minutes.add(Reading(tuple(found.there), tuple(found.told), 0), found.asked or 0)
            minutes.warnings += found.warnings
        there = joined(minutes.there)
        looked = settled_minutes(there, span[1] + 60 if settled is None else settled)
        seconds = await self._seconds(channel, stream, looked)
        odd = contradicted(there, seconds.told, seconds.there)
        if odd:
            seconds.warnings.append(
                f"{len(odd)} stretches have footage by their minutes and none by their seconds: "
                "taken to be there"
            )
        exact = clipped(without(seconds.told, odd), span)
        there = refined(there, exact, clipped(seconds.there, span))
        asked = [each.asked for each in (days, minutes, seconds) if each.asked is not None]
        return Footage(
            tuple(clipped(there, span)),
            tuple(joined([*exact, *without(_known(span, days, minutes), there)])),
            _covers(span, days, minutes),
            min(asked, default=self._now()),
            tuple(dict.fromkeys((*days.warnings, *minutes.warnings, *seconds.warnings))),
        )

    async def _seconds(self, channel: int, stream: str, looked: Sequence[Seconds]) -> _Told:
        """What is known by seconds; a recorder that does not tell leaves it at minutes."""
        seconds = _Told()
        for part in by_hours(looked):
            try:
                found = await self._map("second", channel, stream, part, part)
            except (DeviceRefused, DeviceProtocolError) as error:
                seconds.warnings.append(
                    f"no map by seconds ({error.message}): holes of up to two minutes are not seen"
                )
                break
            seconds.add(Reading(tuple(found.there), tuple(found.told), 0), found.asked or 0)
            seconds.warnings += found.warnings
        return seconds

    def _month(self, channel: int, stream: str, span: Seconds) -> Seconds:
        """As many days as one question takes: they serve the days that are asked about next."""
        key = self._batches.get(channel, (channel,)), stream
        kept = self._months.get(key)
        if kept is None or span[0] < kept[0] or span[1] > kept[1]:
            begin = self._grid.day(span[0])
            today = self._grid.next_day(self._grid.day(self._now() // NS))
            kept = begin, max(span[1], min(self._grid.limit("day", begin), today))
            self._months[key] = kept
        return kept

    async def _map(
        self, kind: MapKind, channel: int, stream: str, span: Seconds, least: Seconds
    ) -> _Told:
        """One map over a span; what is wanted of it is `least`."""
        out, at = _Told(), span[0]
        batch = self._batches.get(channel, (channel,))
        for _ in range(_MOST):
            question = first_question(kind, batch, stream, (at, span[1]), self._grid)
            asked, reply = await self._reply(question)
            reading = read(question, reply, channel, self._grid, absent=self._absent)
            out.add(reading, asked)
            if reading.reach <= at:
                out.warnings.append(f"the {kind} map tells nothing from {at} on")
                at = question.end
            else:
                at = reading.reach
            if at >= least[1]:
                break
        return out

    async def _reply(self, question: Question) -> tuple[int, Mapping[str, Any]]:
        now = self._now()
        kept = self._kept.get(question)
        if kept is not None and 0 <= now - kept[0] < KEPT[question.kind] * NS:
            return kept
        path = PATHS[question.kind]
        reply = await self._post(path, question.body(inclusive=self._inclusive))
        if not isinstance(reply, Mapping):
            raise DeviceProtocolError(
                f"{path} answered with no map: {str(reply)[:80]}",
                hint="please report it with the model",
            )
        if len(self._kept) >= _ROOM:
            self._kept.clear()
        self._kept[question] = now, reply
        return now, reply


def _covers(span: Seconds, days: _Told, minutes: _Told) -> bool:
    """Whether every second was answered: by minutes on days that have footage, else by the day."""
    return _known(span, days, minutes) == [span]


def _known(span: Seconds, days: _Told, minutes: _Told) -> list[Seconds]:
    by_minute = clipped(minutes.told, span)
    quiet = without(clipped(days.told, span), days.there)
    return joined([*by_minute, *quiet])
