"""What the doctor finds of a device: over real HTTP, and of one that hangs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from hikcore.doctor.device import Subject, examine_device
from hikcore.doctor.finding import Finding, Report, exit_code
from hikcore.errors import DeviceRefused
from hikcore.extract.oldest import oldest
from hikcore.instants import DAY, NS, Span, parse_instant
from hikcore.sim.camera import CameraProfile
from hikcore.sim.profile import Auth, Clock, Profile, Recorded
from hikcore.sim.recorder import Recorder
from hikcore.sources.base import Answer, Recording, Stream
from hikcore.sources.isapi import IsapiSource, Retries, Settings

NOW = parse_instant("2026-11-20T12:00:00Z")
PASSWORD = "planted-9931-doctor"
CAMERA = {"height": 144, "gop": 20, "file_ms": 100_000}


@asynccontextmanager
async def recorder(**changes: Any) -> AsyncIterator[Recorder]:
    options: dict[str, Any] = {
        "auth": Auth(password=SecretStr(PASSWORD)),
        "clock": Clock(frozen="2026-11-20T12:00:00Z"),
        "recorded": Recorded(since="now-20m"),
        "cameras": (
            CameraProfile(channel=1, name="Gate", **CAMERA),
            CameraProfile(channel=4, name="Yard", codec="h265", online=False, **CAMERA),
        ),
    }
    async with Recorder(Profile(**{**options, **changes})) as running:
        yield running


async def examine(
    running: Recorder, folder: Path, *, password: str = PASSWORD, step: float = 20.0, **known: Any
) -> Report:
    source = IsapiSource(
        running.host,
        "admin",
        SecretStr(password),
        port=running.port,
        now=running.now,
        settings=Settings(retries=Retries(attempts=2, initial=0.01, maximum=0.02, jitter=0.01)),
    )
    subject = Subject("home/nvr", running.host, running.port, source, **known)
    try:
        return await examine_device(subject, now=running.now, folder=folder, step=step)
    finally:
        await source.aclose()


def by_check(report: Report) -> dict[str, Finding]:
    return {finding.check: finding for finding in report.findings}


async def test_a_recorder_that_is_well(tmp_path: Path) -> None:
    async with recorder() as running:
        report = await examine(running, tmp_path, channels=[1, 4])
        served = running.bytes_served
        whole = sum(running.vaults[1].size(f) for f in running.files(1) if not f.growing)
    found = by_check(report)
    assert report.failures == []
    assert "DS-" in report.title
    assert "wall clock (measured)" in found["meaning of Z"].text
    assert found["channels"].verdict == "warn"
    assert "offline: 4" in found["channels"].text
    assert "10 s cut" in found["sample"].text
    assert "all rules" in found["sample"].text
    assert served < whole  # no more than is needed
    assert found["oldest"].text.startswith("2026-11-20T11:40")
    assert found["sessions"].verdict == "ok"
    assert list(tmp_path.iterdir()) == []
    assert exit_code([report]) == 0


async def test_channels_new_and_gone_and_a_zone_that_is_another(tmp_path: Path) -> None:
    async with recorder() as running:
        report = await examine(running, tmp_path, channels=[1, 7], zone=ZoneInfo("Europe/Berlin"))
    found = by_check(report)
    assert "not in the configuration: 4 Yard" in found["channels"].text
    assert "configured but gone: 7" in found["channels"].text
    assert found["meaning of Z"].verdict == "warn"
    assert "Europe/Berlin" in found["meaning of Z"].text


async def test_a_clock_that_is_off_and_one_that_died(tmp_path: Path) -> None:
    for offset, verdict in ((-75_000, "warn"), (-22 * 365 * 86_400_000, "fail")):
        async with recorder(clock=Clock(offset_ms=offset, listing="utc")) as running:
            source = IsapiSource(
                running.host, "admin", SecretStr(PASSWORD), port=running.port, device_time="utc"
            )
            subject = Subject("home/nvr", running.host, running.port, source)
            report = await examine_device(subject, now=time.time_ns, folder=tmp_path)
            await source.aclose()
        assert by_check(report)["clock"].verdict == verdict
        assert by_check(report)["clock"].hint


async def test_a_wrong_password_is_sent_once(tmp_path: Path) -> None:
    async with recorder() as running:
        report = await examine(running, tmp_path, password="wrong-one")
        signed = [r for r in running.requests if "authorization" in r.headers]
    assert len(signed) == 1
    assert [finding.verdict for finding in report.findings] == ["ok", "fail"]
    assert exit_code([report]) == 7


async def test_a_search_that_fails_says_nothing_of_what_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> Answer:
        raise DeviceRefused("no search today", where="home/nvr")

    monkeypatch.setattr(IsapiSource, "recordings", refuse)
    async with recorder() as running:
        found = by_check(await examine(running, tmp_path))
    assert found["search"].verdict == "fail"
    assert found["oldest"].text == "not looked for: the search failed"
    assert found["sample"].text == "not tried: the search failed"


async def test_a_recorder_with_nothing_in_the_last_day(tmp_path: Path) -> None:
    async with recorder() as running:
        source = IsapiSource(
            running.host,
            "admin",
            SecretStr(PASSWORD),
            port=running.port,
            now=running.now,
            device_time="utc",
        )
        later = running.now() + 3 * DAY
        subject = Subject("home/nvr", running.host, running.port, source)
        found = by_check(await examine_device(subject, now=lambda: later, folder=tmp_path))
        await source.aclose()
    assert found["search"].text == "nothing was recorded in the last 24 h"
    assert found["oldest"].text == "not looked for: the search found nothing"


async def test_nobody_listens(tmp_path: Path) -> None:
    subject = Subject("home/nvr", "127.0.0.1", 1, None)
    report = await examine_device(subject, now=time.time_ns, folder=tmp_path)
    assert [finding.text for finding in report.findings] == ["Connection refused"]
    assert exit_code([report]) == 6


async def test_a_device_that_takes_the_connection_and_says_nothing(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    # The source itself would wait for an hour: it is the doctor's patience that ends.
    patient = Settings(connect_timeout=3600.0, idle_timeout=3600.0)
    source = IsapiSource("127.0.0.1", "admin", SecretStr("x"), port=port, settings=patient)
    subject = Subject("home/nvr", "127.0.0.1", port, source)
    async with asyncio.timeout(60):
        report = await examine_device(
            subject, now=time.time_ns, folder=tmp_path, step=0.2, sample=0.2
        )
    await source.aclose()
    server.close()
    assert exit_code([report]) == 5


class Days:
    """A source that has a recording on some days, counted back from NOW."""

    def __init__(self, days: set[int]) -> None:
        self.days = days
        self.asked = 0

    async def recordings(self, channel: int, stream: Stream, span: Span) -> Answer:
        self.asked += 1
        back = (NOW - span.begin) // DAY
        begin = span.begin + NS
        row = Recording(channel, stream, "file", "", "", Span(begin, begin + NS), 1, "", False, "")
        rows = (row,) if back in self.days else ()
        return Answer(channel, stream, span, NOW, True, rows)


@pytest.mark.parametrize("kept", [1, 2, 3, 7, 30, 31, 90, 365])
async def test_the_oldest_is_found_in_few_looks(kept: int) -> None:
    source = Days(set(range(1, kept + 1)))
    found = await oldest(source, 1, NOW)  # type: ignore[arg-type]
    assert found is not None
    assert (NOW - found.recording.span.begin) // DAY + 1 == kept
    assert found.sure
    assert source.asked <= 20


async def test_one_quiet_day_is_not_the_end() -> None:
    found = await oldest(Days({1, 2, 3, 5, 6, 7, 8, 9}), 1, NOW)  # type: ignore[arg-type]
    assert found is not None
    assert (NOW - found.recording.span.begin) // DAY + 1 == 9
    assert not found.sure
    assert await oldest(Days(set()), 1, NOW) is None  # type: ignore[arg-type]
