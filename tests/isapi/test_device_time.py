"""What a device's times mean: set as a zone, remembered between processes, looked at again."""

from __future__ import annotations

import logging
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import ClockUndecided, ConfigurationError
from hikcore.instants import NS, Span, parse_instant
from hikcore.sim.profile import Hole
from hikcore.sim.profiles import get_profile
from hikcore.sim.recorder import Recorder
from hikcore.sources.isapi import IsapiSource
from hikcore.sources.notes import TomlNotes
from hikcore.zonerule import rule_of, zone_rule
from tests.isapi.conftest import MakeSource
from tests.isapi.device import Device, Reply
from tests.isapi.pager import Pager
from tests.isapi.test_recorder import PATIENT
from tests.isapi.test_source import NOW, day, equip

TASHKENT = ZoneRule(18_000)
DAY = 86_400 * NS


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ("America/New_York", "EST5EDT,M3.2.0/02:00:00,M11.1.0/02:00:00"),
        ("Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"),
        ("Asia/Shanghai", "CST-8:00:00"),
        ("Europe/Berlin", "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00"),
    ],
)
def test_a_zone_in_every_spelling(text: str, same: str) -> None:
    assert rule_of(text) == rule_of(same) == zone_rule(text)


async def test_a_zone_as_a_setting(device: Device, source: MakeSource) -> None:
    """The recorder believes itself in another zone than its wall clock is set by."""
    pager = Pager(day(5 * 3600))
    equip(device, pager, zone="CST-8:00:00")
    one = source(device_time="Asia/Tashkent", now=lambda: NOW)
    assert await one.clock() == DeviceClock("local", TASHKENT, "setting")
    answer = await one.recordings(1, "main", Span(NOW - 2 * 3600 * NS, NOW))
    assert answer.asked == NOW
    assert [row.span.begin for row in answer.recordings][-1] == NOW - 3600 * NS
    assert (await one.deviation()).offset <= NS


@pytest.mark.parametrize("wrong", ["", "UTC+5x", "Europe/Nowhere", "Local"])
def test_a_setting_that_is_none(source: MakeSource, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="device_time"):
        source(device_time=wrong, port=80)


async def test_a_measurement_is_remembered_for_a_day(
    device: Device, source: MakeSource, tmp_path: Path
) -> None:
    path, pager = tmp_path / "clock.toml", Pager(day(5 * 3600))
    equip(device, pager)
    now = NOW

    def fresh() -> IsapiSource:
        return source(now=lambda: now, clock_notes=TomlNotes(path))

    measured = DeviceClock("local", TASHKENT, "measured")
    assert await fresh().clock() == measured
    kept = tomllib.loads(path.read_text())
    assert kept["reading"] == "local"
    assert "by its wall clock" in " ".join(kept["evidence"])
    before = len(pager.asked)
    now += DAY - NS
    assert await fresh().clock() == measured
    assert len(pager.asked) == before
    now += NS
    device.handlers["GET", "/ISAPI/System/time"] = Reply(
        body=b"<Time><localTime>2026-11-21T15:00:00</localTime><timeZone>CST-5:00:00</timeZone>"
        b"</Time>"
    )
    # Nothing is written any more: looked at again, and what was found before stands.
    assert await fresh().clock() == measured
    assert len(pager.asked) > before
    assert device.count("good", "/ISAPI/ContentMgmt/download") == 0
    before = len(pager.asked)
    assert await fresh().clock() == measured
    assert len(pager.asked) == before


async def test_what_a_device_means_now_counts_more(
    device: Device, source: MakeSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A recorder whose firmware came to mean something else by its Z."""
    path = tmp_path / "clock.toml"
    equip(device, Pager(day(5 * 3600)))
    one = source(now=lambda: NOW - DAY - NS, clock_notes=TomlNotes(path))
    assert (await one.clock()).listing == "local"
    equip(device, Pager(day()))
    caplog.set_level(logging.WARNING)
    again = source(now=lambda: NOW, clock_notes=TomlNotes(path))
    assert (await again.clock()).listing == "utc"
    assert "its times mean utc now, local when they were measured" in caplog.text


async def test_another_zone_or_device_is_measured_anew(
    device: Device, source: MakeSource, tmp_path: Path
) -> None:
    path = tmp_path / "clock.toml"
    equip(device, Pager(day(5 * 3600)))
    await source(now=lambda: NOW, clock_notes=TomlNotes(path)).clock()
    equip(device, Pager([]), zone="CST-6:00:00", local="16:00:00")
    with pytest.raises(ClockUndecided, match="--device-time"):
        await source(now=lambda: NOW, clock_notes=TomlNotes(path)).clock()


async def test_a_change_to_summer_time_is_looked_at(
    device: Device, source: MakeSource, tmp_path: Path
) -> None:
    path = tmp_path / "clock.toml"
    zone = "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00"
    before = parse_instant("2026-10-24T22:00:00Z")
    pager = Pager(day())
    equip(device, pager, zone=zone, local="11:00:00")
    notes = TomlNotes(path)
    rule = rule_of(zone)
    notes.save(
        {"reading": "utc", "measured": "2026-10-24T22:00:00Z", "rule": str(rule), "device": ""}
    )
    one = source(now=lambda: before + 3600 * NS, clock_notes=notes)
    assert (await one.clock()).listing == "utc"
    assert not pager.asked  # an hour later, still summer
    two = source(now=lambda: before + 4 * 3600 * NS, clock_notes=notes)
    assert (await two.clock()).listing == "utc"
    assert pager.asked


async def test_a_recorder_that_stands_still_is_not_fetched_from_in_each_run(
    tmp_path: Path,
) -> None:
    profile = get_profile("small")
    since = profile.recorded.model_copy(
        update={"holes": (*profile.recorded.holes, Hole(begin="now-4m", end="now+9h"))}
    )
    async with Recorder(profile.model_copy(update={"recorded": since})) as recorder:
        served = []
        for _ in range(3):
            one = IsapiSource(
                recorder.host, "admin", recorder.profile.auth.password, port=recorder.port,
                settings=replace(PATIENT), now=recorder.now,
                clock_notes=TomlNotes(tmp_path / "clock.toml"),
            )  # fmt: skip
            assert (await one.clock()).listing == profile.clock.listing
            await one.aclose()
            served.append(recorder.bytes_served)
        assert served[0] == served[1] == served[2] > 0
