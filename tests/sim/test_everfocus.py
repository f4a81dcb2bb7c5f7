"""The simulated EverFocus recorder, held to the SDK guide: login, cameras, clock, maps, traps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hikcore.sim.everfocus import Nvr, built_in_nvrs, nvr_profile
from hikcore.sim.everfocus.traps import TRAPS
from tests.sim.everfocus_asking import NOON, NOW, inside, login, md5, read_all, response, socket

MIDNIGHT = 1_584_892_800  # the guide's example: 2020-03-23 00:00 at UTC+8


async def test_the_rfcs_own_vector() -> None:
    """RFC 2617 3.5, so that the tests' own arithmetic is right."""
    first, second = (
        md5("Mufasa", "testrealm@host.com", "Circle Of Life"),
        md5("GET", "/dir/index.html"),
    )
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    right = md5(first, nonce, "00000001", "0a4f113b", "auth", second)
    assert right == "6629fae49393a05397450978507c4ef1"


async def test_a_login_as_the_guide_writes_it() -> None:
    async with Nvr() as nvr, httpx.AsyncClient(base_url=nvr.url) as client:
        before = await client.get("/device/cameraList")
        assert (before.status_code, before.json()["Result"]) == (401, "Error")
        parameters = (await client.get("/admin/login")).json()
        nonce = parameters.pop("nonce")
        assert parameters == {"realm": "xnvr", "qop": "auth", "opaque": "", "change_pwd": "first"}
        entered = await client.post("/admin/login", json=response(nonce))
        assert entered.json() == {"Result": "OK", "Description": "userID=1"}
        assert (await client.get("/device/cameraList")).status_code == 200
        assert (await client.get("/admin/logout")).json()["Result"] == "OK"
        assert (await client.get("/device/cameraList")).status_code == 401


async def test_a_nonce_is_good_for_one_try() -> None:
    async with Nvr() as nvr, httpx.AsyncClient(base_url=nvr.url) as client:
        nonce = (await client.get("/admin/login")).json()["nonce"]
        wrong = await client.post("/admin/login", json=response(nonce, "wrong"))
        assert (wrong.status_code, wrong.json()["Result"]) == (200, "Error")
        again = await client.post("/admin/login", json=response(nonce))
        assert again.json()["Result"] == "Error"
        async with httpx.AsyncClient(base_url=nvr.url) as other:
            nonce = (await client.get("/admin/login")).json()["nonce"]
            # Of another session: there no nonce was given.
            assert (await other.post("/admin/login", json=response(nonce))).json()[
                "Result"
            ] == "Error"


async def test_wrong_logins_lock_the_address() -> None:
    made = nvr_profile("everfocus-small", login={"lock_after": 2})
    async with Nvr(made) as nvr, httpx.AsyncClient(base_url=nvr.url) as client:
        for _ in range(2):
            nonce = (await client.get("/admin/login")).json()["nonce"]
            await client.post("/admin/login", json=response(nonce, "wrong"))
        assert (await login(client))["Result"] == "Error"
        nvr.advance(1801)
        assert (await login(client))["Result"] == "OK"


@pytest.mark.parametrize(
    ("how", "status"), [("401", 401), ("403", 403), ("error", 200), ("page", 200)]
)
async def test_sessions_end(how: str, status: int) -> None:
    made = nvr_profile("everfocus-small", login={"session_seconds": 60, "refused": how})
    async with Nvr(made) as nvr, inside(nvr) as client:
        nvr.advance(59)
        assert isinstance((await client.get("/device/cameraList")).json(), list)
        nvr.advance(2)
        refused = await client.get("/device/cameraList")
        assert refused.status_code == status
        assert (refused.headers["content-type"] == "text/html") is (how == "page")
        with pytest.raises(InvalidStatus):
            async with socket(nvr, client, "/live/1/0"):
                pass


async def test_a_reboot_ends_everything_and_leaves_a_hole() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        async with socket(nvr, client, "/live/1/0") as stream:
            nvr.reboot(90)
            await read_all(stream)
            with pytest.raises(ConnectionClosed):
                await stream.recv()
        with pytest.raises(httpx.TransportError):
            await client.get("/device/cameraList")
        nvr.advance(120)
        assert (await client.get("/device/cameraList")).status_code == 401
        assert (await login(client))["Result"] == "OK"
        seen = nvr.recorded(1, _span(NOON - 10, NOON + 120))
        gaps = [after - before for before, after in pairwise(seen) if after - before > 10**9]
        assert len(gaps) == 1
        assert 90 * 10**9 <= gaps[0] < 95 * 10**9


async def test_other_ways_to_log_in() -> None:
    made = nvr_profile(
        "everfocus-small",
        login={"uri": "/login", "prehash": "md5", "temporary": True, "rotates": True,
               "change_pwd": None},
    )  # fmt: skip
    async with Nvr(made) as nvr, httpx.AsyncClient(base_url=nvr.url) as client:
        parameters = (await client.get("/admin/login")).json()
        assert "change_pwd" not in parameters
        before = dict(client.cookies)
        entered = await client.post(
            "/admin/login", json=response(parameters["nonce"], md5("hikcore-12345"), "/login")
        )
        assert entered.json()["option"] == "needToChangePasswd"
        assert dict(client.cookies) != before
        assert (await client.get("/device/cameraList")).status_code == 200


