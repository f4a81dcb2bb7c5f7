"""`hikcore clip`: its options, and what it says to people and in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hikcore.cli.app import run
from hikcore.cli.clip import milliseconds
from hikcore.instants import format_instant
from hikcore.media.check import check_file
from tests.media.cut_archive import Cameras
from tests.media.cut_bodies import body
from tests.media.cut_footage import Kind

KIND = Kind("h264", False, True, "constant")


def asked(tmp_path: Path, *options: str) -> tuple[list[str], Path]:
    """The command for 1 s that begins 6 pictures (240 ms) after a key picture."""
    cameras = Cameras(tmp_path)
    held = cameras.held(body("hikvision ps", KIND))
    made = held.body.footage
    begin = made.instants[made.keys[2] + 6]
    span = (format_instant(begin, 9), format_instant(begin + 1_000_000_000, 9))
    out = tmp_path / "clip.mp4"
    where = (f"cuts/{held.camera}", *span, "-o", str(out), "--archive", str(tmp_path / "archive"))
    return ["clip", *where, *options], out


def test_people_are_told_what_is_hidden(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, _ = asked(tmp_path)
    assert run(command) == 0
    said = capsys.readouterr()
    assert "  240 ms before the begin lie hidden in the file" in said.err.splitlines()
    assert "hidden" not in said.out
    assert run([*command, "--start", "key"]) == 0
    assert "hidden" not in capsys.readouterr().err


def test_the_json_says_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, out = asked(tmp_path, "--strip-parameter-sets", "--json")
    assert run(command) == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (document["lead_in_ms"], document["start"]) == (240.0, "exact")
    assert document["parameter_sets"] == "stripped"
    assert document["files"][0]["stripped"] == 4
    assert document["files"][0]["hidden"] == 6
    assert json.loads(out.with_suffix(".json").read_text())["parameter_sets"] == "stripped"
    assert check_file(out, source=next(tmp_path.glob("*.body")), decode=True).failures == []


def test_milliseconds_are_written_for_people() -> None:
    assert [milliseconds(one) for one in (1480.0, 33.366, 40.0)] == ["1,480 ms", "33.4 ms", "40 ms"]
