"""The second way: an EverFocus recorder's footage over RTSP into an archive, read from pixels."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

import hikcore
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
