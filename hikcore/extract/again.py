"""Which days that were found empty are to be asked again: recorders and clouds fill in late (a
camera's own card after a lost link), long after the trailing window of scheduled runs has passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hikcore.archive.documents import Question
from hikcore.archive.load import load_answers
from hikcore.archive.reader import Archive
from hikcore.archive.store import Store
from hikcore.extract.report import CameraJob
from hikcore.extract.site import Part
from hikcore.instants import DAY, Span

#: So many days after its end an empty day is asked again, inside the device's retention.
AFTER: Final = (2, 8, 30)


def due_again(
    empty: Sequence[Span], questions: Sequence[Question], now: int, oldest: int | None
) -> list[Span]:
    """The UTC days with something empty that are to be asked again now. Pure.

    Args:
        empty: what is `empty` by the answers so far.
        questions: that were put about it.
        now: UTC ns.
        oldest: UTC ns of the device's oldest recording; None where nobody knows: then all of it may
            still be there.
    """
    days = sorted({span.begin // DAY * DAY for each in empty for span in each.days()})
    out = []
    for begin in days:
        day = Span(begin, begin + DAY)
        passed = [days_ for days_ in AFTER if day.end + days_ * DAY <= now]
        if not passed or (oldest is not None and day.end <= oldest):
            continue
        asked = [q.asked for q in questions if q.complete and Span(q.begin, q.end).meets(day)]
        if not asked or max(asked) < day.end + passed[-1] * DAY:
            out.append(day)
    return out


def again_parts(store: Store, jobs: Sequence[CameraJob], now: int, span: Span) -> list[Part]:
    """The days of cameras that are due, as parts of a run over a span; blocking.

    Raises:
        ArchiveError: the archive cannot be read.
    """
    archive = Archive(store)
    # A day is asked about 30 days after its end, and for a day of grace where runs were missed.
    reach = Span(now // DAY * DAY - (AFTER[-1] + 2) * DAY, max(span.begin, now - AFTER[0] * DAY))
    out: list[Part] = []
    for job in jobs:
        answers = load_answers(store, job.site, job.camera, job.stream, reach)
        own = [q for q in answers.questions if q.device == job.device]
        if not own:
            continue
        stretches = archive.coverage(job.site, job.camera, reach, job.stream)
        empty = [each.span for each in stretches if each.state == "empty"]
        told = max((q for q in own if q.oldest is not None), key=lambda q: q.asked, default=None)
        oldest = None if told is None else told.oldest
        out += [Part(job, day, day.begin) for day in due_again(empty, own, now, oldest)]
    return [part for part in out if not part.span.meets(span)]
