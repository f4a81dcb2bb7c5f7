"""Streams of the simulated EverFocus recorder: golden headers, real pictures, control."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import av
import httpx
import pytest
from websockets.exceptions import InvalidStatus

from hikcore.instants import NS, Span
from hikcore.sim.everfocus import Nvr, nvr_profile
from hikcore.sim.everfocus.frames import header
from hikcore.sim.faults import Fault
from tests.sim.everfocus_asking import (
    NOON,
    Frame,
    ending,
    inside,
    login,
    played,
    read_all,
    socket,
    split,
)
from tests.timecode import read_instant, read_sound

MS = 1_000_000


def decoded(codec: str, frames: list[Frame]) -> list[int]:
    """The instants that the pictures carry, in ns, by libav."""
    decoder = av.CodecContext.create(codec, "r")
    out = []
    for frame in frames:
        out += decoder.decode(av.Packet(frame.data))
    return [read_instant(picture) for picture in [*out, *decoder.decode(None)]]


def test_golden_bytes_of_a_header() -> None:
    """3.1, field by field: packed and little-endian, `sec` at 14 and `msec` at 18."""
    golden = bytes.fromhex(
        "15966389" "10270000" "0600" "8007" "3804" "80d4775e" "fa00" "000000000000000000000000"
    )  # fmt: skip
    assert header(6, 10_000, 1920, 1080, 1_584_911_488_250) == golden
    assert len(golden) == 32
    assert header(6, 1, 2, 3, 4, order="big")[:4] == bytes.fromhex("89639615")


@pytest.mark.parametrize(("channel", "codec", "kinds"), [(1, "h264", (6, 7)), (2, "hevc", (8, 9))])
async def test_playback_begins_at_the_key_picture_before(
    channel: int, codec: str, kinds: tuple[int, int]
) -> None:
    async with Nvr(ending()) as nvr, inside(nvr) as client:
        asked = NOON - 60
        frames = await played(nvr, client, channel, asked)
        video = [frame for frame in frames if frame.kind != 16]
        gop = 4000 if channel == 1 else 8000
        assert video[0].kind == kinds[0]
        assert asked * 1000 - gop < video[0].ms <= asked * 1000
        assert {frame.kind for frame in video} == set(kinds)
        assert {(frame.width, frame.height) for frame in video} == {(320, 180)}
        # To the very last picture, each once, and each carries the instant of its header.
        times = [frame.ms * MS for frame in video]
        assert times == nvr.recorded(channel, Span(video[0].ms * MS, NOON * NS))
        assert decoded(codec, video) == times


async def test_sound_is_u_law_between_the_pictures() -> None:
    async with Nvr(ending()) as nvr, inside(nvr) as client:
        frames = await played(nvr, client, 1, NOON - 20)
        sound = [frame for frame in frames if frame.kind == 16]
        assert {(frame.width, frame.height, len(frame.data)) for frame in sound} == {(0, 0, 320)}
        words = read_sound("ulaw", b"".join(frame.data for frame in sound))
        assert words[0] == (sound[0].ms * MS, 1)
        assert [at for at, _ in words] == [words[0][0] + 2 * MS * n for n in range(len(words))]


async def test_a_hole_is_jumped_over() -> None:
    async with Nvr(ending()) as nvr, inside(nvr) as client:
        path = f"/playback/1/0?time={NOON - 372}&session=a"
        async with socket(nvr, client, path) as opened:
            data = await read_all(opened)
        times = [frame.ms for frame in split(data) if frame.kind != 16]
        steps = {after - before for before, after in itertools.pairwise(times)}
        assert min(steps) == 200
        assert 45_000 <= max(steps) < 50_000
        assert len(steps) == 2
        # A time inside the hole begins behind it.
        inside_it = await played(nvr, client, 1, NOON - 350, session="b")
        assert inside_it[0].ms >= (NOON - 325) * 1000


async def test_a_stream_has_no_end_of_its_own() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        await nvr.prepare()
        async with socket(nvr, client, f"/playback/5/0?time={NOON - 20}&session=a") as opened:
            frames: list[Frame] = []
            while len([f for f in frames if f.kind != 16]) < 20:
                message = await opened.recv()
                assert isinstance(message, bytes)
                frames += split(message)
            await read_all(opened, 0.3)
            # Silence, and still open.
            await asyncio.wait_for(await opened.ping(), 5)


@pytest.mark.parametrize("start", ["exact", "after"])
async def test_other_begins(start: str) -> None:
    made = ending(playback={"start": start})
    async with Nvr(made) as nvr, inside(nvr) as client:
        asked = NOON - 31
        first = next(f for f in await played(nvr, client, 1, asked) if f.kind != 16)
        if start == "exact":
            assert (first.kind, first.ms) == (7, asked * 1000 + 80)
        else:
            assert first.kind == 6
            assert 0 <= first.ms - asked * 1000 < 4000


async def test_a_playback_may_stop_at_a_hole() -> None:
    async with Nvr(ending(playback={"gap": "stops"})) as nvr, inside(nvr) as client:
        frames = await played(nvr, client, 1, NOON - 372)
        assert (NOON - 371) * 1000 < frames[-1].ms < (NOON - 370) * 1000
    async with Nvr(ending(playback={"hole": "silent"})) as nvr, inside(nvr) as client:
        assert await played(nvr, client, 1, NOON - 350) == []


async def test_frames_whose_seconds_are_those_of_the_wall_clock() -> None:
    async with Nvr(ending()) as nvr, inside(nvr) as client:
        plain = await played(nvr, client, 5, NOON - 20)
    async with Nvr(ending(sockets={"times": "local"})) as nvr, inside(nvr) as client:
        shifted = await played(nvr, client, 5, NOON - 20)
    assert [frame.ms - 8 * 3_600_000 for frame in shifted] == [frame.ms for frame in plain]


async def test_nal_units_behind_lengths_and_sets_once() -> None:
    odd = {"payload": "lengths", "sets": "first"}
    async with Nvr(ending(sockets=odd)) as nvr, inside(nvr) as client:
        video = [f for f in await played(nvr, client, 1, NOON - 20) if f.kind != 16]
    kinds = []
    for frame in video:
        at, types = 0, []
        while at < len(frame.data):
            size = int.from_bytes(frame.data[at : at + 4], "big")
            types.append(frame.data[at + 4] & 31)
            at += 4 + size
        assert at == len(frame.data)
        kinds.append(types)
    keys = [types for types in kinds if 5 in types]
    assert {7, 8} <= set(keys[0])
    assert not any({7, 8} & set(types) for types in keys[1:])


async def test_the_second_stream() -> None:
    async with Nvr(ending()) as nvr, inside(nvr) as client:
        video = [f for f in await played(nvr, client, 1, NOON - 20, 1) if f.kind != 16]
        assert {(frame.width, frame.height) for frame in video} == {(320, 144)}
        with pytest.raises(InvalidStatus):
            await played(nvr, client, 2, NOON - 20, 1)


async def test_a_clock_that_was_set_back() -> None:
    async with Nvr(ending("everfocus-clockstep")) as nvr, inside(nvr) as client:
        video = [f for f in await played(nvr, client, 1, NOON - 200) if f.kind != 16]
        times = [frame.ms for frame in video]
        back = [i for i in range(1, len(times)) if times[i] < times[i - 1]]
        assert len(back) == 1
        assert 35_000 < times[back[0] - 1] - times[back[0]] < 40_000
        assert decoded("h264", video) == [ms * MS for ms in times]


async def test_one_frame_a_message_and_other_ways() -> None:
    async with Nvr(ending()) as nvr, inside(nvr) as client:
        whole = await played(nvr, client, 1, NOON - 20)
    for changes in (
        {"messages": "coalesced"}, {"messages": "split"}, {"messages": "apart"}, {"fragments": 3},
    ):  # fmt: skip
        made = ending(sockets=changes)
        async with Nvr(made) as nvr, inside(nvr) as client:
            assert await played(nvr, client, 1, NOON - 20) == whole


async def test_what_is_wrong_in_a_stream() -> None:
    odd: dict[str, Any] = {"unknown_every": 5, "garbage_every": 7}
    path = f"/playback/5/0?time={NOON - 60}&session=a"
    async with (
        Nvr(ending(sockets=odd)) as nvr, inside(nvr) as client, socket(nvr, client, path) as opened
    ):  # fmt: skip
        data = await read_all(opened)
    assert data.count(b"garbage between frames") >= 3
    parts = data.replace(b"\x15\x96\x63garbage between frames\x15", b"")
    assert {frame.kind for frame in split(parts)} == {6, 7, 16, 0x22}
    for changes, field in (({"order": "big"}, b"\x89\x63\x96\x15"), ({"datalen": "whole"}, None)):
        async with (
            Nvr(ending(sockets=changes)) as nvr,
            inside(nvr) as client,
            socket(nvr, client, f"/playback/5/0?time={NOON - 60}&session=a") as opened,
        ):
            first = await opened.recv()
        assert isinstance(first, bytes)
        if field is not None:
            assert first[:4] == field
        else:
            assert int.from_bytes(first[4:8], "little") == len(first)


async def control(client: httpx.AsyncClient, name: str, **given: Any) -> Any:
    return (await client.post(f"/device/playbackControl?session={name}", json=given)).json()


async def test_control_in_band_and_over_http() -> None:
    made = ending(playback={"pace": 4.0})
    async with Nvr(made) as nvr, inside(nvr) as client:
        async with socket(nvr, client, f"/playback/5/0?time={NOON - 300}&session=me") as opened:
            await opened.recv()
            await opened.send(json.dumps({"command": "pause"}))
            await read_all(opened, 0.6)
            assert (await control(client, "me", command="seek", time=NOON - 120))["Result"] == "OK"
            shown = [f for f in split(await read_all(opened, 0.6)) if f.kind != 16]
            # One picture, and it stands.
            assert len(shown) == 1
            assert shown[0].kind == 6
            assert 0 <= (NOON - 120) * 1000 - shown[0].ms < 12_000
            assert (await control(client, "me", command="step_forward"))["Result"] == "OK"
            stepped = [f for f in split(await read_all(opened, 0.6)) if f.kind != 16]
            assert [frame.ms - shown[0].ms for frame in stepped] == [1000]
            assert (await control(client, "me", command="backward"))["Result"] == "OK"
            frames = []
            for _ in range(2):
                message = await asyncio.wait_for(opened.recv(), 5)
                assert isinstance(message, bytes)
                frames += split(message)
            assert [frame.kind for frame in frames] == [6, 6]
            assert frames[0].ms - frames[1].ms == 12_000
            for wrong in ({"command": "dance"}, {"command": "seek"},
                          {"command": "fast_forward", "speed": 3}):  # fmt: skip
                assert (await control(client, "me", **wrong))["Result"] == "Error"
            assert (await control(client, "me", command="stop"))["Result"] == "OK"
        await asyncio.sleep(0.05)
        assert (await control(client, "me", command="play"))["Result"] == "Error"


async def test_pace() -> None:
    made = ending(playback={"pace": 20.0})
    loop = asyncio.get_running_loop()
    async with Nvr(made) as nvr, inside(nvr) as client:
        await nvr.prepare()
        async with socket(nvr, client, f"/playback/5/0?time={NOON - 300}&session=me") as opened:
            frames: list[Frame] = []
            begun = loop.time()
            while not frames or frames[-1].ms < frames[0].ms + 20_000:
                message = await opened.recv()
                assert isinstance(message, bytes)
                frames += split(message)
        # 20 s of footage at twenty times real time.
        assert loop.time() - begun > 0.9


async def test_sessions_are_counted_and_named() -> None:
    made = nvr_profile("everfocus-small", limits={"playbacks": 1}, playback={"pace": 1.0})
    async with Nvr(made) as nvr, inside(nvr) as client:
        path = f"/playback/5/0?time={NOON - 300}&session="
        async with socket(nvr, client, path + "a") as opened:
            await opened.recv()
            with pytest.raises(InvalidStatus) as caught:
                async with socket(nvr, client, path + "b"):
                    pass
            assert caught.value.response.status_code == 503
            assert list(nvr.streams.shows) == ["a"]
        for query in ("time=x&session=a", "time=5", f"time={NOON}.5&session=a"):
            with pytest.raises(InvalidStatus) as caught:
                async with socket(nvr, client, f"/playback/5/0?{query}"):
                    pass
            assert caught.value.response.status_code == 400


async def test_a_stream_that_breaks() -> None:
    async with Nvr(ending()) as nvr, inside(nvr) as client:
        whole = await played(nvr, client, 1, NOON - 20)
        at = sum(32 + len(frame.data) for frame in whole[:10]) + 40
        nvr.fault(Fault(match="GET /playback", nth=(1,), kind="reset", at=at))
        async with socket(nvr, client, f"/playback/1/0?time={NOON - 20}&session=a") as opened:
            data = await read_all(opened)
        # The message that broke never was a whole one.
        assert split(data) == whole[:10]
        assert await played(nvr, client, 1, NOON - 20) == whole


async def test_live_begins_in_the_middle_and_runs_with_the_clock() -> None:
    clock = {"frozen": None}
    now = NOON * NS + 1_700_000_000
    made = nvr_profile("everfocus-small", clock=clock)
    slept = [0.0]

    async def sleep(seconds: float) -> None:
        slept[0] += seconds
        await asyncio.sleep(0)

    async with Nvr(made, now=lambda: now, sleep=sleep) as nvr, inside(nvr) as client:
        async with socket(nvr, client, "/live/1/0") as opened:
            frames: list[Frame] = []
            while len([f for f in frames if f.kind != 16]) < 30:
                message = await opened.recv()
                assert isinstance(message, bytes)
                frames += split(message)
        video = [frame for frame in frames if frame.kind != 16]
        assert video[0].kind == 7
        assert video[0].ms == NOON * 1000 + 1880
        assert slept[0] >= 5.8
        assert 6 in {frame.kind for frame in video}


async def test_streams_want_a_login() -> None:
    async with Nvr(ending()) as nvr, httpx.AsyncClient(base_url=nvr.url) as client:
        for path in ("/live/1/0", "/playback/1/0?time=1&session=a", "/device/cameraStatus"):
            with pytest.raises(InvalidStatus) as caught:
                async with socket(nvr, client, path):
                    pass
            assert caught.value.response.status_code == 401
        await login(client)
        async with socket(nvr, client, "/live/1/0"):
            pass
