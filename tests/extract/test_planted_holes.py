"""Holes planted by a seed: all are found, none is invented, and each is told by the device.

Holes of seconds to hours, between files and inside them, of cameras that record without a break, by
a schedule, on motion, or are offline. `empty` and `lost` are claimed by kept answers alone: without
them nothing is known of the same spans.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from hikcore.archive.coverage import Stretch
from hikcore.archive.load import load_answers
from hikcore.archive.local import LocalStore
from hikcore.archive.reader import Archive
from hikcore.archive.said import Answers
from hikcore.extract.camera import extract_camera
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span, format_instant, parse_instant, subtract, union
from hikcore.sim.camera import CameraProfile
from hikcore.sim.faults import Fault
from hikcore.sim.profile import Clock, Hole, Profile, Recorded
from hikcore.sim.weekly import DAYS, Block
from tests.extract.conftest import BEGIN, HASTY, JOB, Device, film
from tests.journey import Journey, journey

MS = 1_000_000
HOUR = 3600 * NS
#: A Friday in Tashkent (UTC+5) from 11:00 on the wall clock.
START = parse_instant("2026-11-20T06:00:00Z")
LASTS = 5 * HOUR
#: Edges of listings are whole seconds; the pictures of these cameras are a second apart.
NEAR = 2 * NS
_PICTURES = {"height": 144, "frame_ms": 1000, "gop": 3, "bank": 20}


def planted(seed: int, channel: int) -> list[Span]:
    """Holes of 4 s to 80 minutes, apart by three minutes at least, on whole seconds."""
    draw = random.Random(f"{seed}/{channel}")
    holes: list[Span] = []
    at = START + draw.randint(120, 1200) * NS
    while at < START + LASTS - 600 * NS:
        long = draw.choice([draw.randint(4, 20), draw.randint(21, 300), draw.randint(301, 4800)])
        end = min(at + long * NS, START + LASTS - 300 * NS)
        holes.append(Span(at, end))
        at = end + draw.randint(180, 2400) * NS
    return holes


def profile(seed: int) -> Profile:
    """Channel 1 records without a break, 2 by a schedule, 3 on motion, 4 is offline."""
    holes = [
        Hole(begin=format_instant(hole.begin, 0), end=format_instant(hole.end, 0), channels=(n,))
        for n in (1, 2, 4)
        for hole in planted(seed, n)
    ]
    gone = START + LASTS
    holes.append(
        Hole(begin=format_instant(gone, 0), end=format_instant(gone + HOUR, 0), channels=(4,))
    )
    by_day = tuple(Block(day=day, begin="11:30", end="15:20") for day in DAYS)
    on_motion = tuple(Block(day=day, mode="MOTION") for day in DAYS)
    return Profile(
        seed=seed,
        clock=Clock(frozen=format_instant(START + LASTS, 0), listing="local"),
        recorded=Recorded(since=format_instant(START, 0), holes=tuple(holes)),
        cameras=(
            CameraProfile(channel=1, file_ms=900_000, phase_ms=480, **_PICTURES),
            CameraProfile(channel=2, file_ms=1_500_000, jitter_gops=30, schedule=by_day,
                          **_PICTURES),
            CameraProfile(channel=3, file_ms=400_000, schedule=on_motion, **_PICTURES),
            CameraProfile(channel=4, online=False, phase_ms=2_000, **_PICTURES),
        ),
    )  # fmt: skip


def asked(made: Journey) -> Span:
    """What has certainly settled."""
    return Span(START, made.recorder.now() - 1000 * NS)


def holes_of(made: Journey, channel: int) -> list[Span]:
    """Where no file on the disks has anything: the truth, as far as seconds can tell."""
    files = made.recorder.files(channel)
    recorded = union(Span(file.begin_ms * MS, file.written_ms * MS) for file in files)
    return [hole for hole in subtract([asked(made)], recorded) if hole.length > NS]


def same(found: Sequence[Span], truth: Sequence[Span]) -> bool:
    return len(found) == len(truth) and all(
        abs(a.begin - b.begin) <= NEAR and abs(a.end - b.end) <= NEAR
        for a, b in zip(found, truth, strict=True)
    )


def reasons(stretches: Sequence[Stretch]) -> set[str]:
    return {stretch.reason for stretch in stretches if stretch.state == "empty"}


def backed(answers: Answers, stretch: Stretch) -> bool:
    """Whether a kept, complete question that covers an empty stretch was put after it."""
    questions = [
        Span(q.begin, q.end) for q in answers.questions if q.complete and q.asked > stretch.span.end
    ]
    return not subtract([stretch.span], union(questions))


async def look(made: Journey, channel: int) -> list[Stretch]:
    report = await made.extract(channel, Span(START, made.recorder.now()))
    assert report.errors == []
    return made.archive.coverage("site", made.camera(channel), asked(made))


async def found_again(seed: int, folder: Path) -> None:
    async with journey(profile(seed), folder, channels=[]) as made:
        for channel in (1, 2, 3, 4):
            stretches = await look(made, channel)
            truth = holes_of(made, channel)
            empty = [s for s in stretches if s.state == "empty"]
            assert {s.state for s in stretches} == {"held", "empty"}
            assert same(union(s.span for s in empty), truth), (channel, truth)
            answers = load_answers(made.store, "site", made.camera(channel), "main", asked(made))
            assert all(backed(answers, stretch) for stretch in empty)
            if channel in (1, 4):
                older = [s for s in empty if s.reason == "before the oldest"]
                assert all(stretch.span.begin == START for stretch in older)
                assert all(s.alarm and s.reason == "unexplained" for s in empty if s not in older)
            if channel == 2:
                # By its schedule nothing is recorded until 11:30 and from 15:20 on.
                late = Span(START + 13 * HOUR // 3, asked(made).end)
                assert same([s.span for s in empty if s.reason == "not scheduled"], [late])
                assert empty[0].reason == "before the oldest"
                assert reasons(stretches) == {"before the oldest", "not scheduled", "unexplained"}
            if channel == 3:
                assert reasons(stretches) <= {"no motion", "before the oldest"}
        made.recorder.advance(2400)
        later = [s for s in await look(made, 4) if s.state == "empty"]
        # Between two looks that both found it offline, and not before the first.
        offline = Span(START + LASTS, asked(made).end)
        assert same([s.span for s in later if s.reason == "offline"], [offline])
        assert all(s.alarm for s in later if s.span.end <= offline.begin and s.span.begin > START)
        _forgotten(made)


def _forgotten(made: Journey) -> None:
    """Without what the device said nothing is claimed to be empty."""
    for info in list(made.store.list("log/answers/")):
        made.store.delete(info.key)
    for channel in (1, 2, 3):
        stretches = Archive(made.store).coverage("site", made.camera(channel), asked(made))
        assert {s.state for s in stretches} == {"held", "unknown"}


@pytest.mark.parametrize("seed", [1])
async def test_every_planted_hole_is_found_and_none_invented(seed: int, tmp_path: Path) -> None:
    await found_again(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
async def test_many_plans_of_holes(seed: int, tmp_path: Path) -> None:
    await found_again(seed, tmp_path)


@pytest.mark.parametrize("seed", range(4))
async def test_holes_inside_one_recording(
    seed: int, device: Device, store: LocalStore, spool: Spool
) -> None:
    """The device lists one recording over all of it: that its body lacks a part is found, too."""
    draw = random.Random(seed)
    at, parts = 0, []
    for _ in range(5):
        length = draw.randint(3, 9) * 10
        parts.append((at, length))
        at += length + draw.choice([draw.randint(1, 3), draw.randint(4, 40), 3000]) * 10
    end = sum(parts[-1])
    device.add(0, end, b"".join(film(begin, length) for begin, length in parts))
    span = Span(BEGIN, BEGIN + end * NS)
    report = await extract_camera(
        JOB, span, source=device, store=store, spool=spool, patience=HASTY
    )
    assert report.errors == []
    stretches = Archive(store).coverage("home", "door", span)
    assert {stretch.state for stretch in stretches} == {"held", "empty"}
    found = [s.span for s in stretches if s.state == "empty"]
    truth = [
        Span(BEGIN + (begin + length) * NS, BEGIN + after * NS)
        for (begin, length), (after, _) in pairwise(parts)
    ]
    assert same(found, truth)


async def test_what_was_listed_and_is_gone_is_lost_by_the_answers_alone(tmp_path: Path) -> None:
    """Recordings whose downloads fail are written over before the next run."""
    async with journey(profile(1), tmp_path, channels=[]) as made:
        fails = Fault(
            match="/ContentMgmt/download", nth=tuple(range(3, 400)), kind="status", status=404
        )
        made.recorder.faults.add(fails)
        report = await made.extract(1, asked(made))
        held = [outcome for outcome in report.outcomes if outcome.state == "held"]
        files = [file for file in made.recorder.files(1) if not file.growing]
        missed = [o.chunk.recording for o in report.outcomes if o.state == "failed"]
        assert 0 < len(held) < 4
        assert len(missed) > 8
        states = made.archive.coverage("site", "cam1", asked(made))
        assert {s.state for s in states} == {"held", "empty", "pending"}

        made.recorder.faults.clear()
        made.recorder.advance(60)
        border = files[8].end_ms * MS
        made.recorder.recycle(1, (made.recorder.now() - border) // NS - 1)
        assert (await made.extract(1, asked(made))).errors == []
        stretches = made.archive.coverage("site", "cam1", asked(made))
        lost = [s for s in stretches if s.state == "lost"]
        gone = [
            file for file in files[:9] if file.name not in {o.chunk.recording.name for o in held}
        ]
        expected = union(Span(file.begin_ms * MS, file.end_ms * MS) for file in gone)
        assert same(
            union(s.span for s in lost),
            subtract(expected, [s.span for s in stretches if s.state == "held"]),
        )
        assert all(stretch.reason.startswith("listed once") for stretch in lost)
        answers = load_answers(made.store, "site", "cam1", "main", asked(made))
        rows = {row.name: row for row in answers.rows if not row.growing}
        for file in gone:
            row = rows[file.name]
            later = [q for q in answers.questions if q.complete and q.asked > row.last_seen]
            assert not subtract([Span(row.begin, row.end)], [Span(q.begin, q.end) for q in later])
        for info in list(made.store.list("log/answers/")):
            made.store.delete(info.key)
        blind = Archive(made.store).coverage("site", "cam1", asked(made))
        assert {s.state for s in blind} == {"held", "unknown"}
