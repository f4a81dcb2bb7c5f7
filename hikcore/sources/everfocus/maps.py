"""Record maps of an EverFocus recorder (NVR SDK guide, 5.1 to 5.3): what to ask, and what a reply
says. Pure, in whole seconds since 1970.

Three maps tell for every day, minute or second whether there is footage in it. A question holds at
most four channels; one that is longer than 35 days, 24 hours or 60 minutes is cut short without a
word, so that only the reply says how much of it was answered. StartTime has to lie on the border of
a day or hour, which is the device's own: the guide's example of 4.5 begins at midnight of UTC+8 and
ends a second before another. Both are inferred for the maps, hence settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from hikcore.deviceclock import ZoneRule
from hikcore.instants import NS

MapKind = Literal["day", "minute", "second"]
#: A stretch of whole seconds, half-open.
Seconds = tuple[int, int]

PATHS: Final[Mapping[MapKind, str]] = {
    "day": "/record/getMapByDay",
    "minute": "/record/getMapByMinute",
    "second": "/record/getMapBySecond",
}
#: Cells in one question at most: 35 days, 24 hours of minutes, 60 minutes of seconds.
LIMITS: Final[Mapping[MapKind, int]] = {"day": 35, "minute": 1440, "second": 3600}
#: Channels in one question at most.
CHANNELS: Final = 4
#: A reply may begin at the border before what it was asked for, no further away.
_NEAR: Final[Mapping[MapKind, int]] = {"day": 90_000, "minute": 3600, "second": 3600}
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Question:
    """One request for a map.

    Attributes:
        channels: at most four. begin, end: seconds, half-open; cells border on them.
        stream: `main` or `sub`.
    """

    kind: MapKind
    channels: tuple[int, ...]
    stream: str
    begin: int
    end: int

    def body(self, *, inclusive: bool = True) -> dict[str, Any]:
        """What is posted: `mainsub` is 1 and 2 here, unlike anywhere else in the guide.

        Args:
            inclusive: whether EndTime is the last second that is asked for.
        """
        return {
            "ChannelIDs": list(self.channels),
            "StartTime": self.begin,
            "EndTime": self.end - (1 if inclusive else 0),
            "mainsub": 2 if self.stream == "sub" else 1,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says of one channel.

    Attributes:
        there: where it has footage, to the size of a cell; disjoint, in order.
        told: what was answered at all, likewise; elsewhere nothing is known.
        reach: how far the reply goes: the end of its last cell; none: its begin.
        warnings: what is odd about it.
    """

    there: tuple[Seconds, ...]
    told: tuple[Seconds, ...]
    reach: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the cells of maps lie on this device.

    Attributes:
        zone: of its wall clock.
        local_days: days begin at its own midnight; else at that of UTC.
        local_hours: hours begin where its wall clock begins one; else where UTC does.
    """

    zone: ZoneRule = ZoneRule()  # noqa: RUF009  frozen
    local_days: bool = True
    local_hours: bool = True

    def day(self, at: int) -> int:
        """The begin of the day that holds a second."""
        if not self.local_days:
            return at - at % _DAY
        return self._midnight(self._reading(at) // _DAY)

    def next_day(self, begin: int) -> int:
        """The begin of the following day; 23, 24 or 25 hours later (or whatever the rule says)."""
        if not self.local_days:
            return begin + _DAY
        # Midnight itself may be repeated or skipped: half a day later it is surely the same day.
        return self._midnight((self._reading(begin + _DAY // 2)) // _DAY + 1)

    def border(self, kind: MapKind, at: int) -> int:
        """The last border at or before a second on which a question may begin."""
        if kind == "day":
            return self.day(at)
        if kind == "second" or not self.local_hours:
            return at - at % (_MINUTE if kind == "second" else _HOUR)
        return at - self._reading(at) % _HOUR

    def limit(self, kind: MapKind, begin: int) -> int:
        """The last second, not included, of the longest question that begins there."""
        if kind != "day":
            return begin + LIMITS[kind] * cell(kind)
        for _ in range(LIMITS["day"]):
            begin = self.next_day(begin)
        return begin

    def _reading(self, at: int) -> int:
        return self.zone.utc_to_local(at * NS) // NS

    def _midnight(self, day: int) -> int:
        """UTC of the first moment of a local day; where a change of the clock skips its midnight,
        of the moment of the change."""
        found = self.zone.local_to_utc(day * _DAY * NS)
        if found:
            return found[0] // NS
        late = day * _DAY - self.zone.offset  # by the standard offset: at or after the change
        early = late - self.zone.shift
        while late - early > 1:
            middle = (late + early) // 2
            if self._reading(middle) < day * _DAY:
                early = middle
            else:
                late = middle
        return late


def cell(kind: MapKind) -> int:
    """Seconds of a minute map's cell, or a second map's."""
    return _MINUTE if kind == "minute" else 1


def batches(channels: Iterable[int], size: int = CHANNELS) -> list[tuple[int, ...]]:
    """Channels by fours, each once, in order: the same for whoever asks."""
    found = sorted(set(channels))
    return [tuple(found[at : at + size]) for at in range(0, len(found), size)]


def first_question(
    kind: MapKind, channels: Sequence[int], stream: str, span: Seconds, grid: Grid
) -> Question:
    """The question that begins a span; what it leaves is asked after its reply, as that alone says
    how far it went."""
    begin = grid.border(kind, span[0])
    end = span[1]
    if kind == "day":
        while (day := grid.day(end - 1)) < end and grid.next_day(day) > end:
            end = grid.next_day(day)
    else:
        end += -(end - begin) % _MINUTE
    return Question(kind, tuple(channels), stream, begin, min(end, grid.limit(kind, begin)))


def read(
    question: Question, reply: Mapping[str, Any], channel: int, grid: Grid, *, absent: bool = True
) -> Reading:
    """What a reply says of a channel.

    Only cells that are there count as answered, and none outside what the reply says that it spans.

    Args:
        absent: a channel that the reply leaves out has nothing there; else nothing is known of it.
    """
    begin = _second(reply.get("StartTime"), question.begin)
    last = _second(reply.get("EndTime"), question.end - 1)
    warnings: list[str] = []
    if abs(begin - question.begin) > _NEAR[question.kind]:
        # Whose clock or unit that is, nobody knows: to place its cells would be a guess.
        odd_begin = f"the {question.kind} map asked for from {question.begin} begins at {begin}"
        return Reading((), (), question.begin, (odd_begin,))
    key = next((k for k in (f"CH{channel}", f"ch{channel}", str(channel)) if k in reply), None)
    if key is None:
        reach = min(last + 1, question.end)
        told = ((begin, reach),) if absent and reach > begin and _is_map(question, reply) else ()
        warnings.append(f"the {question.kind} map leaves channel {channel} out")
        return Reading((), told, reach, tuple(warnings))
    reach = begin
    there: list[Seconds] = []
    told_: list[Seconds] = []
    odd: set[str] = set()
    # EndTime may be the last second of the last cell, its first one, or the one behind it.
    for (low, high), state in _cells(question.kind, begin, reply[key], grid):
        if low > last:
            break
        reach = high
        if state not in "+-":
            odd.add(state)
            continue
        told_.append((low, high))
        if state == "+":
            there.append((low, high))
    if odd:
        shown = " ".join(sorted(repr(each) for each in odd))
        warnings.append(f"the {question.kind} map of channel {channel} has {shown} in it")
    return Reading(tuple(joined(there)), tuple(joined(told_)), reach, tuple(warnings))


def _is_map(question: Question, reply: Mapping[str, Any]) -> bool:
    """Whether a reply that leaves a channel out speaks of the span, and names those that it does
    not leave out as expected: else the channel may be there under another name."""
    if "StartTime" not in reply or "EndTime" not in reply:
        return False
    names = {f"CH{channel}" for channel in question.channels}
    return {key.upper() for key in reply} <= names | {"STARTTIME", "ENDTIME", "MAINSUB"}


def _cells(kind: MapKind, begin: int, rows: Any, grid: Grid) -> Iterable[tuple[Seconds, str]]:
    if kind == "day":
        for state in _text(rows):
            following = grid.next_day(begin)
            yield (begin, following), state
            begin = following
        return
    width = cell(kind)
    rows = [rows] if isinstance(rows, str) else rows if isinstance(rows, list) else []
    for number, row in enumerate(rows):
        at = begin + number * 60 * width
        for column, state in enumerate(_text(row)[:60]):
            low = at + column * width
            yield (low, low + width), state


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else ""


def _second(value: Any, otherwise: int) -> int:
    """A time of a reply: a number or its digits."""
    try:
        return otherwise if isinstance(value, bool) else int(value)
    except (TypeError, ValueError, OverflowError):
        return otherwise


def joined(spans: Iterable[Seconds]) -> list[Seconds]:
    """The same seconds as disjoint spans that do not touch, in order."""
    out: list[Seconds] = []
    for begin, end in sorted(spans):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        elif begin < end:
            out.append((begin, end))
    return out


def clipped(spans: Iterable[Seconds], within: Seconds) -> list[Seconds]:
    """The seconds of spans inside another."""
    cut = [(max(begin, within[0]), min(end, within[1])) for begin, end in spans]
    return joined(each for each in cut if each[0] < each[1])


def without(spans: Iterable[Seconds], minus: Iterable[Seconds]) -> list[Seconds]:
    """The seconds of spans that none of others holds."""
    left = joined(spans)
    for low, high in joined(minus):
        left = [
            part
            for begin, end in left
            for part in ((begin, min(end, low)), (max(begin, high), end))
            if part[0] < part[1]
        ]
    return left


def settled_minutes(minutes: Sequence[Seconds], settled: int) -> list[Seconds]:
    """The minutes whose seconds are worth a question: all of them, as a minute that has footage may
    be a hole but for one second of it.

    Args:
        settled: what is later than this changes while it is looked at.
    """
    cut = [(begin, min(end, settled - settled % _MINUTE)) for begin, end in minutes]
    return joined(each for each in cut if each[0] < each[1])


def contradicted(
    minutes: Sequence[Seconds], told: Sequence[Seconds], seconds: Sequence[Seconds]
) -> list[Seconds]:
    """Minutes that have footage by their own map, and not one second by that of seconds: one of the
    two is wrong, and nobody knows which.

    Args:
        minutes: that have footage. told: what the map of seconds speaks of, footage or none.
    """
    out = []
    for begin, end in clipped(minutes, (joined(told)[0][0], joined(told)[-1][1])) if told else ():
        for at in range(begin - begin % _MINUTE, end, _MINUTE):
            minute = (at, at + _MINUTE)
            if clipped(told, minute) == [minute] and not clipped(seconds, minute):
                out.append(minute)
    return joined(out)


def closed_up(spans: Sequence[Seconds], least: int) -> list[Seconds]:
    """Spans with holes of fewer seconds than `least` closed: between two pictures there may be no
    picture in a second."""
    out: list[Seconds] = []
    for begin, end in joined(spans):
        if out and begin - out[-1][1] < least:
            out[-1] = (out[-1][0], end)
        else:
            out.append((begin, end))
    return out


def by_hours(wanted: Sequence[Seconds], longest: int = _HOUR) -> list[Seconds]:
    """Spans of at most an hour that hold all that is wanted: few, as each costs a request."""
    out: list[Seconds] = []
    for begin, end in wanted:
        at = begin
        if out and at < out[-1][0] + longest:
            reach = min(end, out[-1][0] + longest)
            out[-1] = (out[-1][0], max(out[-1][1], reach))
            at = reach
        while at < end:
            out.append((at, min(end, at + longest)))
            at = out[-1][1]
    return out


def refined(
    minutes: Sequence[Seconds], looked: Sequence[Seconds], seconds: Sequence[Seconds]
) -> list[Seconds]:
    """Footage by minutes, put right where its seconds were looked at."""
    return joined([*without(minutes, looked), *seconds])
