"""Sources that serve any span: windows with margins, laid only over what is not settled."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hikcore
from hikcore.archive.local import LocalStore
from hikcore.deviceclock import UTC_CLOCK, DeviceClock, ZoneRule
from hikcore.extract.camera import extract_camera
from hikcore.extract.report import CameraReport
from hikcore.extract.spool import Spool
from hikcore.instants import DAY, NS, Span, parse_instant, subtract
from hikcore.media.mp4.write import OutTrack, write_mp4
from hikcore.media.ps import PsIndexer
from hikcore.media.samples import SampleReader
from hikcore.sim.camera import CameraProfile
from hikcore.sim.footage import Footage
from hikcore.sim.psmux import Muxer, MuxProfile, joined, parts
from hikcore.sources.base import (
    Answer,
    Deviation,
    DeviceCamera,
    Fetched,
    Recording,
    SpanSource,
    Stream,
    Windows,
)
from tests.extract.conftest import HASTY, JOB
from tests.timecode import read_instants

BEGIN = parse_instant("2026-11-20T10:00:00Z")
NOW = BEGIN + 7 * DAY
WINDOWS = Windows(length=300 * NS, margin=10 * NS, longest=600 * NS, settle=120 * NS)


@dataclass
class Cloud:
    """Serves any span of a camera's footage, in memory.

    Attributes:
        has: the stretches of which there is footage.
        early: whether a body begins at the key picture before what was asked, or exactly there.
        now: its clock.
        fetched: the requests that were served.
    """

    camera: CameraProfile
    has: list[Span]
    early: bool
    now: int = NOW
    windows: Windows = WINDOWS
    asked: list[Span] = field(default_factory=list)
    fetched: list[Span] = field(default_factory=list)

    async def clock(self) -> DeviceClock:
        return UTC_CLOCK

    async def deviation(self) -> Deviation:
        return Deviation(0, NS)

    async def cameras(self) -> list[DeviceCamera]:
        return [DeviceCamera(1, "Door")]

    async def recordings(self, channel: int, stream: Stream, span: Span) -> Answer:
        self.asked.append(span)
        rows = []
        for window in self.windows.aligned(span):
            inside = [part for each in self.has if (part := each.intersection(window))]
            if inside:
                rows.append(
                    Recording(
                        channel=channel,
                        stream=stream,
                        kind="window",
                        literal_begin=str(window.begin // NS),
                        literal_end=str(window.end // NS),
                        span=Span(inside[0].begin, inside[-1].end),
                        size=None,
                        name="",
                        growing=window.end + self.windows.settle > self.now,
                        locator="",
                    )
                )
        return Answer(channel, stream, span, self.now, True, tuple(rows))

    def asking(self, recording: Recording, span: Span) -> Recording:
        return replace(recording, locator=f"{span.begin} {span.end}")

    async def fetch(
        self, recording: Recording, write: Callable[[bytes], Awaitable[None]]
    ) -> Fetched:
        begin, end = map(int, recording.locator.split())
        self.fetched.append(Span(begin, end))
        spans = [part for each in self.has if (part := each.intersection(Span(begin, end)))]
        body = b"".join(map(self._body, spans))
        await write(body)
        told = Span(spans[0].begin, spans[-1].end)
        return Fetched(len(body), len(body), None if self.early else told)

    def _body(self, part: Span) -> bytes:
        begin, end = part.begin // 1_000_000, part.end // 1_000_000
        key = Footage(self.camera, 1, ZoneRule(), None).group_start(begin)
        if self.early or begin == key:
            return stream(self.camera, max(key, self.has[0].begin // 1_000_000), end)
        return exact_mp4(stream(self.camera, key, end), -((key - begin) // self.camera.frame_ms))

    async def aclose(self) -> None:
        return None


def stream(camera: CameraProfile, begin: int, end: int) -> bytes:
    """A program stream with the wall clock in it, ms since 1970."""
    footage = Footage(camera, 1, ZoneRule(), None)
    muxer = Muxer(camera, MuxProfile(), ZoneRule(), 1)
    pieces = parts(footage, muxer, begin, end, headless=True)
    return b"".join(joined(data for _, data in pieces))


def exact_mp4(body: bytes, first: int) -> bytes:
    """The same without its first pictures as a cloud's MP4, which begins inside a group but has
    the parameter sets."""
    indexer = PsIndexer()
    indexer.feed(body)
    table = indexer.finish()
    assert table.video is not None
    video = table.video.slice(first, len(table.video))
    reader = SampleReader(Memory(body))
    out = io.BytesIO()
    write_mp4(out, [OutTrack(video)], lambda track, a, b: reader.read(video, a, b))
    return out.getvalue()


@dataclass
class Memory:
    """Bytes as the source of a table."""

    body: bytes

    def read_at(self, offset: int, size: int) -> bytes:
        return self.body[offset : offset + size]


def span(begin: int, end: int) -> Span:
    """Seconds after BEGIN."""
    return Span(BEGIN + begin * NS, BEGIN + end * NS)


@lru_cache
def camera(gop: int) -> CameraProfile:
    """Groups of so many seconds. They begin 70 ms after whole seconds of the grid."""
    return CameraProfile(channel=1, frame_ms=1000, gop=gop, phase_ms=70, width=320, height=180)


async def extract(cloud: Cloud, folder: Path, wanted: Span, **options: object) -> CameraReport:
    report = await extract_camera(
        JOB,
        wanted,
        source=cloud,
        store=LocalStore(folder / "archive"),
        spool=Spool(folder / "spool", 200_000_000, poll=0.01),
        patience=HASTY,
        now=lambda: cloud.now,
        **options,  # type: ignore[arg-type]
    )
    assert report.errors == []
    return report


def states(folder: Path, wanted: Span) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    archive = hikcore.open_archive(str(folder / "archive"))
    for stretch in archive.coverage(JOB.site, JOB.camera, wanted):
        found.setdefault(stretch.state, []).append(stretch.span)
    return found


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("gop", [1, 12, 900])
async def test_every_picture_once_however_long_the_groups(
    gop: int, early: bool, tmp_path: Path
) -> None:
    whole = span(70, 1930)
    cloud = Cloud(camera(gop), [whole], early)
    await extract(cloud, tmp_path, whole)
    assert all(request.length <= WINDOWS.longest for request in cloud.fetched)
    footage = Footage(camera(gop), 1, ZoneRule(), None)
    first_key = footage.first_key(whole.begin // 1_000_000) * 1_000_000
    decodable = Span(first_key, whole.end)
    # The last picture lasts to the next, which nobody has: a second of it is known.
    inside = Span(decodable.begin, whole.end - 2 * NS)
    found = states(tmp_path, inside)
    assert set(found) == {"held"}, found
    clip = tmp_path / "clip.mp4"
    archive = hikcore.open_archive(str(tmp_path / "archive"))
    archive.clip(JOB.site, JOB.camera, inside, clip)
    shown = read_instants(str(clip))
    step = 1000 * 1_000_000
    assert [at for at in shown if at >= first_key] == list(
        range(shown[shown.index(first_key)], shown[-1] + step, step)
    )
    assert shown[-1] >= inside.end - step


async def test_what_is_settled_is_not_asked_again(tmp_path: Path) -> None:
    cloud = Cloud(camera(12), [span(0, 900)], early=True)
    first = await extract(cloud, tmp_path, span(100, 1000))
    assert (first.count("held"), len(cloud.fetched)) == (3, 3)
    second = await extract(cloud, tmp_path, span(100, 1000))
    assert (second.planned, len(cloud.fetched)) == ([], 3)
    # The window that was empty is a week old: cold.
    assert cloud.asked == [span(0, 1200)]
    await extract(cloud, tmp_path, span(100, 1300))
    assert cloud.asked[1:] == [span(1200, 1500)]


async def test_a_hole_is_empty_by_the_clouds_own_answer(tmp_path: Path) -> None:
    cloud = Cloud(camera(1), [span(0, 400), span(1000, 1200)], early=False)
    await extract(cloud, tmp_path, span(0, 1500))
    found = states(tmp_path, span(0, 1500))
    assert set(found) == {"held", "empty"}
    hole = subtract([span(398, 1002)], found["empty"])
    assert sum(part.length for part in hole) <= 5 * NS


async def test_what_a_cloud_fills_in_late_is_fetched(tmp_path: Path) -> None:
    cloud = Cloud(camera(12), [span(0, 130)], early=True, now=BEGIN + 1000 * NS)
    await extract(cloud, tmp_path, span(0, 300))
    assert "empty" in states(tmp_path, span(0, 300))
    cloud.has = [span(0, 300)]
    cloud.now += 3600 * NS
    await extract(cloud, tmp_path, span(0, 300))
    assert set(states(tmp_path, span(0, 298))) == {"held"}


async def test_a_window_that_has_not_settled_is_pending(tmp_path: Path) -> None:
    cloud = Cloud(camera(12), [span(0, 600)], early=True, now=BEGIN + 620 * NS)
    report = await extract(cloud, tmp_path, span(0, 600))
    assert (report.growing, len(cloud.fetched)) == (1, 1)
    found = states(tmp_path, span(0, 600))
    assert set(found) == {"held", "pending"}
    assert found["pending"][-1].end == span(0, 600).end
    assert all(request.end <= cloud.now - WINDOWS.settle for request in cloud.fetched)


async def test_killed_after_the_first_window_it_ends_alike(tmp_path: Path) -> None:
    cloud = Cloud(camera(12), [span(0, 900)], early=True)
    await extract(cloud, tmp_path / "straight", span(0, 900))
    other = Cloud(camera(12), [span(0, 900)], early=True)
    stop = asyncio.Event()
    stop.set()
    assert (await extract(other, tmp_path / "broken", span(0, 900), stop=stop)).stopped
    await extract(other, tmp_path / "broken", span(0, 290))
    await extract(other, tmp_path / "broken", span(0, 900))
    kept = [
        sorted(
            (str(path.relative_to(folder)), path.read_bytes())
            for path in folder.rglob("*")
            if path.is_file()
        )
        for folder in (tmp_path / "straight/archive/v1", tmp_path / "broken/archive/v1")
    ]
    assert kept[0] == kept[1]


def test_a_source_of_windows_is_one() -> None:
    assert isinstance(Cloud(camera(1), [], early=True), SpanSource)


@given(
    st.integers(0, 10**6),
    st.integers(1, 5000),
    st.integers(1, 900),
    st.integers(0, 900),
    st.integers(0, 900),
)
def test_windows_tile_and_no_request_is_too_long(
    begin: int, length: int, window: int, margin: int, spare: int
) -> None:
    windows = Windows(window * NS, margin * NS, (window + spare) * NS, 0)
    wanted = Span(begin * NS, (begin + length) * NS)
    aligned = windows.aligned(wanted)
    assert aligned[0].begin <= wanted.begin < aligned[0].end
    assert aligned[-1].begin < wanted.end <= aligned[-1].end
    assert all(a.end == b.begin for a, b in pairwise(aligned))
    for each in aligned[:3]:
        assert each.begin % windows.length == 0
        request = windows.request(each, each.end + margin * NS)
        assert request.length <= windows.longest
        assert request.begin <= each.begin
        assert each.end <= request.end <= each.end + margin * NS
