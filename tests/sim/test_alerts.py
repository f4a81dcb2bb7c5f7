"""The stream of alerts and snapshots, read from the wire."""

import asyncio
import json
import re
from typing import Any

import av
import httpx
import pytest

from hikcore.sim.alerts import AlertEvent
from hikcore.sim.profile import Profile
from hikcore.sim.recorder import Recorder
from tests.sim.asking import TINY, client
from tests.timecode import read_instant

STREAM = "/ISAPI/Event/notification/alertStream"
Part = tuple[dict[str, str], bytes]


async def at_once(seconds: float) -> None:
    """Time passes as soon as somebody waits for it."""
    await asyncio.sleep(0)


def profile(**alerts: Any) -> Profile:
    return Profile.model_validate({**TINY, "alerts": alerts})


async def listen(chosen: Profile, seconds: int) -> tuple[bytes, httpx.Headers]:
    """What a listener gets in so many seconds of the recorder's life; then it hangs up."""
    alerts = chosen.alerts.model_copy(update={"drop_after_s": seconds})
    chosen = chosen.model_copy(update={"alerts": alerts})
    async with Recorder(chosen, sleep=at_once) as recorder, client(recorder) as http:
        answer = await http.get(STREAM)
        assert answer.status_code == 200
        return answer.content, answer.headers


def parts(data: bytes) -> list[Part]:
    out = []
    for piece in data.split(b"--boundary\r\n")[1:]:
        head, _, body = piece.partition(b"\r\n\r\n")
        names = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        out.append((names, body[:-2]))
    return out


def values(found: list[Part], name: str) -> list[str]:
    return [re.findall(f"<{name}>(.*?)</{name}>", body.decode())[0] for _, body in found]


async def test_a_heartbeat_every_ten_seconds() -> None:
    data, headers = await listen(profile(), 35)
    assert headers["content-type"] == "multipart/mixed; boundary=boundary"
    found = parts(data)
    assert values(found, "eventType") == ["videoloss"] * 4
    assert set(values(found, "eventState")) == {"inactive"}
    assert set(values(found, "activePostCount")) == {"0"}
    assert set(values(found, "dateTime")) == {"2026-11-20T17:00:00+05:00"}
    assert all(int(names["Content-Length"]) == len(body) for names, body in found)


async def test_an_event_is_repeated_each_second_and_stops_the_heartbeat() -> None:
    events = [{"kind": "linedetection", "channel": 3, "after_s": 2, "lasts_s": 15, "ends": True}]
    found = parts((await listen(profile(events=events), 20))[0])
    kinds = values(found, "eventType")
    assert kinds == ["videoloss", *["linedetection"] * 16, "videoloss"]
    assert values(found, "activePostCount")[1:-1] == [*map(str, range(1, 16)), "0"]
    assert values(found, "eventState")[-2] == "inactive"
    assert set(values(found, "channelID")[1:-1]) == {"3"}


@pytest.mark.parametrize(
    ("alerts", "pattern"),
    [
        ({"channel": "zero"}, "<channelID>0</channelID>"),
        ({"channel": "empty"}, "<channelID/>"),
        ({"channel": "dynamic"}, "<dynChannelID>1</dynChannelID>"),
        ({"channel": "plus32"}, "<channelID>33</channelID>"),
        ({"empty_count": True}, "<activePostCount/>"),
        ({"heartbeat": "heartBeat"}, "<eventType>heartBeat</eventType>"),
        ({"broken": "dateTime"}, "<dateTime>2026-11-20 T 17.00.00"),
        ({"broken": "ampersand"}, "<channelName>Gate & yard<"),
        ({"namespace": "urn:psialliance-org"}, 'xmlns="urn:psialliance-org"'),
    ],
)
async def test_oddities(alerts: dict[str, Any], pattern: str) -> None:
    data, _ = await listen(profile(**alerts), 3)
    assert pattern in data.decode()


async def test_lengths_that_are_wrong_or_absent() -> None:
    for lengths in ("off", "none"):
        (names, body), *_ = parts((await listen(profile(lengths=lengths), 3))[0])
        if lengths == "none":
            assert "Content-Length" not in names
        else:
            assert int(names["Content-Length"]) == len(body) - body.count(b"\r\n")


async def test_json_pictures_and_a_firehose() -> None:
    events = [{"kind": "VMD", "lasts_s": 2}]
    chosen = profile(events=events, style="json", pictures=True, copies=50, heartbeat="once")
    found = parts((await listen(chosen, 5))[0])
    kinds = [names["Content-Type"] for names, _ in found]
    assert kinds.count("image/jpeg") == 1
    assert kinds.count("application/json") == 1 + 3 * 50
    assert json.loads(found[1][1])["eventType"] == "VMD"
    picture = next(body for names, body in found if names["Content-Type"] == "image/jpeg")
    assert picture[:2] == b"\xff\xd8"
    assert picture[-2:] == b"\xff\xd9"


async def test_the_recorder_hangs_up_and_refuses_the_next_listener() -> None:
    chosen = profile(drop_after_s=40, listeners=1)
    async with Recorder(chosen, sleep=at_once) as recorder, client(recorder) as http:
        data = (await http.get(STREAM)).content
        assert len(parts(data)) == 4
        assert recorder.alerts.listeners == 0
    async with (
        Recorder(profile(listeners=1)) as recorder,
        client(recorder) as http,
        http.stream("GET", STREAM) as answer,
    ):
        assert answer.status_code == 200
        assert (await http.get(STREAM)).status_code == 403
        assert (await http.get("/Event/notification/alertStream")).status_code == 404
        recorder.alerts.raise_event(AlertEvent(kind="fielddetection"))
        text = b""
        async for block in answer.aiter_raw():
            text += block
            if b"fielddetection" in text:
                break


async def test_snapshots_are_of_now_on_one_path_or_the_other() -> None:
    paths = ("Streaming", "ContentMgmt/StreamingProxy")
    for where, right, wrong in (("direct", *paths), ("proxy", *reversed(paths))):
        data = {**TINY, "dialect": {"snapshot": where}}
        async with Recorder(Profile.model_validate(data)) as recorder, client(recorder) as http:
            refused = await http.get(f"/ISAPI/{wrong}/channels/101/picture")
            assert (refused.status_code, "<statusCode>6<" in refused.text) == (400, True)
            answer = await http.get(
                f"/ISAPI/{right}/channels/101/picture?playbackTime=20200101T000000Z"
            )
            assert answer.headers["content-type"] == "image/jpeg"
            decoder = av.CodecContext.create("mjpeg", "r")
            (frame,) = decoder.decode(av.Packet(answer.content))
            assert 0 <= recorder.now() - read_instant(frame) < 2 * 10**9
