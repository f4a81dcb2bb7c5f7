"""How fast the parts are on one core, and how long the command takes to begin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.conftest import BEGIN
from hikcore.deviceclock import UTC_CLOCK
from hikcore.media.container import index_file
from hikcore.media.ps import PsIndexer
from hikcore.media.runs import find_runs
from hikcore.media.samples import FileSource
from hikcore.media.segments import plan_segments, write_segment

_BLOCK = 1 << 20


def note(benchmark: BenchmarkFixture, size: int) -> None:
    """Beside the times, what people compare: megabytes a second."""
    benchmark.extra_info["MB/s"] = round(size / benchmark.stats.stats.median / 1e6, 1)


def test_index(benchmark: BenchmarkFixture, body: Path) -> None:
    """A program stream, fed in blocks as a download brings them."""
    blocks = [body.read_bytes()[at : at + _BLOCK] for at in range(0, body.stat().st_size, _BLOCK)]

    def index() -> int:
        indexer = PsIndexer()
        for block in blocks:
            indexer.feed(block)
        table = indexer.finish()
        return len(table.video or ())

    assert benchmark(index) > 1000
    note(benchmark, body.stat().st_size)


def test_split(benchmark: BenchmarkFixture, body: Path, tmp_path: Path) -> None:
    """An indexed recording into segments, hashed, onto the disk."""
    table = index_file(body)

    def split() -> int:
        written = 0
        with FileSource(body) as source:
            for run in find_runs(table, UTC_CLOCK, BEGIN):
                for number, plan in enumerate(plan_segments(table, run)):
                    with (tmp_path / f"{number}.mp4").open("wb") as out:
                        written += write_segment(out, source, table, run, plan).size
        return written

    assert benchmark(split) > body.stat().st_size // 2
    note(benchmark, body.stat().st_size)


@pytest.mark.parametrize("arguments", [("-c", "import hikcore"), ("-m", "hikcore", "--help")])
def test_start(benchmark: BenchmarkFixture, arguments: tuple[str, ...]) -> None:
    """A process from its start to its end."""
    benchmark.pedantic(
        subprocess.run,
        args=([sys.executable, *arguments],),
        kwargs={"check": True, "stdout": subprocess.DEVNULL},
        rounds=5,
    )
