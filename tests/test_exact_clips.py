"""Clips out of the archive against what the recorder filmed: by the instants in the pictures."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise
from pathlib import Path

import pytest

from hikcore.errors import NoRecording
from hikcore.instants import NS, Span, format_instant
from hikcore.sim.profiles import get_profile
from tests.journey import Journey, journey
from tests.timecode import read_instants

PROFILES = ["small", "utc", "three-over-one", "file-in-file", "dst"]


def truth(made: Journey, channel: int, span: Span) -> list[int]:
    """Pictures of closed files in a span, and the one that covers its begin. A file is taken for
    closed a minute after its end."""
    now_ms = made.recorder.now() // 1_000_000
    closed = [f for f in made.recorder.files(channel) if f.end_ms // 1000 * 1000 < now_ms - 60_000]
    wide = Span(span.begin - 3600 * NS, span.end)
    vault = made.recorder.vaults[channel]
    instants: set[int] = set()
    for file in closed:
        begin, end = file.begin_ms * 1_000_000, file.written_ms * 1_000_000
        instants.update(i for i in vault.recorded(wide, made.recorder.now()) if begin <= i < end)
    ordered = sorted(instants)
    inside = [i for i in ordered if span.begin <= i < span.end]
    before = [i for i in ordered if i < span.begin]
    period = vault.camera.frame_ms * 1_000_000
    if before and span.begin not in instants and span.begin - before[-1] < period:
        inside.insert(0, before[-1])
    return inside


@pytest.fixture(scope="module", params=PROFILES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    async def travel() -> Journey:
        folder = tmp_path_factory.mktemp(request.param)
        async with journey(get_profile(request.param), folder) as found:
            return found

    return asyncio.run(travel())


def test_fifty_random_spans_show_exactly_the_asked_pictures(made: Journey, tmp_path: Path) -> None:
    chance = random.Random(7)
    channels = list(made.reports)
    now = made.recorder.now()
    compared = 0
    for _ in range(50 // len(PROFILES) + 5):
        channel = chance.choice(channels)
        begin = now - chance.randrange(60, 11 * 60) * NS + chance.randrange(NS)
        span = Span(begin, begin + chance.randrange(NS // 2, 150 * NS))
        expected = truth(made, channel, span)
        out = tmp_path / "clip.mp4"
        try:
            report = made.archive.clip("site", made.camera(channel), span, out)
        except NoRecording:
            assert expected == [], span
            continue
        shown = read_instants(str(out))
        assert [format_instant(i) for i in shown] == [format_instant(i) for i in expected], span
        assert report.document.first == expected[0]
        assert report.document.last == expected[-1]
        compared += 1
    assert compared > 5


def test_neighbouring_clips_lose_and_double_nothing(made: Journey, tmp_path: Path) -> None:
    chance = random.Random(11)
    for channel in made.reports:
        period = made.recorder.vaults[channel].camera.frame_ms * 1_000_000
        now = made.recorder.now()
        everything = truth(made, channel, Span(now - 900 * NS, now))
        assert everything
        for _ in range(3):
            at = chance.randrange(len(everything) - 10)
            a, b, c = sorted(chance.sample(everything[at : at + 400], 3))
            c += period
            parts = []
            for number, span in enumerate([Span(a, b), Span(b, c), Span(a, c)]):
                out = tmp_path / f"{number}.mp4"
                made.archive.clip("site", made.camera(channel), span, out)
                parts.append(read_instants(str(out)))
            assert parts[0] + parts[1] == parts[2]
            assert parts[2] == [i for i in everything if a <= i < c]


def test_whole_seconds_are_wrong_by_no_more_than_they_say(tmp_path: Path) -> None:
    async def travel() -> Journey:
        async with journey(get_profile("whole-seconds"), tmp_path) as found:
            return found

    made = asyncio.run(travel())
    now = made.recorder.now()
    for channel in made.reports:
        out = tmp_path / "clip.mp4"
        spans = [Span(now - 540 * NS, now - 470 * NS), Span(now - 470 * NS, now - 400 * NS)]
        both = Span(spans[0].begin, spans[1].end)
        shown = []
        for span in [*spans, both]:
            document = made.archive.clip("site", made.camera(channel), span, out).document
            instants = read_instants(str(out))
            assert 0 < document.uncertainty_ms <= 501
            for said, true in ((document.first, instants[0]), (document.last, instants[-1])):
                assert abs(said - true) <= document.uncertainty_ms * 1_000_000
            shown.append(instants)
        # The frame that covers the common border is the last of one and the first of the other.
        assert list(dict.fromkeys(shown[0] + shown[1])) == shown[2]
        assert len(shown[0]) + len(shown[1]) - len(shown[2]) in (0, 1)


def test_bodies_that_end_inside_a_picture_are_completed_by_the_next_file(tmp_path: Path) -> None:
    async def travel() -> Journey:
        async with journey(get_profile("cut-tail"), tmp_path) as found:
            return found

    made = asyncio.run(travel())
    now = made.recorder.now()
    for channel in made.reports:
        period = made.recorder.vaults[channel].camera.frame_ms * 1_000_000
        out = tmp_path / "clip.mp4"
        span = Span(now - 600 * NS, now - 375 * NS)  # before the hole, over two seams
        document = made.archive.clip("site", made.camera(channel), span, out).document
        shown = read_instants(str(out))
        assert len(shown) == document.frames > 400
        assert {b - a for a, b in pairwise(shown)} == {period}
