"""Forty-eight hours over a change of the wall clock: the archive is the footage, frame by frame.

Recorders whose `Z` is true UTC and recorders whose `Z` is their wall clock, in zones that change by
an hour, by half an hour and not at all. No hour is lost, none is doubled, and every frame lies at
its true time: read off the pictures' own NAL units, against what the simulated camera saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av
import pytest

from hikcore.extract.plan import trailing
from hikcore.instants import NS, Span, format_instant, parse_instant
from hikcore.sim.camera import CameraProfile
from hikcore.sim.profile import Clock, Profile, Recorded
from hikcore.sim.recordings import StoredFile
from tests.journey import Journey, journey
from tests.test_whole_footage import nal_units

DAY = 86_400 * NS
MS = 1_000_000
#: The wall clock inside the stream has milliseconds.
CLOSE = 2 * MS


@dataclass(frozen=True)
class Change:
    """A zone as recorders write it, and an instant at which its wall clock changes (UTC)."""

    zone: str
    at: str


BERLIN = "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00"
NEW_YORK = "CST+5:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00"
LORD_HOWE = "CST-10:30:00DST00:30:00,M10.1.0/02:00:00,M4.1.0/02:00:00"
CHANGES = {
    "Berlin spring": Change(BERLIN, "2026-03-29T01:00:00Z"),
    "Berlin autumn": Change(BERLIN, "2026-10-25T01:00:00Z"),
    "New York spring": Change(NEW_YORK, "2026-03-08T07:00:00Z"),
    "New York autumn": Change(NEW_YORK, "2026-11-01T06:00:00Z"),
    "Lord Howe spring": Change(LORD_HOWE, "2026-10-03T15:30:00Z"),
    "Lord Howe autumn": Change(LORD_HOWE, "2026-04-04T15:00:00Z"),
    "Shanghai": Change("CST-8:00:00", "2026-10-25T01:00:00Z"),
}
#: Channel 1: files on the half hour, so that both passes of a repeated hour list the same digits.
#: Channel 2: files of some 50 minutes that begin anywhere.
CAMERAS = (
    CameraProfile(channel=1, height=144, frame_ms=90_000, gop=3, file_ms=1_800_000,
                  phase_ms=480),
    CameraProfile(channel=2, height=144, frame_ms=90_000, gop=3, file_ms=3_000_000,
                  jitter_gops=4, phase_ms=31_260),
)  # fmt: skip


#: Hours between two runs; one lies within the change's own hour, when half of it is recorded.
RUNS = (6.0, 12.0, 18.0, 23.6, 24.4, 24.9, 25.6, 30.0, 36.0, 42.0, 48.0)


def profile(change: Change, listing: Literal["utc", "local"]) -> Profile:
    begin = format_instant(parse_instant(change.at) - DAY, 0)
    return Profile(
        clock=Clock(zone=change.zone, listing=listing, frozen=begin),
        recorded=Recorded(since=begin),
        cameras=CAMERAS,
    )


def truth(made: Journey, channel: int) -> dict[int, list[bytes]]:
    """NAL units of every picture in the closed files, by its instant (ns)."""
    vault = made.recorder.vaults[channel]
    return {
        unit.ms * MS: unit.units()
        for file in closed(made, channel)
        for unit in vault.footage.pictures(file.begin_ms, file.written_ms)
    }


def closed(made: Journey, channel: int) -> list[StoredFile]:
    now_ms = made.recorder.now() // MS
    return [f for f in made.recorder.files(channel) if f.end_ms // 1000 * 1000 < now_ms - 60_000]


def shown(clip: Path, begin: int) -> dict[int, list[bytes]]:
    """The same of a clip whose first picture is of that instant: its time runs like the wall."""
    with av.open(str(clip)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    first = min(packet.pts for packet in packets)
    return {
        begin + round((packet.pts - first) * packet.time_base * NS): nal_units(packet)
        for packet in packets
    }


async def lived_through(
    case: str, listing: Literal["utc", "local"], folder: Path, channels: Sequence[int] = (1, 2)
) -> None:
    """Scheduled runs over two days, each a process of its own; then the archive is compared."""
    change = CHANGES[case]
    begin = parse_instant(change.at) - DAY
    async with journey(profile(change, listing), folder, channels=[]) as made:
        for hours in RUNS:
            made.recorder.advance((begin - made.recorder.now()) / NS + hours * 3600)
            for channel in channels:
                report = await made.extract(channel, trailing(made.recorder.now()))
                assert report.errors == []
                assert report.warnings == []
        fetched = sum(r.path.endswith("/download") for r in made.recorder.requests)
        files = sum(len(closed(made, channel)) for channel in channels)
        assert fetched <= files + len(RUNS)  # one or another begun to measure the clock
        for channel in channels:
            compare(made, channel, folder / "clip.mp4")


def compare(made: Journey, channel: int, clip: Path) -> None:
    expected = truth(made, channel)
    files = closed(made, channel)
    name = made.camera(channel)
    span = Span(min(expected), max(file.end_ms for file in files) * MS)
    assert [s.state for s in made.archive.coverage("site", name, span)] == ["held"]
    document = made.archive.clip("site", name, span, clip).document
    assert document.frames == len(expected) > 47 * 40
    got = shown(clip, span.begin)
    assert len(got) == len(expected)
    for instant, found in zip(sorted(expected), sorted(got), strict=True):
        assert abs(found - instant) < CLOSE, (format_instant(instant), format_instant(found))
        assert got[found] == expected[instant]


@pytest.mark.parametrize(
    ("case", "listing", "channel"),
    [
        ("Berlin autumn", "local", 2),
        ("Lord Howe autumn", "local", 1),
        ("New York spring", "utc", 2),
    ],
)
async def test_two_days_over_a_change(
    case: str, listing: Literal["utc", "local"], channel: int, tmp_path: Path
) -> None:
    await lived_through(case, listing, tmp_path, [channel])


@pytest.mark.slow
@pytest.mark.parametrize("listing", ["local", "utc"])
@pytest.mark.parametrize("case", CHANGES)
async def test_two_days_over_every_change(
    case: str, listing: Literal["utc", "local"], tmp_path: Path
) -> None:
    await lived_through(case, listing, tmp_path)
