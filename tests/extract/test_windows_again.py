"""Windows that were empty, had a hole or came short are asked again 2, 8 and 30 days after their
day, by what the archive's own log says of when they were asked last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from hikcore.archive.local import LocalStore
from hikcore.archive.settled import SHORT
from hikcore.extract.again import again_parts
from hikcore.extract.report import CameraReport
from hikcore.instants import DAY, NS, Span
from hikcore.sources.base import Answer, Fetched, Recording, Stream, Windows
from tests.extract.conftest import JOB
from tests.extract.test_windows import BEGIN, WINDOWS, Cloud, camera, extract, span, states

END = BEGIN // DAY * DAY + DAY
TODAY = span(0, 900)


@dataclass
class Told(Cloud):
    """One that tells to the second where it has footage, and gives less than that.

    Attributes:
        keeps: of what it tells, these seconds are not given.
    """

    keeps: list[Span] = field(default_factory=list)
    tells: bool = True

    async def recordings(self, channel: int, stream: Stream, span: Span) -> Answer:
        answer = await super().recordings(channel, stream, span)
        return replace(answer, recordings=tuple(map(self._told, answer.recordings)))

    async def fetch(
        self, recording: Recording, write: Callable[[bytes], Awaitable[None]]
    ) -> Fetched:
        kept = self.has
        self.has = [
            part
            for each in self.has
            for part in (_without(each, self.keeps[0]) if self.keeps else [each])
        ]
        try:
            return await super().fetch(recording, write)
        finally:
            self.has = kept

    def _told(self, row: Recording) -> Recording:
        window = self.windows.aligned(row.span)[0]
        inside = [part for each in self.has if (part := each.intersection(window))]
        return replace(row, there=tuple(inside)) if self.tells else row


def _without(whole: Span, minus: Span) -> list[Span]:
    ends = ((whole.begin, min(whole.end, minus.begin)), (max(whole.begin, minus.end), whole.end))
    return [Span(a, b) for a, b in ends if a < b]


async def run(cloud: Cloud, folder: Path, days: float) -> tuple[CameraReport | None, int]:
    """A scheduled run so many days after the end of the footage's day: what it did about that day,
    and how many windows it asked about there."""
    cloud.now = END + round(days * DAY)
    asked = len(cloud.asked)
    trailing = Span(cloud.now - 2 * DAY, cloud.now)
    parts = again_parts(
        LocalStore(folder / "archive"), [JOB], cloud.now, trailing, {JOB.device: cloud}
    )
    report = None
    for part in parts:
        report = await extract(cloud, folder, part.span, begins_from=part.begins_from)
    return report, sum(each.length // cloud.windows.length for each in cloud.asked[asked:])


async def test_what_is_filled_in_late_comes_and_nothing_else_is_fetched(tmp_path: Path) -> None:
    cloud = Cloud(camera(12), [span(0, 300)], early=True, now=END)
    await extract(cloud, tmp_path, TODAY)
    assert set(states(tmp_path, span(0, 898))) == {"held", "empty"}
    cloud.has = [span(0, 900)]
    assert await run(cloud, tmp_path, 1.9) == (None, 0)
    report, asked = await run(cloud, tmp_path, 2.0)
    assert report is not None
    assert (asked, report.count("held"), len(cloud.fetched)) == (2, 2, 3)
    assert set(states(tmp_path, span(0, 898))) == {"held"}
    assert await run(cloud, tmp_path, 8.0) == (None, 0)  # nothing is missing any more


async def test_each_term_once_whenever_runs_come(tmp_path: Path) -> None:
    cloud = Cloud(camera(12), [span(0, 300)], early=True, now=END)
    await extract(cloud, tmp_path, TODAY)
    asked = [(days, (await run(cloud, tmp_path, days))[1]) for days in
             (0.5, 1.9, 2.0, 2.1, 5.0, 8.3, 8.4, 20.0, 29.9, 30.0, 30.1)]  # fmt: skip
    assert [days for days, windows in asked if windows] == [2.0, 8.3, 30.0]
    assert {windows for _, windows in asked} == {0, 2}
    assert len(cloud.fetched) == 1


async def test_runs_that_were_missed_are_made_up_for_once(tmp_path: Path) -> None:
    cloud = Cloud(camera(12), [span(0, 300)], early=True, now=END)
    await extract(cloud, tmp_path, TODAY)
    assert (await run(cloud, tmp_path, 30.5))[1] == 2
    assert (await run(cloud, tmp_path, 30.6))[1] == 0


async def test_what_is_older_than_the_source_keeps_is_not_asked_for(tmp_path: Path) -> None:
    cloud = Cloud(camera(12), [span(0, 300)], early=True, now=END)
    await extract(cloud, tmp_path, TODAY)
    cloud.windows = replace(WINDOWS, reach=7 * DAY)
    assert (await run(cloud, tmp_path, 2.0))[1] == 2
    log = sorted((tmp_path / "archive/log").rglob("*.json"))
    before = [path.read_bytes() for path in log]
    for days in (8.0, 9.0, 30.0):
        assert await run(cloud, tmp_path, days) == (None, 0)
    assert [path.read_bytes() for path in log] == before  # nor does its log grow


@pytest.mark.parametrize("tells", [True, False])
async def test_what_came_short_is_fetched_again_at_each_term(tells: bool, tmp_path: Path) -> None:
    cloud = Told(camera(12), [span(0, 300)], True, now=END, keeps=[span(120, 200)], tells=tells)
    report = await extract(cloud, tmp_path, span(0, 300))
    assert report.outcomes[0].reason.startswith(SHORT)
    found = states(tmp_path, span(0, 298))
    assert set(found) == {"held", "damaged"}
    assert sum(part.length for part in found["damaged"]) >= 70 * NS
    fetched = len(cloud.fetched)
    assert await run(cloud, tmp_path, 1.9) == (None, 0)
    manifests = list((tmp_path / "archive/v1").rglob("*.json"))
    # Still so: asked for, found alike, and nothing is added.
    _, asked = await run(cloud, tmp_path, 2.0)
    assert (asked, len(cloud.fetched) > fetched) == (1, True)
    assert list((tmp_path / "archive/v1").rglob("*.json")) == manifests
    fetched = len(cloud.fetched)
    assert (await run(cloud, tmp_path, 2.5))[1] == 0
    assert len(cloud.fetched) == fetched
    cloud.keeps = []
    await run(cloud, tmp_path, 8.0)
    assert set(states(tmp_path, span(0, 298))) == {"held"}
    assert await run(cloud, tmp_path, 30.0) == (None, 0)


async def test_a_hole_inside_a_window_that_is_filled_in_late(tmp_path: Path) -> None:
    """Both ends of the window are held: only what the source tells of its inside shows it."""
    cloud = Told(camera(12), [span(0, 120), span(200, 300)], True, now=END)
    await extract(cloud, tmp_path, span(0, 300))
    found = states(tmp_path, span(0, 298))
    assert set(found) == {"held", "empty"}
    fetched = len(cloud.fetched)
    assert (await run(cloud, tmp_path, 2.0))[1] == 1
    assert len(cloud.fetched) == fetched  # asked, not fetched: it has no more
    cloud.has = [span(0, 300)]
    assert (await run(cloud, tmp_path, 8.0))[1] == 1
    assert len(cloud.fetched) == fetched + 1
    assert set(states(tmp_path, span(0, 298))) == {"held"}


async def test_what_was_listed_inside_a_window_and_is_gone_is_lost(tmp_path: Path) -> None:
    """The begin of a window is overwritten between two listings, and was never fetched."""
    cloud = Told(camera(12), [span(0, 300)], True, now=END)
    await extract_dry(cloud, tmp_path)
    cloud.has = [span(150, 300)]
    await extract(cloud, tmp_path, span(0, 300))
    found = states(tmp_path, span(0, 298))
    # What is left begins inside a group, which cannot be decoded without its key picture.
    assert set(found) <= {"held", "lost", "damaged"}
    assert found["lost"][0].begin == span(0, 1).begin
    assert abs(sum(part.length for part in found["lost"]) - 150 * NS) <= 3 * NS


async def extract_dry(cloud: Cloud, folder: Path) -> None:
    """Asked and kept, and killed before anything was fetched."""
    from hikcore.extract.ask import ask, keep
    from hikcore.extract.evidence import Evidence

    answers = await ask(JOB, [span(0, 300)], cloud)
    cloud.now += NS
    store = LocalStore(folder / "archive")
    await keep(JOB, answers, store, await cloud.clock(), Evidence(cloud))


def test_reach_is_told_in_time() -> None:
    windows = Windows(300 * NS, 0, 300 * NS, 0, reach=DAY)
    assert windows.oldest(5 * DAY) == 4 * DAY
    assert WINDOWS.oldest(5 * DAY) is None
