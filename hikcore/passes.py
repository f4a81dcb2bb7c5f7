"""Which pass of a repeated hour a recording's digits are of, judged by its neighbours. Pure.

A device that lists its wall clock writes the same digits twice in the hour that summer time ends
with. What is recorded without a break leaves one reading that fits: each recording begins where the
one before ends, and is about as long as its bytes are many. A recording alone in that hour can be
of either pass: it is taken for as short as its digits allow, and for the earlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from hikcore.deviceclock import DeviceClock
from hikcore.instants import NS, Span

#: Neighbours overlap by 1 to 3 s on many recorders (a device fact); more is hardly ever true.
_USUAL: Final = 5 * NS
#: What a recording costs that does not begin where the one before ends: more than an hour of
#: unlikely length, or recording without a break would be read with breaks.
_APART: Final = 3 * 3600.0
#: What a second of overlap costs besides, and one of a length that does not fit the bytes.
_OVERLAP: Final = 10.0
_LENGTH: Final = 2.0
#: Recordings with one reading from which it is told how long so many bytes are.
_LEAST: Final = 3


@dataclass(frozen=True, slots=True)
class Digits:
    """A recording as listed: its literal begin and end (ns as if UTC), its bytes and its name."""

    begin: int
    end: int
    size: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Pace:
    """How long recordings are, by those with one reading.

    Attributes:
        rate: bytes a nanosecond; None where too few tell.
        usual: the median of their lengths; None where they are too few.
    """

    rate: float | None
    usual: float | None

    @classmethod
    def of(cls, listed: Sequence[Digits], possible: Sequence[Sequence[Span]]) -> _Pace:
        """What the listing shows."""
        known = [
            (each.size, choices[0].length)
            for each, choices in zip(listed, possible, strict=True)
            if len(choices) == 1
        ]
        rates = [size / length for size, length in known if size]
        return cls(
            median(rates) if len(rates) >= _LEAST else None,
            median(length for _, length in known) if len(known) >= _LEAST else None,
        )

    def length(self, each: Digits) -> float | None:
        """The length to be expected, ns."""
        if each.size is not None and self.rate is not None:
            return each.size / self.rate
        return self.usual


@dataclass(frozen=True, slots=True)
class _Path:
    """The likeliest readings so far that end in one, the last first."""

    cost: float
    span: Span
    before: _Path | None


def readings(clock: DeviceClock, listed: Digits) -> list[Span]:
    """Every span that the digits can mean, in order. Never empty: a second at least."""
    starts = clock.literal_readings(listed.begin)
    stops = clock.literal_readings(listed.end)
    found = [Span(start, stop) for start in starts for stop in stops if stop > start]
    return found or [Span(start, start + NS) for start in starts]


def spans(clock: DeviceClock, listed: Sequence[Digits]) -> list[Span]:
    """UTC of recordings in the device's order: that in which they were made, or (where that fits
    better) their names count up in it.

    Args:
        clock: of the device that listed them.
    """
    return likeliest([readings(clock, each) for each in listed], listed)


def likeliest(possible: Sequence[Sequence[Span]], listed: Sequence[Digits]) -> list[Span]:
    """One reading of each recording, those that fit together best.

    Args:
        possible: what each can mean, at least one. listed: the recordings, in the device's order.
    """
    if all(len(each) == 1 for each in possible):
        return [each[0] for each in possible]
    pace = _Pace.of(listed, possible)
    by_name = sorted(range(len(listed)), key=lambda n: (len(listed[n].name), listed[n].name))
    found: dict[int, Span] = {}
    least = float("inf")
    for order in (list(range(len(listed))), by_name):
        path = _likeliest([(listed[n], possible[n]) for n in order], pace)
        if path.cost < least:
            least = path.cost
            found = dict(zip(reversed(order), _back(path), strict=True))
    return [found[number] for number in range(len(listed))]


def _likeliest(rows: Sequence[tuple[Digits, Sequence[Span]]], pace: _Pace) -> _Path:
    paths: list[_Path] = []
    for each, choices in rows:
        expected = pace.length(each)
        paths = [_best(paths, choice, expected, choices) for choice in choices]
    return min(paths, key=lambda path: path.cost)


def _best(
    paths: Sequence[_Path], span: Span, expected: float | None, choices: Sequence[Span]
) -> _Path:
    if expected is not None:
        cost = abs(span.length - expected) / NS * _LENGTH
    else:
        cost = (span.length - min(choice.length for choice in choices)) / NS
    if not paths:
        return _Path(cost, span, None)
    before = min(paths, key=lambda path: path.cost + _between(path.span, span))
    return _Path(before.cost + _between(before.span, span) + cost, span, before)


def _between(before: Span, span: Span) -> float:
    gap = span.begin - before.end
    if span.begin > before.begin and abs(gap) <= _USUAL:
        return 0.0
    if gap >= 0:
        return _APART
    return _APART - gap / NS * _OVERLAP


def _back(path: _Path | None) -> list[Span]:
    out = []
    while path is not None:
        out.append(path.span)
        path = path.before
    return out
