"""A device's own times as text: digits, and what stands behind them."""

from __future__ import annotations

import re
from typing import Final

from hikcore.deviceclock import DeviceClock
from hikcore.instants import NS, Span, parse_instant

_OFFSET: Final = re.compile(r"T\S*?([+-])(\d\d):?(\d\d)$")


def digits(text: str) -> int:
    """Literal digits as ns as if UTC, whatever stands behind them.

    Raises:
        ValueError: not a time.
    """
    text = text.strip()
    day, separator, clock = text.partition("T") if "T" in text else text.partition(" ")
    for mark in "Z+-":
        clock = clock.partition(mark)[0]
    return parse_instant(f"{day}{separator}{clock.strip()}Z")


def offset(text: str) -> int:
    """What a literal time says behind its digits, ns east of UTC: 0 for `Z` and nothing."""
    found = _OFFSET.search(text.strip())
    if found is None:
        return 0
    east = (int(found[2]) * 60 + int(found[3])) * 60 * NS
    return -east if found[1] == "-" else east


def literal_window(clock: DeviceClock, span: Span) -> tuple[int, int]:
    """The literal times to ask for a span. Over a change of the wall clock its readings run back or
    skip, and in the repeated hour nobody knows which pass a device takes them for: there the window
    is widened by the shift, and what lies outside the span is left out of the answer."""
    begin, end = clock.utc_to_literal(span.begin), clock.utc_to_literal(span.end)
    unclear = len(clock.literal_readings(begin)) + len(clock.literal_readings(end)) != 2
    if unclear or end - begin != span.length:
        shift = abs(clock.zone.shift) * NS
        return min(begin, end) - shift, max(begin, end) + shift
    return begin, end
