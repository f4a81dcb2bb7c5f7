"""The same ten seconds cut out by what people use and by hikcore, judged by the pictures shown.

Each picture of the footage carries its own instant, so that what a cut shows is read out of its
decoded pictures (tests/timecode.py), not out of its time stamps. `make compare` prints the tables
of docs/comparison.md.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from benchmarks.peers import DEBIAN, GPAC, PYAV, WHEEL, absent, programs, quiet, versions
from hikcore.errors import NoRecording
from hikcore.instants import NS, Span
from hikcore.sim.profile import Profile
from tests.journey import Journey, journey
from tests.timecode import read_instants

#: 25 pictures a second, a key picture every 2 s; how large they are changes nothing here.
FRAME, GOP = 40, 50
#: Asked, in seconds after the first picture: 0.52 s into a group of pictures, for 10 s.
BEGIN, LENGTH = 30.52, 10
#: Inside the hole of an hour.
IN_GAP = 1800.0

PROFILE = Profile.model_validate(
    {
        "name": "compare",
        "clock": {"zone": "CST-5:00:00", "listing": "local", "frozen": "2026-11-20T12:00:00Z"},
        "recorded": {
            "since": "now-100m",
            "holes": [{"begin": "now-99m", "end": "now-39m"}, {"begin": "now-38m", "end": "now"}],
        },
        # Off the whole second, as on recorders: milliseconds that are always 0 look like none.
        "cameras": [
            {"channel": 1, "frame_ms": FRAME, "gop": GOP, "file_ms": 36_000_000, "phase_ms": 480}
        ],
    }
)

Cut = Callable[[Path], None]


@dataclass(frozen=True)
class Shown:
    """What a cut shows, in seconds after the first picture of the footage; why, if nothing."""

    seconds: list[float]
    why: str = ""


@dataclass(frozen=True)
class Footage:
    """A recorder's footage: two minutes with an hour between them.

    Attributes:
        first: the first minute as the recorder serves it. both: with the second minute after it.
        mp4: the first minute as MP4.
    """

    made: Journey
    zero: int
    first: Path
    both: Path
    mp4: Path

    def span(self, begin: float, length: float) -> Span:
        """UTC of seconds after the first picture."""
        return Span(self.zero + round(begin * NS), self.zero + round((begin + length) * NS))

    def asked(self, begin: float, length: float) -> list[float]:
        """The pictures of the footage in a span."""
        span = self.span(begin, length)
        return [
            round((instant - self.zero) / NS, 3)
            for instant in self.made.recorder.recorded(1, span)
            if span.begin <= instant < span.end
        ]

    def shown(self, make: Cut, folder: Path) -> Shown:
        """Make a cut and read what it shows."""
        out = folder / "out.mp4"
        out.unlink(missing_ok=True)
        try:
            make(out)
            return Shown([round((i - self.zero) / NS, 3) for i in read_instants(str(out))])
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode().strip().splitlines()[-1].removeprefix("error: ")
            return Shown([], f"error: {last[:120]}")
        except (av.FFmpegError, IndexError):
            return Shown([], "a file without pictures")
        except NoRecording as error:
            return Shown([], f"error: {error.message}")


def run(*command: str) -> None:
    """A program that must not fail."""
    subprocess.run(command, check=True, capture_output=True)


def ffmpeg(
    program: str, source: Path, begin: float, *more: str, seek_first: bool = True
) -> tuple[str, Cut]:
    """(how it is called, the cut) by stream copy."""
    give, seek = ["-i", str(source)], ["-ss", f"{begin:g}"]
    inputs = [*seek, *give] if seek_first else [*give, *seek]
    rest = ["-t", str(LENGTH), "-c", "copy", *more]
    told = ["-ss …", "-i in"] if seek_first else ["-i in", "-ss …"]
    said = " ".join([*told, *rest[2:]])
    return said, lambda out: run(*quiet(program), *inputs, *rest, str(out))


def pyav(source: Path, begin: float) -> Cut:
    """The usual recipe: seek, then take packets from the first key picture on until the end."""

    def make(out: Path) -> None:
        with av.open(source) as give, av.open(out, "w") as take:
            stream = give.streams.video[0]
            base = stream.time_base
            assert base is not None
            copy = take.add_stream_from_template(stream)
            zero = give.start_time or 0
            give.seek(zero + round(begin * 1_000_000), backward=True)
            end = round((Fraction(zero, 1_000_000) + Fraction(str(begin)) + LENGTH) / base)
            first: int | None = None
            for packet in give.demux(stream):
                if packet.pts is None or (first is None and not packet.is_keyframe):
                    continue
                if packet.pts >= end:
                    break
                first = packet.pts if first is None else first
                packet.dts = packet.dts if packet.dts is not None else packet.pts
                packet.pts, packet.dts = packet.pts - first, packet.dts - first
                packet.stream = copy
                take.mux(packet)

    return make


def ours(footage: Footage, begin: float, length: float = LENGTH) -> Cut:
    """Out of the archive into which the recorder was extracted."""

    def make(out: Path) -> None:
        footage.made.archive.clip("site", "cam1", footage.span(begin, length), out)

    return make


def at_hand(source: Path, *times: str) -> Cut:
    """Out of the file, by the command."""
    hikcore = (sys.executable, "-m", "hikcore", "cut")
    return lambda out: run(*hikcore, str(source), *times, "-o", str(out))


SPAN = ("--from", f"{BEGIN:g}", "--to", f"{BEGIN + LENGTH:g}")


def from_ps(footage: Footage) -> list[tuple[str, str, Cut]]:
    """(tool, how, cut) of ten seconds out of a recording."""
    rows: list[tuple[str, str, Cut]] = []
    for name, program in programs().items():
        if name in (DEBIAN, WHEEL):
            for first in (True, False):
                said, make = ffmpeg(program, footage.first, BEGIN, seek_first=first)
                rows.append((name, said, make))
    rows.append((PYAV, "seek, copy from the key picture on", pyav(footage.first, BEGIN)))
    rows.append(("hikcore", "cut", at_hand(footage.first, *SPAN)))
    rows.append(("hikcore", "clip", ours(footage, BEGIN)))
    return rows


def from_mp4(footage: Footage) -> list[tuple[str, str, Cut]]:
    """The same out of an MP4."""
    rows: list[tuple[str, str, Cut]] = []
    fragments = ("-movflags", "frag_keyframe+empty_moov")
    zero = ("-avoid_negative_ts", "make_zero")
    here = programs()
    for name in (DEBIAN, WHEEL):
        if name in here:
            for first, more in ((True, ()), (True, fragments), (True, zero), (False, ())):
                said, make = ffmpeg(here[name], footage.mp4, BEGIN, *more, seek_first=first)
                rows.append((name, said, make))
    rows.append((PYAV, "seek, copy from the key picture on", pyav(footage.mp4, BEGIN)))
    for option in ("-splitx", "-splitz") if GPAC in here else ():
        rows.append((GPAC, option, mp4box(here[GPAC], footage.mp4, option)))
    rows.append(("hikcore", "cut", at_hand(footage.mp4, *SPAN)))
    return rows


def mp4box(program: str, source: Path, option: str) -> Cut:
    """MP4Box by its option for a span."""
    span = f"{BEGIN:g}:{BEGIN + LENGTH:g}"
    return lambda out: run(program, option, span, str(source), "-out", str(out))


def table(footage: Footage, rows: list[tuple[str, str, Cut]], folder: Path) -> str:
    """Rows as Markdown: what each shows of what was asked."""
    asked = footage.asked(BEGIN, LENGTH)
    lines = [
        "| tool | how | first picture shown | pictures lost | shown too many |",
        "|---|---|---|---|---|",
    ]
    for tool, how, make in rows:
        shown = footage.shown(make, folder)
        if not shown.seconds:
            lines.append(f"| {tool} | `{how}` | none ({shown.why}) | {len(asked)} | 0 |")
            continue
        lost = len(set(asked) - set(shown.seconds))
        more = len(shown.seconds) - len(set(asked) & set(shown.seconds))
        lines.append(
            f"| {tool} | `{how}` | {offset(shown.seconds[0] - BEGIN)} | "
            f"{lost} of {len(asked)} | {more} |"
        )
    return "\n".join(lines)


def offset(seconds: float) -> str:
    """How far from the asked begin."""
    if abs(seconds) < 0.001:
        return "as asked"
    return f"{abs(seconds):.2f} s {'late' if seconds > 0 else 'early'}"


def gap_table(footage: Footage, folder: Path) -> str:
    """Ten seconds asked inside the hole, and all of it remuxed: what comes, and how long it is."""
    span = footage.span(0, 62 * 60)
    every = footage.made.recorder.recorded(1, span)
    wall = (every[-1] - every[0]) / NS + FRAME / 1000
    lines = [
        f"| tool | asked inside the hole | all of it ({wall:.0f} s of wall clock) lasts |",
        "|---|---|---|",
    ]
    here = programs()
    tools: list[tuple[str, Cut, Cut]] = []
    for name in (DEBIAN, WHEEL):
        if name in here:
            _, make = ffmpeg(here[name], footage.both, IN_GAP)
            tools.append((name, make, remux(here[name], footage.both)))
    times = ("--from", f"{IN_GAP:g}", "--to", f"{IN_GAP + LENGTH:g}")
    tools.append(("hikcore cut", at_hand(footage.both, *times), at_hand(footage.both)))
    tools.append(("hikcore clip", ours(footage, IN_GAP), ours(footage, 0, 62 * 60)))
    for tool, inside, whole in tools:
        shown = footage.shown(inside, folder)
        what = f"nothing; {shown.why}"
        if shown.seconds:
            later = (shown.seconds[0] - IN_GAP) / 60
            what = f"{len(shown.seconds)} pictures of {later:.0f} minutes later, no error"
        whole(folder / "whole.mp4")
        with av.open(folder / "whole.mp4") as container:
            lines.append(f"| {tool} | {what} | {(container.duration or 0) / 1e6:.0f} s |")
    return "\n".join(lines)


def remux(program: str, source: Path) -> Cut:
    """A whole file by stream copy."""
    return lambda out: run(*quiet(program), "-i", str(source), "-c", "copy", str(out))


async def prepare(folder: Path) -> Footage:
    """Film, extract into an archive, and take the bodies as the recorder serves them."""
    async with journey(PROFILE, folder) as made:
        vault = made.recorder.vaults[1]
        one, other = made.recorder.files(1)
        bodies = [b"".join(vault.body(file)) for file in (one, other)]
        first, both, mp4 = folder / "first.ps", folder / "both.ps", folder / "first.mp4"
        first.write_bytes(bodies[0])
        both.write_bytes(b"".join(bodies))
        zero = one.begin_ms * 1_000_000
        made.archive.clip("site", "cam1", Span(zero, zero + 60 * NS), mp4)
        return Footage(made, zero, first, both, mp4)


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory(prefix="hikcore-compare-") as name:
        folder = Path(name)
        footage = asyncio.run(prepare(folder))
        said = ", ".join(f"{tool} {version}" for tool, version in versions().items())
        print(f"Compared: {said}.\n")
        print(f"### {LENGTH} s out of a recording (MPEG-PS)\n")
        print(table(footage, from_ps(footage), folder))
        print(f"\n### {LENGTH} s out of an MP4\n")
        print(table(footage, from_mp4(footage), folder))
        print("\n### Two recordings with an hour between them\n")
        print(gap_table(footage, folder))
        for reason in absent():
            print(f"not compared: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
