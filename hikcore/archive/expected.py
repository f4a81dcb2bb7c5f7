"""Why a device has nothing where it could have something: a silence that was to be expected, or a
hole. Pure.

The evidence is the device's own, kept with its answers: when it is to record (and whether without a
break or on motion), whether the camera was online when asked, and what the oldest recording was.
Only what none of these explains is an alarm, and only where it is known that there should be
footage: with nothing known of a camera, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, Literal

from hikcore.archive.layers import Claim, flatten
from hikcore.archive.said import Answers, Expectation, Question, Schedule, WeekBlock
from hikcore.deviceclock import ZoneRule
from hikcore.instants import DAY, NS, Span

Cause = Literal["", "not scheduled", "no motion", "offline", "before the oldest", "unexplained"]
#: The one that somebody should look at.
ALARM: Final[Cause] = "unexplained"

_MODES: Final[dict[str, Cause]] = {"continuous": ALARM, "motion": "no motion"}


class Causes:
    """The evidence about one camera's stream.

    Args:
        answers: what devices said of it.
        expectation: what the site's document has of the camera: a setting stands above what a
            device tells, what was told once below what it told of the days at hand.
        wall: the rule of the wall clock by which a question's device goes.
    """

    def __init__(
        self,
        answers: Answers,
        expectation: Expectation | None,
        wall: Callable[[Question], ZoneRule],
    ) -> None:
        self._expectation = expectation or Expectation()
        self._wall = wall
        self._schedules = answers.schedules
        self._offline = _offline(answers.questions)

    def split(self, span: Span, question: Question) -> list[tuple[Span, Cause]]:
        """The parts of a span in which that question found nothing, each with why."""
        claims: list[Claim[Cause]] = []
        if question.oldest is not None:
            claims.append(Claim((0,), span.begin, question.oldest, "before the oldest"))
        for begin, end in self._offline.get(question.device, ()):
            claims.append(Claim((1,), begin, end, "offline"))
        blocks = self._blocks(span, question)
        for block, begin, end in _laid_out(blocks or (), span, self._wall(question)):
            rank = 2 if block.mode == "continuous" else 3
            claims.append(Claim((rank,), begin, end, _MODES[block.mode]))
        return flatten(claims, span, "" if blocks is None else "not scheduled")

    def _blocks(self, span: Span, question: Question) -> Sequence[WeekBlock] | None:
        """The schedule in force; None where nobody knows one."""
        known = self._expectation
        if known.set and known.kind in _MODES:
            return _all_week(known.kind)
        told = [each for each in self._schedules if each.device == question.device]
        if told:
            return _in_force(told, span).blocks
        if known.kind in _MODES:
            return _all_week(known.kind)
        return None if known.kind == "unknown" else known.blocks


def proposed(blocks: Sequence[WeekBlock]) -> Expectation:
    """What a device's own schedule lets expect."""
    kinds: tuple[Literal["continuous", "motion"], ...] = ("continuous", "motion")
    for kind in kinds:
        if sorted(blocks, key=_order) == _all_week(kind):
            return Expectation(kind=kind)
    return Expectation(kind="schedule", blocks=tuple(blocks))


def _all_week(kind: str) -> list[WeekBlock]:
    mode: Literal["continuous", "motion"] = "continuous" if kind == "continuous" else "motion"
    return [WeekBlock(weekday=day, begin=0, end=86_400, mode=mode) for day in range(7)]


def _order(block: WeekBlock) -> tuple[int, int, int, str]:
    return block.weekday, block.begin, block.end, block.mode


def _in_force(told: Sequence[Schedule], span: Span) -> Schedule:
    """The last one that was seen before the span's end; else the first that was seen after."""
    before = [each for each in told if each.first_seen <= span.end]
    if before:
        return max(before, key=lambda each: (each.last_seen, each.first_seen))
    return min(told, key=lambda each: each.first_seen)


def _offline(questions: Sequence[Question]) -> dict[str, list[tuple[int, int]]]:
    """By device: between two looks that follow each other, both of which found it offline."""
    looks: dict[str, dict[int, bool]] = {}
    for question in questions:
        if question.online is not None:
            looks.setdefault(question.device, {})[question.asked] = question.online
    return {
        device: [
            (begin, end)
            for (begin, was), (end, still) in pairwise(sorted(found.items()))
            if not was and not still
        ]
        for device, found in looks.items()
    }


def _laid_out(
    blocks: Sequence[WeekBlock], span: Span, zone: ZoneRule
) -> list[tuple[WeekBlock, int, int]]:
    """The blocks of every week that the span touches, in UTC. A time that a change of the clock
    skips is where the change is."""
    out = []
    first = zone.utc_to_local(span.begin) // DAY - 1
    last = zone.utc_to_local(span.end) // DAY + 1
    for day in range(first, last + 1):
        for block in blocks:
            if block.weekday == (day + 3) % 7:  # 1970-01-01 was a Thursday
                begin, end = (_utc(zone, day * DAY + at * NS) for at in (block.begin, block.end))
                if begin < span.end and span.begin < end:
                    out.append((block, begin, end))
    return out


def _utc(zone: ZoneRule, local: int) -> int:
    return (zone.local_to_utc(local) or (local - zone.offset * NS,))[0]
