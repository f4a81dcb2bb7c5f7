"""Every call of the SDK guide that reads is answered; the search for devices too."""

from __future__ import annotations

import asyncio
import socket as sockets
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from hikcore.sim.everfocus import Nvr, nvr_profile
from hikcore.sim.everfocus.traps import TRAPS
from tests.sim.everfocus_asking import NOON, inside, response, socket

SPAN = {"StartTime": NOON - 3600, "EndTime": NOON - 1}
DAY = NOON // 86_400 * 86_400 - 8 * 3600
CHANNEL = "?ChannelID=1"
#: Section, method, path with query, body, keys that the reply (or its first row) has to have.
READS: tuple[tuple[str, str, str, Any, tuple[str, ...]], ...] = (
    ("2.1", "GET", "/device/probe", None, ("DeviceName", "IPAddress", "MacAddress")),
    ("2.3", "GET", "/device/cameraList", None, ("ChannelID", "Enable", "ODSPosition")),
    ("2.4", "GET", "/device/cameraDetail" + CHANNEL, None, ("UserName", "Schedule", "TimeSync")),
    ("2.8", "GET", "/device/cameraStatus", None, ("ChannelID", "Online", "Recording", "Manual")),
    ("2.13", "POST", "/device/ptzControl" + CHANNEL, {"command": "get_presets"}, ("presets",)),
    ("2.16", "POST", "/device/ptzControl" + CHANNEL, {"command": "get_tour_presets"}, ("presets",)),
    ("2.17", "POST", "/device/getNetworkInterfaces" + CHANNEL, None, ("Result",)),
    ("2.21", "POST", "/device/GetVideoEncoderConfigurations",
     [{"ch": 1, "mainsub": 0}, {"ch": 1, "mainsub": 1}], ("Result", "Description")),
    ("3.5", "POST", "/device/playbackControl?session=none", {"command": "play"}, ("Result",)),
    ("3.6", "GET", "/device/getSnapshot" + CHANNEL, None, ("snapshotPath",)),
    ("3.7", "POST", "/device/searchSnapshotPath",
     {"channels": [1], "types": ["Normal"], "startTime": NOON - 90, "endTime": NOON},
     ("channel", "timeStamp", "type", "snapshotPath")),
    ("3.9", "GET", "/device/download/?snapshot=x", None, ("Result", "Description")),
    ("4.5", "POST", "/record/eventSearch",
     {"ChannelID": [1], "Type": ["Motion"], "Stream": "Main", **SPAN}, ("ev_start", "post_rec")),
    ("4.6", "POST", "/record/metaSearch", {"ChannelID": 1, "Type": "manualStart", **SPAN},
     ("ChannelID", "Type", "Data", "Timestamp")),
    ("5.1", "POST", "/record/getMapByDay",
     {"ChannelIDs": [1], "mainsub": 1, "StartTime": DAY, "EndTime": DAY + 86_399}, ("CH1",)),
    ("5.2", "POST", "/record/getMapByMinute", {"ChannelIDs": [1], "mainsub": 1, **SPAN}, ("CH1",)),
    ("5.3", "POST", "/record/getMapBySecond", {"ChannelIDs": [1], "mainsub": 1, **SPAN}, ("CH1",)),
    ("6.3", "GET", "/schedule/getSchedulesByGroup?ChannelID=1&GroupID=Record", None,
     ("Normal", "Motion", "InputAlarm", "Intellegent")),
    ("6.4", "GET", "/schedule/getSchedulesByGroupMultiChannels?ChannelID=1,2,5&GroupID=Alarm",
     None, ("channel", "group", "schedules")),
    ("7.1", "GET", "/network/getNetwork", None, ("pppoe", "interfaces", "general")),
    ("7.2", "GET", "/network/scanWifiDevices", None, ("wifi-list",)),
    ("7.4", "GET", "/network/gsmBitrate", None, ("upload", "download")),
    ("7.5", "GET", "/network/getPOEStates", None, ("interface", "on")),
    ("7.7", "GET", "/network/getDDNS", None, ("active", "status")),
    ("7.9", "GET", "/network/getPort", None, ("http_port", "rtsp_port", "https_port")),
    ("7.11", "GET", "/network/getEMail", None, ("smpt_port", "password")),
    ("8.1", "GET", "/https/getCertificateInfo", None, ("subject", "notAfter", "serial")),
    ("9.1", "GET", "/storage/getUSBStorages", None, ("model", "label")),
    ("9.3", "GET", "/storage/getDiskGroups", None, ("name", "storages", "rec_channels")),
    ("9.4", "GET", "/storage/getStorages", None, ("active", "slot", "group")),
    ("9.6", "GET", "/storage/smart?device=/dev/sdb", None, ()),
    ("9.8", "GET", "/device/GetImagingSettings?ChannelID=1&mainsub=0", None, ("ImagingSettings",)),
    ("9.9", "GET", "/device/GetImagingOptions?ChannelID=1&mainsub=0", None, ("ImagingOptions",)),
    ("9.11", "POST", "/record/requestVideoClips" + CHANNEL,
     {"startTime": str(NOON - 60), "endTime": str(NOON)}, ("startTime", "endTime")),
    ("9.12", "GET", "/record/backupVideoClip?ChannelID=1&stream=0&startTime=1&endTime=2", None,
     ("Result", "Description")),
    ("9.14", "GET", "/device/getSnapshotSettings", None, ("settings",)),
    ("9.16", "GET", "/device/getRecordSettings", None, ("settings",)),
    ("9.18", "GET", "/device/getAlarmSettings?alarmType=GPIO", None, ("settings",)),
    ("9.19", "GET", "/system/getTime", None, ("time", "localtime", "time_zone")),
    ("9.22", "GET", "/storage/getOverwrite", None, ("overwriteDays",)),
    ("9.24", "GET", "/system/getExceptionAlarm", None, ("DiskFull", "DiskError", "VideoLoss")),
    ("9.25", "POST", "/system/searchLogs", {"type": "All", "startTime": 0, "endTime": 0},
     ("type", "description", "createTime", "hasRecord")),
    ("10.5", "GET", "/account/userList", None, ("userID", "active", "username", "password")),
    ("10.6", "GET", "/account/getUser?userID=1", None, ("userID", "permissions")),
    ("10.11", "GET", "/system/backupConfig", None, ()),
    ("10.15", "GET", "/device/getAnalyticsMotionSettings?ChannelID=1&mainsub=0", None,
     ("channel", "switch", "cellLayout", "sensitivity", "cellSettings")),
    ("10.17", "GET", "/system/getSystemInfo", None, ("ipcam_channels", "serial")),
    ("10.19", "GET", "/dio/GetGPIOInfo", None, ("ch", "alarmIn", "alarmOut")),
    ("10.20", "GET", "/dio/GetPinStatus", None, ("pin_value",)),
    ("10.22", "GET", "/ttxnet/getConfig", None, ("enable", "DeviceID", "ServerIP", "ServerPort")),
    ("10.25", "GET", "/device/getGPSEventSettings", None, ("OverSpeed", "LowSpeed", "LongParking")),
    ("10.27", "GET", "/device/getGSensorEventSettings", None, ("RapidAcceleration", "Sharp")),
    ("10.29", "GET", "/network/getFTP", None, ("active", "host", "port", "path")),
    ("10.32", "GET", "/network/getIPFilter", None, ("active", "mode", "blacklist", "whitelist")),
    ("10.1", "GET", "/admin/login", None, ("realm", "qop", "nonce", "opaque")),
    ("10.2", "POST", "/admin/login", {}, ("Result", "Description")),
    ("10.3", "GET", "/admin/logout", None, ("Result",)),
)  # fmt: skip
#: Sections that are no HTTP request: UDP, streams, control in band, listeners.
OTHERS = ("1", "3.1", "3.3", "3.4", "4.2", "4.4", "10.13", "10.14")


