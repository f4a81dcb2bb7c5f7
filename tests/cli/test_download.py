"""`hikcore download`: one clip straight from a recorder, by the names that scripts know."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hikcore.instants import Span, parse_instant
from hikcore.sim.recorder import Recorder
from tests.cli.conftest import PASSWORD, Command
from tests.timecode import read_instants

BEGIN, END = "2026-11-20T11:51:20.300Z", "2026-11-20T11:52:10Z"


def arguments(recorder: Recorder, out: Path, password: str = "-") -> list[str]:
    port = str(recorder.port)
    return ["127.0.0.1", "admin", password, BEGIN, END, "--port", port, "--out", str(out)]


def test_a_clip_is_exact_and_fetched_once(
    hikcore: Command, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIKCORE_PASSWORD", PASSWORD)
    ran = hikcore("download", *arguments(recorder, tmp_path / "clips"), "--json", "--verbose")
    assert ran.code == 0, ran.err
    path = Path(ran.lines[-1]["path"])
    assert path.parent == tmp_path / "clips"
    asked = Span(parse_instant(BEGIN), parse_instant(END))
    every = recorder.recorded(1, Span(asked.begin - 10**9, asked.end))
    covering = max(instant for instant in every if instant <= asked.begin)
    assert read_instants(str(path)) == [instant for instant in every if instant >= covering]

    served = recorder.bytes_served
    again = hikcore("download", *arguments(recorder, tmp_path / "clips"))
    assert (again.code, again.out.strip()) == (0, str(path))
    assert recorder.bytes_served == served
    assert PASSWORD not in ran.out + ran.err + again.out + again.err


def test_password_from_standard_input(
    hikcore: Command, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HIKCORE_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong-one\n"))
    refused = hikcore("download", *arguments(recorder, tmp_path))
    assert refused.code == 7
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "no password" in hikcore("download", *arguments(recorder, tmp_path)).err
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert hikcore("download", *arguments(recorder, tmp_path)).code == 0


def test_a_password_in_clear_works_and_warns(
    hikcore: Command, recorder: Recorder, tmp_path: Path
) -> None:
    ran = hikcore("download", *arguments(recorder, tmp_path, PASSWORD))
    assert ran.code == 0
    assert "warning: a password on the command line" in ran.err
    assert PASSWORD not in ran.out + ran.err
    assert "everybody on this machine" in " ".join(hikcore("download", "--help").out.split())


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({3: "2026-11-20 11:51:20"}, 2, "has no zone"),
        ({3: END, 4: BEGIN}, 2, "is not before"),
        ({3: "2026-11-20T11:54:00Z", 4: "2026-11-20T11:54:20Z"}, 4, ""),
    ],
)
def test_what_cannot_be(
    hikcore: Command,
    recorder: Recorder,
    tmp_path: Path,
    changed: dict[int, str],
    code: int,
    says: str,
) -> None:
    words = arguments(recorder, tmp_path, PASSWORD)
    for place, text in changed.items():
        words[place] = text
    ran = hikcore("download", *words)
    assert ran.code == code
    assert says in ran.err
    assert not list(tmp_path.glob("*.mp4"))
    assert not list(tmp_path.rglob(".hikcore"))


@pytest.mark.parametrize(
    "module",
    [
        "hikcore.hikvision_nvr_downloader",
        "hikcore.hikvision_nvr_downloader.hikvision_nvr_downloader",
    ],
)
def test_by_the_name_that_scripts_know(recorder: Recorder, tmp_path: Path, module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments(recorder, tmp_path)],
        env={**os.environ, "HIKCORE_PASSWORD": PASSWORD},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_file()
