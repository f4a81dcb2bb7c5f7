"""Which rows of a search were heard already: around the edges of a hole both tell the same.

A hook has no time and a search has whole seconds, so the two are held to be one if channel, type
and content agree and their times lie close; each heard one stands for one found one.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hikcore.sources.everfocus.searched import Found

_BEGINS, _ENDS = frozenset(("active", "once")), frozenset(("inactive", "once"))


@dataclass(frozen=True, slots=True)
class HeardAt:
    """What was heard, at a time by the device's clock (UTC ns)."""

    kind: str
    channel: int | None
    type: str
    state: str
    data: Any
    time: int


_Left: TypeAlias = dict[tuple[int | None, str], list[HeardAt]]
"""By channel and type, by time."""


def not_heard(found: Iterable[Found], heard: Sequence[HeardAt], slack: int) -> list[Found]:
    """The rows that tell something new.

    Args:
        slack: ns by which the times of one event may differ.
    """
    left: _Left = {}
    for each in sorted(heard, key=lambda each: each.time):
        left.setdefault((each.channel, each.type.casefold()), []).append(each)
    out = []
    for row in sorted(found, key=lambda each: each.time):
        if row.kind == "meta" and _take(left, row, row.time, slack, None):
            continue
        if row.kind == "interval":
            begun = _take(left, row, row.time, slack, _BEGINS)
            ended = _take(left, row, row.end, slack, _ENDS)
            if begun and ended:
                continue
        out.append(row)
    return out


def _take(left: _Left, row: Found, time: int, slack: int, states: frozenset[str] | None) -> bool:
    """Whether this was heard; what was heard is used up."""
    same = left.get((row.channel, row.type.casefold()), [])
    first = bisect_left(same, time - slack, key=_time)
    near = [
        at for at in range(first, bisect_right(same, time + slack, lo=first, key=_time))
        if (_same_data(same[at], row) if states is None
            else same[at].kind == "event" and same[at].state.casefold() in states)
    ]  # fmt: skip
    if not near:
        return False
    # An event that happens once is begin and end at a time: it is used for both.
    best = min(near, key=lambda at: abs(same[at].time - time))
    if same[best].state.casefold() != "once" or states is _ENDS:
        del same[best]
    return True


def _time(heard: HeardAt) -> int:
    return heard.time


def _same_data(heard: HeardAt, row: Found) -> bool:
    return heard.kind == "meta" and _plain(heard.data) == _plain(row.data.get("Data"))


def _plain(value: Any) -> str:
    """Metadata as text: hooks send a string of what a search gives as an object, or the reverse."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value).strip()
    return json.dumps(value, sort_keys=True)
