"""`hikcore demo`, whole: what a newcomer sees first."""

from __future__ import annotations

from pathlib import Path

import pytest

from hikcore.instants import parse_instant
from tests.cli.conftest import Command
from tests.timecode import read_instants


@pytest.mark.slow
def test_demo(hikcore: Command, tmp_path: Path) -> None:
    ran = hikcore("demo", "--json")
    assert ran.code == 0, ran.err
    lines = {line["type"]: line for line in ran.lines}
    assert ran.lines[-1]["type"] == "demo"
    assert ran.lines[-1]["seconds"] < 180
    states = {
        camera["camera"]: [stretch["state"] for stretch in camera["stretches"]]
        for camera in lines["coverage"]["cameras"]
    }
    assert states["gate"] == ["held", "empty", "held", "pending"]
    clip = lines["clip"]
    shown = read_instants(clip["path"])
    assert len(clip["segments"]) > 1  # over a border, as it says
    assert shown[0] == parse_instant(clip["first"])
    assert shown[-1] == parse_instant(clip["last"])
    assert shown[0] <= parse_instant(clip["begin"]) < shown[1]
    assert shown[-1] < parse_instant(clip["end"]) <= shown[-1] + (shown[1] - shown[0])

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
