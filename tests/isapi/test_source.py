"""The whole source over real HTTP: cameras, clock, recordings."""

from __future__ import annotations

import asyncio
import logging

import pytest

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import ClockUndecided, ConfigurationError, DeviceProtocolError, DeviceRefused
from hikcore.instants import NS, Span, format_instant, parse_instant
from hikcore.sources.base import DeviceCamera, Source
from hikcore.sources.isapi import IsapiSource
from tests.isapi.conftest import MakeSource, recorded
from tests.isapi.device import Asked, Device, Reply
from tests.isapi.pager import File, Pager

NOW = parse_instant("2026-11-20T10:00:00Z")
PROXY = "/ISAPI/ContentMgmt/InputProxy/channels"
INPUTS = "/ISAPI/System/Video/inputs/channels"
STREAMING = "/ISAPI/Streaming/channels"
REFUSED = Reply(403, recorded("hikvision_nvr_v4.1.18_notsupport.xml"))


def at(text: str) -> int:
    return parse_instant(f"2026-11-20T{text}Z") // NS


def equip(device: Device, pager: Pager, zone: str = "CST-5:00:00", local: str = "15:00:00") -> None:
    """A recorder of one camera at UTC+5, 10:00Z by its clock."""
    device.handlers["GET", "/ISAPI/System/time"] = Reply(
        body=f"<Time><localTime>2026-11-20T{local}</localTime><timeZone>{zone}</timeZone>"
        "</Time>".encode()
    )
    device.handlers["GET", PROXY] = Reply(
        body=b"<InputProxyChannelList><InputProxyChannel><id>1</id><name>Door</name>"
        b"</InputProxyChannel></InputProxyChannelList>"
    )
    device.handlers["POST", "/ISAPI/ContentMgmt/search"] = lambda asked: Reply(
        body=pager.answer(asked.body)
    )


def day(shift: int = 0) -> list[File]:
    """Files of an hour from midnight UTC to one with its end ahead; their digits shifted."""
    hour = 3600
    return [
        File(101, at("00:00:00") + shift + n * hour, at("00:00:00") + shift + (n + 1) * hour + 1)
        for n in range(11)
    ]


async def test_cameras_of_a_recorder(device: Device, source: MakeSource) -> None:
    device.handlers["GET", PROXY] = Reply(
        body=recorded("hikvision_eri-k104-p4_v4.31_inputproxy.xml")
    )
    device.handlers["GET", PROXY + "/status"] = Reply(
        body=recorded("hikvision_eri-k104-p4_v4.31_inputproxy-status.xml")
    )
    device.handlers["GET", INPUTS] = REFUSED
    assert await source().cameras() == [
        DeviceCamera(1, "Door", True),
        DeviceCamera(4, "Yard & gate", False),
        DeviceCamera(13, "", None),
    ]


async def test_cameras_of_a_camera(device: Device, source: MakeSource) -> None:
    device.handlers["GET", PROXY] = device.handlers["GET", INPUTS] = REFUSED
    device.handlers["GET", STREAMING] = Reply(body=recorded("hikvision_ipc_v5.5_streaming.xml"))
    assert await source().cameras() == [DeviceCamera(1, "Camera 01")]


async def test_cameras_of_a_hybrid(device: Device, source: MakeSource) -> None:
    device.handlers["GET", PROXY] = Reply(
        body=b"<L><InputProxyChannel><id>5</id><name>IP</name></InputProxyChannel></L>"
    )
    device.handlers["GET", INPUTS] = Reply(
        body=b"<L><VideoInputChannel><id>1</id><name>A</name><resDesc>NO VIDEO</resDesc>"
        b"</VideoInputChannel><VideoInputChannel><id>2</id><name>B</name></VideoInputChannel></L>"
    )
    assert await source().cameras() == [
        DeviceCamera(1, "A", False),
        DeviceCamera(2, "B"),
        DeviceCamera(5, "IP"),
    ]


async def test_no_list_of_cameras_at_all(device: Device, source: MakeSource) -> None:
    for path in (PROXY, INPUTS, STREAMING):
        device.handlers["GET", path] = REFUSED
    with pytest.raises(DeviceRefused, match="notSupport"):
        await source().cameras()


