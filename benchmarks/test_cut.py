"""Cuts of one long MP4 at hand, and segments joined."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import av
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.contest import Contest, Goal
from benchmarks.footage import BITRATE
from benchmarks.inputs import Inputs
from benchmarks.jobs import cuts
from benchmarks.measure import Turn, call, command, fresh, ours
from benchmarks.peers import DEBIAN, GPAC, PYAV, WHEEL, quiet

#: 1.48 s after a key picture: most of a group must be hidden.
INTO = 1.48


def cut_with_pyav(path: Path, out: Path, begin: float, end: float) -> None:
    """The recipe of PyAV's documentation: seek, demux, mux."""
    with av.open(path) as source, av.open(out, "w") as file:
        stream = source.streams.video[0]
        target = file.add_stream_from_template(stream)
        assert stream.time_base is not None
        source.seek(int(begin / stream.time_base), stream=stream)
        for packet in source.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            if packet.pts * stream.time_base >= end:
                break
            packet.stream = target
            file.mux(packet)


def in_process(
    benchmark: BenchmarkFixture, contest: Contest, inputs: Inputs, scratch: Path, seconds: int,
    limit: float,
) -> None:  # fmt: skip
    path, out = inputs.mp4(), scratch / "ours.mp4"
    pyav, copy = scratch / "pyav.mp4", scratch / "copy.mp4"
    begin = inputs.seconds() // 4 * 2 + INTO
    arguments = (begin, begin + seconds)
    contest.run(
        benchmark,
        f"cut {seconds} s in process",
        {
            "ours": fresh(scratch, call(lambda: cuts.cut(path, out, *arguments))),
            PYAV: fresh(scratch, call(lambda: cut_with_pyav(path, pyav, *arguments))),
            "sendfile": fresh(scratch, call(lambda: _copy(path, copy, seconds))),
        },
        [Goal("wall", limit, PYAV)],
        rounds=25,
    )
    assert shown(out) == seconds * 25


def shown(path: Path) -> int:
    """Pictures that a player is to show."""
    with av.open(path) as made:
        packets = list(made.demux(video=0))
        return sum(1 for one in packets if one.size and not one.is_discard)


def _copy(path: Path, out: Path, seconds: int) -> None:
    """As many bytes as the clip has, within the kernel: the floor."""
    begin, size = path.stat().st_size // 2, seconds * BITRATE // 8
    with path.open("rb") as source, out.open("wb") as target:
        while size:
            done = os.sendfile(target.fileno(), source.fileno(), begin, size)
            begin, size = begin + done, size - done


def test_cut_10(
    benchmark: BenchmarkFixture, contest: Contest, inputs: Inputs, scratch: Path
) -> None:
    in_process(benchmark, contest, inputs, scratch, 10, 0.10)


def test_cut_60(
    benchmark: BenchmarkFixture, contest: Contest, inputs: Inputs, scratch: Path
) -> None:
    in_process(benchmark, contest, inputs, scratch, 60, 0.25)


def test_cut_long(
    benchmark: BenchmarkFixture,
    contest: Contest,
    inputs: Inputs,
    tools: dict[str, str],
    scratch: Path,
) -> None:
    path, seconds = inputs.mp4(), inputs.size.long_cut
    begin = inputs.seconds() // 8 * 2 + INTO
    blocks = inputs.size.size // round(inputs.seconds()) * seconds >> 20
    entries: dict[str, Callable[[], Turn]] = {
        "ours": ours("cuts.cut", path, scratch / "ours.mp4", begin, begin + seconds),
        "dd": command(
            "dd", f"if={path}", f"of={scratch / 'dd'}", "bs=1M", f"skip={blocks // 2}",
            f"count={blocks}", "status=none",
        ),
    }  # fmt: skip
    for number, name in enumerate((DEBIAN, WHEEL)):
        if name in tools:
            entries[name] = command(
                *quiet(tools[name]), "-ss", begin, "-i", path, "-t", seconds, "-c", "copy",
                scratch / f"theirs{number}.mp4",
            )  # fmt: skip
    if GPAC in tools:
        entries[GPAC] = command(
            tools[GPAC], "-quiet", "-splitx", f"{begin}:{begin + seconds}", path, "-out",
            scratch / "gpac.mp4",
        )  # fmt: skip
    contest.run(
        benchmark,
        f"cut {seconds} s, whole process",
        {name: fresh(scratch, turn) for name, turn in entries.items()},
        [
            Goal("wall", 0.48, DEBIAN),
            Goal("wall", 1.1, "dd"),
            Goal("cpu", 0.48, DEBIAN),
            Goal("peak", 40 * 2**20),
        ],
        notes=["goals are of the time a user waits; CPU stands beside it"],
    )
    assert shown(scratch / "ours.mp4") == seconds * 25


def test_join(
    benchmark: BenchmarkFixture,
    contest: Contest,
    inputs: Inputs,
    tools: dict[str, str],
    scratch: Path,
) -> None:
    path = inputs.segment()
    names = scratch / "names.txt"
    names.write_text(f"file '{path}'\n" * 6)
    entries: dict[str, Callable[[], Turn]] = {
        "ours": ours("cuts.join", path, scratch / "ours.mp4", 6),
        "cat": command("sh", "-c", f"cat {f'{path} ' * 6} > {scratch / 'cat'}"),
    }
    for number, name in enumerate((DEBIAN, WHEEL)):
        if name in tools:
            entries[name] = command(
                *quiet(tools[name]), "-f", "concat", "-safe", "0", "-i", names, "-c", "copy",
                scratch / f"theirs{number}.mp4",
            )  # fmt: skip
    contest.run(
        benchmark,
        f"join 6 x {inputs.size.segment} s",
        {name: fresh(scratch, turn) for name, turn in entries.items()},
        [Goal("cpu", 0.40, DEBIAN), Goal("peak", 40 * 2**20)],
        rounds=5,
        notes=["one segment, opened and indexed six times over"],
    )
    assert shown(scratch / "ours.mp4") == 6 * inputs.size.segment * 25
