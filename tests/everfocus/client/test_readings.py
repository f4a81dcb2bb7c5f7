"""Every reading of the guide: sent as it writes it, its own sample reply read.

The replies are the guide's, in guide/ by section; what is inferred here is named in docs.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from hikcore.errors import DeviceError, DeviceProtocolError, TransferInterrupted
from hikcore.sources.everfocus.allowed import READINGS
from hikcore.sources.everfocus.calls.streaming import (
    CameraStatus,
    EventMessage,
    ExceptionMessage,
    MetaMessage,
    Notice,
    control,
    parse,
)
from hikcore.sources.everfocus.client import EverFocusClient
from hikcore.sources.everfocus.replies import DeviceSaidError
from tests.everfocus.client import cases_cameras, cases_footage, cases_system
from tests.everfocus.client.case import DAY, Case, at
from tests.everfocus.client.cases_footage import ERROR
from tests.everfocus.client.conftest import OPEN, MakeSession
from tests.everfocus.client.device import Device, Reply
from tests.everfocus.client.guide import reply

CASES = [*cases_cameras.CASES, *cases_footage.CASES, *cases_system.CASES]
AVI = b"RIFF\x10\0\0\0AVI LIST" + bytes(range(256)) * 40
#: The sample of 2.2, which all that answer Result have alike.
REFUSED = '{ "Result": “Error” \n "Description": "no such channel", }'.encode()


@pytest.fixture
def client(session: MakeSession) -> EverFocusClient:
    return EverFocusClient(session(settings=OPEN))


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_it_is_sent_and_read_as_the_guide_has_it(
    device: Device, client: EverFocusClient, case: Case
) -> None:
    path = case.target.partition("?")[0]
    device.replies[case.method, path] = case.reply
    result = await case.call(client)
    asked = device.asked[-1]
    target = f"{asked.path}?{asked.query}" if asked.query else asked.path
    assert (asked.method, target) == (case.method, case.target)
    assert (json.loads(asked.body) if asked.body else None) == case.body
    assert case.look(result), result


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_its_error_has_the_recorders_own_words(
    device: Device, client: EverFocusClient, case: Case
) -> None:
    path = case.target.partition("?")[0]
    device.replies[case.method, path] = REFUSED
    with pytest.raises(DeviceSaidError, match="no such channel") as caught:
        await case.call(client)
    assert caught.value.description == "no such channel"
    assert device.count(case.method, path) == 1


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("body", [b'["x"]', b'{"x":{}}', b"[[1]]", b'"x"', b"[{}]", b"null"])
async def test_no_reply_breaks_a_call_otherwise(
    device: Device, client: EverFocusClient, case: Case, body: bytes
) -> None:
    """What cannot be right is an error of ours, with nothing else."""
    device.replies[case.method, case.target.partition("?")[0]] = body
    outcome = (await asyncio.gather(case.call(client), return_exceptions=True))[0]
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, DeviceError)
        assert "127.0.0.1" in str(outcome)


def test_every_reading_is_here() -> None:
    over_websockets = {"2.8", "3.1", "3.3", "4.2", "4.4", "10.13", "10.14"}
    elsewhere = {"1", "3.4", "9.12", "10.1", "10.2", "10.3"}  # discovery, control, body, login
    tested = {case.section for case in CASES} | over_websockets | elsewhere
    assert tested == {entry.section for entry in READINGS} | {"1", "2.16", "3.4"}
    assert len(tested) == 65


SOCKETS = [
    ("2.8", lambda c: c.status_stream(), "/device/cameraStatus"),
    ("3.1", lambda c: c.live(3, "sub"), "/live/3/1"),
    (
        "3.3",
        lambda c: c.playback(3, at("2020-03-22T16:00:00.9Z"), "abc"),
        "/playback/3/0?time=1584892800&session=abc",
    ),
    ("4.2", lambda c: c.event_hook(), "/meta/eventHook"),
    ("4.4", lambda c: c.meta_hook(), "/meta/metaHook"),
    ("10.13", lambda c: c.exception_listener(), "/system/exceptionListen"),
    ("10.14", lambda c: c.message_listener(), "/system/messageListen"),
]


@pytest.mark.parametrize(("section", "call", "target"), SOCKETS)
async def test_websockets_are_opened_as_the_guide_has_it(
    device: Device, client: EverFocusClient, section: str, call: object, target: str
) -> None:
    path = target.partition("?")[0]
    device.sockets[path] = ["text", b"\x15\x96\x63\x89"]
    async with call(client) as connection:  # type: ignore[operator]
        assert [await connection.recv(), await connection.recv()] == ["text", b"\x15\x96\x63\x89"]
    asked = device.asked[-1]
    assert (f"{asked.path}?{asked.query}" if asked.query else asked.path) == target


async def test_a_playback_is_controlled_in_band(device: Device, client: EverFocusClient) -> None:
    device.sockets["/playback/3/0"] = []
    async with client.playback(3, DAY.begin, "abc") as connection:
        await connection.send(control("fast_forward", speed=4))
        await connection.send(control("seek", time=DAY.begin))
        await connection.send(control("stop"))
    assert [json.loads(said) for said in device.said["/playback/3/0"]] == [
        {"command": "fast_forward", "speed": 4},
        {"command": "seek", "time": 1584892800},
        {"command": "stop"},
    ]


@pytest.mark.parametrize(
    ("command", "more"),
    [("seek", {}), ("play", {"time": 1}), ("play", {"speed": 2}), ("slow_forward", {})],
)
def test_a_control_that_is_none(command: str, more: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="belongs to"):
        control(command, **more)  # type: ignore[arg-type]


def test_messages() -> None:
    (status,) = parse(
        CameraStatus, reply("2.8-2", ChannelID=1, Online=True, Recording="true", Event=0)
    )
    assert (status.online, status.recording, status.manual) == (True, True, None)
    (event,) = parse(EventMessage, '{"ChannelID": 1, "Type": "Motion", "State": "once"}')
    assert (event.channel, event.type, event.state) == (1, "Motion", "once")
    (meta,) = parse(MetaMessage, reply("4.4", ChannelID=1, Type="x", Data="y"))
    assert (meta.type, meta.data) == ("x", "y")
    (fault,) = parse(
        ExceptionMessage,
        reply("10.13", exception="DiskError", target="/dev/sdb", time=1584892800125),
    )
    assert (fault.target, fault.time) == ("/dev/sdb", at("2020-03-22T16:00:00.125Z"))
    content = {"UserName": "admin", "Password": "kamera-geheim"}
    (notice,) = parse(
        Notice,
        reply("10.14", message="cameraDetail", time=1584892800125, target=3, content=content),
    )
    assert (notice.target, notice.content["Password"]) == ("3", "***")
    with pytest.raises(DeviceProtocolError):
        parse(Notice, "{")


async def _clip(client: EverFocusClient) -> bytes:
    async with client.backup_video_clip(1, DAY) as clip:
        return b"".join([block async for block in clip.blocks()])


async def test_a_clip_is_streamed(device: Device, client: EverFocusClient) -> None:
    device.replies["GET", "/record/backupVideoClip"] = Reply(AVI, type="application/octet-stream")
    async with client.backup_video_clip(1, DAY, "sub") as clip:
        assert b"".join([block async for block in clip.blocks()]) == AVI
        assert clip.promised == clip.size == len(AVI)
    assert device.asked[-1].query == "ChannelID=1&stream=1&startTime=1584892800&endTime=1584979200"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(ERROR), DeviceSaidError),
        (Reply(ERROR, 200, "application/octet-stream"), DeviceSaidError),
        (Reply(ERROR, 400), DeviceSaidError),
        (Reply(b"\xef\xbb\xbf \r\n" + ERROR), DeviceSaidError),
        (Reply(b'{"Result":"OK"}'), DeviceProtocolError),
        (Reply(b""), DeviceProtocolError),
        (Reply(b"RIFF"), DeviceProtocolError),
        (Reply(b"RIFF\0\0\0\0WAVE"), DeviceProtocolError),
        (Reply(b"\0\0\0\x18ftypmp42"), DeviceProtocolError),
        (Reply(AVI, cut=100), TransferInterrupted),
    ],
)
async def test_bodies_that_are_no_clip(
    device: Device, client: EverFocusClient, answer: Reply, error: type[Exception]
) -> None:
    device.replies["GET", "/record/backupVideoClip"] = answer
    with pytest.raises(error):
        await _clip(client)


async def test_a_clip_is_asked_for_again_after_a_login(
    device: Device, client: EverFocusClient
) -> None:
    """An expired session that is told in the body, under status 200."""
    device.replies["GET", "/record/backupVideoClip"] = AVI
    device.expiry = Reply(b'{"Result":"Error","Description":"Please log in"}')
    await client.session.login()
    device.sessions.clear()
    assert await _clip(client) == AVI
    assert device.logins == 2


async def test_a_picture_that_is_none(device: Device, client: EverFocusClient) -> None:
    for answer, error in [
        (ERROR, DeviceSaidError),
        (b"\x89PNG\r\n", DeviceProtocolError),
        (b"\xff\xd8\xff\xe0 without an end", TransferInterrupted),
    ]:
        device.replies["GET", "/device/download/"] = answer
        with pytest.raises(error):
            await client.download_snapshot("/a.jpg")


async def test_a_map_of_more_channels_is_not_asked_for(
    device: Device, client: EverFocusClient
) -> None:
    with pytest.raises(ValueError, match="4 channels"):
        await client.record_map("day", [1, 2, 3, 4, 5], DAY)
    assert device.asked == []
