"""Many sites at once: what is shown of each, what is told together, and how long it takes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hikcore.doctor.device import examine_device
from hikcore.sim.recorder import Recorder
from tests.cli.conftest import PASSWORD, Command, Running, documented, small, write_config

PATIENCE = 3


@pytest.fixture
def recorder(cache: Path) -> Iterator[Recorder]:
    """One whose clock goes as ours: the doctor finds no fault with it."""
    running = Running(small(clock={"frozen": None}), cache)
    with running as recorder:
        running.prepare()
        yield recorder


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


@pytest.fixture
def sites(tmp_path: Path, recorder: Recorder, silent: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`home` and shop-1, whose recorder is there; shop-2 to shop-11, which do not answer; `zoo`,
    whose file is wrong."""
    monkeypatch.setenv("COLUMNS", "80")
    write_config(tmp_path, recorder.port, more=f"[defaults]\nconnect_timeout = {PATIENCE}\n")
    (tmp_path / "sites.d").mkdir()
    for number in range(1, 12):
        (tmp_path / "sites.d" / f"shop-{number}.toml").write_text(
            f'[sites.shop-{number}.devices.nvr]\nhost = "127.0.0.1"\n'
            f"port = {recorder.port if number == 1 else silent}\n"
            'username = "admin"\npassword = "env:TEST_NVR_PASSWORD"\ncameras = "all"\n'
        )
    (tmp_path / "sites.d" / "zoo.toml").write_text("[sites.zoo]\nzone = \n")
    (tmp_path / "archive").mkdir()
    return tmp_path


def test_cameras_of_all_sites(hikcore: Command, sites: Path) -> None:
    began = time.monotonic()
    ran = hikcore("cameras")
    assert time.monotonic() - began < 10 * PATIENCE  # once, and not one after the other
    assert ran.code == 3
    assert "shop-1/nvr-02" in ran.out
    assert ran.err.count(f"no connection within {PATIENCE} s") == 1
    assert "10 devices: " in ran.err
    assert all(f"shop-{number}/nvr" in ran.err for number in range(2, 12))
    assert "zoo.toml" in ran.err
    assert "4 channels of 12 devices; 10 failed" in ran.err
    assert max(map(len, (ran.out + ran.err).splitlines())) <= 100
    told = hikcore("cameras", "shop-[12]", "--json")
    assert {line.get("site") for line in told.lines[:-1]} == {"shop-1"}
    assert told.lines[-1]["devices_failed"] == 1
    assert {key for line in told.lines for key in line} <= documented("cameras")


def test_a_password_that_is_not_there_stops_its_own_device_alone(
    hikcore: Command, sites: Path
) -> None:
    key = "sites.shop-1.devices.nvr.password"
    ran = hikcore("cameras", "--set", f"{key}=env:NOT_THERE", "--set", "defaults.connect_timeout=1")
    assert ran.code == 3
    assert "home/gate" in ran.out
    assert "NOT_THERE" in ran.err


def test_config_check(hikcore: Command, sites: Path) -> None:
    began = time.monotonic()
    ran = hikcore("config", "check", "--online")
    assert time.monotonic() - began < 10 * PATIENCE
    assert ran.code == 2
    words = [line.split()[0] for line in ran.out.splitlines()[:-1]]
    assert words == sorted(words, reverse=True)  # ok, then fail
    assert words.count("fail") == 11
    assert "fail  sites.d/zoo.toml: no valid TOML: Invalid value (at line 2" in ran.out
    assert ran.out.splitlines()[-1] == "16 checked, 11 wrong"
    one = hikcore("config", "check", "home")
    assert one.code == 0, one.out  # asked for what is right, nothing is wrong
    assert hikcore("config", "check", "zoo").code == 2
    told = hikcore("config", "check", "--json").lines
    assert [each["what"] for each in told[-1]["checks"] if not each["ok"]] == ["sites.d/zoo.toml"]


def test_config_show(hikcore: Command, sites: Path) -> None:
    brief = hikcore("config", "show", "--origin").out
    assert f"defaults.connect_timeout = {PATIENCE}.0  (file " in brief
    assert "\nsites.shop-9.devices.nvr.host = 127.0.0.1  (file " in brief
    assert "sites.shop-9.devices.nvr.connect_timeout" not in brief
    one = hikcore("config", "show", "shop-9", "--origin").out
    assert f"sites.shop-9.devices.nvr.connect_timeout = {PATIENCE}.0  (file " in one
    assert all(line.startswith("sites.shop-9.") for line in one.splitlines())
    told = hikcore("config", "show", "--json").lines[-1]["values"]
    assert any(each["key"] == "sites.shop-9.devices.nvr.connect_timeout" for each in told)


def test_other_sites_work_and_the_wrong_one_says_why(hikcore: Command, sites: Path) -> None:
    right = hikcore("cameras", "shop-1")
    assert right.code == 0, right.err
    assert "zoo.toml" in right.err
    wrong = hikcore("extract", "zoo", "--json")
    assert wrong.code == 2
    assert wrong.lines[-1]["where"].endswith("sites.d/zoo.toml")
    assert "line 2" in wrong.lines[-1]["message"]


def test_of_many_sites_what_is_not_well_is_shown_and_told_together(
    hikcore: Command, sites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How long a look at a device that is there takes is another matter.
    monkeypatch.setitem(examine_device.__kwdefaults__, "step", 600.0)
    began = time.monotonic()
    shown = hikcore("doctor")
    assert time.monotonic() - began < 10 * PATIENCE * 2  # not one after the other
    assert shown.code == 3
    assert shown.out.count(f"no connection within {PATIENCE} s") == 1
    assert "10 devices:" in shown.out
    order = [shown.out.index(f"shop-{number}/nvr") for number in range(2, 12)]
    assert order == sorted(order)
    assert "12 devices: " in shown.out.splitlines()[-2]
    assert "10 failed" in shown.out.splitlines()[-2]
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


@pytest.mark.parametrize("command", [["cameras"], ["doctor"]])
def test_names_that_take_long_hold_up_nobody(
    hikcore: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    write_config(tmp_path, 9)
    (tmp_path / "sites.d").mkdir()
    (tmp_path / "archive").mkdir()
    for number in range(60):
        (tmp_path / "sites.d" / f"s{number}.toml").write_text(
            f'[sites.s{number}.devices.nvr]\nhost = "recorder-{number}.example"\n'
            'username = "admin"\npassword = "env:TEST_NVR_PASSWORD"\ncameras = "all"\n'
        )
    together = threading.Barrier(60)  # a look-up ends when all are under way

    def slow(host: str, *_: object, **__: object) -> list[object]:
        together.wait(60)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    ran = hikcore(*command, "s*", "--set", "defaults.connect_timeout=100", "--json")
    assert ran.code == 6
    assert "Name or service not known" in ran.out + ran.err
    assert "no connection within" not in ran.out + ran.err
    assert ran.lines[-1]["devices_failed"] == 60


def test_a_site_is_added_beside_one_that_is_wrong(
    hikcore: Command, sites: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIKCORE_PASSWORD", PASSWORD)
    host = f"127.0.0.1:{recorder.port}"
    (sites / "sites.d" / "odd.toml").write_text("[sites.taken]\nzone = 'nowhere'\n")
    added = hikcore("init", host, "--site", "added", "--scheme", "http")
    assert added.code == 0, added.err
    for there in ("zoo", "taken", "shop-3"):
        ran = hikcore("init", host, "--site", there, "--scheme", "http")
        assert (ran.code, "configured already" in ran.err) == (2, True), there
