"""Cuts over HTTP ranges: what is sent, and how long it takes where the store is 40 ms away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.contest import Contest, Goal
from benchmarks.inputs import Inputs
from benchmarks.measure import Turn, command, ours
from benchmarks.peers import DEBIAN, WHEEL, quiet
from benchmarks.server import Remote, serve
from benchmarks.test_cut import INTO

DELAY_MS = 40
SECONDS = 10


def counted(
    remote: Remote, turn: Callable[[], Turn], needed: Callable[[], int]
) -> Callable[[], Turn]:
    """The turn with what the server counted; `excess`: bytes sent to bytes needed."""

    def run() -> Turn:
        remote.counts()
        done = turn()
        done.numbers.update(remote.counts())
        done.numbers["excess"] = done.numbers["sent"] / needed()
        return done

    return run


def moov_size(path: Path) -> int:
    """Bytes from the begin of the file to its media, where the moov is first."""
    with path.open("rb") as file:
        at = 0
        while True:
            file.seek(at)
            header = file.read(8)
            if header[4:] == b"mdat":
                return at + 8
            at += int.from_bytes(header[:4], "big")


def seekers(
    remote: Remote, url: str, tools: dict[str, str], scratch: Path, begin: float,
    needed: Callable[[], int],
) -> dict[str, Callable[[], Turn]]:  # fmt: skip
    out = {}
    for number, name in enumerate((DEBIAN, WHEEL)):
        if name in tools:
            turn = command(
                *quiet(tools[name]), "-ss", begin, "-i", url, "-t", SECONDS, "-c", "copy",
                scratch / f"theirs{number}.mp4",
            )  # fmt: skip
            out[name] = counted(remote, turn, needed)
    return out


def test_http_segment(
    benchmark: BenchmarkFixture,
    contest: Contest,
    inputs: Inputs,
    tools: dict[str, str],
    scratch: Path,
) -> None:
    """The archive's own case: a segment whose head's length stands in its manifest."""
    path, out = inputs.segment(), scratch / "ours.mp4"
    begin = inputs.size.segment // 4 * 2 + INTO
    head = moov_size(path)

    def needed() -> int:
        return head + out.stat().st_size

    with serve(path.parent) as remote:
        url = f"{remote.url}/{path.name}"
        turn = ours(
            "remote.cut_segment", url, out, begin, begin + SECONDS, head, path.stat().st_size
        )
        ours_turn = counted(remote, turn, needed)
        ours_turn()  # so that there is an output to compare with
        contest.run(
            benchmark,
            "cut over HTTP, 10 s of a segment",
            {"ours": ours_turn, **seekers(remote, url, tools, scratch, begin, needed)},
            [Goal("excess", 1.03), Goal("connections", 1), Goal("requests", 3)],
            rounds=3,
            notes=["excess: bytes sent to bytes of moov and output"],
        )


@pytest.mark.parametrize(("place", "limit"), [("first", 0.95), ("last", 0.65)])
def test_http_far(
    benchmark: BenchmarkFixture,
    contest: Contest,
    inputs: Inputs,
    tools: dict[str, str],
    scratch: Path,
    place: str,
    limit: float,
) -> None:
    path = inputs.mp4() if place == "first" else inputs.mp4_last()
    out = scratch / "ours.mp4"
    begin = inputs.seconds() // 4 * 2 + INTO
    with serve(path.parent, DELAY_MS) as remote:
        url = f"{remote.url}/{path.name}"
        ours_turn = counted(
            remote, ours("remote.cut", url, out, begin, begin + SECONDS), lambda: inputs.size.size
        )
        peers = seekers(remote, url, tools, scratch, begin, lambda: inputs.size.size)
        contest.run(
            benchmark,
            f"cut over HTTP at {DELAY_MS} ms, moov {place}",
            {"ours": ours_turn, **peers},
            [
                Goal("wall", limit, WHEEL),
                Goal("inside_wall", limit, WHEEL),
                Goal("connections", 1),
            ],
            rounds=7,
            notes=["a connection costs one delay, each request another"],
        )


def test_http_fragmented(
    benchmark: BenchmarkFixture,
    contest: Contest,
    inputs: Inputs,
    tools: dict[str, str],
    scratch: Path,
) -> None:
    path, out = inputs.fragmented(), scratch / "ours.mp4"
    begin = inputs.seconds() // 4 * 2 + INTO
    with serve(path.parent) as remote:
        url = f"{remote.url}/{path.name}"
        turn = ours("remote.cut", url, out, begin, begin + SECONDS)
        contest.run(
            benchmark,
            "cut over HTTP, fragments without an index",
            {
                "ours": counted(remote, turn, lambda: inputs.size.size),
                **seekers(remote, url, tools, scratch, begin, lambda: inputs.size.size),
            },
            [Goal("requests", 20)],
            rounds=1,
            notes=["without delay: at 40 ms each request costs 40 ms more"],
        )
