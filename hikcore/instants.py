"""Time inside hikcore: integer nanoseconds since 1970 UTC, and half-open spans of them.

Nothing here reads a clock: an instant comes from a device, from a person, or from a caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

NS: Final = 1_000_000_000
DAY: Final = 86_400 * NS
#: 90 kHz ticks to nanoseconds is times 100 000, divided by 9 (exact as a rational).
TICKS: Final = 90_000

_INSTANT = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|[+-]\d\d:?\d\d)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open `[begin, end)` in UTC nanoseconds; never empty.

    Raises:
        ValueError: begin is not before end.
    """

    begin: int
    end: int

    def __post_init__(self) -> None:
        if self.begin >= self.end:
            raise ValueError(
                f"begin {format_instant(self.begin)} is not before end {format_instant(self.end)}"
            )

    @property
    def length(self) -> int:
        """Nanoseconds."""
        return self.end - self.begin

    def meets(self, other: Span) -> bool:
        """Whether the two share an instant."""
        return self.begin < other.end and other.begin < self.end

    def intersection(self, other: Span) -> Span | None:
        """What both hold, or None."""
        begin, end = max(self.begin, other.begin), min(self.end, other.end)
        return Span(begin, end) if begin < end else None

    def days(self) -> list[Span]:
        """The UTC days that it touches, each cut to it, in order."""
        out, at = [], self.begin
        while at < self.end:
            nxt = min((at // DAY + 1) * DAY, self.end)
            out.append(Span(at, nxt))
            at = nxt
        return out

    def __str__(self) -> str:
        return f"[{format_instant(self.begin)}, {format_instant(self.end)})"


def union(spans: Iterable[Span]) -> list[Span]:
    """The same instants as disjoint, sorted, non-touching spans."""
    out: list[Span] = []
    for span in sorted(spans):
        if out and span.begin <= out[-1].end:
            if span.end > out[-1].end:
                out[-1] = Span(out[-1].begin, span.end)
        else:
            out.append(span)
    return out


def subtract(spans: Sequence[Span], minus: Iterable[Span]) -> list[Span]:
    """The instants of `spans` that none of `minus` holds."""
    holes = union(minus)
    left: list[Span] = []
    at = 0
    for span in union(spans):
        begin = span.begin
        while at < len(holes) and holes[at].begin < span.end:
            hole = holes[at]
            if begin < hole.begin:
                left.append(Span(begin, hole.begin))
            begin = max(begin, hole.end)
            if hole.end > span.end:
                break  # it reaches into the next one
            at += 1
        if begin < span.end:
            left.append(Span(begin, span.end))
    return left


def from_datetime(value: datetime) -> int:
    """Nanoseconds of an aware datetime.

    Raises:
        ValueError: the datetime is naive.
    """
    if value.tzinfo is None:
        raise ValueError(f"time {value.isoformat()} has no zone; write it with Z or an offset")
    delta = value - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * NS + delta.microseconds * 1000


def to_datetime(ns: int) -> datetime:
    """The aware UTC datetime, nanoseconds below a microsecond dropped."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def parse_instant(text: str, zone: tzinfo | None = None) -> int:
    """Nanoseconds UTC of an ISO 8601 text (extended or basic, date alone is its midnight).

    Args:
        text: `2026-11-20T10:03:17Z`, `20261120T100317Z`, `2026-11-20 10:03:17.250+05:00`, …
        zone: the zone that a text without one is read in; without it such a text is refused.

    Raises:
        ValueError: not a time, or without a zone, or a local time that a change of the clock
            skips or repeats (the message names the readings).
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time; write it like 2026-11-20T10:03:17Z")
    year, month, day, hour, minute, second, fraction, suffix = match.groups()
    try:
        naive = datetime(  # noqa: DTZ001  given its zone below
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: {error}") from None
    ns = int((fraction or "0").ljust(9, "0"))
    if suffix == "Z":
        return from_datetime(naive.replace(tzinfo=UTC)) + ns
    if suffix:
        sign = -1 if suffix[0] == "-" else 1
        digits = suffix[1:].replace(":", "")
        offset = sign * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)
        return from_datetime(naive.replace(tzinfo=UTC)) - offset * NS + ns
    if zone is None:
        raise ValueError(f"time {text!r} has no zone; write it with Z or an offset like +05:00")
    first = from_datetime(naive.replace(tzinfo=zone, fold=0))
    second_ = from_datetime(naive.replace(tzinfo=zone, fold=1))
    if first != second_:
        raise ValueError(
            f"{text!r} is skipped or repeated by a change of the clock: write "
            f"{format_instant(min(first, second_))} or {format_instant(max(first, second_))}"
        )
    return first + ns


def format_instant(ns: int, digits: int = 3) -> str:
    """ISO 8601 in UTC, rounded down: `2026-11-20T10:03:17.250Z`.

    Args:
        digits: of the fraction, 0 to 9.
    """
    return _text(ns, digits) + "Z"


def format_local(ns: int, digits: int = 9) -> str:
    """A device's own reading of its clock, held as nanoseconds as if it were UTC: no zone."""
    return _text(ns, digits)


def compact_instant(ns: int) -> str:
    """`20261120T100317.250Z`: for keys and file names (milliseconds, rounded down)."""
    return to_datetime(ns).strftime("%Y%m%dT%H%M%S") + f".{ns % NS // 1_000_000:03d}Z"


def ticks_to_ns(ticks: int) -> int:
    """Nanoseconds of 90 kHz ticks, rounded down."""
    return ticks * 100_000 // 9


def ns_to_ticks(ns: int) -> int:
    """90 kHz ticks of nanoseconds, rounded down."""
    return ns * 9 // 100_000


def _text(ns: int, digits: int) -> str:
    fraction = f".{ns % NS:09d}"[: digits + 1] if digits else ""
    return to_datetime(ns).strftime("%Y-%m-%dT%H:%M:%S") + fraction
