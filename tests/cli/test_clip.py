"""`hikcore clip`: its options, and what it says to people and in JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hikcore.archive.reader import Archive
from hikcore.cli import clip as declared
from hikcore.cli import clipping
from hikcore.cli.app import run
from hikcore.cli.clipping import milliseconds
from hikcore.cli.short import plain, run_short
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


WORDS = st.lists(
    st.sampled_from(
        ["home/door", "2026-11-20", "2026-11-20 10:00", "10:00", "-o", "--out", "a.mp4", "--stream",
         "sub", "--audio", "aac", "loud", "--start", "key", "--gaps", "cut", "--take", "2", "0",
         "--archive", "--tz", "UTC", "--config", "x.toml", "--set", "a=b", "--json", "--debug",
         "--strip-parameter-sets", "--out=b.mp4", "-h", "--", ""]
    ),
    max_size=6,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[*HealthCheck])
@given(before=WORDS, behind=WORDS)
def test_plain_arguments_are_read_as_typer_reads_them(before: list[str], behind: list[str]) -> None:
    """What the short way takes means the same to typer; the rest is left to it."""
    words = ["clip", *before, "home/door", "2026-11-20", "2026-11-21", "-o", "x.mp4", *behind]
    seen: list[object] = []

    def take(*rest: object, **options: object) -> None:
        seen.append((rest, options))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(declared, "write_clip", take)
        patched.setattr(clipping, "write_clip", take)
        code = run_short(words)
        if code is None:
            return
        assert run(words) == code == 0
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "rest",
    [["--take", "0"], ["--take", "x"], ["--start", "soon"], ["--audio", "mp3"], ["--stream", "3"],
     ["--gaps", "none"], ["--set", "a=b"], ["--json", "--json"], ["more"], ["--help"]],
)  # fmt: skip
def test_other_arguments_are_left_to_typer(rest: list[str]) -> None:
    assert plain(["clip", "a/b", "1", "2", "-o", "c.mp4"]) is not None
    assert plain(["clip", "a/b", "1", "2", "-o", "c.mp4", *rest]) is None


def test_both_ways_say_and_write_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, out = asked(tmp_path)
    where = command[command.index("--archive") :]
    for words in (
        command,
        [*command, "--json", "--start", "key"],
        [*command, "--take", "2"],
        ["clip", "no-target", *command[2:]],
        ["clip", "cuts/nobody", *command[2:]],
        [*command[:2], "soon", *command[3:], "--json"],
        [*command[:5], "out.avi", *where],
        [*command, "--tz", "Nowhere/At_All"],
    ):
        code = run_short(words)
        short, data = capsys.readouterr(), out.read_bytes()
        assert run(words) == code
        assert capsys.readouterr() == short
        assert out.read_bytes() == data


def test_a_clip_loads_no_typer(tmp_path: Path) -> None:
    command, _ = asked(tmp_path)
    code = (
        "import sys; from hikcore.cli import main\n"
        f"sys.argv = ['hikcore', *{command!r}]\n"
        "try: main()\n"
        "finally: print(sorted({'typer', 'rich', 'av', 'minio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_zone_is_asked_for_only_where_a_time_names_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a request, of an archive that may be far away."""
    asked_for: list[str] = []
    monkeypatch.setattr(Archive, "zone", lambda _, site: asked_for.append(site))
    command, _ = asked(tmp_path)
    assert run_short(command) == 0
    assert asked_for == []
    assert run_short([*command[:3], command[3].rstrip("Z"), *command[4:]]) != 0
    assert asked_for == ["cuts"]
    assert "has no zone" in capsys.readouterr().err
