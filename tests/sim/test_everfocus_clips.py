"""Clips, AVI and snapshots of the simulated EverFocus recorder, read by libav and ffprobe."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from hikcore.instants import NS, Span
from hikcore.sim.everfocus import Nvr, nvr_profile
from tests.sim.everfocus_asking import NOON, inside
from tests.timecode import read_instant, read_sound

MS = 1_000_000


async def clips(client: httpx.AsyncClient, begin: Any, end: Any, channel: int = 1) -> Any:
    body = {"startTime": begin, "endTime": end}
    path = f"/record/requestVideoClips?ChannelID={channel}"
    return (await client.post(path, json=body)).json()


async def avi(
    client: httpx.AsyncClient, begin: int, end: int, channel: int = 1, stream: int = 0
) -> httpx.Response:
    return await client.get(
        f"/record/backupVideoClip?ChannelID={channel}&stream={stream}"
        f"&startTime={begin}&endTime={end}"
    )


async def test_clips_as_the_guide_writes_them() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        rows = await clips(client, str(NOON - 500), str(NOON - 60))
        # Whole seconds around the first and the last picture, with the hole left out.
        first, second = rows
        assert list(first) == ["startTime", "endTime"]
        assert (first["startTime"], second["endTime"]) == (NOON - 500, NOON - 59)
        seen = nvr.recorded(1, Span((NOON - 400) * NS, (NOON - 300) * NS))
        (gap,) = [(a, b) for a, b in itertools.pairwise(seen) if b - a > NS]
        assert first["endTime"] == NOON - 370
        assert second["startTime"] == gap[1] // NS
        assert (await clips(client, NOON - 500, NOON - 60))["Result"] == "Error"
        assert await clips(client, str(NOON - 9000), str(NOON - 8000)) == []


async def test_other_clips() -> None:
    changes = {
        "written": "text",
        "rows": "pieces",
        "piece_s": 60,
        "order": "unsorted",
        "overlap_s": 2,
        "clamped": False,
        "none": "error",
        "times": "milliseconds",
    }
    made = nvr_profile("everfocus-small", clips=changes)
    async with Nvr(made) as nvr, inside(nvr) as client:
        rows = await clips(client, str((NOON - 300) * 1000), str((NOON - 60) * 1000))
        begins = [int(row["startTime"]) for row in rows]
        assert begins == sorted(begins, reverse=True)
        assert {int(row["endTime"]) - int(row["startTime"]) for row in rows[1:]} <= {62, 63}
        assert min(begins) < NOON - 300
        assert (await clips(client, "0", "1000"))["Result"] == "Error"


@pytest.mark.parametrize(("channel", "codec"), [(1, "h264"), (2, "hevc"), (5, "h264")])
async def test_an_avi_by_libav(channel: int, codec: str) -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        answer = await avi(client, NOON - 60, NOON - 30, channel)
        assert (answer.content[:4], answer.content[8:12]) == (b"RIFF", b"AVI ")
        assert "content-length" not in answer.headers
        with av.open(BytesIO(answer.content)) as file:
            assert file.streams.video[0].codec_context.name == codec
            times = [read_instant(frame) for frame in file.decode(video=0)]
        gop = {1: 4, 2: 8, 5: 12}[channel]
        assert (NOON - 60 - gop) * NS < times[0] <= (NOON - 60) * NS
        assert times == nvr.recorded(channel, Span(times[0], (NOON - 30) * NS))
        if channel != 2:
            with av.open(BytesIO(answer.content)) as file:
                assert file.streams.audio[0].codec_context.name == "pcm_mulaw"
                sound = b"".join(bytes(packet) for packet in file.demux(audio=0))
            assert {camera for _, camera in read_sound("ulaw", sound)} == {channel}


async def test_an_avi_by_ffprobe(tmp_path: Path) -> None:
    program = shutil.which("ffprobe")
    if program is None:
        pytest.skip("ffprobe is not installed here")
    async with Nvr() as nvr, inside(nvr) as client:
        (tmp_path / "a.avi").write_bytes((await avi(client, NOON - 60, NOON - 30)).content)
    told = await asyncio.to_thread(
        subprocess.run,
        [program, "-v", "error", "-count_packets", "-show_streams", "-of", "json",
         str(tmp_path / "a.avi")],
        capture_output=True, check=True,
    )  # fmt: skip
    assert told.stderr == b""
    video, audio = json.loads(told.stdout)["streams"]
    assert (video["codec_name"], video["r_frame_rate"]) == ("h264", "5/1")
    assert (audio["codec_name"], audio["sample_rate"]) == ("pcm_mulaw", "8000")
    assert int(video["nb_read_packets"]) >= 150


async def test_an_error_comes_as_a_file() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        for answer in (
            await avi(client, NOON - 350, NOON - 330),  # a hole
            await avi(client, NOON - 60, NOON - 60),
            await avi(client, NOON - 60, NOON - 30, 3),
            await avi(client, NOON - 60, NOON - 30, 2, 1),
        ):
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.json()["Result"] == "Error"


async def test_too_many_downloads() -> None:
    made = nvr_profile("everfocus-small", limits={"backups": 1, "rate": 20_000})
    async with Nvr(made) as nvr, inside(nvr) as client:
        path = f"/record/backupVideoClip?ChannelID=1&stream=0&startTime={NOON - 60}&endTime={NOON}"
        async with client.stream("GET", path) as first:
            assert first.headers["content-type"] == "application/octet-stream"
            busy = await avi(client, NOON - 60, NOON - 30)
            assert busy.json() == {"Result": "Error", "Description": "Backup is busy"}
        async with asyncio.timeout(10):
            while nvr.api.backups.open:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["no_index", "no_sizes", "cut"])
async def test_spoiled_avi(kind: str) -> None:
    made = nvr_profile("everfocus-small", backup={"kind": kind, "length": True})
    async with Nvr() as nvr, inside(nvr) as client:
        whole = (await avi(client, NOON - 60, NOON - 30)).content
    async with Nvr(made) as nvr, inside(nvr) as client:
        body = (await avi(client, NOON - 60, NOON - 30)).content
    assert b"idx1" in whole
    if kind == "cut":
        assert body == whole[: int(len(whole) * 0.7)]
        return
    assert b"idx1" not in body
    size = int.from_bytes(body[4:8], "little")
    assert size == (0 if kind == "no_sizes" else len(body) - 8)
    assert body[8:200] == whole[8:200]
    if kind == "no_index":
        with av.open(BytesIO(body)) as file:
            assert len([read_instant(frame) for frame in file.decode(video=0)]) >= 150


async def test_an_avi_that_ends_where_sizes_do() -> None:
    made = nvr_profile("everfocus-small", backup={"most_bytes": 30_000, "start": "after"})
    async with Nvr(made) as nvr, inside(nvr) as client:
        body = (await avi(client, NOON - 60, NOON - 30)).content
        assert len(body) == 30_000
        with av.open(BytesIO(body)) as file:
            first = read_instant(next(file.decode(video=0)))
        assert 0 <= first - (NOON - 60) * NS < 4 * NS


async def test_the_second_stream_as_avi() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        body = (await avi(client, NOON - 60, NOON - 30, 1, 1)).content
        with av.open(BytesIO(body)) as file:
            assert file.streams.video[0].codec_context.height == 144


async def test_footage_that_is_written_over() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        assert await clips(client, str(NOON - 600), str(NOON - 500))
        nvr.recycle(1, 330)
        assert await clips(client, str(NOON - 600), str(NOON - 500)) == []
        assert (await avi(client, NOON - 600, NOON - 580)).json()["Result"] == "Error"


async def test_snapshots_in_two_steps() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        path = (await client.get("/device/getSnapshot?ChannelID=1")).json()["snapshotPath"]
        assert {" ", "&", ".."} <= {part for part in (" ", "&", "..") if part in path}
        picture = await client.get("/device/download/", params={"snapshot": path})
        assert picture.headers["content-type"] == "image/jpeg"
        with av.open(BytesIO(picture.content), format="image2pipe") as file:
            at = read_instant(next(file.decode(video=0)))
        assert 0 <= NOON * NS - at < 4 * NS
        asked = {"channels": [1], "types": ["Normal", "Manual"], "startTime": NOON - 120,
                 "endTime": NOON}  # fmt: skip
        rows = (await client.post("/device/searchSnapshotPath", json=asked)).json()
        assert [(row["type"], row["timeStamp"]) for row in rows] == [
            ("Normal", NOON - 120), ("Normal", NOON - 60), ("Manual", NOON),
        ]  # fmt: skip
        assert list(rows[0]) == ["channel", "timeStamp", "type", "snapshotPath"]
        old = await client.get("/device/download/", params={"snapshot": rows[0]["snapshotPath"]})
        with av.open(BytesIO(old.content), format="image2pipe") as file:
            assert 0 <= (NOON - 120) * NS - read_instant(next(file.decode(video=0))) < 4 * NS
        # Not percent-encoded, the path ends at the ampersand.
        raw = await client.get(f"/device/download/?snapshot={path}")
        assert raw.json()["Result"] == "Error"
        none = await client.get("/device/download/", params={"snapshot": "/etc/passwd"})
        assert none.json()["Result"] == "Error"


async def test_a_snapshot_cut_off() -> None:
    made = nvr_profile("everfocus-small", snapshots={"kind": "cut"})
    async with Nvr(made) as nvr, inside(nvr) as client:
        path = (await client.get("/device/getSnapshot?ChannelID=1")).json()["snapshotPath"]
        picture = await client.get("/device/download/", params={"snapshot": path})
        assert picture.content[:2] == b"\xff\xd8"
        assert picture.content[-2:] != b"\xff\xd9"
