"""What devices said: recorded for ever, merged without regard to order.

One document a camera, stream and UTC day, under `log/answers/`. A question is cut at midnights, a
row lies in the day of its begin. Merging is a join: whoever writes twice, late or beside others
adds what was said and takes nothing away.

A recording that began yesterday lies in another document than the question of today that listed it.
So days are written from the first to the last and read from the last to the first: whoever sees a
question sees every row that it found.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from hikcore.archive.keys import answers_key
from hikcore.archive.said import Answers, Question, Row, Schedule, WeekBlock
from hikcore.archive.store import Store
from hikcore.archive.update import update
from hikcore.instants import DAY, Span


def record(
    store: Store,
    site: str,
    camera: str,
    stream: str,
    questions: Iterable[Question],
    rows: Iterable[Row],
    schedule: Schedule | None = None,
) -> None:
    """Add what a device said to the archive.

    Args:
        questions: the spans asked.
        rows: all that was listed, `first_seen` and `last_seen` both the time of the question.
        schedule: when it is to record: kept in every day asked.

    Raises:
        ArchiveConflict: the race for a day's document was lost 500 times.
        ArchiveCorrupt: a day's document is not one.
    """
    for day, said in sorted(split(questions, rows).items()):
        told = () if schedule is None else (schedule,)
        add = partial(_add, said.model_copy(update={"schedules": told}))
        update(store, answers_key(site, camera, stream, day), Answers, add)


def split(questions: Iterable[Question], rows: Iterable[Row]) -> dict[int, Answers]:
    """By UTC day (its midnight): the parts of the questions in it, the rows that begin in it."""
    parts: dict[int, list[Question]] = {}
    begun: dict[int, list[Row]] = {}
    for question in questions:
        for span in Span(question.begin, question.end).days():
            part = question.model_copy(update={"begin": span.begin, "end": span.end})
            parts.setdefault(span.begin // DAY * DAY, []).append(part)
    for row in rows:
        begun.setdefault(row.begin // DAY * DAY, []).append(row)
    return {
        day: merge(
            Answers(), Answers(questions=tuple(parts.get(day, ())), rows=tuple(begun.get(day, ())))
        )
        for day in parts.keys() | begun.keys()
    }


def merge(*answers: Answers) -> Answers:
    """Everything that any of them says: a join, whatever the order, however often.

    Of a row that was seen twice the first and the last sight are kept, and of its name, chunk and
    UTC times those of the last.
    """
    questions: dict[tuple[str, int, int, int], Question] = {}
    rows: dict[tuple[object, ...], Row] = {}
    for document in answers:
        for question in document.questions:
            at = (question.device, question.begin, question.end, question.asked)
            if at not in questions or question.complete:
                questions[at] = question
        for row in document.rows:
            same: tuple[object, ...] = (
                row.device, row.literal_begin, row.literal_end, row.size, row.growing,
            )  # fmt: skip
            if row.part:
                same += (row.begin, row.end)
            rows[same] = _join(rows[same], row) if same in rows else row
    return Answers(
        questions=tuple(sorted(questions.values(), key=_question_order)),
        rows=tuple(sorted(rows.values(), key=_row_order)),
        schedules=_schedules(answers),
    )


def _schedules(answers: Iterable[Answers]) -> tuple[Schedule, ...]:
    """Each once, from its first sight to its last."""
    found: dict[tuple[str, tuple[WeekBlock, ...]], Schedule] = {}
    for each in (schedule for document in answers for schedule in document.schedules):
        known = found.setdefault((each.device, each.blocks), each)
        seen = {
            "first_seen": min(known.first_seen, each.first_seen),
            "last_seen": max(known.last_seen, each.last_seen),
        }
        found[each.device, each.blocks] = known.model_copy(update=seen)
    return tuple(sorted(found.values(), key=lambda s: (s.first_seen, s.device, s.to_bytes())))


def _add(said: Answers, before: Answers | None) -> Answers:
    return said if before is None else merge(before, said)


def _join(a: Row, b: Row) -> Row:
    last = max(a, b, key=_sight)
    return last.model_copy(update={"first_seen": min(a.first_seen, b.first_seen)})


def _sight(row: Row) -> tuple[int, int, int, str, str]:
    """Which of two sights is the later one, settled by content where the time is the same."""
    return row.last_seen, row.begin, row.end, row.name, row.chunk


def _question_order(question: Question) -> tuple[int, int, int, str]:
    return question.asked, question.begin, question.end, question.device


def _row_order(row: Row) -> tuple[object, ...]:
    return (
        row.begin,
        row.end,
        row.literal_begin,
        row.literal_end,
        -1 if row.size is None else row.size,
        row.growing,
        row.device,
        bool(row.part),
    )