async def test_quotes_as_the_guide_prints_them() -> None:
    made = nvr_profile("everfocus-small", curly=True)
    async with Nvr(made) as nvr, httpx.AsyncClient(base_url=nvr.url) as client:
        nonce = (await client.get("/admin/login")).json()["nonce"]
        entered = await client.post("/admin/login", json=response(nonce))
        assert entered.text == '{"Result": “OK”, "Description": "userID=1"}'
        assert len((await client.get("/device/cameraList")).json()) == 4


async def test_cameras() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        rows = (await client.get("/device/cameraList")).json()
        assert list(rows[0]) == [
            "ChannelID", "Enable", "DeviceName", "IPAddress", "Port", "Manufacturer",
            "FirmwareVersion", "Model", "MacAddress", "protocol", "SubnetMask", "ODSPosition",
        ]  # fmt: skip
        states = [(row["ChannelID"], row["Enable"]) for row in rows]
        assert states == [(1, True), (2, True), (5, True), (7, False)]
        status = (await client.get("/device/cameraStatus")).json()
        assert list(status[0]) == ["ChannelID", "Online", "Recording", "Event", "Manual"]
        detail = (await client.get("/device/cameraDetail", params={"ChannelID": 2})).json()
        assert list(detail)[:2] == ["ChannelID", "Enable"]
        assert detail["Password"]
        absent = (await client.get("/device/cameraDetail", params={"ChannelID": 3})).json()
        assert absent["Result"] == "Error"


async def test_the_clock_as_in_the_guides_example() -> None:
    """9.19: 1568609673430 is 2019-09-16 12:54:33.430 at UTC+8."""
    made = nvr_profile("everfocus-small", clock={"frozen": "2019-09-16T04:54:33.430Z"})
    async with Nvr(made) as nvr, inside(nvr) as client:
        assert (await client.get("/system/getTime")).json() == {
            "time": 1568609673430, "localtime": "2019-09-16 12:54:33.430", "date_format": 0,
            "time_format": 0, "ntp_enable": False, "ntp_server": "pool.ntp.org", "time_zone": 480,
            "dst_enable": False, "dst_mode": 1, "dst_offset": 0, "dst_start_month": 2,
            "dst_start_date": 31, "dst_start_hour": 1, "dst_start_minute": 0, "dst_start_day": 0,
            "dst_start_week": -1, "dst_end_month": 9, "dst_end_date": 27, "dst_end_hour": 1,
            "dst_end_minute": 0, "dst_end_day": 0, "dst_end_week": -1,
        }  # fmt: skip


async def test_ports_and_system() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        ports = (await client.get("/network/getPort")).json()
        assert list(ports) == ["http_port", "rtsp_port", "https_port"]
        assert ports["http_port"] == nvr.port
        system = (await client.get("/system/getSystemInfo")).json()
        assert list(system) == [
            "analog_channels", "ipcam_channels", "device_name", "device_id", "software_version",
            "model", "serial",
        ]  # fmt: skip


async def ask(client: httpx.AsyncClient, kind: str, begin: int, end: int, **other: Any) -> Any:
    body = {"ChannelIDs": [1], "StartTime": begin, "EndTime": end, "mainsub": 1} | other
    return (await client.post(f"/record/getMapBy{kind}", json=body)).json()


async def test_days_are_those_of_the_wall_clock() -> None:
    made = nvr_profile("everfocus-small", recorded={"since": "now-30h"})
    async with Nvr(made) as nvr, inside(nvr) as client:
        day = NOON // 86_400 * 86_400 - 8 * 3600  # local midnight at UTC+8
        found = await ask(client, "Day", day - 2 * 86_400, day + 86_399)
        assert found == {"StartTime": day - 2 * 86_400, "EndTime": day + 86_399, "CH1": "-++"}
        assert (await ask(client, "Day", day + 3600, day + 86_399))["Result"] == "Error"
        long = await ask(client, "Day", day - 40 * 86_400, day + 86_399)
        assert (len(long["CH1"]), long["EndTime"]) == (35, day - 5 * 86_400 - 1)


async def test_days_of_23_and_25_hours() -> None:
    zone = "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00"
    made = nvr_profile(
        "everfocus-small",
        clock={"zone": zone, "frozen": "2026-10-26T12:00:00Z"},
        recorded={"since": "now-20h", "holes": []},
    )
    async with Nvr(made) as nvr, inside(nvr) as client:
        begin = 1_792_879_200  # 2026-10-25 00:00 at UTC+2
        found = await ask(client, "Day", begin, begin + 25 * 3600 - 1)
        assert found["CH1"] == "+"
        two = await ask(client, "Day", begin, begin + 49 * 3600 - 1)
        assert (two["CH1"], two["EndTime"]) == ("++", begin + 49 * 3600 - 1)
        time = (await client.get("/system/getTime")).json()
        assert (time["time_zone"], time["dst_enable"], time["dst_offset"]) == (60, True, 60)
        assert (time["dst_end_month"], time["dst_end_week"], time["dst_end_hour"]) == (9, -1, 3)