def test_every_section_is_read_or_a_trap() -> None:
    """122 sections: 57 change something, 65 read."""
    reads = {row[0] for row in READS} | set(OTHERS)
    traps = {row[0] for row in TRAPS}
    assert (len(reads), len(traps), reads & traps) == (65, 57, set())


@pytest.mark.parametrize(
    "row", READS, ids=[f"{row[0]} {row[2].partition('?')[0]}" for row in READS]
)
async def test_it_is_answered_as_the_guide_writes_it(
    row: tuple[str, str, str, Any, tuple[str, ...]],
) -> None:
    _, method, path, body, keys = row
    changes = {"events": [{"channel": 1, "begin": "now-20m", "end": "now-19m"}]}
    async with Nvr(nvr_profile("everfocus-small", **changes)) as nvr, inside(nvr) as client:
        answer = await client.request(method, path, json=body)
        assert answer.status_code == 200
        if not keys:
            assert answer.content
            return
        value = answer.json()
        assert set(keys) <= set(value[0] if isinstance(value, list) else value)
    assert nvr.trapped == []


async def test_schedules_have_seven_days_of_48_half_hours() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        path = "/schedule/getSchedulesByGroupMultiChannels"
        rows = (await client.get(f"{path}?ChannelID=1,5&GroupID=FTP")).json()
        assert [row["channel"] for row in rows] == [1, 5]
        for each in rows[0]["schedules"].values():
            assert [len(day) for day in each["Map"]] == [48] * 7
        wrong = await client.get(f"{path}?ChannelID=1,9&GroupID=FTP")
        assert wrong.json()["Result"] == "Error"


