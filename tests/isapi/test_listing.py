"""What a listing leaves open is asked about; what is odd in it is kept and said."""

from __future__ import annotations

import pytest

from hikcore.errors import DeviceRefused
from hikcore.instants import DAY, NS, Span, parse_instant
from hikcore.sim.profiles import get_profile
from hikcore.sim.recorder import Recorder
from hikcore.sources.isapi import IsapiSource, xml
from hikcore.sources.isapi.calendar import parse_days
from tests.isapi.conftest import MakeSource, recorded
from tests.isapi.device import Asked, Device, Reply
from tests.isapi.pager import File, Pager
from tests.isapi.test_recorder import PATIENT
from tests.isapi.test_source import NOW, day, equip

SEARCH = "/ISAPI/ContentMgmt/search"
CALENDAR = "/ISAPI/ContentMgmt/record/tracks/101/dailyDistribution"
REFUSED = Reply(403, recorded("hikvision_nvr_v4.1.18_notsupport.xml"))
YESTERDAY = parse_instant("2026-11-18T19:00:00Z")  # a local day at UTC+5


def months(*days: int) -> Reply:
    rows = "".join(
        f"<day><id>{n}</id><dayOfMonth>{n}</dayOfMonth><record>{str(n in days).lower()}</record>"
        "</day>"
        for n in range(1, 31)
    )
    return Reply(
        body=f'<trackDailyDistribution xmlns="http://www.isapi.org/ver20/XMLSchema"><dayList>{rows}'
        "</dayList></trackDailyDistribution>".encode()
    )


def test_a_calendar() -> None:
    assert parse_days(xml.parse(months(3, 20).body)) == {3, 20}  # type: ignore[arg-type]
    for body in (b"<html/>", b"no", b"<trackDailyDistribution/>"):
        with pytest.raises(ValueError, match=r".+"):
            parse_days(xml.parse(body))


@pytest.mark.parametrize(("days", "complete"), [((19,), False), ((18, 20), True), ((), True)])
async def test_an_empty_day_that_the_calendar_denies_is_not_taken_for_empty(
    device: Device, source: MakeSource, days: tuple[int, ...], complete: bool
) -> None:
    equip(device, Pager(day(5 * 3600)))
    device.handlers["POST", CALENDAR] = months(*days)
    one = source(device_time="local", now=lambda: NOW)
    answer = await one.recordings(1, "main", Span(YESTERDAY, YESTERDAY + DAY))
    assert answer.recordings == ()
    assert answer.complete == complete
    assert bool(answer.warnings) != complete


async def test_footage_of_the_rest_of_the_local_day_explains_the_calendar(
    device: Device, source: MakeSource
) -> None:
    begin = YESTERDAY // NS + 5 * 3600
    equip(device, Pager([File(101, begin + 60, begin + 600)]))
    device.handlers["POST", CALENDAR] = months(19)
    one = source(device_time="local", now=lambda: NOW)
    answer = await one.recordings(1, "main", Span(YESTERDAY + 3600 * NS, YESTERDAY + DAY))
    assert answer.recordings == ()
    assert answer.complete


async def test_a_calendar_that_is_refused_is_asked_for_once(
    device: Device, source: MakeSource
) -> None:
    equip(device, Pager([]))
    device.handlers["POST", CALENDAR] = REFUSED
    one = source(device_time="local", now=lambda: NOW)
    for back in (1, 2, 3):
        span = Span(YESTERDAY - back * DAY, YESTERDAY - (back - 1) * DAY)
        assert (await one.recordings(1, "main", span)).complete
    assert device.count("good", CALENDAR) == 1
    device.handlers["POST", CALENDAR.replace("101", "102")] = months(19)
    sub = await one.recordings(1, "sub", Span(YESTERDAY, YESTERDAY + DAY))
    assert not sub.complete