@pytest.mark.parametrize("listing", ["utc", "local"])
async def test_recordings_in_utc_whatever_z_means(
    device: Device, source: MakeSource, listing: str
) -> None:
    pager = Pager(day(5 * 3600 if listing == "local" else 0), cap=4)
    equip(device, pager)
    one: Source = source(now=lambda: NOW)
    assert await one.clock() == DeviceClock(listing, ZoneRule(18_000), "measured")  # type: ignore[arg-type]
    span = Span(at("02:30:00") * NS + 1, at("04:00:00") * NS)
    answer = await one.recordings(1, "main", span)
    assert answer.complete
    assert answer.asked == NOW
    assert [r.span.begin // NS for r in answer.recordings] == [at("02:00:00"), at("03:00:00")]
    first = answer.recordings[0]
    shift = 5 * 3600 if listing == "local" else 0
    assert first.literal_begin == format_instant((at("02:00:00") + shift) * NS, 0)
    assert first.kind == "file"
    assert first.size == 3601 * 1000
    assert not any(r.growing for r in answer.recordings)
    whole = await one.recordings(1, "main", Span(at("00:00:00") * NS, NOW + 3600 * NS))
    assert [r.growing for r in whole.recordings] == [False] * 9 + [True] * 2


async def test_a_setting_is_not_measured(device: Device, source: MakeSource) -> None:
    pager = Pager(day())
    equip(device, pager)
    one = source(device_time="local")
    assert await one.clock() == DeviceClock("local", ZoneRule(18_000), "setting")
    assert not pager.asked


async def test_a_recorder_in_utc_needs_no_measure(device: Device, source: MakeSource) -> None:
    pager = Pager(day())
    equip(device, pager, zone="GMT0:00:00", local="10:00:00")
    assert await source().clock() == DeviceClock("utc", ZoneRule(), "zone is UTC")
    assert not pager.asked


async def test_an_undecided_clock_is_asked_about(device: Device, source: MakeSource) -> None:
    equip(device, Pager([]))
    with pytest.raises(ClockUndecided, match='device_time = "utc"'):
        await source(now=lambda: NOW).clock()


async def test_asking_by_days_answers_like_asking_at_once(
    device: Device, source: MakeSource
) -> None:
    """A file over midnight, ended ten minutes ago: its successor shows on the next day only."""
    midnight = parse_instant("2026-11-20T00:00:00Z")
    pager = Pager(
        [
            File(101, midnight // NS - 3000, midnight // NS + 120),
            File(101, midnight // NS + 119, midnight // NS + 4000),
        ]
    )
    equip(device, pager, zone="GMT0:00:00", local="00:10:00")
    one = source(now=lambda: midnight + 600 * NS)
    before = await one.recordings(1, "main", Span(midnight - 86_400 * NS, midnight))
    after = await one.recordings(1, "main", Span(midnight, midnight + 86_400 * NS))
    assert [r.growing for r in before.recordings] == [False]
    assert before.recordings[0] == after.recordings[0]
    assert [r.growing for r in after.recordings] == [False, True]


async def test_deviation(device: Device, source: MakeSource) -> None:
    equip(device, Pager([]))
    found = await source(now=lambda: NOW - 42 * NS).deviation()
    assert abs(found.offset - 42 * NS) <= found.uncertainty
    assert found.uncertainty >= NS // 2


async def test_searches_are_one_at_a_time(device: Device, source: MakeSource) -> None:
    pager = Pager(day(), cap=2)
    equip(device, pager)
    search, now, most = device.handlers["POST", "/ISAPI/ContentMgmt/search"], 0, 0

    async def watched(asked: Asked) -> Reply:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.002)
        now -= 1
        return search(asked)  # type: ignore[operator]

    device.handlers["POST", "/ISAPI/ContentMgmt/search"] = watched  # type: ignore[assignment]
    one, other = source(device_time="utc"), source(device_time="utc")
    span = Span(NOW - 8 * 3600 * NS, NOW)
    await asyncio.gather(*(each.recordings(1, "sub", span) for each in (one, other, one)))
    assert most == 1
    assert all("<trackID>102</trackID>" in asked for asked in pager.asked)


async def test_an_answer_of_another_kind_is_named(device: Device, source: MakeSource) -> None:
    equip(device, Pager([]))
    device.handlers["POST", "/ISAPI/ContentMgmt/search"] = Reply(body=b"<DeviceInfo/>")
    with pytest.raises(DeviceProtocolError, match="<DeviceInfo>"):
        await source(device_time="utc").recordings(1, "main", Span(0, NS))


async def test_no_password_in_logs_or_errors(
    device: Device, source: MakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    equip(device, Pager(day()))
    one = source(now=lambda: NOW)
    await one.recordings(1, "main", Span(NOW - NS, NOW))

    def broken(asked: Asked) -> Reply:
        return Reply(500, b"no")

    device.handlers["GET", "/ISAPI/System/time"] = broken
    with pytest.raises(DeviceRefused) as caught:
        await one.deviation()
    for text in (caplog.text, repr(caught.value), repr(one), repr(vars(one))):
        assert "geheim-1" not in text


@pytest.mark.parametrize("wrong", [{"scheme": "ftp"}, {"device_time": "maybe"}])
def test_settings_that_are_none(wrong: dict[str, str]) -> None:
    from pydantic import SecretStr

    with pytest.raises(ConfigurationError):
        IsapiSource("h", "u", SecretStr("p"), **wrong)  # type: ignore[arg-type]
