"""`hikcore cut`: what it prints, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hikcore.cli import cut as declared
from hikcore.cli import cutting
from hikcore.cli.app import run
from hikcore.cli.cutting import seconds
from hikcore.cli.short import plain, run_short
from hikcore.errors import ConfigurationError
from tests.media.mp4_footage import decode_video
from tests.media.mp4_foreign import foreign
from tests.media.ps_bodies import muxed
from tests.timecode import read_instant


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


@pytest.mark.parametrize("b_pictures", [0, 2])
def test_without_copies_of_parameter_sets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], b_pictures: int
) -> None:
    """A recorder's stream has them before each key picture; the pictures stay the same."""
    made = muxed(audio=None, seconds=2, b_frames=b_pictures)
    (tmp_path / "a.ps").write_bytes(made.body)
    sizes = []
    for option in ([], ["--strip-parameter-sets"]):
        out = tmp_path / "out.mp4"
        assert run(["cut", str(tmp_path / "a.ps"), "--from", "0.5", "-o", str(out), *option]) == 0
        with av.open(str(out)) as container:
            pictures = [read_instant(frame) for frame in container.decode(video=0)]
        sizes.append((out.stat().st_size, pictures, _sets(out)))
    assert "parameter sets were left out of" in capsys.readouterr().err
    with_sets, without = sizes
    assert without[0] < with_sets[0]
    assert without[1] == with_sets[1] != []
    assert with_sets[2] > 0
    assert without[2] == 0
    two = [str(tmp_path / "a.ps")] * 2
    assert run(["cut", *two, "--strip-parameter-sets", "-o", str(tmp_path / "b.mp4")]) == 2


def _sets(path: Path) -> int:
    """SPS and PPS in the samples (H.264)."""
    count = 0
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            data, at = bytes(packet), 0
            while at < len(data):
                count += data[at + 4] & 31 in (7, 8)
                at += 4 + int.from_bytes(data[at : at + 4], "big")
    return count


WORDS = st.lists(
    st.sampled_from(
        ["a.mp4", "b.ps", "-o", "--out", "out.mp4", "--from", "--to", "1", "2:03.5", "--start",
         "exact", "key", "never", "--strip-parameter-sets", "--json", "--debug", "-h", "--", "-",
         "-oout.mp4", "--out=out.mp4", "--no-json", ""]
    ),
    max_size=9,
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[*HealthCheck])
@given(words=WORDS)
def test_plain_arguments_are_read_as_typer_reads_them(words: list[str]) -> None:
    """What the short way takes means the same to typer; the rest is left to it."""
    seen: list[object] = []

    def take(files: list[Path], out: Path, *rest: object, **options: object) -> None:
        seen.append((files, out, rest, options))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(declared, "cut_files", take)
        patched.setattr(cutting, "cut_files", take)
        code = run_short(["cut", *words])
        if code is None:
            return
        assert run(["cut", *words]) == code == 0
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "words",
    [["cut"], ["cut", "-h"], ["cut", "a.mp4"], ["cut", "-o", "b.mp4"], ["clip", "a", "-o", "b.mp4"],
     ["cut", "a.mp4", "-o", "b.mp4", "--form", "1"], ["cut", "a.mp4", "-o"],
     ["cut", "a.mp4", "-o", "b.mp4", "-o", "c.mp4"], ["cut", "a", "-o", "b", "--start", "soon"],
     []],
)  # fmt: skip
def test_other_arguments_are_left_to_typer(words: list[str]) -> None:
    assert plain(words) is None
    assert run_short(words) is None


def test_the_short_way_tells_errors_alike(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(source.parent)
    for words in (
        ["cut", "nothing.mp4", "-o", "out.mp4", "--json"],
        ["cut", "a.mp4", "-o", "out.mp4", "--from", "10:00"],
        ["cut", "a.mp4", "-o", "no/folder/out.mp4"],
        ["cut", "a.mp4", "-o", "out.mp4", "--from", "1", "--to", "1.4", "--json"],
    ):
        code = run_short(words)
        short = capsys.readouterr()
        assert run(words) == code
        assert capsys.readouterr() == short


def test_a_cut_loads_no_typer(source: Path) -> None:
    out = source.with_name("out.mp4")
    code = (
        "import sys; from hikcore.cli import main\n"
        f"sys.argv = ['hikcore', 'cut', {str(source)!r}, '-o', {str(out)!r}]\n"
        "heavy = {'typer', 'rich', 'numpy', 'pydantic', 'dataclasses'}\n"
        "try: main()\n"
        "finally: print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(out), "[]"]