async def test_a_channel_that_the_device_does_not_list_is_not_empty(
    device: Device, source: MakeSource
) -> None:
    equip(device, Pager([File(901, 18_000, 18_600)]))
    one = source(device_time="local", now=lambda: NOW)
    with pytest.raises(DeviceRefused, match="no channel 9"):
        await one.recordings(9, "main", Span(YESTERDAY, YESTERDAY + DAY))
    # What it has of a channel that was removed is footage all the same.
    assert (await one.recordings(9, "main", Span(0, 600 * NS))).recordings


async def test_what_a_clock_that_was_set_leaves_is_kept_and_said(
    device: Device, source: MakeSource
) -> None:
    hour = NOW // NS + 5 * 3600 - 4 * 3600
    files = [
        File(101, hour, hour + 1200),
        File(101, hour + 1200, hour + 2400),
        File(101, hour + 600, hour + 900),
        File(101, hour + 2400, hour + 1800),
    ]

    class AsWritten(Pager):
        """Lists in the order of its index, not of time."""

        def answer(self, body: bytes) -> bytes:
            self.asked.append(body.decode())
            first = "<searchResultPostion>0<" in body.decode()
            return self._write(self.files if first else [], more=False)

    equip(device, AsWritten(files))
    one = source(device_time="local", now=lambda: NOW)
    answer = await one.recordings(1, "main", Span(NOW - 5 * 3600 * NS, NOW))
    assert len(answer.recordings) == 4
    told = " / ".join(answer.warnings)
    assert "the clock was set back by 600 s" in told
    assert "ends before it begins" in told


async def test_a_clock_years_behind_is_said(device: Device, source: MakeSource) -> None:
    equip(device, Pager(day(5 * 3600)))
    one = source(device_time="local", now=lambda: NOW + 8000 * DAY)
    answer = await one.recordings(1, "main", Span(NOW - 3600 * NS, NOW))
    assert answer.recordings
    assert "8000 days behind ours" in answer.warnings[0]


async def test_more_with_an_empty_page_is_asked_again(device: Device, source: MakeSource) -> None:
    pager = Pager(day(5 * 3600), cap=4)
    equip(device, pager)
    hollow = {0, 4}

    def answer(asked: Asked) -> Reply:
        text = asked.body.decode()
        for at in list(hollow):
            if f"Postion>{at}<" in text:
                hollow.remove(at)
                return Reply(
                    body=b"<CMSearchResult><responseStatusStrg>MORE</responseStatusStrg>"
                    b"<numOfMatches>0</numOfMatches></CMSearchResult>"
                )
        return Reply(body=pager.answer(asked.body))

    device.handlers["POST", SEARCH] = answer
    found = await source(device_time="local").recordings(1, "main", Span(NOW - 9 * 3600 * NS, NOW))
    assert len(found.recordings) == 10
    assert found.complete
    assert len(pager.asked) < 8


@pytest.mark.parametrize(
    "name",
    [
        "ipc-5.5-utc", "nvr-4.61-utc-overlap3", "nvr-4.84-utc-clockstep", "nvr-4.84.101-local-dst",
        "nvr-4.40-cap40", "nvr-4.61-wide500", "dvr-4.71-local", "nxi-4.84-strict-xml",
    ],
)  # fmt: skip
async def test_all_files_of_each_reported_device(name: str) -> None:
    profile = get_profile(name)
    async with Recorder(profile) as recorder:
        one = IsapiSource(
            recorder.host, "admin", profile.auth.password, port=recorder.port,
            settings=PATIENT, now=recorder.now,
        )  # fmt: skip
        assert (await one.clock()).listing == profile.clock.listing
        span = Span(recorder.now() - 7200 * NS, recorder.now() + 600 * NS)
        for camera in await one.cameras():
            answer = await one.recordings(camera.channel, "main", span)
            assert answer.complete
            files = recorder.files(camera.channel, span)
            assert len(answer.recordings) >= len(files)
            assert {r.size for r in answer.recordings} >= {
                recorder.vaults[camera.channel].size(f) for f in files if not f.growing
            }
        await one.aclose()
