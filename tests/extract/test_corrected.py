"""An archive extracted under the wrong meaning of Z, put right: all that is read of it is right,
and nothing is fetched again. Over real HTTP from the simulated recorder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from pydantic import SecretStr

from hikcore.archive.clocks import clock_of, load_clocks, put_profile
from hikcore.archive.local import LocalStore
from hikcore.archive.reader import Archive
from hikcore.extract.camera import extract_camera
from hikcore.extract.report import CameraJob, CameraReport
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span, format_instant, parse_instant
from hikcore.sim.camera import CameraProfile
from hikcore.sim.profile import Auth, Clock, Hole, Profile, Recorded
from hikcore.sim.recorder import Recorder
from hikcore.sources.isapi import IsapiSource
from tests.extract.conftest import HASTY
from tests.timecode import read_instants

PASSWORD = "planted-in-tests-5520"
JOB = CameraJob("home", "door", "main", "nvr", 1)
HOUR = 3600 * NS
Reading = Literal["utc", "local"]
CASES = {
    "no summer time": ("CST-5:00:00", "2026-11-20T12:00:00Z"),
    "west, over midnight": ("CST+8:00:00", "2026-11-20T06:00:00Z"),
    "Berlin falls back": (
        "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00",
        "2026-10-25T03:00:00Z",
    ),
    "Berlin springs forward": (
        "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00",
        "2026-03-29T03:00:00Z",
    ),
    "Lord Howe falls back": (
        "CST-10:30:00DST00:30:00,M10.1.0/02:00:00,M4.1.0/02:00:00",
        "2026-04-04T17:00:00Z",
    ),
}


@asynccontextmanager
async def recording(zone: str, now: str, listing: Reading) -> AsyncIterator[Recorder]:
    camera = CameraProfile(channel=1, height=144, frame_ms=5000, gop=12, file_ms=1_500_000)
    at = parse_instant(now)
    later = format_instant(at + 24 * HOUR, 0)  # so that nothing seems to lie ahead
    profile = Profile(
        auth=Auth(password=SecretStr(PASSWORD)),
        clock=Clock(frozen=later, zone=zone, listing=listing),
        recorded=Recorded(
            since=format_instant(at - 4 * HOUR, 0),
            holes=(Hole(begin=now, end=format_instant(at + 48 * HOUR, 0)),),
        ),
        cameras=(camera,),
    )
    async with Recorder(profile) as recorder:
        yield recorder


async def extract(
    recorder: Recorder, reading: Reading, span: Span, store: LocalStore, spool: Spool
) -> CameraReport:
    source = IsapiSource(
        recorder.host,
        "admin",
        SecretStr(PASSWORD),
        port=recorder.port,
        device_time=reading,
        now=recorder.now,
    )
    report = await extract_camera(
        JOB, span, source=source, store=store, spool=spool, patience=HASTY
    )
    await source.aclose()
    return report


def put_right(store: LocalStore, reading: Reading) -> None:
    """What `hikcore clock correct` writes."""
    clocks = load_clocks(store, "home", "nvr")
    (head,) = clocks.heads("nvr")
    right = replace(clock_of(clocks.profiles[head]), listing=reading, source="correction")
    put_profile(store, "home", "nvr", right, head)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("true", "taken"), [("local", "utc"), ("utc", "local")])
async def test_an_archive_put_right(
    case: str, true: Reading, taken: Reading, store: LocalStore, spool: Spool, tmp_path: Path
) -> None:
    zone, now = CASES[case]
    async with recording(zone, now, true) as recorder:
        at = parse_instant(now)
        wide = Span(at - 24 * HOUR, at + 24 * HOUR)
        wrong = await extract(recorder, taken, wide, store, spool)
        assert wrong.count("held") == len(wrong.planned) > 4
        before = {info.key for info in store.list("v1/")}
        served = recorder.bytes_served
        put_right(store, true)

        closed = [file for file in recorder.files(1) if not file.growing]
        told = {m.chunk.name for m in Archive(store).manifests("home", "door", wide)}
        held = [file for file in closed if file.name in told]
        assert told == {file.name for file in held}
        for file in held:
            span = Span(file.begin_ms * 1_000_000, file.end_ms * 1_000_000)
            states = [s.state for s in Archive(store).coverage("home", "door", span)]
            assert states == ["held"], file
            (manifest,) = [
                m
                for m in Archive(store).manifests("home", "door", span)
                if m.chunk.name == file.name
            ]
            assert abs(manifest.begin - span.begin) < 2 * NS

        # Also with the wrong setting still in force: the archive knows better.
        for reading in (taken, true):
            again = await extract(recorder, reading, Span(at - 5 * HOUR, at), store, spool)
            assert again.errors == []
            fetched = {chunk.recording.name for chunk in again.planned}
            assert fetched.isdisjoint(told)
        assert len(told) == len(closed)
        assert recorder.bytes_served == served
        left = {info.key for info in store.list("v1/")} - before
        assert all(key.startswith("v1/clocks/") for key in left)

    show = Span(held[1].begin_ms * 1_000_000 + 60 * NS, held[2].begin_ms * 1_000_000 + 60 * NS)
    clip = Archive(store).clip("home", "door", show, tmp_path / "clip.mp4")
    seen = read_instants(clip.path)
    assert seen[0] <= show.begin <= seen[1]
    assert show.end - 5 * NS <= seen[-1] < show.end
    assert clip.document.state == "complete"
