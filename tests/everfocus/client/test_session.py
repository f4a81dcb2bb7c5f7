"""Logging in, staying in, and what befalls a connection."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from hikcore.errors import (
    DeviceAuthError,
    DeviceBusy,
    DeviceProtocolError,
    DeviceRefused,
    DeviceUnreachable,
    TransferInterrupted,
)
from hikcore.sources.everfocus import digest
from hikcore.sources.everfocus.replies import DeviceSaidError
from hikcore.sources.fileguard import FileGuard
from hikcore.sources.patience import Retries
from tests.everfocus.client.conftest import QUICK, MakeSession
from tests.everfocus.client.device import LOGIN, Device, Reply

TIME = "/system/getTime"
PORTS = b'{"http_port":80,"rtsp_port":554,"https_port":443}'


def test_the_digest_is_that_of_rfc_2617() -> None:
    settings = replace(QUICK, login_method="GET", login_uri="/dir/index.html")
    parameters = digest.Parameters(
        "testrealm@host.com", "auth", "dcd98b7102dd2f0e8b11d0f600bfb0c093", ""
    )
    said = digest.digest(
        "Mufasa", SecretStr("Circle Of Life"), parameters, "0a4f113b", settings
    )  # the vector of RFC 2617, 3.5
    assert said == "6629fae49393a05397450978507c4ef1"


def test_the_digest_follows_its_settings() -> None:
    parameters = digest.Parameters("xnvr", "auth", "n", "")
    password = SecretStr("p")
    said = {
        digest.digest("u", password, parameters, "c", replace(QUICK, **changed))
        for changed in (
            {},
            {"login_algorithm": "sha256"},
            {"login_method": "GET"},
            {"login_uri": "/"},
            {"password_prehash": "md5"},
        )
    }
    assert len(said) == 5


async def test_the_cookie_goes_with_all_that_follows(device: Device, session: MakeSession) -> None:
    device.replies["GET", "/network/getPort"] = PORTS
    device.replies["GET", "/record/backupVideoClip"] = Reply(b"RIFF", type="video/avi")
    device.sockets["/meta/eventHook"] = ['{"ChannelID":1}']
    one = session()
    assert (await one.get("/network/getPort"))["rtsp_port"] == 554
    async with one.stream("GET", "/record/backupVideoClip", {"ChannelID": 1}) as response:
        assert await response.aread() == b"RIFF"
    async with one.websocket("/meta/eventHook") as connection:
        assert await connection.recv() == '{"ChannelID":1}'
    assert (device.logins, device.expired) == (1, 0)
    assert [asked.path for asked in device.asked[:2]] == [LOGIN, LOGIN]
    assert set(device.asked[1].json) == {"username", "nc", "cnonce", "response"}
    assert one.user == "7"


async def test_one_login_for_all_who_wait(device: Device, session: MakeSession) -> None:
    device.login_delay = 0.05
    device.replies["GET", TIME] = b"{}"
    one = session()
    await asyncio.gather(*(one.get(TIME) for _ in range(20)))
    assert (device.logins, device.count("GET", LOGIN)) == (1, 1)
    device.sessions.clear()
    await asyncio.gather(*(one.get(TIME) for _ in range(20)))
    assert device.logins == 2


@pytest.mark.parametrize(
    "expiry",
    [
        Reply(b"", 401),
        Reply(b"", 403),
        Reply(b"<html>Please log in</html>", 200, "text/html"),
        Reply('{"Result":“Error”,"Description":"Not logged in"}'.encode()),
    ],
)
async def test_a_login_that_ran_out_is_renewed_once(
    device: Device, session: MakeSession, expiry: Reply
) -> None:
    device.expiry = expiry
    device.replies["GET", TIME] = b'{"time":1}'
    one = session()
    await one.get(TIME)
    device.sessions.clear()
    assert await one.get(TIME) == {"time": 1}
    assert device.logins == 2


async def test_a_websocket_logs_in_again(device: Device, session: MakeSession) -> None:
    device.sockets["/live/1/0"] = [b"x"]
    one = session()
    await one.login()
    device.sessions.clear()
    async with one.websocket("/live/1/0") as connection:
        assert await connection.recv() == b"x"
    assert device.logins == 2


async def test_a_right_that_is_missing_is_no_endless_login(
    device: Device, session: MakeSession
) -> None:
    device.replies["GET", TIME] = Reply(b"", 403)
    device.replies["GET", "/device/cameraList"] = b"[]"
    one = session()
    for _ in range(5):
        with pytest.raises(DeviceRefused, match="may have no right"):
            await one.get(TIME)
    assert device.logins == 2
    assert await one.get("/device/cameraList") == []


async def test_a_wrong_password_is_sent_once(
    device: Device, session: MakeSession, tmp_path: Path
) -> None:
    def guard(password: str) -> FileGuard:
        return FileGuard(tmp_path, "127.0.0.1", device.port, "admin", SecretStr(password))

    sessions = [session("falsch-1", guard=guard("falsch-1")) for _ in range(8)]
    outcomes = await asyncio.gather(
        *(one.get(TIME) for one in sessions for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(one, DeviceAuthError) for one in outcomes)
    assert device.refusals == 1


async def test_another_process_knows_of_a_refusal(
    device: Device, session: MakeSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hikcore.sources import login as login_module

    guard = FileGuard(tmp_path, "127.0.0.1", device.port, "admin", SecretStr("falsch-1"))
    with pytest.raises(DeviceAuthError):
        await session("falsch-1", guard=guard).get(TIME)
    monkeypatch.setattr(login_module, "_logins", {})  # as in another process
    asked = len(device.asked)
    with pytest.raises(DeviceAuthError, match="wrong user name"):
        await session("falsch-1", guard=guard).get(TIME)
    assert (device.refusals, len(device.asked)) == (1, asked)


async def test_a_password_that_changed_meanwhile_is_refused_once(
    device: Device, session: MakeSession
) -> None:
    device.replies["GET", TIME] = b"{}"
    one = session()
    await one.get(TIME)
    device.password = "anders-1"
    device.sessions.clear()
    for _ in range(3):
        with pytest.raises(DeviceAuthError):
            await one.get(TIME)
    assert device.refusals == 1


async def test_it_is_refused_once_for_all_sessions(device: Device, session: MakeSession) -> None:
    device.replies["GET", TIME] = b"{}"
    device.login_delay = 0.02
    sessions = [session() for _ in range(6)]
    await asyncio.gather(*(one.get(TIME) for one in sessions))
    device.password = "anders-1"
    device.sessions.clear()
    outcomes = await asyncio.gather(*(one.get(TIME) for one in sessions), return_exceptions=True)
    assert all(isinstance(one, DeviceAuthError) for one in outcomes)
    assert device.refusals == 1


async def test_an_answer_that_trickles_ends(device: Device, session: MakeSession) -> None:
    device.replies["GET", TIME] = Reply(b"{}" * 200, trickle=0.02)
    settings = replace(QUICK, idle_timeout=0.2, retries=Retries(attempts=1))
    with pytest.raises(TransferInterrupted, match="bytes in"):
        await session(settings=settings).get(TIME)


async def test_logins_without_an_answer_end(device: Device, session: MakeSession) -> None:
    device.drop_logins = 100
    one = session()
    for _ in range(3):
        with pytest.raises((DeviceProtocolError, TransferInterrupted)):
            await one.get(TIME)
    assert device.count("POST", LOGIN) <= 4
    device.drop_logins, device.replies["GET", TIME] = 0, b"{}"


async def test_one_lost_answer_to_a_login_is_survived(device: Device, session: MakeSession) -> None:
    device.drop_logins = 1
    device.replies["GET", TIME] = b"{}"
    assert await session().get(TIME) == {}


async def test_change_pwd_first_goes_on_with_a_warning(
    device: Device, session: MakeSession
) -> None:
    device.parameters["change_pwd"] = "first"
    device.option = "needToChangePasswd"
    device.replies["GET", TIME] = b"{}"
    one = session()
    await one.get(TIME)
    assert len(one.warnings) == 2
    assert "change_pwd" in one.warnings[0]
    assert "needToChangePasswd" in one.warnings[1]


async def test_it_logs_out_when_closed(device: Device, session: MakeSession) -> None:
    for settings, logouts in ((QUICK, 1), (replace(QUICK, logout=False), 1)):
        one = session(settings=settings)
        await one.login()
        await one.aclose()
        assert device.count("GET", "/admin/logout") == logouts


async def test_an_unused_session_sends_nothing(device: Device, session: MakeSession) -> None:
    await session().aclose()
    assert device.asked == []


async def test_a_session_in_a_header(device: Device, session: MakeSession) -> None:
    device.cookie_needed = False
    device.replies["GET", TIME] = b"{}"
    device.sockets["/meta/eventHook"] = []
    one = session(settings=replace(QUICK, session_place="header", session_header="X-User"))
    await one.get(TIME)
    async with one.websocket("/meta/eventHook"):
        pass
    assert [asked.headers.get("x-user") for asked in device.asked] == [None, None, "7", "7"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(b'{"Result":"Error","Description":"disk gone"}'), DeviceSaidError),
        (Reply(b'{"Result":"Error"}', 500), DeviceSaidError),
        (Reply(b"", 404), DeviceRefused),
        (Reply(b"", 302, headers={"Location": "/system/reboot"}), DeviceRefused),
        (Reply(b"", 503), DeviceBusy),
        (Reply(b"", 502), DeviceUnreachable),
        (Reply(b"", 200), DeviceProtocolError),
        (Reply(b"{", 200), DeviceProtocolError),
        (Reply(b"[]", 500), DeviceProtocolError),
        (Reply(b"<p>", 200), DeviceRefused),
        (Reply(b"{}" * 50, cut=20), TransferInterrupted),
    ],
)
async def test_answers_that_are_none(
    device: Device, session: MakeSession, reply: Reply, error: type[Exception]
) -> None:
    device.replies["GET", TIME] = reply
    with pytest.raises(error) as caught:
        await session().get(TIME)
    assert f"127.0.0.1:{device.port}" in str(caught.value)
    assert device.count("GET", "/system/reboot") == 0


async def test_what_passes_is_tried_again(device: Device, session: MakeSession) -> None:
    replies = [Reply(b"", 503), Reply(b"{}" * 9, cut=3), Reply(b'{"time":2}')]
    device.replies["GET", TIME] = lambda _: replies.pop(0)
    assert await session().get(TIME) == {"time": 2}


async def test_an_answer_without_an_end_is_not_kept(device: Device, session: MakeSession) -> None:
    device.replies["GET", TIME] = Reply(b"[" + b"1," * 100_000 + b"1]")
    with pytest.raises(DeviceProtocolError, match="more than 1000 bytes"):
        await session(settings=replace(QUICK, answer_limit=1000)).get(TIME)


async def test_nobody_there(session: MakeSession, unused_tcp_port: int) -> None:
    with pytest.raises(DeviceUnreachable, match="Connection refused"):
        await session(port=unused_tcp_port).get(TIME)


async def test_websockets_that_cannot_be_opened(device: Device, session: MakeSession) -> None:
    with pytest.raises(DeviceRefused, match="404"):
        async with session().websocket("/live/9/0"):
            pass


async def test_places_are_kept(device: Device, session: MakeSession) -> None:
    device.replies["GET", TIME] = b"{}"
    one = session(settings=replace(QUICK, searches=2))
    await asyncio.gather(*(one.get(TIME) for _ in range(12)))
    assert device.most <= 2


async def test_one_playback_at_a_time(device: Device, session: MakeSession) -> None:
    device.sockets["/playback/1/0"] = []
    one = session()
    at_once = most = 0

    async def play(number: int) -> None:
        nonlocal at_once, most
        async with one.websocket("/playback/1/0", {"time": 1, "session": f"s{number}"}):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.01)
            at_once -= 1

    await asyncio.gather(*(play(number) for number in range(4)))
    assert most == 1


async def test_what_is_said_to_a_playback_is_on_the_list(
    device: Device, session: MakeSession
) -> None:
    device.sockets["/playback/1/0"] = []
    device.sockets["/meta/eventHook"] = []
    one = session()
    async with one.websocket("/playback/1/0", {"time": 1, "session": "s"}) as playback:
        await playback.send('{"command":"fast_forward","speed":4}')
        for refused in ('{"command":"erase"}', '{"x":1}', b"\0", "no json", ["{}"], ""):
            with pytest.raises(DeviceRefused):
                await playback.send(refused)
    async with one.websocket("/meta/eventHook") as listener:
        with pytest.raises(DeviceRefused):
            await listener.send(json.dumps({"ChannelID": 1, "Type": "x", "State": "once"}))
    assert device.said == {"/playback/1/0": ['{"command":"fast_forward","speed":4}']}
