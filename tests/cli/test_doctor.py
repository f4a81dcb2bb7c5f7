"""`hikcore doctor` as people and programs see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hikcore.doctor.archive import examine_archive
from hikcore.doctor.device import examine_device
from hikcore.sim.recorder import Recorder
from tests.cli.conftest import PASSWORD, Command, Running, documented, small, write_config


@pytest.fixture
def recorder(cache: Path) -> Iterator[Recorder]:
    """One whose clock goes as ours, and whose footage is made."""
    running = Running(small(clock={"frozen": None}), cache)
    with running as recorder:
        running.prepare()
        yield recorder


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has much else to do may take its time: slowness is no part of this test."""
    for examine in (examine_device, examine_archive):
        for seconds in {"step", "sample"} & examine.__kwdefaults__.keys():
            monkeypatch.setitem(examine.__kwdefaults__, seconds, 600.0)


def test_a_site_that_is_well(
    hikcore: Command,
    recorder: Recorder,
    unhurried: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    write_config(tmp_path, recorder.port)
    (tmp_path / "archive").mkdir()
    told = hikcore("doctor", "home", "--json")
    faults = [line for line in told.lines if line.get("verdict") not in (None, "ok")]
    # It keeps ten minutes, which is nothing; all else is well.
    assert {line["check"] for line in faults} <= {"oldest"}, faults
    assert told.code == 0
    for line in told.lines:
        assert set(line) <= documented("doctor")
    assert {line["type"] for line in told.lines} == {"finding", "summary"}
    shown = hikcore("doctor", "home")
    assert max(len(line) for line in shown.out.splitlines() if line.startswith(" ")) <= 80
    assert "conditional put" in shown.out
    assert "10 s cut" in shown.out
    assert PASSWORD not in told.out + told.err + shown.out + shown.err


def test_what_is_wrong_has_a_next_step(
    hikcore: Command, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path, recorder.port)
    monkeypatch.setenv("TEST_NVR_PASSWORD", "quite-another")
    refused = hikcore("doctor", "--json")
    assert refused.code == 7
    assert refused.lines[-2]["check"] == "login"
    assert refused.lines[-2]["hint"]
    assert not (tmp_path / "archive").exists()
    gone = hikcore("doctor", "home", "--set", "sites.home.devices.nvr.port=1")
    assert gone.code == 6
    assert "> check host, port" in gone.out
    monkeypatch.delenv("TEST_NVR_PASSWORD")
    assert hikcore("doctor").code == 2
    assert hikcore("doctor", "elsewhere").code == 2
