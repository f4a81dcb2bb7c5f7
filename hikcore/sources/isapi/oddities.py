"""What in a listing is odd: kept all the same, and said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hikcore.instants import DAY, NS
from hikcore.sources.base import Recording
from hikcore.sources.isapi.literal import digits

#: Neighbours overlap by 1 to 3 s on many recorders (facts 2.2); more is a clock that was set.
_USUAL: Final = 5 * NS
#: Of one kind so many are named.
_NAMED: Final = 3


def odd_rows(rows: Sequence[Recording]) -> list[str]:
    """Rows, in the device's order, that a recorder whose clock was never set does not list."""
    backward, within, reversed_ = [], [], []
    for number, row in enumerate(rows):
        # Over the end of summer time a wall clock's digits may run back, and there is a reading.
        unread = row.span.length <= NS
        if unread and digits(row.literal_end) < digits(row.literal_begin):
            reversed_.append(f"{row.literal_begin} ends before it begins ({row.literal_end})")
        if not number:
            continue
        before = rows[number - 1]
        back = before.span.begin - row.span.begin
        if back > _USUAL:
            backward.append(
                f"{row.literal_begin} is listed after {before.literal_begin}: the clock was set "
                f"back by {back // NS} s or more"
            )
        elif before.span.begin < row.span.begin and row.span.end + _USUAL < before.span.end:
            within.append(
                f"{row.literal_begin} lies within the recording of {before.literal_begin}"
            )
    return [line for kind in (backward, within, reversed_) for line in _some(kind)]


def odd_clock(device: int, ours: int) -> list[str]:
    """A clock that is off by a day or more (UTC ns): a dead battery, mostly."""
    days = abs(device - ours) // DAY
    if not days:
        return []
    side = "behind" if device < ours else "ahead of"
    text = "1 day" if days == 1 else f"{days} days"
    return [
        f"its clock is {text} {side} ours: what it records now lies at its own time; set it, "
        "and look at its battery"
    ]


def _some(lines: list[str]) -> list[str]:
    if len(lines) <= _NAMED:
        return lines
    return [*lines[:_NAMED], f"and {len(lines) - _NAMED} more like that"]
