"""Answers that break off or come garbled are asked for again: bounded, told, and never a login."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from hikcore.errors import DeviceAuthError, DeviceError, DeviceProtocolError, DeviceRefused
from hikcore.instants import DAY, NS, Span
from hikcore.sources.isapi import Busy
from hikcore.sources.isapi.status import error_of
from tests.isapi.conftest import QUICK, MakeSource, recorded
from tests.isapi.device import Asked, Device, Reply
from tests.isapi.pager import Pager
from tests.isapi.test_fetch import BODY, RECORDING, VIDEO
from tests.isapi.test_source import NOW, at, day, equip

SEARCH = "/ISAPI/ContentMgmt/search"
TIME = "/ISAPI/System/time"
DOWNLOAD = "/ISAPI/ContentMgmt/download"
TRIES = QUICK.retries.attempts
LONG = Span(at("00:00:00") * NS - DAY, at("00:00:00") * NS)
SPAN = Span(at("00:00:00") * NS, at("08:00:00") * NS)


class Spoils:
    """A handler whose answers are cut off now and then.

    Args:
        whole: what it would say. at: of which answers (from 0) how many bytes are left.
    """

    def __init__(self, whole: Any, at: dict[int, int]) -> None:
        self.whole, self.at = whole, at
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked) -> Reply:
        reply: Reply = self.whole(asked) if callable(self.whole) else self.whole
        number = len(self.asked)
        self.asked.append(asked)
        assert isinstance(reply.body, bytes)
        return replace(reply, body=reply.body[: self.at.get(number, len(reply.body))])


def spoil(device: Device, path: str, at: dict[int, int], method: str = "GET") -> Spoils:
    handler = Spoils(device.handlers[method, path], at)
    device.handlers[method, path] = handler
    return handler


async def test_each_question_of_a_listing_may_break_off_once(
    device: Device, source: MakeSource
) -> None:
    equip(device, Pager(day()))
    for (method, path), _ in list(device.handlers.items()):
        spoil(device, path, {0: 40}, method)
    answer = await source(now=lambda: NOW).recordings(1, "main", SPAN)
    assert answer.complete
    assert answer.recordings
    assert device.count("bad") == 0


@pytest.mark.parametrize("page", range(4))
@pytest.mark.parametrize("cut", [0, 1, 120, -1])
async def test_no_position_is_lost_or_taken_twice(
    device: Device, source: MakeSource, page: int, cut: int
) -> None:
    """Page 0, each later one and the empty one behind them, cut off at its first byte, early,
    in its middle, one byte before its end."""
    pager = Pager(day(), cap=3)
    equip(device, pager)
    undisturbed = await source(device_time="utc", now=lambda: NOW).recordings(1, "main", SPAN)
    before = list(pager.asked)
    handler = spoil(device, SEARCH, {page: cut}, "POST")
    answer = await source(device_time="utc", now=lambda: NOW).recordings(1, "main", SPAN)
    assert answer == replace(undisturbed, asked=answer.asked)
    positions = [text[text.index("Postion>") :].split("<")[0] for text in pager.asked]
    first, second = positions[: len(before)], positions[len(before) :]
    # The same question once more, no other; behind all the same page by another id, which tells
    # whether the device gives pages by their positions.
    assert second == [*first[: page + 1], *first[page:], first[page]]
    assert handler.asked[page].body == handler.asked[page + 1].body


async def test_one_broken_document_for_ever_is_asked_for_twice(
    device: Device, source: MakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    equip(device, Pager(day()))
    handler = spoil(device, SEARCH, dict.fromkeys(range(99), 200), "POST")
    one = source(device_time="utc", now=lambda: NOW)
    with (
        caplog.at_level(logging.INFO, "hikcore.isapi"),
        pytest.raises(DeviceProtocolError, match=r"not XML.*asked 2 times.*very same") as error,
    ):
        await one.recordings(1, "main", SPAN)
    assert not error.value.retryable
    assert len(handler.asked) == 2
    assert caplog.text.count("[try ") == 2
    # What it is known to say always is not asked for twice again.
    with pytest.raises(DeviceProtocolError, match="before"):
        await one.recordings(1, "main", SPAN)
    assert len(handler.asked) == 3


async def test_answers_that_are_spoilt_otherwise_each_time_are_bounded_too(
    device: Device, source: MakeSource
) -> None:
    equip(device, Pager(day()))
    handler = spoil(device, TIME, {n: 20 + n for n in range(99)})
    one = source(device_time="utc", now=lambda: NOW)
    with pytest.raises(DeviceProtocolError, match=rf"{TRIES} of {TRIES} tries") as error:
        await one.recordings(1, "main", SPAN)
    assert error.value.retryable
    assert "zone" not in str(error.value)
    assert len(handler.asked) == TRIES
    # A whole patience was spent: who asks next gets one try, until that is forgotten.
    with pytest.raises(DeviceProtocolError, match="not asked again"):
        await one.recordings(1, "main", SPAN)
    assert len(handler.asked) == TRIES + 1
    handler.at.clear()
    assert (await one.recordings(1, "main", SPAN)).complete


async def test_a_patience_that_was_spent_comes_back(device: Device, source: MakeSource) -> None:
    equip(device, Pager(day()))
    handler = spoil(device, TIME, {n: 20 + n for n in range(99)})
    forgetful = replace(QUICK, busy=Busy(initial=0.01, maximum=0.02, patience=0))
    one = source(device_time="utc", now=lambda: NOW, settings=forgetful)
    for _ in range(2):
        with pytest.raises(DeviceProtocolError, match="tries"):
            await one.recordings(1, "main", SPAN)
    assert len(handler.asked) == 2 * TRIES


async def test_nothing_at_all_is_asked_for_as_often_as_any_fault(
    device: Device, source: MakeSource
) -> None:
    equip(device, Pager(day()))
    handler = spoil(device, SEARCH, {0: 0, 1: 0}, "POST")
    assert (await source(device_time="utc", now=lambda: NOW).recordings(1, "main", SPAN)).complete
    assert [len(asked.body) for asked in handler.asked[:3]] == [len(handler.asked[0].body)] * 3


@pytest.mark.parametrize("cut", [len(b"<userCheck"), 60, 0])
async def test_a_refused_login_is_never_sent_twice(
    device: Device, source: MakeSource, cut: int
) -> None:
    """However its document is cut off."""
    equip(device, Pager(day()))
    whole = device._challenge

    def challenge(stale: str) -> Reply:
        reply = whole(stale)
        assert isinstance(reply.body, bytes)
        return replace(reply, body=reply.body[:cut])

    device._challenge = challenge  # type: ignore[method-assign]
    one = source(password="wrong", now=lambda: NOW)
    for _ in range(3):
        with pytest.raises(DeviceAuthError):
            await one.recordings(1, "main", SPAN)
    assert device.count("bad") == 1


async def test_a_locked_account_that_is_told_under_200_is_not_asked_again(
    device: Device, source: MakeSource
) -> None:
    equip(device, Pager(day()))
    device.handlers["GET", TIME] = Reply(body=recorded("hikvision_nvr_v4.61_usercheck-lock.xml"))
    with pytest.raises(DeviceAuthError, match="locked"):
        await source(device_time="utc", now=lambda: NOW).recordings(1, "main", SPAN)
    assert device.count("good", TIME) == 1


async def test_a_refusal_that_broke_off_is_heard_whole(device: Device, source: MakeSource) -> None:
    """Cut off, "busy" under HTTP 400 looks like a refusal of the question."""
    equip(device, Pager(day()))
    busy = Reply(400, recorded("hikvision_nvr_v4.30_busy.xml"))
    good, asked = device.handlers["POST", SEARCH], list[Asked]()

    def handler(one: Asked) -> Reply:
        asked.append(one)
        assert isinstance(busy.body, bytes)
        cut = replace(busy, body=busy.body[:150])
        reply = (cut, busy)[len(asked) - 1] if len(asked) <= 2 else good
        return reply(one) if callable(reply) else reply

    device.handlers["POST", SEARCH] = handler
    assert (await source(device_time="utc", now=lambda: NOW).recordings(1, "main", SPAN)).complete
    assert len({one.body for one in asked[:3]}) == 1


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_a_device_error_comes_and_goes(
    device: Device, source: MakeSource, status: int
) -> None:
    """On one unit, with one question (facts 1.3); twice is its word."""
    equip(device, Pager(day()))
    error = Reply(status, recorded("hikvision_nvr_v4.61_deviceerror.xml"))
    good, struck = device.handlers["GET", TIME], list[Asked]()

    def handler(one: Asked) -> Reply:
        struck.append(one)
        return error if len(struck) % 2 else good  # type: ignore[return-value]

    device.handlers["GET", TIME] = handler
    assert (await source(device_time="utc", now=lambda: NOW).recordings(1, "main", SPAN)).complete
    device.handlers["GET", TIME] = error
    before = device.count("good", TIME)
    with pytest.raises(DeviceRefused, match="Device Error"):
        await source(device_time="utc", now=lambda: NOW).recordings(1, "main", SPAN)
    assert device.count("good", TIME) - before == 2


@pytest.mark.parametrize("reply", [Reply(500, b"<html/>"), Reply(body=b"<L><S>"), Reply(503)])
async def test_states_that_cannot_be_had_keep_no_camera_back(
    device: Device, source: MakeSource, reply: Reply
) -> None:
    equip(device, Pager(day()))
    device.handlers["GET", "/ISAPI/ContentMgmt/InputProxy/channels/status"] = reply
    (camera,) = await source(device_time="utc", now=lambda: NOW).cameras()
    assert (camera.name, camera.online) == ("Door", None)


async def test_a_refusal_that_always_breaks_off_stays_the_refusal(
    device: Device, source: MakeSource
) -> None:
    equip(device, Pager(day()))
    body = recorded("hikvision_nvr_v4.1.18_notsupport.xml")[:120]
    device.handlers["POST", SEARCH] = Reply(403, body)
    with pytest.raises(DeviceRefused, match="403") as error:
        await source(device_time="utc", now=lambda: NOW).recordings(1, "main", SPAN)
    assert not error.value.retryable
    assert device.count("good", SEARCH) == 2


def test_what_breaks_off_among_refusals() -> None:
    whole = recorded("hikvision_nvr_v4.1.18_notsupport.xml")
    for body, broken in (
        (recorded("hikvision_nvr_v4.61_deviceerror.xml"), True),
        (whole, False),
        (whole[:100], True),
        (b'{"statusCode": 4, "subS', True),
        (b'{"unheard": 4}', False),
        (recorded("hikvision_ipc_v5.5_404.html"), False),
        (b"", False),
    ):
        error = error_of(403, body, "device")
        assert isinstance(error, DeviceError)
        assert (error.answer == body) is broken, body


async def test_a_document_in_place_of_a_file_is_asked_for_again(
    device: Device, source: MakeSource
) -> None:
    equip(device, Pager(day()))
    answers = [
        Reply(body=recorded("hikvision_nvr_v4.30_busy.xml")[:100]),
        Reply(body=BODY, kind=VIDEO),
    ]
    device.handlers["GET", DOWNLOAD] = lambda asked: answers.pop(0)
    have = bytearray()

    async def keep(block: bytes) -> None:
        have.extend(block)

    await source(device_time="utc", now=lambda: NOW).fetch(RECORDING, keep)
    assert bytes(have) == BODY


async def test_a_page_in_place_of_a_file_for_ever(device: Device, source: MakeSource) -> None:
    equip(device, Pager(day()))
    page = Reply(body=b"<html><title>busy</title></html>", kind="text/html")
    handler = device.handlers["GET", DOWNLOAD] = Spoils(page, {})

    async def keep(block: bytes) -> None:
        raise AssertionError(block)

    with pytest.raises(DeviceProtocolError, match=r"html where a recording should be.*2 times"):
        await source(device_time="utc", now=lambda: NOW).fetch(RECORDING, keep)
    assert len(handler.asked) == 2


async def test_a_calendar_that_is_spoilt_does_not_make_a_camera_empty(
    device: Device, source: MakeSource
) -> None:
    """It is the second witness of an absence: where it has one, it is heard."""
    equip(device, Pager(day()))
    calendar = "/ISAPI/ContentMgmt/record/tracks/101/dailyDistribution"
    whole = b"<trackDailyDistribution><dayList><day><id>19</id><record>true</record></day>"
    device.handlers["POST", SEARCH] = Reply(
        body=b"<CMSearchResult><responseStatusStrg>NO MATCHES</responseStatusStrg></CMSearchResult>"
    )
    device.handlers["POST", calendar] = Reply(body=whole)
    spoil(device, calendar, {n: 40 + n for n in range(99)}, "POST")
    with pytest.raises(DeviceProtocolError, match=f"{TRIES} of {TRIES} tries"):
        await source(device_time="utc", now=lambda: NOW).recordings(1, "main", LONG)
