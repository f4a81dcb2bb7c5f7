"""`hikcore config`: what is in force, and from where; secrets as the places they are read from."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hikcore.sim.recorder import Recorder
from tests.cli.conftest import PASSWORD, Command, write_config


def test_show(hikcore: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_config(tmp_path, 8000)
    monkeypatch.setenv("HIKCORE__SPOOL__LIMIT", "3 GB")
    ran = hikcore("config", "show", "--origin", "--json", "--set", "archive.region=eu-1")
    assert ran.code == 0, ran.err
    values = {value["key"]: value for value in ran.lines[-1]["values"]}
    assert values["sites.home.devices.nvr.password"]["value"] == "env:TEST_NVR_PASSWORD"
    assert values["sites.home.devices.nvr.host"]["origin"] == f"file {file}"
    assert values["sites.home.devices.nvr.tls"]["origin"] == "default"
    assert values["spool.limit"] == {
        "key": "spool.limit",
        "value": 3_000_000_000,
        "origin": "environment HIKCORE__SPOOL__LIMIT",
    }
    assert values["archive.region"]["origin"] == "command line"
    text = hikcore("config", "show")
    assert "sites.home.zone" in text.out
    assert PASSWORD not in ran.out + text.out


def test_inherited_values_name_the_defaults(hikcore: Command, tmp_path: Path) -> None:
    write_config(tmp_path, 8000, more='[defaults]\nscheme = "https"\n')
    lines = hikcore("config", "show", "--origin", "--json").lines[-1]["values"]
    origin = next(v["origin"] for v in lines if v["key"] == "sites.home.devices.nvr.scheme")
    assert "defaults.scheme" in origin


def test_check(hikcore: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, 8000)
    assert hikcore("config", "check").code == 0
    monkeypatch.delenv("TEST_NVR_PASSWORD")
    ran = hikcore("config", "check", "--json")
    assert ran.code == 2
    faults = [check["fault"] for check in ran.lines[-1]["checks"] if not check["ok"]]
    assert len(faults) == 1
    assert "TEST_NVR_PASSWORD is not set" in faults[0]


def test_check_online(hikcore: Command, recorder: Recorder, tmp_path: Path) -> None:
    write_config(tmp_path, recorder.port)
    (tmp_path / "archive").mkdir()
    ran = hikcore("config", "check", "--online")
    assert ran.code == 0, ran.out
    assert recorder.requests


def test_no_configuration_names_every_place(hikcore: Command, tmp_path: Path) -> None:
    ran = hikcore("config", "show")
    assert ran.code == 2
    for place in ("--config", "$HIKCORE_CONFIG", str(tmp_path / "hikcore.toml"), "xdg/hikcore"):
        assert place in ran.err


def test_two_hundred_sites_are_checked_in_a_moment(hikcore: Command, tmp_path: Path) -> None:
    """A source a device, with its TLS context, would take half a minute; generous by machine."""
    write_config(tmp_path, 1)
    (tmp_path / "sites.d").mkdir()
    for number in range(200):
        devices = "".join(
            f'[sites.s{number}.devices.nvr{n}]\nhost = "192.0.2.{n}"\nscheme = "https"\n'
            'username = "x"\npassword = "env:TEST_NVR_PASSWORD"\ncameras = "all"\n'
            for n in (1, 2)
        )
        (tmp_path / "sites.d" / f"s{number}.toml").write_text(devices)
    began = time.process_time()
    done = hikcore("config", "check", "--json")
    assert time.process_time() - began < 5
    assert done.code == 0, done.out
    assert len(done.lines[-1]["checks"]) > 400
    assert "200 of sites.d" in done.lines[-1]["checks"][0]["what"]
