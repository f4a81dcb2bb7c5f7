"""Doctor on an EverFocus recorder: what it warns of, and whether playing faster loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hikcore.doctor.device import Subject, examine_device
from hikcore.doctor.finding import Finding
from hikcore.sim.everfocus.nvr import Nvr
from hikcore.sources.everfocus.archiving import ArchiveSettings
from hikcore.sources.everfocus.source import EverFocusSource
from hikcore.sources.notes import TomlNotes
from tests.everfocus.source.archive import extract, profile, session, span


def made(nvr: Nvr, folder: Path, **how: Any) -> EverFocusSource:
    archiving = ArchiveSettings(playback_idle=0.3, **how)
    notes = TomlNotes(folder / "nvr.toml")
    return EverFocusSource(session(nvr), archiving=archiving, channels=[1], notes=notes)


async def look(nvr: Nvr, folder: Path, **how: Any) -> dict[str, Finding]:
    source = made(nvr, folder, **how)
    subject = Subject("shop/nvr", nvr.host, nvr.port, source, [1])
    try:
        report = await examine_device(subject, now=nvr.now, folder=folder)
    finally:
        await source.aclose()
    return {finding.check: finding for finding in report.findings}


async def test_a_recorder_that_is_well(tmp_path: Path) -> None:
    async with Nvr(profile(since="now-70m", login={"change_pwd": None})) as nvr:
        found = await look(nvr, tmp_path)
        playbacks = [each for each in nvr.requests if "/playback/" in each.target]
    wrong = {check for check, finding in found.items() if finding.verdict != "ok"}
    assert wrong == set()
    assert "UTC+8:00" in found["meaning of Z"].text
    assert found["dialect"].text == (
        "footage by playback; to play a day of 1 streams takes 1.3 days, 1 at once"
    )
    assert "all rules" in found["sample"].text
    assert "playback speed" not in found
    assert len(playbacks) == 1


async def test_a_password_that_is_to_be_changed(tmp_path: Path) -> None:
    async with Nvr(profile(since="now-70m", login={"temporary": True})) as nvr:
        found = await look(nvr, tmp_path)
    assert found["login"].verdict == "warn"
    assert "password" in found["login"].text
    assert "change the password" in found["login"].hint


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["all", "keys"])
async def test_a_speed_is_used_where_it_was_proved(fast: str, tmp_path: Path) -> None:
    changes = {"playback": {"fast": fast, "pace": 2000}, "login": {"change_pwd": None}}
    async with Nvr(profile(since="now-70m", **changes)) as nvr:
        source = made(nvr, tmp_path, window_seconds=100, playback_speed=16)
        report = await extract(nvr, tmp_path / "before", span(1200, 1100), source)
        assert any("has proved it" in line for line in report.warnings + list(source.warnings))
        found = await look(nvr, tmp_path, window_seconds=100, playback_speed=16)
        assert found["playback speed"].verdict == ("ok" if fast == "all" else "fail")
        source = made(nvr, tmp_path, window_seconds=100, playback_speed=16)
        report = await extract(nvr, tmp_path / "after", span(1200, 1100), source)
        assert report.errors == []
        assert (source._speed == 16) is (fast == "all")