async def test_encoders_as_in_the_guides_example() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        asked = [{"ch": 2, "mainsub": 0}]
        path = "/device/GetVideoEncoderConfigurations"
        (found,) = (await client.post(path, json=asked)).json()["Result"]
        told = found["Configuration"]
        assert (found["ch"], found["mainsub"]) == (2, 0)
        assert told["Encoding"] == "H265"
        assert told["Resolution"] == {"Width": "320", "Height": "180"}
        assert told["RateControl"]["FrameRateLimit"] == "2"
        assert told["H265"]["GovLength"] == "16"
        assert (told["AudioEnabled"], told["AudioSupport"]) == (False, True)
        assert (await client.post(path, json=[{"ch": 2, "mainsub": 1}])).json()["Result"] == "Error"


async def test_what_is_not_there() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        for method, path in (("GET", "/record/getMapByDay"), ("GET", "/nothing"),
                             ("POST", "/device/cameraList")):  # fmt: skip
            assert (await client.request(method, path)).status_code == 404
        answer = await client.post("/record/getMapByDay", content=b"{ChannelIDs: [1]}")
        assert answer.json()["Result"] == "Error"


INQUIRY = bytes.fromhex("26982334 0401 020000000001 ffffffffffff 01 00 0000")


async def ask(port: int, data: bytes) -> bytes | None:
    loop = asyncio.get_running_loop()
    with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as udp:
        udp.setblocking(False)
        await loop.sock_sendto(udp, data, ("127.0.0.1", port))
        try:
            return await asyncio.wait_for(loop.sock_recv(udp, 4096), 0.5)
        except TimeoutError:
            return None


async def test_the_search_for_devices() -> None:
    assert len(INQUIRY) == 22
    async with Nvr(discovery_port=0) as nvr:
        assert nvr.discovery_port
        answer = await ask(nvr.discovery_port, INQUIRY)
        assert answer is not None
        root = ElementTree.fromstring(answer)
        assert (root.tag, root.attrib) == ("DeviceInfo", {"version": "1.0"})
        assert [child.tag for child in root] == [
            "HttpPort", "DeviceName", "ModelName", "FwVer", "Category", "Ipv4", "MacAddr",
            "IPChannels", "AnalogChannels",
        ]  # fmt: skip
        assert root.findtext("HttpPort") == str(nvr.port)
        assert root.findtext("ModelName") == "undefined"
        for wrong in (
            INQUIRY[:-1],
            INQUIRY + b"\0",
            bytes.fromhex("34239826") + INQUIRY[4:],
            INQUIRY[:4] + b"\1\4" + INQUIRY[6:],
            INQUIRY[:18] + b"\2" + INQUIRY[19:],
        ):
            assert await ask(nvr.discovery_port, wrong) is None
        assert nvr.responder is not None
        assert (nvr.responder.answered, len(nvr.responder.heard)) == (1, 6)


@pytest.mark.parametrize("order", ["printed", "swapped"])
async def test_an_answer_behind_a_header(order: str) -> None:
    made = nvr_profile("everfocus-small", answering={"form": "headed", "order": order})
    async with Nvr(made, discovery_port=0) as nvr:
        assert nvr.discovery_port
        asked = INQUIRY
        if order == "swapped":
            assert await ask(nvr.discovery_port, INQUIRY) is None
            asked = asked[:4][::-1] + asked[4:6][::-1] + asked[6:]
        answer = await ask(nvr.discovery_port, asked)
        assert answer is not None
        size = int.from_bytes(answer[20:22], "big" if order == "printed" else "little")
        assert answer[22:].startswith(b"<DeviceInfo version='1.0'>")
        assert len(answer) == 22 + size
        assert answer[12:18] == asked[6:12]


async def test_a_websocket_on_no_path() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        with pytest.raises(Exception, match="404"):
            async with socket(nvr, client, "/nothing"):
                pass
        assert (await client.get("/device/cameraList")).status_code == 200


async def test_faults_of_a_login() -> None:
    faults = [{"match": "POST /admin/login", "nth": [1], "kind": "status", "status": 500}]
    made = nvr_profile("everfocus-small", faults=faults)
    async with Nvr(made) as nvr, httpx.AsyncClient(base_url=nvr.url) as client:
        nonce = (await client.get("/admin/login")).json()["nonce"]
        assert (await client.post("/admin/login", json=response(nonce))).status_code == 500
        # What was lost on the way has not used the nonce up.
        assert (await client.post("/admin/login", json=response(nonce))).json()["Result"] == "OK"


async def test_faults_as_on_other_devices() -> None:
    faults = [
        {"match": "cameraList", "nth": [1], "kind": "status", "status": 502},
        {"match": "cameraList", "nth": [2], "kind": "drop"},
    ]
    async with Nvr(nvr_profile("everfocus-small", faults=faults)) as nvr, inside(nvr) as client:
        assert (await client.get("/device/cameraList")).status_code == 502
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/device/cameraList")
        assert (await client.get("/device/cameraList")).status_code == 200
        assert [request.fault for request in nvr.requests][-3:] == ["status", "drop", ""]
