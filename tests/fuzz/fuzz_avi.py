"""Spoils AVI files at random and reads them: no crash, no hang, and what the slow reference reads.
By hand, for as long as one likes:

    .venv/bin/python -m tests.fuzz.fuzz_avi 60          # seconds; a seed may follow

With atheris installed, `FUZZ=atheris` lets libFuzzer choose the bytes instead. A failure names its
seed and writes the file to `fuzz-failure.avi`.
"""

from __future__ import annotations

import os
import random
import struct
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaError
from hikcore.media.runs import find_runs
from hikcore.media.samples import read_samples
from hikcore.media.segments import plan_segments
from tests.media.avi_reference import avi, chunk, listed, sound_header, video_header
from tests.media.everfocus_reference import annexb, lengths
from tests.media.test_avi import Body, chunks, compare, index

#: Bytes that mean something to a reader of AVI.
TOKENS = (
    b"RIFF\xff\xff\xff\xffAVI ", b"LIST\0\0\0\0movi", b"LIST\4\0\0\0rec ",
    b"LIST\xff\xff\xff\x7fhdrl",
    b"00dc\0\0\0\0", b"01wb\0\0\0\0", b"00dc\xff\xff\xff\xff", b"00dc\1\0\0\0\0", b"07dc\0\0\0\0",
    b"JUNK\0\0\1\0", b"ix00\x20\0\0\0", b"idx1\xff\xff\xff\xff", b"idx1\x20\0\0\0", b"00pc\2\0\0\0",
    b"strh\x38\0\0\0vids", b"strf\x28\0\0\0", b"LIST\0\0\0\0strl", b"\0\0\0\1", b"\xff" * 4, b"00",
)  # fmt: skip


@cache
def bodies() -> tuple[bytes, ...]:
    """What is spoiled."""
    out = []
    for codec, fourcc in (("h264", b"H264"), ("h265", b"HEVC")):
        for framed in (annexb, lengths):
            parts = chunks(codec, 10, framed=framed)
            headers = video_header(fourcc), sound_header()
            out.append(avi(parts, *headers))
            out.append(avi(chunks(codec, 10, framed=framed, pad=False), *headers, idx1="none"))
            records = [listed(b"rec ", *parts[:9]), chunk(b"JUNK", bytes(99)), *parts[9:]]
            more = listed(b"AVIX", listed(b"movi", *parts), name=b"RIFF")
            out.append(avi(records, *headers, idx1="file", further=[more]))
    return tuple(out)


def spoiled(rng: random.Random) -> bytes:
    """One file with a few faults."""
    body = bytearray(rng.choice(bodies()))
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, kind = rng.randrange(len(body)), rng.randrange(6)
        if rng.random() < 0.5:
            at = max(body.find(rng.choice((b"00dc", b"01wb", b"LIST", b"idx1")), at), 0)
            at += rng.randrange(12)
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
            body[at : at + 4] = struct.pack("<I", rng.choice((0, 1, 2**31, 2**32 - 1, 700)))
        if not body:
            return b""
    return bytes(body)


def check(body: bytes, pieces: Sequence[int]) -> None:
    """Whatever a file is: read as the reference reads it, in pieces of any size, and all that is
    made of the table holds together."""
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
    """Spoil and check for so long; how many files that were."""
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        rng = random.Random(seed + count)
        body, pieces = spoiled(rng), [rng.choice((1, 3, 40, 1000)) for _ in range(3)]
        try:
            check(body, pieces)
        except Exception:
            Path("fuzz-failure.avi").write_bytes(body)
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
    print(f"{loop(seconds, seed)} files from seed {seed}")


if __name__ == "__main__":
    main()
