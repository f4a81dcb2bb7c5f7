"""A silence that was to be expected is told from a hole, by the device's own answers."""

from __future__ import annotations

from typing import Literal

import pytest

from hikcore.archive.answers import merge, record
from hikcore.archive.coverage import coverage
from hikcore.archive.documents import Site, SiteCamera
from hikcore.archive.expected import Causes, proposed
from hikcore.archive.reader import Archive
from hikcore.archive.said import Answers, Expectation, Question, Schedule, WeekBlock
from hikcore.archive.sites import publish_site
from hikcore.archive.store import Store
from hikcore.deviceclock import ZoneRule
from hikcore.instants import DAY, NS, Span, parse_instant
from tests.archive import build
from tests.archive.build import CAMERA, DEVICE, SITE, STREAM, at, row

HOUR = 3600 * NS
MONDAY = parse_instant("2026-11-16T00:00:00Z")
TASHKENT = ZoneRule(5 * 3600)
Mode = Literal["continuous", "motion"]


def block(weekday: int, begin: int, end: int, mode: Mode = "continuous") -> WeekBlock:
    return WeekBlock(weekday=weekday, begin=begin * 3600, end=end * 3600, mode=mode)


def asked(begin: int, end: int, at_: int, **told: object) -> Question:
    return Question(
        begin=begin,
        end=end,
        asked=at_,
        complete=True,
        device=DEVICE,
        **told,  # type: ignore[arg-type]
    )


def schedule(*blocks: WeekBlock, seen: int = MONDAY, last: int | None = None) -> Schedule:
    return Schedule(device=DEVICE, blocks=blocks, first_seen=seen, last_seen=last or seen)


def causes(
    answers: Answers, span: Span, expectation: Expectation | None = None, zone: ZoneRule = TASHKENT
) -> list[tuple[int, str]]:
    """Hours since Monday at which a stretch of a reason ends."""
    found = coverage([], answers, span, causes=Causes(answers, expectation, lambda _: zone))
    assert {each.state for each in found} == {"empty"}
    assert all(each.alarm == (each.reason == "unexplained") for each in found)
    return [((each.span.end - MONDAY) // HOUR, each.reason) for each in found]


DAY_ONE = Span(MONDAY, MONDAY + DAY)
LATER = MONDAY + 3 * DAY


def test_by_the_devices_own_schedule_and_wall_clock() -> None:
    """Monday 9 to 12 without a break, 12 to 18 on motion: five hours earlier in UTC."""
    blocks = block(0, 9, 12), block(0, 12, 18, "motion")
    answers = Answers(
        questions=(asked(MONDAY, MONDAY + DAY, LATER),), schedules=(schedule(*blocks),)
    )
    assert causes(answers, DAY_ONE) == [
        (4, "not scheduled"), (7, "unexplained"), (13, "no motion"), (24, "not scheduled"),
    ]  # fmt: skip
    assert causes(Answers(questions=answers.questions), DAY_ONE, proposed(blocks)) == causes(
        answers, DAY_ONE
    )


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("continuous", "unexplained"),
        ("motion", "no motion"),
        ("unknown", "the device has nothing there"),
    ],
)
def test_by_what_is_expected(kind: str, reason: str) -> None:
    answers = Answers(questions=(asked(MONDAY, MONDAY + DAY, LATER),))
    expectation = Expectation(kind=kind, set=True)  # type: ignore[arg-type]
    assert causes(answers, DAY_ONE, expectation) == [(24, reason)]


def test_a_setting_stands_above_the_schedule_and_a_proposal_below_it() -> None:
    said = schedule(*(block(day, 0, 24, "motion") for day in range(7)))
    answers = Answers(questions=(asked(MONDAY, MONDAY + DAY, LATER),), schedules=(said,))
    assert causes(answers, DAY_ONE, Expectation(kind="continuous", set=True)) == [
        (24, "unexplained")
    ]
    assert causes(answers, DAY_ONE, Expectation(kind="continuous")) == [(24, "no motion")]


def test_before_the_oldest_and_offline() -> None:
    always = Expectation(kind="continuous", set=True)
    first = asked(MONDAY, MONDAY + DAY, LATER, oldest=MONDAY + 5 * HOUR)
    assert causes(Answers(questions=(first,)), DAY_ONE, always) == [
        (5, "before the oldest"), (24, "unexplained"),
    ]  # fmt: skip
    looks = [(2, True), (6, False), (9, False), (12, True), (20, False), (30, False)]
    questions = [
        asked(MONDAY - DAY, MONDAY, MONDAY + hour * HOUR, online=online) for hour, online in looks
    ]
    answers = Answers(questions=(*questions, asked(MONDAY, MONDAY + DAY, LATER)))
    assert causes(answers, DAY_ONE, always) == [
        (6, "unexplained"), (9, "offline"), (20, "unexplained"), (24, "offline"),
    ]  # fmt: skip


def test_over_a_change_of_the_clock() -> None:
    """Sundays 2 to 4 by Berlin's clock: three hours in UTC when it falls back."""
    berlin = ZoneRule.parse("CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
    begin = parse_instant("2026-10-25T00:00:00Z")
    span = Span(begin - 2 * HOUR, begin + 22 * HOUR)
    answers = Answers(
        questions=(asked(span.begin, span.end, begin + 3 * DAY),),
        schedules=(schedule(block(6, 2, 4)),),
    )
    found = coverage([], answers, span, causes=Causes(answers, None, lambda _: berlin))
    alarm = [each.span for each in found if each.alarm]
    assert alarm == [Span(begin, begin + 3 * HOUR)]


def test_schedules_are_a_join() -> None:
    one = Answers(schedules=(schedule(block(0, 1, 2), seen=MONDAY),))
    same = Answers(schedules=(schedule(block(0, 1, 2), seen=MONDAY + DAY),))
    other = Answers(schedules=(schedule(block(0, 1, 3), seen=MONDAY + HOUR),))
    whole = merge(one, same, other)
    assert whole == merge(other, same, one, same)
    assert [(s.first_seen, s.last_seen) for s in whole.schedules] == [
        (MONDAY, MONDAY + DAY),
        (MONDAY + HOUR, MONDAY + HOUR),
    ]


def test_a_reader_with_the_bucket_alone(store: Store) -> None:
    question = build.question(0, 3600, asked=20_000)
    record(store, SITE, CAMERA, STREAM, [question], [row(0, 600)])
    build.put(store, build.held(0, 600))
    span = Span(at(0), at(3600))
    reason = {s.reason for s in Archive(store).coverage(SITE, CAMERA, span) if s.state == "empty"}
    assert reason == {"the device has nothing there"}
    expected = Expectation(kind="continuous", set=True)
    publish_site(store, Site(site=SITE, cameras=(SiteCamera(id=CAMERA, expectation=expected),)))
    (hole,) = [s for s in Archive(store).coverage(SITE, CAMERA, span) if s.alarm]
    assert hole.span == Span(at(600), at(3600))
