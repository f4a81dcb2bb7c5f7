"""Record maps (5.1 to 5.3): where a recorder has footage, a character a day, minute or second."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, Literal

from hikcore.deviceclock import ZoneRule
from hikcore.instants import NS, Span
from hikcore.sim.everfocus.clocking import midnight, next_midnight
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.everfocus.replies import Wrong, whole
from hikcore.sim.everfocus.store import Store

Kind = Literal["Day", "Minute", "Second"]
#: The guide's limits: 35 days, 24 hours, 60 minutes; rows of a minute map and of a second map.
_MOST: Final = {"Day": 35, "Minute": 24, "Second": 60}
_ROW: Final = {"Minute": 3600, "Second": 60}
_FOUR: Final = 4


def answer(kind: Kind, asked: Any, profile: NvrProfile, store: Store, now: int) -> dict[str, Any]:
    """The reply of /record/getMapBy….

    Raises:
        Wrong: it is answered with an Error.
    """
    how = profile.maps
    channels, begin, end, stream = _read(asked, profile)
    if len(channels) > _FOUR:
        if how.five == "error":
            raise Wrong("4 channels at most")
        channels = channels[:_FOUR]
    begin = _aligned(kind, begin, profile)
    last = 1 if how.inclusive else 0
    borders, until = _cells(kind, begin, end + last, profile)
    reply: dict[str, Any] = {"StartTime": begin, "EndTime": until - last}
    if how.echo == "asked":
        reply = {"StartTime": asked["StartTime"], "EndTime": asked["EndTime"]}
    for channel in channels:
        if store.vault(channel) is None and how.unknown == "absent":
            continue
        spans = store.stretches(channel, stream, begin * 1000, until * 1000, now)
        marks = _marks(borders, spans)
        reply[f"CH{channel}"] = marks if kind == "Day" else _rows(marks, how.last_row)
    return reply


def _read(asked: Any, profile: NvrProfile) -> tuple[list[int], int, int, int]:
    if not isinstance(asked, dict):
        raise Wrong("no JSON object")
    channels = asked.get("ChannelIDs")
    if not isinstance(channels, list) or not channels:
        raise Wrong("ChannelIDs")
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in channels):
        raise Wrong("ChannelIDs")
    strict = profile.strict_types
    names = ("StartTime", "EndTime", "mainsub")
    begin, end, stream = (whole(asked.get(name), name, strict=strict) for name in names)
    if stream not in (1, 2):
        raise Wrong("mainsub")
    if begin < 0 or end < begin + (not profile.maps.inclusive):
        raise Wrong("EndTime")
    return channels, begin, end, stream - 1


def _aligned(kind: Kind, begin: int, profile: NvrProfile) -> int:
    """The start on its border, seconds."""
    how, clock = profile.maps, profile.clock
    if kind == "Day":
        border = midnight(_days(profile), begin * NS) // NS
    elif kind == "Minute":
        offset = 0
        if how.hours == "local":
            offset = (clock.rule.utc_to_local(begin * NS) - begin * NS) // NS
        border = begin - (begin + offset) % 3600
    else:
        # The guide states no border for seconds: rows begin where they are asked to.
        border = begin
    if border == begin or how.misaligned == "as_is":
        return begin
    if how.misaligned == "error":
        raise Wrong("StartTime is not at the boundary")
    return border


def _days(profile: NvrProfile) -> ZoneRule:
    """By which clock days begin."""
    return profile.clock.rule if profile.maps.days == "local" else ZoneRule()


def _cells(kind: Kind, begin: int, end: int, profile: NvrProfile) -> tuple[list[int], int]:
    """Borders of the cells, seconds, one more than there are cells; and where the reply ends."""
    most = _MOST[kind]
    if kind == "Day":
        rule = _days(profile)
        borders = [begin]
        while borders[-1] < end and len(borders) <= most:
            on_border = midnight(rule, borders[-1] * NS) == borders[-1] * NS
            borders.append(
                next_midnight(rule, borders[-1] * NS) // NS if on_border else borders[-1] + 86_400
            )
        return borders, min(end, borders[-1])
    row = _ROW[kind]
    end = min(end, begin + most * row)
    cell = row // 60
    borders = list(range(begin, end, cell))
    return [*borders, end], end


def _marks(borders: Sequence[int], spans: list[Span]) -> str:
    """`+` for each cell with footage. Spans are disjoint and sorted, ms."""
    ends = [span.end for span in spans]
    out = []
    for begin, end in pairwise(borders):
        # The first stretch that ends behind the begin of the cell.
        at = bisect_right(ends, begin * 1000)
        has = at < len(spans) and spans[at].begin < end * 1000
        out.append("+" if has else "-")
    return "".join(out)


def _rows(marks: str, last: Literal["short", "filled"]) -> list[str]:
    rows = [marks[at : at + 60] for at in range(0, len(marks), 60)]
    if rows and last == "filled":
        rows[-1] = rows[-1].ljust(60, "-")
    return rows
