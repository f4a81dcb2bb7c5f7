"""Spoils EverFocus frame streams at random and reads them: no crash, no hang, and what the slow
reference reads. By hand, for as long as one likes:

    .venv/bin/python -m tests.fuzz.fuzz_everfocus 60          # seconds; a seed may follow

With atheris installed, `FUZZ=atheris` lets libFuzzer choose the bytes instead. A failure names its
seed and writes the body to `fuzz-failure.everfocus`.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaError
from hikcore.media.everfocus import parse_header
from hikcore.media.runs import find_runs
from hikcore.media.samples import read_samples
from hikcore.media.segments import plan_segments
from tests.media.everfocus_reference import G711, MAGIC, lengths
from tests.media.test_everfocus import Body, T, compare, frame, index, stream

#: Bytes that mean something to a reader of frames.
TOKENS = (
    MAGIC, MAGIC[:3], MAGIC * 3, b"\0\0\0\1", b"\0\0\1\x67", b"\0\0\1\x65\x88", b"\0\0\0\5",
    frame(6, b"", T), frame(7, b"", T, size=2**32 - 1), frame(8, b"", T, size=500),
    frame(G711, b"", T, size=16), frame(99, bytes(9), T), b"\xff" * 8, bytes(32), b"\0\0\1\x40\1",
)  # fmt: skip


@cache
def bodies() -> tuple[bytes, ...]:
    """What is spoiled."""
    return tuple(
        b"".join(stream(codec, 12, framed=framed))
        for codec in ("h264", "h265")
        for framed in (stream.__kwdefaults__["framed"], lengths)
    )


def spoiled(rng: random.Random) -> bytes:
    """One body with a few faults."""
    body = bytearray(rng.choice(bodies()))
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, kind = rng.randrange(len(body)), rng.randrange(6)
        if rng.random() < 0.5:
            # Near a header.
            at = max(body.find(MAGIC, at), 0) + rng.randrange(40)
        if kind == 0 and at < len(body):
            body[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del body[at : at + rng.randrange(1, 400)]
        elif kind in (2, 3):
            token = rng.choice(TOKENS)
            body[at : at + len(token) * (kind - 2)] = token
        elif kind == 4:
            other = rng.choice(bodies())
            begin = rng.randrange(len(other))
            body[at:at] = other[begin : begin + rng.randrange(1, 2000)]
        else:
            body[at : at + 4] = rng.choice((b"\0\0\0\0", b"\xff" * 4, rng.randbytes(4)))
        if not body:
            return b""
    return bytes(body)


def check(body: bytes, pieces: Sequence[int]) -> None:
    """Whatever a body is: frames as the reference finds them, in pieces of any size, and all that
    is made of the table holds together."""
    with contextlib.suppress(MediaError):
        parse_header(body)
    compare(body, pieces)
    try:
        table = index(body, pieces)
        runs = find_runs(table, UTC_CLOCK, 0)
    except MediaError:
        return
    for run in runs:
        for plan in plan_segments(table, run):
            if table.video is not None:
                read_samples(Body(body), table.video, plan.first, plan.last)
            if table.audio is not None:
                read_samples(Body(body), table.audio, plan.audio_first, plan.audio_last)


def loop(seconds: float, seed: int) -> int:
    """Spoil and check for so long; how many bodies that were."""
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        rng = random.Random(seed + count)
        body, pieces = spoiled(rng), [rng.choice((1, 3, 40, 1000)) for _ in range(3)]
        try:
            check(body, pieces)
        except Exception:
            Path("fuzz-failure.everfocus").write_bytes(body)
            print(f"seed {seed + count}, pieces {pieces}", file=sys.stderr)
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
