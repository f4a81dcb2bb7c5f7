"""Fuzzes the MP4 reader: any bytes end in a table or in a MediaError, within bounds.

Run for a chosen time: `python tests/fuzz/fuzz_mp4.py SECONDS [SEED]`. With atheris installed its
coverage guides the changes (`python tests/fuzz/fuzz_mp4.py --atheris -max_total_time=SECONDS`);
without it boxes are changed at random, by their structure. What fails is written to
fuzz-failure.mp4.
"""

from __future__ import annotations

import contextlib
import io
import random
import struct
import sys
import time
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hikcore.errors import MediaError
from hikcore.media.mp4.clock import to_ninety
from hikcore.media.mp4.fragment import write_fragmented
from hikcore.media.mp4.locate import index_span
from hikcore.media.mp4.read import index_mp4, read_edits, read_head
from hikcore.media.mp4.write import OutTrack, write_mp4
from hikcore.media.samples import read_samples
from tests.media.mp4_foreign import Bytes, foreign

SEEDS = (
    {}, {"movflags": "faststart"}, {"movflags": "frag_keyframe+empty_moov"},
    {"movflags": "frag_keyframe+empty_moov+default_base_moof+global_sidx"},
    {"movflags": "frag_every_frame+empty_moov"}, {"container": "mov", "sound": "pcm_alaw"},
    {"codec": "libx265", "sound": "flac"}, {"sound": "libopus"},
)  # fmt: skip
_VALUES = (0, 1, 2, 7, 8, 16, 60, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
_SLOWEST = 20.0


def one(data: bytes) -> None:
    """Everything that reads bytes of others, and the way back to a file."""
    source = Bytes(data)
    for read in (read_head, read_edits):
        with contextlib.suppress(MediaError):
            read(data)
    with contextlib.suppress(MediaError):
        index_span(source, len(data), Fraction(1), Fraction(2))
    try:
        table = to_ninety(index_mp4(source, len(data), verify=True))
    except MediaError:
        return
    samples = table.video
    if samples is None or not len(samples):
        return
    try:
        out = io.BytesIO()
        track = OutTrack(samples)
        write_mp4(out, [track], lambda _, a, b: bytes(read_samples(source, samples, a, b)))
        again = read_head(out.getvalue()).video
        assert again is not None
        assert len(again) == len(samples)
        assert again.size.tolist() == samples.size.tolist()
        out = io.BytesIO()
        write_fragmented(out, [track], lambda _, a, b: bytes(read_samples(source, samples, a, b)))
        assert len(index_mp4(Bytes(out.getvalue()), len(out.getvalue())).video or ()) == len(
            samples
        )
    except MediaError:
        pass


def changed(data: bytes, rng: random.Random) -> bytes:
    """Some words of the tables changed, pieces doubled, swapped or cut off."""
    out = bytearray(data)
    marks = [i for kind in (b"moov", b"moof", b"sidx", b"stbl", b"traf", b"trun", b"mfra", b"elst")
             for i in _all(data, kind)]  # fmt: skip
    for _ in range(rng.randint(1, 6)):
        near = rng.choice(marks) if marks and rng.random() < 0.9 else rng.randrange(len(out))
        at = min(max(near + rng.randint(-4, 400), 0), len(out) - 4)
        what = rng.random()
        if what < 0.7:
            value = rng.choice(_VALUES) if rng.random() < 0.7 else rng.randrange(1 << 32)
            out[at : at + 4] = struct.pack(">I", value)
        elif what < 0.85:
            out[at] = rng.randrange(256)
        elif what < 0.95:
            length = rng.randint(1, 64)
            out[at:at] = out[near : near + length]
        else:
            del out[rng.randrange(len(out)) :]
            out += bytes(8)
    return bytes(out)


def _all(data: bytes, kind: bytes) -> list[int]:
    out, at = [], data.find(kind)
    while at >= 0 and len(out) < 20:
        out.append(at)
        at = data.find(kind, at + 4)
    return out


def main(seconds: float, seed: int) -> int:
    """Change seeds at random until the time is over; 1 on the first failure."""
    rng = random.Random(seed)
    seeds = [foreign(**options) for options in SEEDS]
    begin, runs = time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        data = changed(rng.choice(seeds), rng)
        start = time.monotonic()
        try:
            one(data)
            assert time.monotonic() - start < _SLOWEST, "too slow"
        except BaseException:
            Path("fuzz-failure.mp4").write_bytes(data)
            print(f"failed in run {runs} of seed {seed}: fuzz-failure.mp4", file=sys.stderr)
            raise
        runs += 1
    print(f"{runs} runs in {seconds:g} s, no failure")
    return 0


if __name__ == "__main__":
    if "--atheris" in sys.argv:
        import atheris

        sys.argv.remove("--atheris")
        atheris.Setup(sys.argv, one)
        atheris.Fuzz()
    else:
        arguments = sys.argv[1:]
        sys.exit(main(float(arguments[0]) if arguments else 60.0,
                      int(arguments[1]) if len(arguments) > 1 else 1))  # fmt: skip
