"""`hikcore clock`: shows what moves, asks, and writes one document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hikcore.sim.recorder import Recorder
from tests.cli.conftest import BEGIN, END, Command, Running, documented, small, write_config
from tests.cli.test_extract import files_of

#: The recorder's clock is five hours west and its Z local: read as UTC, all lies earlier.
WRONG_BEGIN, WRONG_END = "2026-11-20T06:50:00Z", "2026-11-20T07:00:00Z"


@pytest.fixture
def recorder(cache: Path) -> Iterator[Recorder]:
    with Running(small(clock={"zone": "CST+5:00:00"}), cache) as running:
        yield running


@pytest.fixture
def wrong(hikcore: Command, recorder: Recorder, tmp_path: Path) -> Path:
    """An archive that was extracted with Z taken for UTC."""
    write_config(tmp_path, recorder.port)
    setting = ("--set", "sites.home.devices.nvr.device_time=utc")
    done = hikcore("extract", "home", "--from", WRONG_BEGIN, "--to", WRONG_END, *setting)
    assert done.code == 0, done.err
    return tmp_path / "archive"


def test_a_wrong_reading_is_put_right(hikcore: Command, wrong: Path, recorder: Recorder) -> None:
    before = files_of(wrong / "v1")
    asked = ("clock", "correct", "home/nvr", "--device-time", "local")
    shown = hikcore(*asked, "--dry-run")
    assert shown.code == 0, shown.err
    assert "+5 h" in shown.out
    assert "nothing was written" in shown.out
    refused = hikcore(*asked)  # nobody is there to answer
    assert refused.code == 2
    assert "--yes" in refused.err
    assert files_of(wrong / "v1") == before

    done = hikcore(*asked, "--yes", "--json")
    assert done.code == 0, done.err
    (line,) = done.lines
    assert set(line) <= documented("clock correct")
    assert len(line["written"]) == 1
    assert {shift["camera"] for shift in line["shifts"]} == {"gate", "nvr-02"}
    (more,) = set(files_of(wrong / "v1")) - set(before)
    assert more.startswith("clocks/home/nvr/")
    recorded = [file for file in recorder.files(1) if not file.growing]
    gate = next(shift for shift in line["shifts"] if shift["camera"] == "gate")
    # The one that is being written seemed closed for hours, and was fetched as it was.
    assert gate["recordings"] == len(recorded) + 1
    # The footage has the recorder's wall clock in it: it lay right all the time, its listing not.
    assert gate["begin"] == gate["new_begin"] < "2026-11-20T11:51"
    assert (gate["listed"][11:14], gate["new_listed"][11:14]) == ("06:", "11:")

    lines = hikcore("coverage", "home/gate", BEGIN, END, "--json").lines
    (camera,) = lines[-1]["cameras"]
    states = {stretch["state"] for stretch in camera["stretches"]}
    assert states == {"held", "empty"}
    served = recorder.bytes_served
    again = hikcore("extract", "home", "--from", BEGIN, "--to", END, "--json")
    assert again.lines[-1]["chunks"] == 0
    assert recorder.bytes_served == served

    table = hikcore("clock", "show", "home/nvr", "--archive", wrong)
    assert table.code == 0
    assert "its wall clock" in table.out
    listed = hikcore("clock", "show", "home/nvr", "--json").lines[-1]
    assert set(listed) <= documented("clock show")
    replaced = {p["sha256"]: p["standing"] for p in listed["profiles"]}
    assert list(replaced.values()).count(line["written"][0]) >= 2
    back = hikcore(*asked, "--yes")
    assert "nothing to correct" in back.out


def test_a_zone_by_name(hikcore: Command, wrong: Path) -> None:
    asked = ("clock", "correct", "home/nvr", "--archive", wrong, "--device-time")
    done = hikcore(*asked, "Asia/Kolkata", "--dry-run", "--json")
    assert done.code == 0, done.err
    shift = done.lines[-1]["shifts"][0]
    # Its wall clock showed 06:50; of India that is 01:20 UTC.
    assert shift["begin"][11:16] == "11:50"
    assert shift["new_begin"][11:16] == "01:20"
    unknown = hikcore(*asked, "Mars/Base", "--dry-run")
    assert unknown.code == 2
    assert "no time zone" in unknown.err


def test_what_is_not_there(hikcore: Command, wrong: Path) -> None:
    unknown = hikcore("clock", "show", "home/other")
    assert unknown.code == 10
    assert "nvr" in unknown.err
    assert hikcore("clock", "show", "home").code == 2
    none = hikcore(
        "clock", "correct", "home/nvr", "--device-time", "local", "--profile", "ffff", "--yes"
    )
    assert none.code == 2
