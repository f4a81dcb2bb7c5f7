"""`hikcore cut`: what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hikcore.cli.app import run
from hikcore.cli.cut import seconds
from hikcore.errors import ConfigurationError
from tests.media.mp4_footage import decode_video
from tests.media.mp4_foreign import foreign


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """60 pictures, 25 a second, a key picture every 12."""
    path = tmp_path / "a.mp4"
    path.write_bytes(foreign(sound=None, bframes=0))
    return path


def shown(path: Path) -> list[int]:
    return [number for _, number in decode_video(path.read_bytes())]


def test_a_span(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.mp4"
    assert run(["cut", str(source), "--from", "0:00.62", "--to", "1.5", "-o", str(out)]) == 0
    assert shown(out) == list(range(15, 38))
    said = capsys.readouterr()
    assert said.out == f"{out}\n"
    assert "23 pictures, 0.120 s before them in the file, hidden" in said.err


def test_all_of_it_and_joined(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert run(["cut", str(source), "-o", str(out)]) == 0
    assert shown(out) == list(range(60))
    assert run(["cut", str(source), str(out), "-o", str(tmp_path / "both.mp4")]) == 0
    assert shown(tmp_path / "both.mp4") == [*range(60)] * 2


def test_as_json(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.mp4"
    assert run(["cut", str(source), "--from", "1", "--to", "2", "-o", str(out), "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line == {
        "type": "cut", "schema": 1, "path": str(out), "begin": 1.0, "end": 2.0, "frames": 25,
        "hidden": 1, "lead_in_ms": 40.0, "bytes": out.stat().st_size, "notes": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nothing.mp4", "-o", "out.mp4"], 2),
        (["a.mp4", "-o", "a.mp4"], 2),
        (["a.mp4", "-o", "out.avi"], 2),
        (["a.mp4", "-o", "out.mp4", "--from", "soon"], 2),
        (["a.mp4", "-o", "out.mp4", "--from", "2", "--to", "1"], 2),
        (["a.mp4", "a.mp4", "-o", "out.mp4", "--from", "1"], 2),
        (["a.mp4", "-o", "out.mp4", "--from", "10:00"], 4),
    ],
)
def test_what_is_refused(
    source: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    monkeypatch.chdir(source.parent)
    assert run(["cut", *arguments]) == code
    assert sorted(path.name for path in source.parent.iterdir()) == ["a.mp4"]


def test_times() -> None:
    assert [seconds(t) for t in ("83.5", "1:23.5", "1:00:00")] == [83.5, 83.5, 3600]
    with pytest.raises(ConfigurationError):
        seconds("1:2:3:4")
