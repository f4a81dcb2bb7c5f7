"""EverFocus frame streams: a header a call, and all headers of a buffer or a file."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.contest import Contest, Goal
from benchmarks.floor import Floor, build
from benchmarks.frames import BEGIN_MS, everfocus_header
from benchmarks.inputs import Inputs
from benchmarks.measure import Turn, call
from hikcore.media.everfocus import parse_header, read_headers

_PACKED = struct.Struct("<IIHHHIH12x")
_MAGIC = 0x89639615
PYTHON, UNPACK, C = "Python", "struct", "C"


def python_header(data: bytes) -> tuple[int, int, int, int, int]:
    """What a careful user writes: the fields, checked, and the time in ns."""
    magic, size, kind, width, height, seconds, ms = _PACKED.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError("no header")
    if ms > 999:
        raise ValueError("no time")
    return size, kind, width, height, (seconds * 1000 + ms) * 1_000_000


def python_scan(data: bytes) -> list[tuple[int, int, int, int, int]]:
    """All headers of a buffer."""
    out, at, end = [], 0, len(data) - 31
    unpack = _PACKED.unpack_from
    while at < end:
        magic, size, kind, _, _, seconds, ms = unpack(data, at)
        if magic != _MAGIC:
            raise ValueError(f"no header at {at}")
        out.append((at, size, kind, seconds, ms))
        at += 32 + size
    return out


def python_scan_file(path: Path) -> list[tuple[int, int, int, int, int]]:
    """The same by reading headers alone."""
    out, at = [], 0
    unpack = _PACKED.unpack
    descriptor = os.open(path, os.O_RDONLY)
    try:
        while len(head := os.pread(descriptor, 32, at)) == 32:
            magic, size, kind, _, _, seconds, ms = unpack(head)
            if magic != _MAGIC:
                raise ValueError(f"no header at {at}")
            out.append((at, size, kind, seconds, ms))
            at += 32 + size
    finally:
        os.close(descriptor)
    return out


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Floor | None:
    return build(tmp_path_factory.mktemp("floor"))


def test_header(benchmark: BenchmarkFixture, contest: Contest) -> None:
    message = everfocus_header(20_000, 7, BEGIN_MS) + bytes(200)
    loops = range(100_000)

    def each(function: Callable[[bytes], object]) -> Callable[[], None]:
        def run() -> None:
            for _ in loops:
                function(message)

        return run

    def inline() -> None:
        unpack = _PACKED.unpack_from
        for _ in loops:
            if unpack(message)[0] != _MAGIC:
                raise ValueError

    def per_call(run: Callable[[], None]) -> Callable[[], Turn]:
        turn = call(run)

        def scaled() -> Turn:
            return Turn({name: value / len(loops) for name, value in turn().numbers.items()})

        return scaled

    assert parse_header(message).time == python_header(message)[4]
    contest.run(
        benchmark,
        "one header a call",
        {
            "ours": per_call(each(parse_header)),
            PYTHON: per_call(each(python_header)),
            UNPACK: per_call(inline),
            "empty call": per_call(each(id)),
        },
        [Goal("wall", 0.25, PYTHON)],
        rounds=25,
        notes=["the loop around the call, some 10 ns, is in all of them"],
    )


def test_scan_memory(
    benchmark: BenchmarkFixture, contest: Contest, inputs: Inputs, floor: Floor | None
) -> None:
    data = inputs.everfocus().read_bytes()
    scan(benchmark, contest, "scan in memory, cold", data, floor, [(PYTHON, 0.45), (C, 1.1)], 15)


def test_scan_cache(benchmark: BenchmarkFixture, contest: Contest, floor: Floor | None) -> None:
    data = b"".join(everfocus_header(0, 7, BEGIN_MS + 40 * n) for n in range(4096))
    scan(benchmark, contest, "scan in cache", data, floor, [(PYTHON, 1 / 80)], 200)


def scan(
    benchmark: BenchmarkFixture, contest: Contest, title: str, data: bytes, floor: Floor | None,
    goals: list[tuple[str, float]], rounds: int,
) -> None:  # fmt: skip
    assert len(read_headers(data)[0]) == len(python_scan(data))
    entries = {
        "ours": call(lambda: read_headers(data)),
        PYTHON: call(lambda: python_scan(data)),
    }
    if floor is not None:
        address = np.frombuffer(data, np.uint8).ctypes.data
        entries[C] = call(lambda: floor.walk(address, len(data)))
    contest.run(
        benchmark, title, entries, [Goal("wall", limit, peer) for peer, limit in goals],
        rounds=rounds,
    )  # fmt: skip


def test_scan_file(
    benchmark: BenchmarkFixture, contest: Contest, inputs: Inputs, floor: Floor | None
) -> None:
    path = inputs.everfocus()
    assert len(read_headers(path)[0]) == len(python_scan_file(path))
    entries = {
        "ours": call(lambda: read_headers(path)[0]),
        PYTHON: call(lambda: python_scan_file(path)),
    }
    if floor is not None:
        entries[C] = call(lambda: _walk_file(floor, path))
    contest.run(benchmark, "scan of a file", entries, [Goal("wall", 0.6, PYTHON)], rounds=15)


def _walk_file(floor: Floor, path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return floor.walk_file(descriptor, path.stat().st_size)
    finally:
        os.close(descriptor)
