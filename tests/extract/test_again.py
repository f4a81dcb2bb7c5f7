"""Empty days are asked again 2, 8 and 30 days later, as recorders fill in late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hikcore.archive.local import LocalStore
from hikcore.archive.said import Question
from hikcore.extract.again import again_parts, due_again
from hikcore.extract.ask import keep
from hikcore.extract.evidence import Evidence
from hikcore.extract.report import CameraJob
from hikcore.instants import DAY, NS, Span
from hikcore.sources.base import Answer
from tests.extract.conftest import BEGIN, Device

DAY_ONE = Span(BEGIN // DAY * DAY, BEGIN // DAY * DAY + DAY)
HOLE = [Span(DAY_ONE.begin + 3600 * NS, DAY_ONE.begin + 7200 * NS)]
JOB = CameraJob("home", "door", "main", "nvr", 1)


def asked(*days_after: float) -> list[Question]:
    return [
        Question(
            begin=DAY_ONE.begin,
            end=DAY_ONE.end,
            asked=DAY_ONE.end + round(after * DAY),
            complete=True,
            device="nvr",
        )
        for after in days_after
    ]


@pytest.mark.parametrize(
    ("questions", "now", "due"),
    [
        ((0.1,), 1.9, False),
        ((0.1,), 2.0, True),
        ((0.1, 2.0), 7.9, False),  # asked again already
        ((0.1, 2.0), 8.0, True),
        ((0.1, 2.0, 8.1), 29, False),
        ((0.1, 2.0, 8.1), 30, True),
        ((0.1,), 30, True),  # runs were missed: once, not thrice
        ((0.1, 30.0), 300, False),
        ((), 2.5, True),
    ],
)
def test_when(questions: tuple[float, ...], now: float, due: bool) -> None:
    found = due_again(HOLE, asked(*questions), DAY_ONE.end + round(now * DAY), None)
    assert found == ([DAY_ONE] if due else [])


def test_not_what_the_device_no_longer_keeps() -> None:
    now = DAY_ONE.end + 8 * DAY
    assert due_again(HOLE, asked(0.1), now, DAY_ONE.end) == []
    assert due_again(HOLE, asked(0.1), now, DAY_ONE.end - 1) == [DAY_ONE]
    assert due_again([], asked(0.1), now, None) == []


def test_an_answer_that_broke_off_does_not_count() -> None:
    (question,) = asked(2.5)
    broken = question.model_copy(update={"complete": False})
    assert due_again(HOLE, [broken], DAY_ONE.end + 3 * DAY, None) == [DAY_ONE]


async def test_from_the_archive(device: Device, store: LocalStore) -> None:
    days = [Span(DAY_ONE.begin - n * DAY, DAY_ONE.end - n * DAY) for n in range(4)]
    now = DAY_ONE.end + DAY // 2
    answers = [Answer(1, "main", day, day.end + 3600 * NS, True, ()) for day in days]
    await keep(JOB, answers, store, await device.clock(), Evidence(device))
    parts = again_parts(store, [JOB], now, Span(now - DAY, now))
    assert [part.span for part in parts] == [days[3], days[2]]
    assert all(part.begins_from == part.span.begin for part in parts)
    # A device that keeps two days: what lies before is not asked for again.
    for hour in range(48):
        device.add(((now - BEGIN) // NS) - hour * 3600 - 100, 100, b"x" * 100)
    other = LocalStore(store.root.parent / "other")
    answers = [replace(answer, asked=now) for answer in answers]
    await keep(JOB, answers, other, await device.clock(), Evidence(device))
    parts = again_parts(other, [JOB], now + 2 * DAY, Span(now, now + 2 * DAY))
    assert [part.span for part in parts] == [days[1], days[0]]
