"""A recording of a recorder on loopback into an archive, against doing it by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.contest import Contest, Goal
from benchmarks.inputs import Inputs
from benchmarks.measure import Turn, command, fresh, ours
from benchmarks.server import DOWNLOAD, serve

BY_HAND = "curl + remux + put"


def test_extract(
    benchmark: BenchmarkFixture, contest: Contest, inputs: Inputs, scratch: Path
) -> None:
    path = inputs.ps("h264")
    body, clip = scratch / "body.ps", scratch / "body.mp4"
    with serve(path.parent, download=path.name) as remote:
        entries = {
            "ours": fresh(scratch, ours(
                "extraction.extract", remote.url, scratch / "home", inputs.seconds(),
                path.stat().st_size,
            ))
        }  # fmt: skip
        curl = shutil.which("curl")
        if curl is not None:
            steps = [
                command(curl, "-s", "-o", body, remote.url + DOWNLOAD),
                ours("streams.remux", body, clip),
                ours("stores.put", clip, scratch / "by-hand"),
            ]

            def by_hand() -> Turn:
                turns = [step().numbers for step in steps]
                return Turn({name: sum(t[name] for t in turns) for name in ("cpu", "wall")})

            entries[BY_HAND] = fresh(scratch, by_hand)
        contest.run(
            benchmark,
            "recorder to archive",
            entries,
            [Goal("cpu", 1.5, BY_HAND), Goal("peak", 40 * 2**20)],
            rounds=5,
            notes=["into a folder; by hand: three processes, no hashes, no index, no manifest"],
        )
    made = sum(file.stat().st_size for file in (scratch / "home" / "archive").rglob("*.mp4"))
    assert made > 0.98 * path.stat().st_size
