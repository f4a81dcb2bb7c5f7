"""What an archive shows is the footage: every frame once, by NAL units; every audio unit once."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import av
import pytest

from hikcore.instants import NS, Span
from hikcore.media.mp4.read import read_head
from hikcore.sim.profile import Profile
from hikcore.sim.profiles import get_profile
from tests.journey import Journey, journey
from tests.timecode import read_instants, read_sound

PROFILES = ["small", "utc", "three-over-one", "file-in-file", "static"]

#: One camera whose groups of pictures last 25 minutes, in files that end inside them.
LONG = Profile.model_validate(
    {
        "name": "long",
        "clock": {"zone": "CST-5:00:00", "listing": "local", "frozen": "2026-11-20T12:00:00Z"},
        "recorded": {"since": "now-3h"},
        "cameras": [
            {"channel": 4, "frame_ms": 1000, "gop": 1500, "file_ms": 3_000_000, "phase_ms": 1_120}
        ],
    }
)


def travelled(profile: Profile, folder: Path) -> Journey:
    async def travel() -> Journey:
        async with journey(profile, folder) as made:
            return made

    return asyncio.run(travel())


@pytest.fixture(scope="module", params=PROFILES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    return travelled(get_profile(request.param), tmp_path_factory.mktemp(request.param))


def closed(made: Journey, channel: int) -> list[tuple[int, int]]:
    """Begin and end (ns) of the files that a client takes for closed."""
    now_ms = made.recorder.now() // 1_000_000
    return [
        (f.begin_ms * 1_000_000, f.written_ms * 1_000_000)
        for f in made.recorder.files(channel)
        if f.end_ms // 1000 * 1000 < now_ms - 60_000
    ]


def nal_units(packet: av.Packet) -> list[bytes]:
    """NAL units behind 4-byte lengths."""
    data, out, at = bytes(packet), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        out.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return out


def test_every_frame_once_by_its_nal_units(made: Journey, tmp_path: Path) -> None:
    now = made.recorder.now()
    for channel in made.reports:
        vault = made.recorder.vaults[channel]
        files = closed(made, channel)
        expected: dict[int, list[bytes]] = {}
        for begin, end in files:
            for unit in vault.footage.pictures(begin // 1_000_000, end // 1_000_000):
                expected[unit.ms] = unit.units()
        out = tmp_path / "whole.mp4"
        span = Span(now - 1200 * NS, now)
        document = made.archive.clip("site", made.camera(channel), span, out).document
        with av.open(str(out)) as container:
            got = [nal_units(p) for p in container.demux(video=0) if p.size]
        assert document.frames == len(got) == len(expected)
        assert got == [expected[ms] for ms in sorted(expected)]


def test_every_audio_unit_once_over_the_seams(made: Journey, tmp_path: Path) -> None:
    now = made.recorder.now()
    for channel in made.reports:
        camera = made.recorder.vaults[channel].camera
        if camera.audio is None:
            continue
        out = tmp_path / "whole.mp4"
        made.archive.clip("site", made.camera(channel), Span(now - 1200 * NS, now), out)
        with av.open(str(out)) as container:
            units = [bytes(p) for p in container.demux(audio=0) if p.size]
        words = [instant for instant, _ in read_sound(camera.audio, b"".join(units))]
        files = closed(made, channel)
        covered = sorted({i for b, e in files for i in range(b, e, 2_000_000)})
        steps = [b - a for a, b in pairwise(words)]
        # Each word follows the one before; only over the hole there is a step, and never back.
        assert min(steps) == 2_000_000
        holes = sum(1 for a, b in pairwise(covered) if b - a > 1_000_000_000)
        assert sum(step != 2_000_000 for step in steps) == holes
        assert abs(len(words) - len(covered)) < 100


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="ffprobe is not installed")
def test_ffprobe_and_pyav_read_every_segment_without_a_warning(
    made: Journey, tmp_path: Path
) -> None:
    now = made.recorder.now()
    for channel in made.reports:
        for segment in made.archive.segments(
            "site", made.camera(channel), Span(now - 1200 * NS, now)
        ):
            body = made.store.get_range(segment.key, 0, segment.size)
            path = tmp_path / "segment.mp4"
            path.write_bytes(body)
            command = ["ffprobe", "-v", "warning", "-count_packets", "-show_entries"]
            told = subprocess.run(
                [*command, "stream=nb_read_packets", "-of", "csv=p=0", str(path)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert told.stderr == ""
            counts = [int(line) for line in told.stdout.split()]
            assert counts == [n for n in (segment.frames, segment.units) if n]
            with av.open(str(path)) as container:
                if not segment.headless:
                    assert len(list(container.decode(video=0))) == segment.frames
            table = read_head(body[: segment.head])
            assert table.video is not None
            assert bool(table.video.sync[0]) is not segment.headless


def test_clips_inside_a_group_of_twenty_five_minutes(tmp_path: Path) -> None:
    made = travelled(LONG, tmp_path)
    now = made.recorder.now()
    vault = made.recorder.vaults[4]
    truth: set[int] = set()
    for begin, end in closed(made, 4):
        truth |= {ms * 1_000_000 for ms in vault.footage.instants(begin // 10**6, end // 10**6)}
    out = tmp_path / "clip.mp4"
    for back in (9_000, 7_777, 6_321, 5_000):
        span = Span(now - back * NS, now - (back - 61) * NS)
        document = made.archive.clip("site", "cam4", span, out).document
        expected = sorted(i for i in truth if span.begin - NS < i < span.end)
        assert read_instants(str(out)) == expected
        assert 0 <= document.lead_in_ms < 1_500_000
    assert max(s.frames for s in made.archive.segments("site", "cam4", Span(0 + 1, now))) >= 1500
