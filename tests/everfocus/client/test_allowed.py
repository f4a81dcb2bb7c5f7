"""Nothing that changes a recorder leaves the process: every management request of the guide."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import DeviceRefused
from hikcore.sources.everfocus.allowed import COMMANDS, READINGS, check_body, reading
from hikcore.sources.everfocus.transport import AllowedTransport, open_websocket
from tests.everfocus.client.conftest import OPEN, QUICK, MakeSession
from tests.everfocus.client.device import Device

PTZ = "/device/ptzControl?ChannelID=1"
#: Section, method, target, body: all that the guide has and that is no reading.
MANAGEMENT: list[tuple[str, str, str, Any]] = [
    ("2.2", "POST", "/device/addCamera", {"IPAddress": "10.0.0.9", "Enable": True}),
    ("2.5", "GET", "/device/deleteCamera?ChannelID=1", None),
    ("2.6", "POST", "/device/updateCamera?ChannelID=1", {"Enable": False}),
    ("2.7", "POST", "/device/setCamera?ChannelID=1", {"ChannelID": 1}),
    ("2.9", "POST", PTZ, {"command": "tilt_up", "speed": 1}),
    ("2.10", "POST", PTZ, {"command": "set_preset", "parameters": {"preset_name": "x"}}),
    ("2.11", "POST", PTZ, {"command": "remove_preset", "parameters": {"preset_token": "1"}}),
    ("2.12", "POST", PTZ, {"command": "goto_preset", "parameters": {"preset_token": "1"}}),
    ("2.14", "POST", PTZ, {"command": "start_tour", "parameters": {"picked_presets": []}}),
    ("2.15", "POST", PTZ, {"command": "stop_tour"}),
    ("2.18", "POST", "/device/setNetworkInterfaces?ChannelID=1", {"NetworkInterfaces": {}}),
    ("2.19", "POST", "/device/setDNS?ChannelID=1", {"DNSInformation": {"FromDHCP": "true"}}),
    ("2.20", "POST", "/device/setNTP?ChannelID=1", {"NTPInformation": {"FromDHCP": "true"}}),
    ("2.22", "POST", "/device/SetVideoEncoderConfiguration", [{"ch": 1, "mainsub": 0}]),
    ("3.2", "WS", "/audioBackchannel?ChannelID=1", None),
    ("3.8", "POST", "/device/deleteSnapshot", {"snapshotPath": "/a.jpg"}),
    ("4.1", "POST", "/meta/addEvent", {"ChannelID": 1, "Type": "x", "State": "once"}),
    ("4.1", "WS", "/meta/addEvent", None),
    ("4.3", "POST", "/meta/addMeta", {"ChannelID": 1, "Type": "x", "Data": "y"}),
    ("4.3", "WS", "/meta/addMeta", None),
    ("6.1", "POST", "/schedule/setScheduleByGroup?ChannelID=1&GroupID=Record", {"Normal": {}}),
    ("6.2", "POST", "/schedule/setScheduleByGroupMultiChannels", [{"channel": 1}]),
    ("7.3", "GET", "/network/forgetWifi", [{"wifiSSID": "x"}]),
    ("7.6", "POST", "/network/setNetwork", {"pppoe": {}}),
    ("7.8", "POST", "/network/setDDNS", {"active": True}),
    ("7.10", "POST", "/network/setPort", {"http_port": 81}),
    ("7.12", "POST", "/network/testEMail", {"active": True}),
    ("7.13", "POST", "/network/setEMail", {"active": True}),
    ("8.2", "POST", "/https/generateCertificate", {"country_name": "TW"}),
    ("8.3", "POST", "/https/uploadCertificate", {"key": ""}),
    ("9.2", "POST", "/storage/setDiskGroups", [{"name": "DiskGroup1"}]),
    ("9.5", "POST", "/storage/setStorages", [{"active": True, "device": "/dev/sdb"}]),
    ("9.7", "GET", "/storage/format?device=%2Fdev%2Fsdb", ["/dev/sdb"]),
    ("9.10", "POST", "/device/SetImagingSettings?ChannelID=1&mainsub=0", {"brightness": 1}),
    ("9.13", "POST", "/device/setSnapshotSettings", {"settings": []}),
    ("9.15", "POST", "/device/setRecordSettings", {"settings": []}),
    ("9.17", "POST", "/device/setAlarmSettings?alarmType=Motion", {"settings": []}),
    ("9.20", "POST", "/system/setTime", {"time": 1568609673430}),
    ("9.21", "POST", "/storage/setOverwrite", {"overwriteDays": 1}),
    ("9.23", "POST", "/system/setExceptionAlarm", {"DiskFull": {}}),
    ("9.26", "POST", "/system/addLogs", [{"type": "System"}]),
    ("9.27", "POST", "/record/manualRecord", {"channel": 1, "command": "stop"}),
    ("9.28", "POST", "/record/manualAlarm", {"channel": 1, "command": "start"}),
    ("10.4", "POST", "/admin/setAdminAccount", {"username": "x", "password": "y"}),
    ("10.7", "POST", "/account/setUser?userID=1", [{"userID": 1}]),
    ("10.8", "GET", "/system/shutdown", None),
    ("10.9", "GET", "/system/reboot", None),
    ("10.10", "POST", "/system/loadDefault", ["channels"]),
    ("10.12", "POST", "/system/restoreConfig", {"file": ""}),
    ("10.16", "POST", "/device/setAnalyticsMotionSettings", [{"channel": 1}]),
    ("10.18", "POST", "/system/setSystemInfo", {"device_name": "x"}),
    ("10.21", "POST", "/dio/pinManualSetting", {"pinID": 1, "pinValue": 1}),
    ("10.23", "POST", "/ttxnet/setConfig", {"enable": True}),
    ("10.24", "POST", "/device/setGPSEventSettings", {"OverSpeed": {}}),
    ("10.26", "POST", "/device/setGSensorEventSettings", {"Collision": {}}),
    ("10.28", "POST", "/network/setFTP", {"active": True}),
    ("10.30", "POST", "/network/testFTP", {"host": "x"}),
    ("10.31", "POST", "/network/setIPFilter", {"active": True}),
    ("10.33", "GET", "/system/callBuzzer?timeout=60", None),
]


def test_all_of_the_guides_management_is_here() -> None:
    assert len({section for section, *_ in MANAGEMENT}) == 57


@pytest.mark.parametrize(("section", "method", "target", "body"), MANAGEMENT)
async def test_management_is_not_sent(
    device: Device, session: MakeSession, section: str, method: str, target: str, body: Any
) -> None:
    """Through every public way, all settings on, in other spellings too; not even a login is."""
    one = session(settings=OPEN)
    path, _, query = target.partition("?")
    params = dict(pair.split("=") for pair in query.split("&")) if query else None
    spellings = {path, path + "/", "/" + path, path.upper(), path.replace("/", "/./", 1)}
    if path != "/device/ptzControl":
        spellings.add(path[:-1] + f"%{ord(path[-1]):02X}")
    for spelling in sorted(spellings):
        with pytest.raises(DeviceRefused):
            await one.get(spelling, params)
        with pytest.raises(DeviceRefused):
            await one.post(spelling, body, params)
        with pytest.raises(DeviceRefused):
            await one.text(spelling, params)
        for verb in ("GET", "POST", "PUT", "DELETE", "get"):
            with pytest.raises(DeviceRefused):
                async with one.stream(verb, spelling, params, body):
                    pass
        with pytest.raises(DeviceRefused):
            async with one.websocket(spelling, params):
                pass
    assert device.asked == []


@pytest.mark.parametrize(("section", "method", "target", "body"), MANAGEMENT)
async def test_the_transports_refuse_it_too(
    device: Device, section: str, method: str, target: str, body: Any
) -> None:
    """Where a redirect or a fault above would arrive."""
    base = httpx.URL(f"http://127.0.0.1:{device.port}")
    transport = AllowedTransport(base, OPEN, None)
    content = json.dumps(body).encode() if body is not None else b""
    for verb in ("GET", "POST"):
        with pytest.raises(DeviceRefused):
            await transport.handle_async_request(
                httpx.Request(verb, base.join(target), content=content)
            )
    with pytest.raises(DeviceRefused):
        open_websocket(base, target, OPEN, tls=None, headers={})
    await transport.aclose()
    assert device.asked == []


async def test_a_reading_may_not_carry_more(device: Device) -> None:
    base = httpx.URL(f"http://127.0.0.1:{device.port}")
    transport = AllowedTransport(base, OPEN, None)
    for method, target, body, headers in [
        ("GET", "/device/cameraList", b"[1]", {}),
        ("GET", "/device/cameraList?x=1", b"", {}),
        ("GET", "/device/cameraDetail?ChannelID=1&ChannelID=2", b"", {}),
        ("GET", "/device/cameraDetail?ChannelID=1;x=2", b"", {}),
        ("GET", "/device/cameraDetail?ChannelID=1%0d%0aX", b"", {}),
        ("GET", "/device/cameraList", b"", {"X-HTTP-Method-Override": "DELETE"}),
        ("POST", PTZ, b"", {}),
        ("POST", PTZ, b'{"command":"tilt_up","command":"get_presets"}', {}),
        ("POST", PTZ, b'{"command":"get_presets","parameters":{}}', {}),
        ("POST", PTZ, b'{"command":["get_presets"]}', {}),
        ("POST", PTZ, b'["get_presets"]', {}),
        ("POST", "/device/GetVideoEncoderConfigurations", b'[{"ch":1,"Configuration":{}}]', {}),
        ("POST", "/device/playbackControl?session=1", b'{"command":"erase"}', {}),
    ]:
        with pytest.raises(DeviceRefused):
            await transport.handle_async_request(
                httpx.Request(method, str(base) + target, content=body, headers=headers)
            )
    with pytest.raises(DeviceRefused, match="somebody else"):
        await transport.handle_async_request(
            httpx.Request("GET", f"http://localhost:{device.port}/system/getTime")
        )
    await transport.aclose()
    assert device.asked == []


@pytest.mark.parametrize("entry", [entry for entry in READINGS if entry.needs])
def test_what_is_off_is_refused_and_named(entry: Any) -> None:
    target = entry.path + "".join(
        f"{'&' if at else '?'}{name}=1" for at, name in enumerate(entry.params)
    )
    with pytest.raises(DeviceRefused, match=f"{entry.needs} = true"):
        reading(entry.method, target, QUICK)
    assert reading(entry.method, target, replace(QUICK, **{entry.needs: True})) is entry


def test_the_list_is_that_of_the_guide() -> None:
    """65 readings: those here, discovery (1), in-band control (3.4) and tours' presets (2.16)."""
    sections = {entry.section for entry in READINGS}
    assert len(sections) + 3 == 65
    assert not sections & {section for section, *_ in MANAGEMENT}
    assert sum(entry.needs == "inventory" for entry in READINGS) + 2 == 26  # 2.16, and 7.2: `scans`


@given(st.text(max_size=40))
def test_no_other_path_passes(text: str) -> None:
    known = {(entry.method, entry.path) for entry in READINGS}
    for method in ("GET", "POST", "WS"):
        if (method, text.partition("?")[0]) not in known:
            with pytest.raises(DeviceRefused):
                reading(method, "/" + text.lstrip("/") + "x", OPEN)


@given(st.text(max_size=20))
def test_no_other_command_passes(text: str) -> None:
    (ptz,) = (entry for entry in READINGS if entry.path == "/device/ptzControl")
    (control,) = (entry for entry in READINGS if entry.path == "/device/playbackControl")
    for entry, allowed in ((ptz, {"get_presets", "get_tour_presets"}), (control, COMMANDS)):
        body = json.dumps({"command": text}).encode()
        if text in allowed:
            check_body(entry, body)
        else:
            with pytest.raises(DeviceRefused):
                check_body(entry, body)
