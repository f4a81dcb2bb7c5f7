"""The second way: an EverFocus recorder's footage over RTSP into an archive, read from pixels."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

import hikcore
from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import DeviceAuthError
from hikcore.instants import NS, Span
from hikcore.sim.everfocus.nvr import Nvr
from hikcore.sources.everfocus.live import LiveFrame
from hikcore.sources.everfocus.rtsp import RtspTransport
from tests.everfocus.source.archive import NOW, extract, profile, session, source, span, states
from tests.everfocus.source.test_archive import exact

SHORT = {"window_seconds": 100, "transport": "rtsp", "playback_idle": 5.0}


@pytest.mark.parametrize("camera", [{}, {"codec": "h265", "audio": None}, {"gop": 40}])
async def test_every_picture_is_there_once(tmp_path: Path, camera: dict[str, Any]) -> None:
    async with Nvr(profile(camera, since="now-20m"), rtsp_port=0) as nvr:
        wanted = span(1000, 500)
        report = await extract(nvr, tmp_path, wanted, source(nvr, SHORT))
        assert report.errors == []
        assert report.count("held") == 5
        exact(tmp_path, nvr, Span(wanted.begin + NS, wanted.end - 2 * NS))
        assert set(states(tmp_path, wanted)) == {"held"}
        assert not any("/playback/" in each.target for each in nvr.requests)
        asked = len(nvr.rtsp.requests)
        again = await extract(nvr, tmp_path, wanted, source(nvr, SHORT))
        assert again.planned == []
        assert len(nvr.rtsp.requests) == asked
    manifests = hikcore.open_archive(str(tmp_path / "archive")).manifests("shop", "gate", wanted)
    assert {m.body.container for m in manifests} == {"ps"}
    assert {run.origin for m in manifests for run in m.runs} == {"stream"}


async def test_over_a_hole_it_jumps(tmp_path: Path) -> None:
    holes = [{"begin": "now-930s", "end": "now-880s"}]
    made = profile(since="now-20m", recorded={"holes": holes})
    async with Nvr(made, rtsp_port=0) as nvr:
        wanted = span(1100, 700)
        report = await extract(nvr, tmp_path, wanted, source(nvr, SHORT))
        assert report.errors == []
        exact(tmp_path, nvr, Span(wanted.begin + NS, wanted.end - 2 * NS))
        assert set(states(tmp_path, Span(wanted.begin, wanted.end - 2 * NS))) == {"held", "empty"}


async def test_behind_a_hole_at_which_it_stops_it_is_asked_again(tmp_path: Path) -> None:
    """Two holes inside windows, one of them inside minutes that have footage, and one over a
    border; asked once for each, and nothing is doubled."""
    holes = [(1045, 1020), (940, 925), (905, 880)]
    made = profile(
        {"gop": 4},
        since="now-20m",
        recorded={"holes": [{"begin": f"now-{a}s", "end": f"now-{b}s"} for a, b in holes]},
        playback={"gap": "stops"},
    )
    quick = SHORT | {"playback_idle": 0.5}
    async with Nvr(made, rtsp_port=0) as nvr:
        wanted = span(1100, 700)
        report = await extract(nvr, tmp_path, wanted, source(nvr, quick))
        assert report.errors == []
        assert all(not outcome.reason for outcome in report.outcomes)
        exact(tmp_path, nvr, Span(wanted.begin + NS, wanted.end - 2 * NS))
        assert set(states(tmp_path, Span(wanted.begin, wanted.end - 2 * NS))) == {"held", "empty"}
        played = [each for each in nvr.rtsp.requests if each.method == "PLAY"]
        assert len(played) <= 4 + len(holes) + 1
        again = await extract(nvr, tmp_path, wanted, source(nvr, quick))
        assert again.planned == []


async def test_a_map_of_what_is_not_there_leads_nowhere_twice(tmp_path: Path) -> None:
    """The recorder stops at what its map shows to go on."""
    made = profile({"gop": 4}, since="now-20m", recorded={"holes": [
        {"begin": "now-1045s", "end": "now-1020s"}, {"begin": "now-1000s", "end": "now-800s"},
    ]}, playback={"gap": "stops"})  # fmt: skip
    async with Nvr(made, rtsp_port=0) as nvr:
        used = session(nvr)
        transport = RtspTransport(used, quiet=0.3)
        body = bytearray()

        async def write(block: bytes) -> None:
            body.extend(block)

        there = [span(1100, 1045), span(1020, 1000), span(990, 980), span(970, 960), span(940, 930)]
        asked = Span(there[0].begin, there[-1].end)
        got = await transport.fetch(1, "main", asked, there, write, UTC_CLOCK)
        await used.aclose()
        assert not got.whole
        assert got.size == len(body) > 0
        played = [each for each in nvr.rtsp.requests if each.method == "PLAY"]
        assert len(played) <= len(there) + 3


async def test_one_wrong_password_over_both_ways(tmp_path: Path) -> None:
    async with Nvr(profile(since="now-20m"), rtsp_port=0) as nvr:
        wrong = session(nvr, "not-it-8812")
        transport = RtspTransport(wrong, port=nvr.rtsp_port, quiet=0.3)
        live = transport.live(1, "main")
        async with aclosing(live.frames()) as frames:
            with pytest.raises(DeviceAuthError) as refused:
                await anext(frames)
        with pytest.raises(DeviceAuthError):
            await wrong.get("/device/cameraList")
        await wrong.aclose()
        assert [request.login for request in nvr.rtsp.requests].count("wrong") == 1
        assert not nvr.requests, "what was refused over RTSP is not sent over HTTP"
        assert "not-it" not in str(refused.value)


async def test_live_pictures() -> None:
    async with Nvr(profile({"frame_ms": 200}, since="now-5m"), rtsp_port=0) as nvr:
        used = session(nvr)
        live = RtspTransport(used, quiet=2.0).live(1, "main")
        async with aclosing(live.frames()) as frames:
            found = [await anext(frames) for _ in range(20)]
        await used.aclose()
    first = found[0]
    assert isinstance(first, LiveFrame)
    assert first.kind == 6
    assert first.key
    assert abs(first.time - NOW) < 10 * NS
