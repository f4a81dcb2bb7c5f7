"""The guard of the benchmarks: what is slower fails, and what is not there does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import check, instructions
from benchmarks.contest import Contest, Goal
from benchmarks.document import DOCUMENT, written
from benchmarks.measure import Turn


def document(**values: float | None) -> dict[str, Any]:
    """A run with one row; `ratio`, `requests`, `peak`, and `loop` (instructions)."""
    wanted = {
        "ratio": ("wall", "ffmpeg"), "requests": ("requests", ""), "peak": ("peak", ""),
    }  # fmt: skip
    outcomes = [
        {"metric": wanted[name][0], "against": wanted[name][1], "value": value}
        for name, value in values.items()
        if name in wanted
    ]
    out: dict[str, Any] = {
        "rows": [{"title": "a row", "outcomes": outcomes, "medians": {"ours": {}}}],
        "machine": {"python": "3.11.7", "architecture": "x86_64"},
        "absent": [],
    }
    if "loop" in values:
        out["instructions"] = {"loop": values["loop"]}
    return out


def never() -> Any:
    raise AssertionError("measured again without need")


STORED = document(ratio=0.4, requests=2, peak=10 << 20, loop=1000.0)


@pytest.mark.parametrize(
    ("now", "count"),
    [
        (STORED, 0),
        (document(ratio=0.7, requests=2, peak=12 << 20, loop=1090.0), 0),
        (document(requests=3), 1),
        (document(peak=30 << 20), 1),
        (document(loop=1200.0), 1),
        (document(requests=3, loop=1200.0), 2),
        (document(ratio=None), 0),  # the peer is not on this machine
        (document(), 0),
    ],
)
def test_what_is_worse(now: dict[str, Any], count: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.check(now, STORED, never) == count
    said = capsys.readouterr().out
    assert said.count("│ worse") == count
    missing = check.values(STORED).keys() - check.values(now).keys()
    assert ("not measured here" in said) == bool(missing)


def test_a_slower_ratio_fails_only_if_it_is_slow_twice() -> None:
    slow, well = document(ratio=0.9), document(ratio=0.5)
    assert check.check(slow, STORED, lambda: slow) == 1
    assert check.check(slow, STORED, lambda: well) == 0


def test_where_only_counts_fail_times_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    slow = document(ratio=9.0, peak=90 << 20, requests=3, loop=1200.0)
    assert check.check(slow, STORED, never, counts=True) == 2
    assert capsys.readouterr().out.count("│ worse") == 4
    assert check.check(document(ratio=9.0), STORED, never, counts=True) == 0


def test_counts_of_another_processor_are_not_compared() -> None:
    other = document(loop=9000.0)
    other["machine"]["cpu"] = "another"
    assert check.check(other, STORED, never) == 0


def test_counts_of_another_interpreter_are_not_compared() -> None:
    other = document(loop=9000.0)
    other["machine"]["python"] = "3.12.1"
    assert check.check(other, STORED, never) == 0


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "BASELINE", tmp_path / "baseline.json")
    monkeypatch.setattr(check, "measure_again", lambda: json.loads(run.read_text()))
    monkeypatch.setattr(instructions, "valgrind", lambda: None)
    run = tmp_path / "small.json"
    run.write_text(json.dumps(document(ratio=0.4)))
    assert check.main(str(run), "--store") == 0
    assert check.main(str(run)) == 0
    missing = document(ratio=None)
    missing["absent"] = ["no ffmpeg on PATH (apt-get install ffmpeg)"]
    run.write_text(json.dumps(missing))
    assert check.main(str(run)) == 0
    assert "not compared: no ffmpeg on PATH" in capsys.readouterr().out
    run.write_text(json.dumps(document(ratio=1.0)))
    assert check.main(str(run)) == 1


def test_a_contestant_that_is_slower_has_a_worse_ratio() -> None:
    def turn(seconds: float) -> Turn:
        return Turn({"wall": seconds})

    rows = []
    for ours in (0.1, 0.5):
        contest = Contest()
        contest.run(
            Once(), "a row",  # type: ignore[arg-type]
            {"ours": lambda ours=ours: turn(ours), "peer": lambda: turn(0.2)},
            [Goal("wall", 1.0, "peer"), Goal("wall", 1.0, "absent")],
        )  # fmt: skip
        rows.append(contest.rows[0])
    assert [row.outcomes[0].met for row in rows] == [True, False]
    assert [row.outcomes[1].met for row in rows] == [None, None]


class Once:
    """pytest-benchmark's fixture without its clock."""

    def __init__(self) -> None:
        self.extra_info: dict[str, float] = {}

    def pedantic(self, run: Any, setup: Any, rounds: int, warmup_rounds: int) -> None:
        for _ in range(rounds + warmup_rounds):
            setup()
            run()


def test_the_stored_baseline_has_what_is_compared() -> None:
    stored = check.values(json.loads(check.BASELINE.read_text()))
    assert len(stored) > 20
    assert any(name.startswith("instructions: ") for name in stored)
    assert not check.worse(stored, stored)


def test_a_run_is_written_into_the_document() -> None:
    """Twice the same; what people wrote between the parts stays."""
    outcome = {"metric": "cpu", "limit": 0.48, "against": "ffmpeg", "unit": "", "value": 0.6,
               "met": False}  # fmt: skip
    row = {
        "title": "PS to MP4, h264", "rounds": 5, "notes": [], "outcomes": [outcome],
        "medians": {"ours": {"cpu": 1.2, "inside_cpu": 0.9}, "cp": {"cpu": 0.6},
                    "ffmpeg": {"cpu": 2.0}},
    }  # fmt: skip
    stored = {
        "date": "2026-11-22T08:00:00+00:00", "versions": {"ffmpeg": "5.1"}, "absent": ["no MP4Box"],
        "machine": {"cpu": "a CPU", "cores": 4, "system": "Linux 6", "architecture": "x86_64",
                    "python": "3.11"},
        "rows": [row],
    }  # fmt: skip
    text = DOCUMENT.read_text()
    made = written(text, stored)
    assert written(made, stored) == made
    assert "Measured 2026-11-22: a CPU, 4 cores" in made
    assert "**0 met, 1 missed.**" in made
    assert "| PS to MP4, h264 | cpu / ffmpeg | 1.2 s | 2 s | 0.6 | <= 0.48 | **missed** |" in made
    assert "| PS to MP4, h264 | 600 ms | cp | 900 ms | 0.3 | <= 0.48 |" in made
    for told in ("## Why rows are missed", "What the columns mean"):
        assert made.count(told) == 1
    assert made.partition("## Why")[2] == text.partition("## Why")[2]
    with pytest.raises(ValueError, match="goals"):
        written(text.replace("<!-- goals -->", ""), stored)
