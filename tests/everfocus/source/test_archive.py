"""The way from an EverFocus recorder into an archive and back, over HTTP and WebSocket, read from
the pixels."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path
from typing import Any

import pytest

import hikcore
from hikcore.extract.report import CameraJob
from hikcore.instants import DAY, NS, Span, format_instant, parse_instant, subtract
from hikcore.sim.everfocus.nvr import Nvr
from tests.everfocus.source.archive import JOB, NOW, clip, extract, profile, source, span, states
from tests.timecode import read_instants


def exact(folder: Path, nvr: Nvr, inside: Span) -> None:
    """The archive shows every picture that the recorder has of a span, once, and no other."""
    there = nvr.recorded(1, inside)
    shown = [at for at in clip(folder, inside) if at >= inside.begin]
    assert shown == [at for at in there if inside.begin <= at < inside.end]


@pytest.mark.parametrize("start", ["exact", "key"])
@pytest.mark.parametrize("gop", [1, 12, 900])
async def test_no_instant_is_damaged_and_none_doubled(gop: int, start: str, tmp_path: Path) -> None:
    made = profile({"gop": gop}, since="now-31m", playback={"start": start, "at_end": "closes"})
    # A loaded machine that is silent for a moment is no end of footage.
    how = {"window_seconds": 300, "playback_idle": 10.0}
    async with Nvr(made) as nvr:
        first = nvr.recorded(1, Span(0, NOW))[0]
        wanted = Span(first, NOW - 600 * NS)
        report = await extract(nvr, tmp_path, wanted, source(nvr, how))
        assert report.errors == []
        inside = Span(wanted.begin + NS, wanted.end - 2 * NS)
        assert set(states(tmp_path, inside)) == {"held"}
        exact(tmp_path, nvr, inside)
        asked = len(nvr.requests)
        again = await extract(nvr, tmp_path, wanted, source(nvr, how))
        assert again.planned == []
        assert not [each for each in nvr.requests[asked:] if "/playback/" in each.target]


@pytest.mark.parametrize("hole", ["jumps", "silent"])
@pytest.mark.parametrize("at_end", ["silent", "closes"])
async def test_a_hole_is_empty_and_what_lies_around_it_is_whole(
    hole: str, at_end: str, tmp_path: Path
) -> None:
    """One hole inside a window, one over the border of two, and one that windows lie within."""
    holes = [
        {"begin": "now-1110s", "end": "now-1060s"},
        {"begin": "now-930s", "end": "now-880s"},
        {"begin": "now-820s", "end": "now-500s"},
    ]
    made = profile(since="now-20m", recorded={"holes": holes},
                   playback={"hole": hole, "at_end": at_end})  # fmt: skip
    async with Nvr(made) as nvr:
        wanted = span(1200, 300)
        report = await extract(nvr, tmp_path, wanted, source(nvr, {"window_seconds": 100}))
        assert report.errors == []
        assert all(not outcome.reason for outcome in report.outcomes)
        exact(tmp_path, nvr, wanted)
        found = states(tmp_path, Span(wanted.begin, wanted.end - 2 * NS))
        assert set(found) == {"held", "empty"}
        empty = sum(part.length for part in found["empty"])
        # Footage begins and ends with whole groups, which the holes do not.
        assert 420 * NS - 4 * 13 * NS <= empty <= 420 * NS + 4 * 13 * NS
        asked = len(nvr.requests)
        await extract(nvr, tmp_path, wanted, source(nvr, {"window_seconds": 100}))
        assert not [each for each in nvr.requests[asked:] if "/playback/" in each.target]


SHORT = {"window_seconds": 100}
ODD = [
    {"sockets": {"messages": "split", "unknown_every": 7, "garbage_every": 11}},
    {"sockets": {"messages": "coalesced", "datalen": "whole"}},
    {"sockets": {"messages": "apart", "fragments": 3, "payload": "lengths"}},
    {"booleans": "text", "maps": {"echo": "asked", "last_row": "filled", "misaligned": "down"}},
    {"login": {"refused": "error", "temporary": True, "session_seconds": 1}},
    {"login": {"refused": "page"}, "playback": {"stop": "closes", "at_end": "closes"}},
    {"limits": {"playbacks": 1}, "booleans": "number", "maps": {"unknown": "empty"}},
]


@pytest.mark.parametrize("odd", ODD)
async def test_whatever_the_guide_leaves_open(odd: dict[str, Any], tmp_path: Path) -> None:
    async with Nvr(profile(since="now-20m", **odd)) as nvr:
        wanted = span(1200, 600)
        report = await extract(nvr, tmp_path, wanted, source(nvr, {"window_seconds": 200}))
        assert report.errors == []
        assert {outcome.state for outcome in report.outcomes} == {"held"}
        exact(tmp_path, nvr, Span(wanted.begin + 14 * NS, wanted.end))


async def test_a_password_that_is_to_be_changed_is_told(tmp_path: Path) -> None:
    async with Nvr(profile(since="now-20m", login={"temporary": True})) as nvr:
        report = await extract(nvr, tmp_path, span(900, 800), dry_run=True)
    assert any("password" in line for line in report.warnings)


@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_sub_streams_and_codecs(codec: str, tmp_path: Path) -> None:
    camera = {"main": {"channel": 1, "frame_ms": 1000, "gop": 12},
              "sub": {"channel": 1, "frame_ms": 500, "gop": 8, "codec": codec}}  # fmt: skip
    job = CameraJob("shop", "gate", "sub", "nvr", 1)
    async with Nvr(profile(since="now-20m", cameras=[camera])) as nvr:
        wanted = span(500, 300)
        report = await extract(nvr, tmp_path, wanted, source(nvr, {"window_seconds": 100}), job=job)
        assert report.errors == []
        there = nvr.recorded(1, wanted, 1)
    archive = hikcore.open_archive(str(tmp_path / "archive"))
    archive.clip("shop", "gate", wanted, tmp_path / "clip.mp4", stream="sub")
    shown = [at for at in read_instants(str(tmp_path / "clip.mp4")) if at >= wanted.begin]
    assert shown == there


@pytest.mark.parametrize(("by", "at"), [(-40, 500), (40, 500), (-20, 602), (30, 599), (-7200, 700)])
async def test_a_clock_that_was_set_loses_nothing(by: int, at: int, tmp_path: Path) -> None:
    """Set back: what it showed twice is kept twice. Inside a window, and at a border."""
    steps = [{"at": f"now-{at}s", "by_ms": by * 1000}]
    made = profile(since="now-20m", recorded={"steps": steps})
    async with Nvr(made) as nvr:
        report = await extract(nvr, tmp_path, span(1200, 300), source(nvr, {"window_seconds": 300}))
        assert report.errors == []
        inside = span(1180, 302)
        there = nvr.recorded(1, inside)
    found = [at for at in clip(tmp_path, inside) if at >= inside.begin]
    if by > 0:
        assert found == there
        return
    out = tmp_path / "second.mp4"
    archive = hikcore.open_archive(str(tmp_path / "archive"))
    archive.clip(JOB.site, JOB.camera, inside, out, take=2)
    second = read_instants(str(out))
    assert set(found) | set(second) >= set(there)
    assert len(found) + len(second) > len(there)


@pytest.mark.slow
async def test_broken_connections_end_alike(tmp_path: Path) -> None:
    """The archive of a run whose connections break at 20 seeded moments and more equals that of
    one without, byte for byte."""
    made = profile({"gop": 12, "frame_ms": 200}, since="now-10m", playback={"pace": 500})
    wanted, how = span(300, 280), {"window_seconds": 20}
    async with Nvr(made) as nvr:
        await extract(nvr, tmp_path / "plain", wanted, source(nvr, how))
        plain, asked = tree(tmp_path / "plain/archive/v1"), len(playbacks(nvr))
        for seed in range(20):
            chance = random.Random(seed)

            async def breaking(chance: random.Random) -> None:
                for _ in range(4):
                    while not nvr.streams.shows:
                        await asyncio.sleep(0.001)
                    await asyncio.sleep(chance.uniform(0.0, 0.05))
                    nvr.hang_up()

            task = asyncio.create_task(breaking(chance))
            folder = tmp_path / f"broken-{seed}"
            report = await extract(nvr, folder, wanted, source(nvr, how))
            task.cancel()
            assert report.errors == []
            assert tree(folder / "archive/v1") == plain
        assert len(playbacks(nvr)) > 21 * asked + 10


def playbacks(nvr: Nvr) -> list[str]:
    """The playbacks that were asked for."""
    return [each.target for each in nvr.requests if "/playback/" in each.target]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file by its place."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        (zone, at)
        for zone, days in {
            "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00": ("03-29", "10-25"),
            "CST+5:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00": ("03-08", "11-01"),
            "CST-10:30:00DST00:30:00,M10.1.0/02:00:00,M4.1.0/02:00:00": ("04-04", "10-03"),
            "CST-8:00:00": ("03-29", "11-20"),
        }.items()
        for at in days
    ],
)
@pytest.mark.parametrize("mode", ["week", "date"])
async def test_days_that_are_longer_or_shorter(
    zone: str, at: str, mode: str, tmp_path: Path
) -> None:
    """A whole day over a change of the hour: frames are UTC, days of the maps are local."""
    day = parse_instant(f"2026-{at}T00:00:00Z")
    made = profile(
        {"frame_ms": 10_000, "gop": 6, "audio": None, "bank": 4},
        since=format_instant(day - 1800 * NS, 0),
        clock={"zone": zone, "dst_mode": mode,
               "frozen": format_instant(day + DAY + 4 * 3600 * NS, 0)},
        recorded={"holes": [{"begin": format_instant(day + 7 * 3600 * NS, 0),
                             "end": format_instant(day + 8 * 3600 * NS, 0)}]},
    )  # fmt: skip
    async with Nvr(made) as nvr:
        used = source(nvr)
        answer = await used.recordings(1, "main", Span(day, day + DAY))
        assert answer.complete
        assert answer.warnings[1:] == ()
        windows = [row.span for row in answer.recordings]
        there = nvr.recorded(1, Span(day, day + DAY))
        assert all(any(w.begin <= at < w.end for w in windows) for at in there)
        missing = subtract([Span(day, day + DAY)], windows)
        assert 3480 * NS <= sum(part.length for part in missing) <= 3720 * NS
        # The hour of the change itself, into the archive and back.
        wanted = Span(day + 3600 * NS * 14, day + 3600 * NS * 14 + 1200 * NS)
        report = await extract(nvr, tmp_path, wanted, used)
        assert report.errors == []
        assert {row.literal_begin for row in answer.recordings} >= {
            outcome.chunk.recording.literal_begin for outcome in report.outcomes
        }
    assert set(states(tmp_path, Span(wanted.begin, wanted.end - 10 * NS))) == {"held"}


async def test_holes_inside_minutes_that_have_footage_are_told_to_the_frame(
    tmp_path: Path,
) -> None:
    """A map of minutes shows none of these."""
    holes = [(1110, 1102), (1045, 1000), (890, 780)]
    made = profile(
        {"frame_ms": 500, "gop": 4, "audio": None},
        since="now-20m",
        recorded={"holes": [{"begin": f"now-{a}s", "end": f"now-{b}s"} for a, b in holes]},
    )
    async with Nvr(made) as nvr:
        wanted = span(1200, 610)
        report = await extract(nvr, tmp_path, wanted)
        assert report.errors == []
        assert all(not outcome.reason for outcome in report.outcomes)
        found = states(tmp_path, wanted)
        assert set(found) == {"held", "empty"}
        there = [at for at in nvr.recorded(1, wanted) if wanted.begin <= at < wanted.end]
        steps = [(a, b) for a, b in itertools.pairwise(there) if b - a > NS]
        assert len(steps) == len(holes) == len(found["empty"])
        for (last, first), hole in zip(steps, found["empty"], strict=True):
            # The last picture before it is shown for its own half second, or to the full one.
            assert 0 <= hole.begin - last <= 1500 * 1_000_000
            assert 0 <= first - hole.end <= NS
        reasons = {
            stretch.reason
            for stretch in hikcore.open_archive(str(tmp_path / "archive")).coverage(
                JOB.site, JOB.camera, wanted
            )
            if stretch.state == "empty"
        }
        assert reasons == {"the device has nothing there"}  # by its own answer, to the second
