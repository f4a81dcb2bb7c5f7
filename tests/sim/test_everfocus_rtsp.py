"""The simulated EverFocus recorder over RTSP, read by PyAV and by a client written by hand."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import av
import pytest

from hikcore.instants import NS, Span
from hikcore.sim.everfocus import Nvr, nvr_profile
from tests.sim.everfocus_asking import NOON, inside
from tests.timecode import read_instant

LOGIN = "admin:hikcore-12345@"


def decoded(nvr: Nvr, path: str, most: int, login: str = LOGIN) -> list[int]:
    url = f"rtsp://{login}127.0.0.1:{nvr.rtsp_port}{path}"
    out: list[int] = []
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=20) as file:
        for frame in file.decode(video=0):
            out.append(read_instant(frame))
            if len(out) == most:
                break
    return out


@pytest.mark.parametrize(("channel", "count"), [(1, 150), (2, 60)])
async def test_playback_by_libav(channel: int, count: int) -> None:
    async with Nvr(rtsp_port=0) as nvr, inside(nvr) as client:
        await nvr.prepare()
        assert (await client.get("/network/getPort")).json()["rtsp_port"] == nvr.rtsp_port
        path = f"/playback/{channel}/0?time={NOON - 60}&session=abc"
        times = await asyncio.to_thread(decoded, nvr, path, count)
        gop = {1: 4, 2: 8}[channel]
        assert (NOON - 60 - gop) * NS < times[0] <= (NOON - 60) * NS
        assert times == nvr.recorded(channel, Span(times[0], NOON * NS))[:count]


async def test_live_of_the_second_stream_without_a_login() -> None:
    made = nvr_profile("everfocus-small", login={"rtsp": "none"})
    async with Nvr(made, rtsp_port=0) as nvr:
        times = await asyncio.to_thread(decoded, nvr, "/live/1/1", 3, "")
        assert NOON * NS - 4 * NS < times[0] <= NOON * NS
        with pytest.raises(av.FFmpegError):
            await asyncio.to_thread(decoded, nvr, "/live/2/1", 1, "")


async def test_control_by_set_parameter() -> None:
    made = nvr_profile("everfocus-small", login={"rtsp": "none"}, playback={"pace": 1.0})
    async with Nvr(made, rtsp_port=0) as nvr:
        await nvr.prepare()
        reader, writer = await asyncio.open_connection("127.0.0.1", nvr.rtsp_port)
        url = f"rtsp://127.0.0.1:{nvr.rtsp_port}/playback/5/0?time={NOON - 300}&session=abc"
        count = 0

        async def ask(method: str, body: dict[str, Any] | None = None, **headers: str) -> str:
            nonlocal count
            count += 1
            data = b"" if body is None else json.dumps(body).encode()
            lines = [f"{method} {url} RTSP/1.0", f"CSeq: {count}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            lines += [f"Content-Length: {len(data)}"] if data else []
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
            while (first := await reader.readexactly(1)) == b"$":
                size = int.from_bytes((await reader.readexactly(3))[1:], "big")
                await reader.readexactly(size)
            return (first + await reader.readuntil(b"\r\n\r\n")).decode()

        said = await ask("SETUP", Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
        assert said.startswith("RTSP/1.0 200")
        name = said.partition("Session: ")[2].partition(";")[0]
        await ask("PLAY", Session=name)
        session = nvr.rtsp.sessions[name]
        for command, plays in (("pause", False), ("play", True), ("stop", False)):
            said = await ask("SET_PARAMETER", {"command": command}, Session=name)
            assert said.startswith("RTSP/1.0 200")
            assert (session.task is not None) is plays
        await ask("SET_PARAMETER", {"command": "seek", "time": NOON - 60}, Session=name)
        await ask("SET_PARAMETER", {"command": "play"}, Session=name)
        async with asyncio.timeout(10):
            while session.at == (NOON - 60) * 1000:
                await asyncio.sleep(0.01)
        assert session.at is not None
        assert abs(session.at - (NOON - 60) * 1000) <= 12_000
        assert nvr.rtsp.requests[-1].body == b'{"command": "play"}'
        writer.close()
