"""Messages of listeners as the guide prints them, and as recorders may send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hikcore.sources.everfocus.heard import ENDPOINTS, Heard, StatusChanges, as_bool, read_message
from hikcore.sources.everfocus.masked import masked

BY_NAME = {each.name: each for each in ENDPOINTS}
NOW = 1_795_168_997_000_000_000


def read(endpoint: str, message: Any) -> list[Heard]:
    text = message if isinstance(message, str | bytes) else json.dumps(message)
    return list(read_message(BY_NAME[endpoint], text, NOW))


def test_an_event() -> None:
    (heard,) = read("eventHook", {"ChannelID": 3, "Type": "Motion", "State": "active"})
    assert (heard.kind, heard.channel, heard.type, heard.state) == ("event", 3, "Motion", "active")
    assert (heard.time, heard.received) == (-1, NOW)


def test_metadata() -> None:
    data = {"ChannelID": "2", "Type": "diEventStart", "Data": "active"}
    (heard,) = read("metaHook", data)
    assert (heard.channel, heard.type, heard.data) == (2, "diEventStart", data)


@pytest.mark.parametrize("as_array", [False, True])
def test_an_exception_as_object_or_array(as_array: bool) -> None:
    one = {"exception": "DiskError", "target": "/dev/sdb", "time": 1568609673430}
    (heard,) = read("exceptionListen", [one] if as_array else one)
    assert (heard.type, heard.time) == ("DiskError", 1_568_609_673_430_000_000)
    assert heard.channel is None


def test_messages_of_one_array() -> None:
    found = read(
        "messageListen",
        [
            {"message": "sysTimeChanged", "time": 1568609673430,
             "content": {"sysTimeChanged": True}},
            {"message": "cameraDetail", "time": "1568609673431", "target": 5,
             "content": {"DeviceName": "x", "UserName": "admin", "Password": "s3cret",
                         "Schedule": {"a": 1}}},
            {"message": "portList", "time": 7, "content": {"http_port": 80}},
        ],
    )  # fmt: skip
    assert [h.type for h in found] == ["sysTimeChanged", "cameraDetail", "portList"]
    assert [h.channel for h in found] == [None, 5, None]
    assert [h.time for h in found] == [1568609673430 * 10**6, 1568609673431 * 10**6, -1]
    assert "s3cret" not in str(found)
    assert found[1].data["content"]["Password"] == "***"
    assert found[1].data["content"]["UserName"] == "admin"


@pytest.mark.parametrize(
    "value",
    [
        {"Password": "hunter2"},
        {"a": [{"wifiPwd": "hunter2"}]},
        {"pppoe": {"username": "u", "password": "hunter2"}},
        {"Pwd": 12345, "note": "hunter2 is fine here? no: pwd=hunter2"},
        {"Data": '{"ID": 4, "password": "hunter2"}'},
        {"Data": "{“Password”: “hunter2”}"},
        {"url": "rtsp://admin:hunter2@10.0.0.3/live"},
        {"text": "password = hunter2; x"},
        {"secretKey": {"deep": ["hunter2"]}},
        {"token": ["hunter2"]},
    ],
)
def test_no_secret_stays(value: Any) -> None:
    hidden = json.dumps(masked(value), ensure_ascii=False)
    assert "hunter2" not in hidden.replace("hunter2 is fine here?", "")
    assert "12345" not in hidden


def test_what_is_no_secret_stays() -> None:
    kept = {"password": True, "Passive": 1, "time": 5, "compass": "north", "list": [1, None, "a"]}
    assert masked(kept)["password"] is True  # 10.5 tells so that there is one
    assert masked(kept)["list"] == [1, None, "a"]
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert "***" in str(masked(deep))


@pytest.mark.parametrize(
    ("message", "note"),
    [
        ("no JSON", "no JSON: kept as text"),
        (b"\xff\xfe", "no object"),
        ("7", "no object"),
        ('["a"]', "no object"),
        ("[]", None),
        ('{"password": "hunter2", ', "no JSON: kept as text"),
        ("password: hunter2 [", "no JSON: kept as text"),
    ],
)
def test_what_cannot_be_understood_is_kept(message: str | bytes, note: str | None) -> None:
    found = read("eventHook", message)
    assert [h.note for h in found] == ([] if note is None else [note])
    assert "hunter2" not in str(found)


def test_typographic_quotes() -> None:
    (heard,) = read("eventHook", "{“ChannelID”: 1, “Type”: “Motion”, “State”: “once”}")
    assert (heard.channel, heard.state, heard.note) == (1, "once", "")


def test_of_the_status_only_what_changed() -> None:
    changes = StatusChanges()

    def state(online: Any, recording: Any, event: Any) -> str | None:
        row = {"ChannelID": 1, "Online": online, "Recording": recording, "Event": event}
        (heard,) = read("cameraStatus", [row])
        told = changes.changed(heard)
        return None if told is None else told.state

    assert state(True, True, False) == "Online=yes, Recording=yes, Event=no"
    assert state("true", 1, "0") is None
    assert state(True, False, True) == "Recording=no, Event=yes"
    assert state(False, False, True) == "Online=no"
    assert state(False, "?", True) == "Recording=unknown"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(True, True), ("True", True), (1, True), ("1", True), (0, False), ("false", False),
     (None, None), ("perhaps", None)],
)  # fmt: skip
def test_booleans(value: object, wanted: bool | None) -> None:
    assert as_bool(value) is wanted
