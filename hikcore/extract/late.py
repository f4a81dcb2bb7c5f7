"""What was found empty, or came short, and is to be asked again: recorders and clouds fill in late
(a camera's own card after a lost link), long after the trailing window of scheduled runs. Pure.

The archive's own record of questions says what was asked again already, so that nobody needs to
keep a calendar, and a run that was missed is made up for once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hikcore.archive.coverage import Stretch
from hikcore.archive.said import Question
from hikcore.archive.settled import SHORT
from hikcore.instants import DAY, Span, subtract, union

#: So many days after its end an empty day is asked again, inside the device's retention.
AFTER: Final = (2, 8, 30)


def late_spans(stretches: Sequence[Stretch]) -> list[Span]:
    """Where more may come than came: what is empty, and what came too short twice alike."""
    return [
        each.span
        for each in stretches
        if each.state == "empty" or (each.state == "damaged" and each.reason.startswith(SHORT))
    ]


def due(
    spans: Sequence[Span], questions: Sequence[Question], now: int, oldest: int | None
) -> list[Span]:
    """The parts of some spans that are to be asked again now: those about which no complete
    question was put since the last term after their UTC day. Pure.

    Args:
        questions: that were put so far.
        now: UTC ns.
        oldest: UTC ns of the device's oldest recording; None where nobody knows: then all of it may
            still be there.
    """
    counting = [q for q in questions if q.complete and q.begin < q.end]
    out: list[Span] = []
    for part in sorted({part for each in spans for part in each.days()}):
        end = (part.begin // DAY + 1) * DAY
        passed = [days for days in AFTER if end + days * DAY <= now]
        if not passed or (oldest is not None and end <= oldest):
            continue
        since = end + passed[-1] * DAY
        asked = [Span(q.begin, q.end) for q in counting if q.asked >= since]
        out += subtract([part], union(each for each in asked if each.meets(part)))
    return union(out)