async def test_minutes_and_seconds_are_where_the_pictures_are() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        hour = NOON - 3600
        found = await ask(client, "Minute", hour, NOON - 1, ChannelIDs=[1, 5])
        assert (found["StartTime"], found["EndTime"]) == (hour, NOON - 1)
        for channel in (1, 5):
            seen = [at // 60_000_000_000 * 60 for at in nvr.recorded(channel, _span(hour, NOON))]
            marks = "".join("+" if hour + 60 * at in seen else "-" for at in range(60))
            assert found[f"CH{channel}"] == [marks]
        edge = NOON - 7 * 60
        rows = (await ask(client, "Second", edge, edge + 179))["CH1"]
        seconds = {at // 1_000_000_000 for at in nvr.recorded(1, _span(edge, edge + 180))}
        assert rows == [
            "".join("+" if edge + 60 * row + at in seconds else "-" for at in range(60))
            for row in range(3)
        ]
        assert {len(row) for row in rows} == {60}
        assert "+-" in rows[0] + rows[1]
        short = await ask(client, "Second", edge, edge + 89)
        assert [len(row) for row in short["CH1"]] == [60, 30]


async def test_what_maps_refuse() -> None:
    async with Nvr() as nvr, inside(nvr) as client:
        hour = NOON - 3600
        assert (await ask(client, "Minute", hour, NOON, mainsub=0))["Result"] == "Error"
        assert (await ask(client, "Minute", hour + 1, NOON))["Result"] == "Error"
        assert (await ask(client, "Minute", hour, NOON, ChannelIDs=[1, 2, 3, 4, 5]))[
            "Result"
        ] == "Error"
        assert (await ask(client, "Minute", hour, NOON, StartTime=str(hour)))["Result"] == "Error"
        assert "CH3" not in await ask(client, "Minute", hour, NOON - 1, ChannelIDs=[1, 3])
        # A camera without a second stream has none recorded either.
        none = await ask(client, "Minute", hour, NOON - 1, ChannelIDs=[2], mainsub=2)
        assert set(none["CH2"][0]) == {"-"}
        two_days = await ask(client, "Minute", hour - 86_400, NOON - 1)
        assert (len(two_days["CH1"]), two_days["EndTime"]) == (24, hour - 1)
        hours = await ask(client, "Second", hour, NOON + 3600)
        assert (len(hours["CH1"]), hours["EndTime"]) == (60, NOON - 1)


async def test_other_maps() -> None:
    async with Nvr("everfocus-odd") as nvr, inside(nvr) as client:
        hour = NOON - 3600
        found = await ask(client, "Minute", hour + 7, NOON + 86_400, ChannelIDs=[1, 2, 5, 7, 9])
        # It says what was asked, though it answers another span.
        assert (found["StartTime"], found["EndTime"]) == (hour + 7, NOON + 86_400)
        assert len(found["CH1"]) == 24
        assert sorted(found)[:3] == ["CH1", "CH2", "CH5"]
        short = await ask(client, "Second", hour, hour + 89)
        assert [len(row) for row in short["CH1"]] == [60, 60]
        status = (await client.get("/device/cameraStatus")).json()
        assert status[0]["Online"] == "true"


async def test_all_57_management_calls_are_traps() -> None:
    assert len(TRAPS) == 57
    assert len({row[0] for row in TRAPS}) == 57
    async with Nvr(strict=False) as nvr, inside(nvr) as client:
        for section, method, path, command in TRAPS:
            body = {"command": command} if command else {"command": "tilt_up"}
            sent = "POST" if method == "POST" else "GET"
            answer = await client.request(sent, path, json=body if sent == "POST" else None)
            assert answer.json()["Result"] == "Error"
            assert nvr.trapped[-1].section == section
        assert len(nvr.trapped) == 57
        # Not one needs a login to be noticed, and no spelling hides it.
        async with httpx.AsyncClient(base_url=nvr.url) as stranger:
            await stranger.get("/System/Reboot/")
        assert nvr.trapped[-1].section == "10.9"


async def test_a_touched_trap_fails_the_test_run() -> None:
    with pytest.raises(AssertionError, match=r"GET /system/shutdown \(section 10.8\)"):
        async with Nvr() as nvr, inside(nvr) as client:
            await client.get("/system/shutdown")


@pytest.mark.parametrize("name", list(built_in_nvrs()))
async def test_each_profile_starts(name: str) -> None:
    async with Nvr(name) as nvr, inside(nvr) as client:
        assert len((await client.get("/device/cameraList")).json()) == 4


def _span(begin: int, end: int) -> Any:
    from hikcore.instants import NS, Span

    return Span(begin * NS, end * NS)


assert NOW % 1_000_000_000 == 0
