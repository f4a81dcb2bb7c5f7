"""The way from a cloud into an archive and back, over HTTP, read from the pixels."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

import hikcore
from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.instants import NS, Span, parse_instant, subtract
from hikcore.sim.hik_cloud.cloud import Cloud
from tests.hik_cloud.conftest import JOB, NOW, extract, profile, source, span, states
from tests.timecode import read_instants


def clip(folder: Path, wanted: Span) -> list[int]:
    out = folder / "clip.mp4"
    hikcore.open_archive(str(folder / "archive")).clip(JOB.site, JOB.camera, wanted, out)
    return read_instants(str(out))


@pytest.mark.parametrize(
    ("gop", "start", "container"),
    [
        (gop, start, container)
        for gop in (1, 12, 900)
        for start, container in (("exact", "mp4"), ("key", "mp4"), ("exact", "ps"), ("key", "ps"))
        # See the next test.
        if (gop, start, container) != (900, "exact", "ps")
    ],
)
async def test_no_instant_is_damaged_and_none_doubled(
    gop: int, start: str, container: str, tmp_path: Path
) -> None:
    made = profile({"gop": gop}, since="now-45m", serving={"start": start, "container": container})
    async with Cloud(made) as cloud:
        first = cloud.recorded("SIM000001", 1, Span(0, NOW))[0]
        wanted = Span(first, NOW - 400 * NS)
        report = await extract(cloud, tmp_path, wanted)
        assert report.errors == []
        there = cloud.recorded("SIM000001", 1, wanted)
    inside = Span(wanted.begin + NS, wanted.end - 2 * NS)
    assert set(states(tmp_path, inside)) == {"held"}
    shown = [at for at in clip(tmp_path, inside) if at >= inside.begin]
    assert shown == [at for at in there if inside.begin <= at < inside.end]


async def test_a_program_stream_without_parameter_sets_is_kept_as_damaged(tmp_path: Path) -> None:
    """One cut inside a group that is longer than any request: no body of it has the sets, which an
    MP4 carries in its index."""
    made = profile({"gop": 900}, since="now-45m", serving={"container": "ps"})
    async with Cloud(made) as cloud:
        group = NOW - NOW % (900 * NS) + 70_000_000 - 900 * NS
        inside = Span(group + 305 * NS, group + 590 * NS)
        report = await extract(cloud, tmp_path, inside)
    assert report.errors == []
    assert report.count("damaged") == len(report.outcomes)
    assert set(states(tmp_path, inside)) == {"damaged"}


async def test_irregular_times_are_asked_for_again_in_halves(tmp_path: Path) -> None:
    made = profile(since="now-45m", serving={"irregular_over": 200})
    async with Cloud(made) as cloud:
        wanted = span(2100, 900)
        report = await extract(cloud, tmp_path, wanted)
        there = cloud.recorded("SIM000001", 1, wanted)
        asked = len(cloud.requests)
        again = await extract(cloud, tmp_path, wanted)
        assert (again.planned, len(cloud.requests)) == ([], asked)
        assert cloud.downloads == {"irregular": 4, "mp4": 8}
    assert report.errors == []
    assert all("asked again in halves" in outcome.reason for outcome in report.outcomes)
    inside = Span(wanted.begin, wanted.end - NS)
    assert set(states(tmp_path, inside)) == {"held"}
    shown = [at for at in clip(tmp_path, inside) if at >= inside.begin]
    assert shown == [at for at in there if at < inside.end]


async def test_what_stays_irregular_is_kept_and_flagged(tmp_path: Path) -> None:
    made = profile(since="now-45m", serving={"irregular_over": 1})
    async with Cloud(made) as cloud:
        wanted = span(1800, 1500)
        report = await extract(cloud, tmp_path, wanted)
        assert cloud.downloads == {"irregular": 2}
        asked = len(cloud.requests)
        await extract(cloud, tmp_path, wanted)
        assert len(cloud.requests) == asked
    (outcome,) = report.outcomes
    assert outcome.state == "held"
    assert "irregular times: its times take 11" in outcome.reason
    assert len(clip(tmp_path, Span(wanted.begin + NS, wanted.end - 2 * NS))) >= 290


@pytest.mark.parametrize("container", ["mp4", "ps"])
async def test_a_hole_inside_a_window_is_where_it_was(container: str, tmp_path: Path) -> None:
    hole = {"begin": "now-1700s", "end": "now-1580s"}
    made = profile(since="now-45m", holes=[hole], serving={"container": container, "start": "key"})
    async with Cloud(made) as cloud:
        wanted = span(1800, 1200)
        report = await extract(cloud, tmp_path, wanted)
        there = cloud.recorded("SIM000001", 1, wanted)
    assert report.errors == []
    inside = Span(wanted.begin, wanted.end - NS)
    shown = [at for at in clip(tmp_path, inside) if at >= inside.begin]
    assert shown == [at for at in there if at < inside.end]
    found = states(tmp_path, inside)
    held = subtract([inside], found["held"])
    assert sum(part.length for part in held) >= 118 * NS


@pytest.mark.parametrize("container", ["mp4", "ps"])
@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("CST-8:00:00", "2026-11-20T12:00:00Z"),
        # Summer time ends and begins within the span: an hour twice, an hour not at all.
        ("CST-2:00:00DST01:00:00,M3.5.0/03:00:00,M10.5.0/04:00:00", "2026-10-25T01:15:00Z"),
        ("CST-2:00:00DST01:00:00,M3.5.0/03:00:00,M10.5.0/04:00:00", "2026-03-29T01:15:00Z"),
        ("CST3:30:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00", "2026-11-01T04:45:00Z"),
        ("CST3:30:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00", "2026-03-08T05:45:00Z"),
    ],
)
async def test_wall_clocks_over_changes_of_the_hour(
    zone: str, at: str, container: str, tmp_path: Path
) -> None:
    now = parse_instant(at)
    made = profile(
        since="now-35m", frozen=at, zone=zone, serving={"container": container, "start": "key"}
    )
    async with Cloud(made) as cloud:
        clock = DeviceClock("utc", ZoneRule.parse(zone), "setting")
        wanted = Span(now - 1800 * NS, now - 600 * NS)
        report = await extract(cloud, tmp_path, wanted, source(cloud, clock=clock))
        there = cloud.recorded("SIM000001", 1, wanted)
    assert report.errors == []
    inside = Span(wanted.begin, wanted.end - NS)
    assert set(states(tmp_path, inside)) == {"held"}
    shown = [moment for moment in clip(tmp_path, inside) if moment >= inside.begin]
    assert shown == [moment for moment in there if moment < inside.end]


@pytest.mark.parametrize("gop", [35, 205, 4500])
async def test_bodies_that_begin_before_what_they_are_said_to_be(gop: int, tmp_path: Path) -> None:
    """A cloud that begins at the key picture before, and only repeats what was asked: each body is
    up to a group too long, and nobody says at which end."""
    made = profile(
        {"frame_ms": 200, "gop": gop},
        since="now-45m",
        serving={"start": "key"},
        envelope={"times": "none"},
    )
    async with Cloud(made) as cloud:
        wanted = span(2100, 900)
        report = await extract(cloud, tmp_path, wanted)
    assert report.errors == []
    inside = Span(wanted.begin, wanted.end - 60 * NS)
    assert set(states(tmp_path, inside)) == {"held"}
    shown = clip(tmp_path, inside)
    assert {b - a for a, b in pairwise(shown)} == {200_000_000}
    # No further off than is stated: half of a group, and what whole seconds leave open.
    assert abs(shown[-1] - inside.end) <= gop * 100_000_000 + 3 * NS


async def test_an_address_of_another_time_is_no_sign_of_silence(tmp_path: Path) -> None:
    """As where an answer came twice, and was read as the one to the next request."""
    hour = {"actual": (-3600, -3600), "nth": (2,), "begin": "now-40m", "end": "now"}
    made = profile(since="now-45m", oddities=[hour])
    async with Cloud(made) as cloud:
        wanted = span(1800, 900)
        report = await extract(cloud, tmp_path, wanted)
        assert [type(error).__name__ for error in report.errors] == ["DeviceProtocolError"]
        assert "asked for" in report.errors[0].message
        again = await extract(cloud, tmp_path, wanted)
        assert again.errors == []
    inside = Span(wanted.begin, wanted.end - NS)
    assert set(states(tmp_path, inside)) == {"held"}
