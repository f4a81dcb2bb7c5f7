"""What a device is asked for at once, how fast, and when."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import DeviceBusy
from hikcore.instants import parse_instant
from hikcore.sources.base import QuietHours
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.patience import Busy, BusyPace
from hikcore.sources.timetable import Hours, Limit, Timetable
from tests.isapi.conftest import MakeSource, recorded
from tests.isapi.device import Asked, Device, Reply
from tests.isapi.test_fetch import BODY, DOWNLOAD, VIDEO, fetch, serve

TIME = "/ISAPI/System/time"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "text", ["", "22:00", "22-06", "25:00-01:00", "10:61-11:00", "08:00-08:00"]
)
def test_hours_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        Hours.parse(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("2 MB/s", 2e6), ("16 Mbit/s", 2e6), ("512 KiB/s", 524_288.0), ("1.5MB/s", 1.5e6)],
)
def test_limits(text: str, rate: float) -> None:
    assert Limit.parse(text) == Limit(rate)
    assert Limit.parse(f"08:00-20:00 {text}") == Limit(rate, Hours(28_800, 72_000))


@pytest.mark.parametrize("text", ["2 MB", "fast", "08:00-20:00", "08:00-20:00 0 MB/s", "-1 MB/s"])
def test_limits_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        Limit.parse(text)


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 86_399))
def test_hours_hold_what_a_clock_walks_through(begin: int, end: int, second: int) -> None:
    if begin == end:
        return
    hours = Hours.parse(f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}")
    length = (end - begin) % 1440 * 60
    assert hours.holds(second) == ((second - begin * 60) % 86_400 < length)


def test_quiet_hours_are_the_sites() -> None:
    table = Timetable((Hours.parse("22:00-06:00"),), (), BERLIN)
    assert table.quiet_until(parse_instant("2026-07-01T19:59:59Z")) is None
    until = table.quiet_until(parse_instant("2026-07-01T20:00:00Z"))
    assert until is not None
    assert until.astimezone(UTC).isoformat() == "2026-07-02T04:00:00+00:00"
    assert table.quiet_until(parse_instant("2026-07-02T04:00:00Z")) is None


def test_the_smallest_limit_that_holds_counts() -> None:
    table = Timetable((), (Limit.parse("8 MB/s"), Limit.parse("08:00-20:00 1 MB/s")), BERLIN)
    assert table.rate(parse_instant("2026-07-01T10:00:00Z")) == 1e6
    assert table.rate(parse_instant("2026-07-01T22:00:00Z")) == 8e6
    assert Timetable().rate(0) is None


async def test_nothing_is_sent_in_quiet_hours(device: Device, source: MakeSource) -> None:
    table = Timetable((Hours.parse("08:00-20:00"),), (), BERLIN)
    device.handlers["GET", TIME] = Reply(
        body=recorded("hikvision_ds-7616nxi-k2_v4.84.101_time.xml")
    )
    now = parse_instant("2026-07-01T10:00:00Z")
    one = source(settings=Settings(hours=table), now=lambda: now)
    with pytest.raises(QuietHours, match="quiet hours until 20:00"):
        await one.deviation()
    assert not device.asked
    now = parse_instant("2026-07-01T18:00:00Z")
    await one.deviation()


async def test_all_transfers_of_a_device_share_its_bandwidth(
    device: Device, source: MakeSource
) -> None:
    serve(device, Reply(body=BODY[:400_000], kind=VIDEO))
    table = Timetable((), (Limit.parse("1 MB/s"),))
    settings = Settings(hours=table, downloads=3)
    began = time.monotonic()
    async with asyncio.timeout(60):
        await asyncio.gather(*(fetch(source(settings=settings)) for _ in range(3)))
    assert time.monotonic() - began > 0.8  # 1.2 MB, of which a quarter of a second at once


async def test_requests_a_second_are_those_of_all_tasks(device: Device, source: MakeSource) -> None:
    device.handlers["GET", TIME] = Reply(
        body=recorded("hikvision_ds-7616nxi-k2_v4.84.101_time.xml")
    )
    settings = Settings(requests=20)
    sources = [source(settings=settings) for _ in range(2)]
    began = time.monotonic()
    await asyncio.gather(*(sources[n % 2].deviation() for n in range(36)))
    assert time.monotonic() - began > 0.6  # twenty at once, the rest at their pace


async def test_tasks_wait_together_for_a_device_that_is_busy(
    device: Device, source: MakeSource
) -> None:
    busy = 3

    def answer(asked: Asked) -> Reply:
        nonlocal busy
        busy -= 1
        if busy >= 0:
            return Reply(503, recorded("hikvision_nvr_v4.30_busy.xml"))
        return Reply(body=BODY[:5000], kind=VIDEO)

    device.handlers["GET", DOWNLOAD] = answer
    settings = Settings(busy=Busy(0.05, 0.4, 5.0), downloads=1)
    one = source(settings=settings)
    await asyncio.gather(*(fetch(one) for _ in range(6)))
    assert device.count("good", DOWNLOAD) == 9  # three refusals in all, not three a task


def test_waits_double_and_begin_again() -> None:
    pace = BusyPace(Busy(1.0, 4.0, 9.0))
    first = pace.met()
    assert 0.7 < first < 1.3
    assert pace.met() <= first  # another task met the same
    pace._next = 0.0
    assert 1.4 < pace.met() < 2.6
    pace.over()
    pace._next = 0.0
    assert pace.met() < 1.3


async def test_a_clock_that_is_asked_in_other_hours_has_other_limits(
    device: Device, source: MakeSource
) -> None:
    serve(device, Reply(body=BODY[:600_000], kind=VIDEO))
    table = Timetable((), (Limit.parse("08:00-20:00 1 KB/s"),), BERLIN)
    night = parse_instant("2026-07-01T23:00:00Z")
    one = source(settings=Settings(hours=table), now=lambda: night)
    async with asyncio.timeout(60):  # by day it would take ten minutes
        await fetch(one)


async def test_a_patience_that_is_spent_is_not_given_again(
    device: Device, source: MakeSource
) -> None:
    serve(device, Reply(503, recorded("hikvision_nvr_v4.30_busy.xml")))
    one = source(settings=Settings(busy=Busy(0.02, 0.1, 0.4)))
    asked = []
    for _ in range(5):
        before = device.count("good", DOWNLOAD)
        with pytest.raises(DeviceBusy):
            await fetch(one)
        asked.append(device.count("good", DOWNLOAD) - before)
    assert asked[0] > 2
    assert asked[1:] == [1] * 4  # one question each, and no more waiting
    serve(device, Reply(body=BODY[:5000], kind=VIDEO))
    await asyncio.sleep(0.15)
    await fetch(one)
    assert one._connection.polite.busy.spent == 0
