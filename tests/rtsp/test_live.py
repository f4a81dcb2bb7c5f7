"""Live pictures of an ISAPI recorder: `hikcore live` records what the camera sees, over breaks."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import av
import pytest

from hikcore.errors import DeviceAuthError
from hikcore.sim.recorder import Recorder
from hikcore.sources.everfocus.live import LiveFrame, LiveGap
from hikcore.sources.reconnect import Reconnect
from hikcore.sources.rtsp_live import RtspLive
from tests.rtsp.test_playback import source
from tests.rtsp.test_reader import account, profile, url
from tests.sim.asking import PASSWORD
from tests.timecode import read_instants

CONFIG = """
[archive]
url = "{folder}/archive"
[sites.home.devices.nvr]
host = "127.0.0.1"
port = {port}
rtsp_port = {rtsp_port}
username = "admin"
password = "env:LIVE_TEST_PASSWORD"
cameras = "all"
"""


@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_the_command_records_what_the_camera_sees(tmp_path: Path, codec: str) -> None:
    chosen = profile(camera={"codec": codec, "audio": "alaw"})
    async with Recorder(chosen, rtsp_port=0) as recorder:
        (tmp_path / "hikcore.toml").write_text(
            CONFIG.format(folder=tmp_path, port=recorder.port, rtsp_port=recorder.rtsp_port)
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hikcore", "live", "home/nvr-01", "--seconds", "3",
            "-o", str(tmp_path / "live.mp4"),
            env={**os.environ, "HIKCORE_CONFIG": str(tmp_path / "hikcore.toml"),
                 "LIVE_TEST_PASSWORD": PASSWORD},
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert PASSWORD not in said.decode()
    instants = read_instants(str(tmp_path / "live.mp4"))
    assert len(instants) >= 10
    assert {b - a for a, b in pairwise(instants)} == {200_000_000}
    with av.open(str(tmp_path / "live.mp4")) as container:
        assert {s.codec_context.name for s in container.streams} == {
            codec.replace("h265", "hevc"),
            "pcm_alaw",
        }


async def test_a_break_is_told_and_nothing_is_doubled() -> None:
    async with Recorder(profile(), rtsp_port=0) as recorder:
        live = RtspLive(account(recorder), url(recorder, "Channels/101"), idle=2.0,
                        reconnect=Reconnect(first=0.01, most=0.02), now=recorder.now)  # fmt: skip
        items: list[LiveFrame | LiveGap] = []
        async with aclosing(live.frames()) as frames:
            async for item in frames:
                items.append(item)
                if len(items) == 100:
                    recorder.rtsp.restart()
                if len(items) >= 250 and any(isinstance(each, LiveGap) for each in items):
                    break
    gaps = [item for item in items if isinstance(item, LiveGap)]
    assert len(gaps) == live.counts.gaps == 1
    assert live.counts.connections == 2
    behind = items[items.index(gaps[0]) + 1]
    assert isinstance(behind, LiveFrame)
    assert behind.key
    pictures = [item for item in items if isinstance(item, LiveFrame) and item.kind in (6, 7)]
    assert pictures[0].kind == 6
    assert not recorder.rtsp.sessions or len(recorder.rtsp.sessions) <= 1


async def test_a_refused_login_ends_it() -> None:
    async with Recorder(profile(), rtsp_port=0) as recorder:
        device = source(recorder, "not-the-one")
        async with aclosing(device.live(1, "main").frames()) as frames:
            with pytest.raises(DeviceAuthError):
                await anext(frames)
        await device.aclose()
        assert [r.login for r in recorder.rtsp.requests].count("wrong") == 1
