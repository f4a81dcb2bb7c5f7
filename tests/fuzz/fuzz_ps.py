"""Spoils program streams at random and reads them: no crash, no hang, and what the slow reference
reads. By hand, for as long as one likes:

    .venv/bin/python -m tests.fuzz.fuzz_ps 60          # seconds; a seed may follow

With atheris installed, `FUZZ=atheris` lets libFuzzer choose the bytes instead. A failure names its
seed and writes the body to `fuzz-failure.ps`.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaError
from hikcore.media.runs import find_runs
from hikcore.media.samples import read_samples
from hikcore.media.segments import plan_segments
from hikcore.media.table import SampleTable
from hikcore.sim.psmux import MuxProfile
from tests.media import ps_reference
from tests.media.ps_bodies import Bytes, index, muxed
from tests.media.test_ps import compare, same

#: Bytes that mean something to a parser of program streams.
TOKENS = (
    b"\0\0\1\xba", b"\0\0\1\xe0\0\0", b"\0\0\1\xe0\xff\xff", b"\0\0\1\xbc\0\x20", b"\0\0\1\xc0\0\4",
    b"\0\0\1\xbb", b"\0\0\1\xb9", b"\0\0\1\xbd\0\0", b"\0\0\0\1", b"\0\0\1\x67", b"\0\0\1\x40\1",
    b"\0\0\1\x65\x88", b"\0\0\1\x26\1\x80", b"\0\0\1\x2a\1\x80", b"\0\0\1\x10\1\x80",
    b"\0\0\1\xe0\0\7\x80\0\xff", b"\0\0\1\xba\0\0\1\xe0", b"\0" * 9, b"\xff" * 9, b"\x40\xffHK",
    b"\0\0\1\xe1\0\5\x80\0\0", b"\0\0\1\0\0\1", b"\0\0\1\xba\x21", b"\0\0\1\xc0\0\0\x80\0\0",
)  # fmt: skip


def bodies() -> list[bytes]:
    """What is spoiled: small bodies of both codecs, muxed in several ways."""
    return [
        muxed(mux, codec=codec, b_frames=b_frames, seconds=0.9).body
        for codec, b_frames in (("h264", 0), ("h264", 2), ("h265", 0))
        for mux in (MuxProfile(pes_size=300, junk=4), MuxProfile(header=False, pes_size=64))
    ]


def spoiled(chance: random.Random, whole: list[bytes]) -> bytes:
    """One body with a few faults."""
    body = bytearray(chance.choice(whole))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(body))
        kind = chance.randrange(7)
        if kind == 0:
            body[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            body[at : at + 1] = chance.randbytes(chance.randrange(1, 9))
        elif kind == 2:
            del body[at : at + chance.randrange(1, 400)]
        elif kind == 3:
            token = chance.choice(TOKENS)
            body[at : at + len(token)] = token
        elif kind == 4:
            body[at:at] = chance.choice(TOKENS)
        elif kind == 5:
            other = chance.choice(whole)
            begin = chance.randrange(len(other))
            body[at:at] = other[begin : begin + chance.randrange(1, 3000)]
        else:
            del body[at:]
        if not body:
            break
    return bytes(body)


def outcome(body: bytes, sizes: list[int]) -> tuple[SampleTable | None, MediaError | None]:
    """The table, or why there is none."""
    try:
        return index(body, sizes), None
    except MediaError as error:
        return None, error


def check(body: bytes, sizes: list[int]) -> None:
    """Whatever a body is, it is read as the reference reads it, in pieces of any size, and all that
    is made of the table holds together."""
    truth = ps_reference.parse(body)
    table, error = outcome(body, [1 << 20])
    again, second = outcome(body, sizes)
    assert str(error) == str(second)
    if table is None or again is None:
        return
    same(again, table)
    compare(body, table, truth)
    for run in find_runs(table, UTC_CLOCK, 0):
        for plan in plan_segments(table, run):
            if table.video is not None:
                read_samples(Bytes(body), table.video, plan.first, plan.last)
            if table.audio is not None:
                read_samples(Bytes(body), table.audio, plan.audio_first, plan.audio_last)


def loop(seconds: float, seed: int, whole: list[bytes] | None = None) -> int:
    """Spoil and check for so long; how many bodies that were."""
    whole = whole or bodies()
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        chance = random.Random(seed + count)
        body = spoiled(chance, whole)
        sizes = [chance.choice((1, 2, 3, 7, 100, 5000)) for _ in range(3)]
        try:
            check(body, sizes)
        except Exception:
            Path("fuzz-failure.ps").write_bytes(body)
            print(f"seed {seed + count}, pieces {sizes}", file=sys.stderr)
            raise
        count += 1
    return count


def main() -> None:
    """See the module."""
    if os.environ.get("FUZZ") == "atheris":
        import atheris  # type: ignore[import-not-found]

        atheris.Setup(sys.argv, lambda data: check(bytes(data), [1, 7, 4096]))
        atheris.Fuzz()
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    print(f"{loop(seconds, seed)} bodies from seed {seed}")


if __name__ == "__main__":
    main()
