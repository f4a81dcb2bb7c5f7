"""Program streams: indexed, and made MP4 of, as whole processes."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.contest import Contest, Goal
from benchmarks.inputs import Inputs
from benchmarks.measure import command, fresh, ours
from benchmarks.peers import DEBIAN, WHEEL, quiet

PEAK = 40 * 2**20


@pytest.mark.parametrize(("codec", "limit"), [("h264", 0.30), ("h265", 0.15)])
def test_ps_index(
    benchmark: BenchmarkFixture,
    contest: Contest,
    inputs: Inputs,
    tools: dict[str, str],
    codec: str,
    limit: float,
) -> None:
    path = inputs.ps(codec)
    entries = {
        "ours": ours("streams.index", path),
        "cat": command("sh", "-c", f"cat {path} > /dev/null"),
    }
    for name in (DEBIAN, WHEEL):
        if name in tools:
            entries[name] = command(
                *quiet(tools[name]), "-i", path, "-map", "0:v:0", "-c", "copy", "-f", "null", "-"
            )
    contest.run(
        benchmark,
        f"PS index, {codec}",
        entries,
        [Goal("cpu", limit, DEBIAN), Goal("inside_cpu", limit, DEBIAN), Goal("peak", PEAK)],
    )


@pytest.mark.parametrize(("codec", "cpu", "wall"), [("h264", 0.48, 0.70), ("h265", 0.31, 0.42)])
def test_ps_mp4(
    benchmark: BenchmarkFixture,
    contest: Contest,
    inputs: Inputs,
    tools: dict[str, str],
    scratch: Path,
    codec: str,
    cpu: float,
    wall: float,
) -> None:
    path = inputs.ps(codec)
    entries = {
        "ours": ours("streams.remux", path, scratch / "ours.mp4"),
        "cp": command("cp", path, scratch / "copy"),
    }
    for number, name in enumerate((DEBIAN, WHEEL)):
        if name in tools:
            entries[name] = command(
                *quiet(tools[name]), "-i", path, "-map", "0:v:0", "-c", "copy",
                scratch / f"theirs{number}.mp4",
            )  # fmt: skip
    contest.run(
        benchmark,
        f"PS to MP4, {codec}",
        {name: fresh(scratch, turn) for name, turn in entries.items()},
        [Goal("cpu", cpu, DEBIAN), Goal("wall", wall, WHEEL), Goal("peak", PEAK)],
        rounds=5,
    )
    with av.open(scratch / "ours.mp4") as made:
        assert made.streams.video[0].frames == sum(1 for _ in inputs.pictures(codec))
