"""`hikcore demo`, whole: what a newcomer sees first."""

from __future__ import annotations

from pathlib import Path

import pytest

from hikcore.cli.demo import _home
from hikcore.errors import ConfigurationError
from hikcore.instants import NS, parse_instant
from tests.cli.conftest import Command
from tests.timecode import read_instants


@pytest.mark.slow
def test_demo(hikcore: Command, tmp_path: Path) -> None:
    ran = hikcore("demo", "--json")
    assert ran.code == 0, ran.err
    lines = {line["type"]: line for line in ran.lines}
    clips = {Path(line["path"]).stem: line for line in ran.lines if line["type"] == "clip"}
    assert ran.lines[-1]["type"] == "demo"
    assert ran.lines[-1]["seconds"] > 0
    states = {
        camera["camera"]: [stretch["state"] for stretch in camera["stretches"]]
        for camera in lines["coverage"]["cameras"]
    }
    assert states["gate"] == ["held", "empty", "held", "pending"]
    # One device of each vendor, each with a hole.
    assert set(states) == {"gate", "yard", "store", "till", "ramp"}
    assert states["till"] == ["empty", "held", "empty", "held"]
    assert states["ramp"] == ["empty", "held", "empty", "held", "pending"]
    assert set(clips) == {"gate", "till", "ramp"}
    assert len(clips["gate"]["segments"]) > 1  # over a border, as it says
    for clip in clips.values():
        shown = read_instants(clip["path"])
        # A cloud's MP4 has no wall clock in it: its times are good to a second.
        doubt = NS if clip["path"].endswith("till.mp4") else 0
        assert abs(shown[0] - parse_instant(clip["first"])) <= doubt
        assert abs(shown[-1] - parse_instant(clip["last"])) <= doubt
        assert shown[0] - doubt <= parse_instant(clip["begin"]) < shown[1] + doubt
        assert shown[-1] - doubt < parse_instant(clip["end"])
        assert parse_instant(clip["end"]) <= shown[-1] + (shown[1] - shown[0]) + doubt

    again = hikcore("demo")
    assert again.code == 0
    assert "nothing to fetch" in again.err
    # What it names to try next has to work as it is written.
    archive = tmp_path / "demo" / "archive"
    table = hikcore("coverage", "demo", "2026-11-20", "2026-11-20", "--archive", archive)
    assert table.code == 0, table.err


def test_a_folder_of_somebody_else_is_left_alone(hikcore: Command, tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("draft")
    ran = hikcore("demo")
    assert ran.code == 2
    assert "--folder" in ran.err
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    "left", [[], ["footage-cache"], ["footage-cache", "password"], ["hikcore.toml", "archive", "x"]]
)
def test_what_an_interrupted_demo_left_is_gone_on_with(tmp_path: Path, left: list[str]) -> None:
    home = tmp_path / "demo"
    home.mkdir()
    for name in left:
        (home / name).touch()
    assert _home(home) == home


def test_a_folder_with_anything_else_in_it_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "footage-cache").mkdir()
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ConfigurationError, match="not made by"):
        _home(tmp_path)
