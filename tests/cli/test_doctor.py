"""`hikcore doctor` as people and programs see it."""

from __future__ import annotations

import socket
import time
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


def many(folder: Path, port: int, silent: int) -> None:
    """Twelve sites: three whose recorder is there, eight that do not answer, one that is wrong."""
    write_config(folder, port)
    (folder / "sites.d").mkdir()
    for number in range(1, 12):
        where = port if number <= 2 else silent
        (folder / "sites.d" / f"shop-{number}.toml").write_text(
            f'[sites.shop-{number}.devices.nvr]\nhost = "127.0.0.1"\nport = {where}\n'
            'username = "admin"\npassword = "env:TEST_NVR_PASSWORD"\ncameras = "all"\n'
            "connect_timeout = 3\n"
        )
    (folder / "sites.d" / "zoo.toml").write_text("[sites.zoo]\nzone = \n")
    (folder / "archive").mkdir()


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes no connection and refuses none: its queue is full."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(hole.getsockname())
        yield hole.getsockname()[1]
        for caller in callers:
            caller.close()


def test_of_many_sites_what_is_not_well_is_shown_and_told_together(
    hikcore: Command,
    recorder: Recorder,
    unhurried: None,
    silent: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    many(tmp_path, recorder.port, silent)
    began = time.monotonic()
    shown = hikcore("doctor")
    assert time.monotonic() - began < 9 * 3  # not one after the other
    assert shown.code == 3
    assert shown.out.count("no connection within 3 s") == 1
    assert "9 devices:" in shown.out
    order = [shown.out.index(f"shop-{number}/nvr") for number in range(3, 12)]
    assert order == sorted(order)
    assert "12 devices: " in shown.out.splitlines()[-2]
    assert "9 failed" in shown.out.splitlines()[-2]
    assert "sites.d/zoo.toml" in shown.out
    assert "line 2" in shown.out
    assert max(len(line) for line in shown.out.splitlines() if line.startswith(" ")) <= 80
    told = hikcore("doctor", "shop-1*", "--json")  # 1, 10 and 11
    assert {line["subject"] for line in told.lines if line["type"] == "finding"} == {
        "archive", "shop-1/nvr", "shop-10/nvr", "shop-11/nvr",
    }  # fmt: skip
    assert (told.lines[-1]["devices"], told.lines[-1]["devices_failed"]) == (3, 2)
    assert set(told.lines[-1]) <= documented("doctor")
    assert hikcore("doctor", "zoo").code == 2
    nobody = hikcore("doctor", "north-*")
    assert (nobody.code, "north-*" in nobody.err) == (2, True)
