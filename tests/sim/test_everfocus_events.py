"""Listeners and searches of the simulated EverFocus recorder."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from hikcore.sim.everfocus import Nvr, nvr_profile
from tests.sim.everfocus_asking import NOON, inside, socket


async def heard(stream: ClientConnection, count: int) -> list[Any]:
    async with asyncio.timeout(10):
        return [json.loads(await stream.recv()) for _ in range(count)]


async def test_the_status_comes_each_second_without_manual() -> None:
    made = nvr_profile("everfocus-small", sockets={"status_s": 0.05})
    async with Nvr(made) as nvr, inside(nvr) as client:
        async with socket(nvr, client, "/device/cameraStatus") as stream:
            first = (await heard(stream, 1))[0]
            assert list(first[0]) == ["ChannelID", "Online", "Recording", "Event"]
            assert [row["Online"] for row in first] == [True, True, True, False]
            nvr.change_camera(2, online=False)
            later = await heard(stream, 5)
            assert [row["Online"] for row in later[-1]] == [True, False, True, False]
        assert nvr.profile.cameras[1].online is False
        assert made.cameras[1].online is True


async def test_all_four_listeners() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        assert nvr.event(1, "Motion", "active") == 0
        async with (
            socket(nvr, client, "/meta/eventHook") as events,
            socket(nvr, client, "/meta/metaHook") as metas,
            socket(nvr, client, "/system/exceptionListen") as exceptions,
            socket(nvr, client, "/system/messageListen") as messages,
        ):
            for state in ("active", "inactive", "once"):
                assert nvr.event(1, "Motion", state) == 1
            assert await heard(events, 3) == [
                {"ChannelID": 1, "Type": "Motion", "State": state}
                for state in ("active", "inactive", "once")
            ]
            nvr.push("meta", {"ChannelID": 2, "Type": "gps", "Data": "{ id: 5}"})
            assert (await heard(metas, 1))[0]["Data"] == "{ id: 5}"
            disk = {"exception": "DiskError", "target": "HDD-1", "time": NOON * 1000}
            nvr.push("exception", disk)
            assert await heard(exceptions, 1) == [disk]
            nvr.step_clock(-40)
            assert await heard(messages, 1) == [
                {"message": "sysTimeChanged", "time": (NOON - 40) * 1000,
                 "content": {"sysTimeChanged": True}}
            ]  # fmt: skip
            nvr.push("event", "no JSON {")
            assert await asyncio.wait_for(events.recv(), 5) == "no JSON {"
        async with asyncio.timeout(10):
            while nvr.hooks.listeners("event"):
                await asyncio.sleep(0.01)


async def test_events_twice_and_without_an_end() -> None:
    odd = {"repeats": 2, "inactive": False, "exceptions": "array"}
    async with (
        Nvr(nvr_profile("everfocus-small", sockets=odd)) as nvr,
        inside(nvr) as client,
        socket(nvr, client, "/meta/eventHook") as events,
        socket(nvr, client, "/system/exceptionListen") as exceptions,
    ):
        for state in ("active", "inactive", "once"):
            nvr.event(1, "Motion", state)
        states = [event["State"] for event in await heard(events, 4)]
        assert states == ["active", "active", "once", "once"]
        nvr.push("exception", {"exception": "DiskFull", "time": 1})
        assert await heard(exceptions, 1) == [[{"exception": "DiskFull", "time": 1}]]


async def test_events_as_in_the_guides_example() -> None:
    """4.5, with the recorder at the day of its example."""
    event = {"channel": 1, "begin": "2020-03-23T07:39:42Z", "end": "2020-03-23T07:39:43Z"}
    made = nvr_profile("everfocus-small", events=[event])
    asked = {
        "ChannelID": [1, 2, 3, 4], "StartTime": 1584892800, "EndTime": 1584979199,
        "Type": ["Motion", "InputAlarm", "ManualRecord", "Tag"], "Stream": "Main",
    }  # fmt: skip
    async with Nvr(made) as nvr, inside(nvr) as client:
        rows = (await client.post("/record/eventSearch", json=asked)).json()
        assert rows == [{
            "ChannelID": 1, "ev_start": 1584949182, "ev_end": 1584949183, "pre_rec": 1584949172,
            "post_rec": 1584949213, "video_size": 14707618, "Type": "Motion",
            "comment": "Motion-1",
        }]  # fmt: skip
        for changes in (
            {"ChannelID": [2]}, {"Type": ["Tag"]}, {"EndTime": 1584949181},
            {"StartTime": 1584949184},
        ):  # fmt: skip
            found = await client.post("/record/eventSearch", json=asked | changes)
            assert found.json() == []
        wrong = await client.post("/record/eventSearch", json=asked | {"Stream": 0})
        assert wrong.json()["Result"] == "Error"


async def test_the_window_of_an_event_may_reach_into_a_hole() -> None:
    """pre_rec says what should have been recorded, whether it was or not."""
    event = {"channel": 1, "begin": "now-5m18s", "end": "now-5m17s"}
    asked = {"ChannelID": [1], "StartTime": NOON - 600, "EndTime": NOON, "Type": ["Motion"],
             "Stream": "Sub"}  # fmt: skip
    async with Nvr(nvr_profile("everfocus-small", events=[event])) as nvr, inside(nvr) as client:
        (row,) = (await client.post("/record/eventSearch", json=asked)).json()
        span = {"startTime": str(row["pre_rec"]), "endTime": str(row["post_rec"])}
        (clip,) = (await client.post("/record/requestVideoClips?ChannelID=1", json=span)).json()
        assert row["pre_rec"] < clip["startTime"] <= row["ev_start"]
        assert clip["endTime"] == row["post_rec"] + 1


async def test_metadata_in_milliseconds() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        asked = {"ChannelID": 1, "Type": "manualStart", "StartTime": NOON - 3600, "EndTime": NOON}
        rows = (await client.post("/record/metaSearch", json=asked)).json()
        assert rows == [{"ChannelID": 1, "Type": "manualStart", "Data": "{ id: 1564741064}",
                         "Timestamp": (NOON - 900) * 1000}]  # fmt: skip
        several = asked | {"Type": ["manualStart", "manualStop"]}
        assert len((await client.post("/record/metaSearch", json=several)).json()) == 2


@pytest.mark.parametrize("kept", ["oldest", "newest"])
async def test_at_most_4000_rows_of_the_log(kept: str) -> None:
    made = nvr_profile("everfocus-small", logging={"many": 5000, "kept": kept})
    async with Nvr(made) as nvr, inside(nvr) as client:
        asked = {"type": "All", "startTime": 0, "endTime": 0}
        rows = (await client.post("/system/searchLogs", json=asked)).json()
        assert len(rows) == 4000
        times = [row["createTime"] for row in rows]
        assert times == sorted(times)
        assert (NOON * 1000 - times[-1] <= 1000) is (kept == "newest")
        alarms = (await client.post("/system/searchLogs", json=asked | {"type": "Alarm"})).json()
        assert alarms == [{"type": "Alarm", "description": "Motion Start", "channel": 1,
                           "createTime": (NOON - 1200) * 1000, "hasRecord": 1}]  # fmt: skip
        late = asked | {"startTime": (NOON - 10) * 1000}
        assert len((await client.post("/system/searchLogs", json=late)).json()) == 10
        wrong = await client.post("/system/searchLogs", json=asked | {"type": "Everything"})
        assert wrong.json()["Result"] == "Error"
