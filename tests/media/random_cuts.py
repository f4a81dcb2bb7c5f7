"""Random cuts of every class of footage, held against what the pictures themselves say.

    python -m tests.media.random_cuts --points 1000 --seed 1 --resume cuts.jsonl

A point is three instants a < b < c of one class and the options of a clip. The clips [a,b), [b,c)
and [a,c) are cut out of the archive, decoded by PyAV, and held to:

- shown are the picture that covers the begin and all that begin before the end, each once, at its
  own time; the rules of `hikcore check` hold, with the body as the source;
- [a,b) and [b,c) show together what [a,c) shows: a picture that covers b inside it is the last of
  one and the first of the other, and nothing else is shown twice;
- sound whose samples carry their instants begins and runs with the pictures, to the sample.

The body is cut and joined without an archive too (`hikcore cut`). What the native tables are made
for must go by them, and come out as by the general way: `_WAYS` are counted, as the classes are.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import numpy as np
from numpy.typing import NDArray

from hikcore.errors import HikcoreError, NoRecording
from hikcore.instants import NS, Span, ns_to_ticks
from hikcore.media.check import check_file
from hikcore.media.cut import cut_file, join_files
from hikcore.media.files import FileSource
from hikcore.media.mp4.plain import find_moov
from hikcore.media.mp4.quick import quick_cut, quick_join
from hikcore.media.whole import cut_table, join_tables
from tests.media.cut_archive import Cameras, Held
from tests.media.cut_bodies import body, kinds
from tests.media.cut_footage import Kind
from tests.timecode import read_instant, read_sound

SOUNDS = ("copy", "aac", "flac", "none")
#: Containers that are cut by the native tables; a file that hides its begin is not joined.
_PLAIN = ("mp4 moov first", "mp4 moov last", "mp4 with a lead-in", "mov")
_JOINED = ("mp4 moov first", "mp4 moov last", "mov")
_WAYS = tuple(
    f"{how} by the native tables, {sound}: {container}"
    for how, containers in (("cut", _PLAIN), ("joined", _JOINED))
    for sound in ("sound", "mute")
    for container in containers
)
_MARKS = {"alaw": bytes([0xB0 ^ 0x55]), "ulaw": b"\xbf"}
#: A choice among so many: hypothesis' or a random generator's.
Choose = Callable[[int], int]


@dataclass(frozen=True)
class Point:
    """Instants in UTC ns, and the options of the clips."""

    container: str
    kind: Kind
    a: int
    b: int
    c: int
    start: str
    audio: str
    strip: bool = False

    def __str__(self) -> str:
        return f"{self.container}, {self.kind}"


@dataclass
class Shown:
    """What a clip shows: marks of its pictures (ms), when each is shown (seconds after the first),
    the document; `faults`: what is wrong with it."""

    marks: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def draw(choose: Choose, container: str, kind: Kind) -> Point:
    """A point of a class: instants at pictures, one ns beside them, and anywhere."""
    made = body(container, kind).footage
    instants = made.instants
    begin, length = instants[0] - NS // 5, made.end - instants[0] + NS * 2 // 5

    def instant() -> int:
        how = choose(4)
        if how == 3:
            return begin + choose(length)
        return instants[choose(len(instants))] + (0, -1, 1)[how]

    a, b, c = sorted((instant(), instant(), instant()))
    b = max(b, a + 1)
    start = "exact" if choose(4) else "key"
    audio, strip = SOUNDS[choose(4)], choose(4) == 3
    return Point(container, kind, a, b, max(c, b + 1), start, audio, strip)


def judge(cameras: Cameras, point: Point, folder: Path, ways: list[str] | None = None) -> list[str]:
    """What is wrong with the clips of a point; nothing, if all is well. `ways` gets which of _WAYS
    were gone."""
    ways = [] if ways is None else ways
    try:
        held = cameras.held(body(point.container, point.kind))
    except HikcoreError as error:
        return [f"{type(error).__name__}: {error}"]
    spans = [(point.a, point.b), (point.b, point.c), (point.a, point.c)]
    shown = []
    for number, (begin, end) in enumerate(spans):
        one = _clip(cameras, held, point, Span(begin, end), folder / f"{number}.mp4")
        shown.append(one)
    names = ("ab", "bc", "ac")
    faults = [f"{name}: {f}" for name, one in zip(names, shown, strict=True) for f in one.faults]
    faults += [f"cut of the file: {one}" for one in _cut(held, point, folder / "cut.mp4", ways)]
    if point.container in _JOINED:
        faults += [f"joined: {one}" for one in _join(held, point, folder / "join.mp4", ways)]
    if point.start == "exact" and not faults:
        first, second, both = (one.marks for one in shown)
        covered = point.b not in held.body.footage.instants and first and second
        if first + second[1 if covered else 0 :] != both:
            faults.append("[a,b) and [b,c) do not show together what [a,c) shows")
    return faults


def expected(held: Held, span: Span, start: str) -> list[int]:
    """Numbers of the pictures that a clip must show."""
    made = held.body.footage
    first = bisect_left(made.instants, span.begin)
    until = bisect_left(made.instants, span.end)
    if first and span.begin < made.end and span.begin not in made.instants:
        first -= 1
    if first >= until:
        return []
    if start == "key":
        first = max(key for key in made.keys if key <= first)
    return list(range(first, until))


def _cut(held: Held, point: Point, out: Path, ways: list[str]) -> list[str]:
    """The same without an archive: `hikcore cut` of [a, c), in ticks since the first picture that
    the file shows."""
    made = held.body.footage
    begin, end = (ns_to_ticks(instant - held.body.listed) for instant in (point.a, point.c))
    zero = made.ticks[held.body.hidden]
    first, until = bisect_left(made.ticks, zero + begin), bisect_left(made.ticks, zero + end)
    if first and zero + begin not in made.ticks:
        first -= 1
    if begin >= end or begin < 0 or first >= until:
        return []
    covers = first + 1 == len(made.ticks) and point.a >= made.end
    try:
        cut_file(held.path, out, begin / 90_000, end / 90_000)
    except NoRecording:
        return [] if covers else ["nothing is shown"]
    except HikcoreError as error:
        return [f"{type(error).__name__}: {error}"]
    if covers:
        return ["a picture that ended before the begin is shown"]
    marks, times = _pictures(out)
    if marks != list(made.marks[first:until]):
        return [f"shows {_brief(marks)}, not {_brief(made.marks[first:until])}"]
    ticks = [Fraction(tick - made.ticks[first], 90_000) for tick in made.ticks[first:until]]
    if times != ticks:
        return ["its pictures are shown at other times"]
    faults = [str(one) for one in check_file(out, source=held.path, decode=True).failures]
    return faults + _cut_natively(held, point, out, (begin, end), ways)


def _cut_natively(
    held: Held, point: Point, out: Path, span: tuple[int, int], ways: list[str]
) -> list[str]:
    """Whether a cut went the native way, where it is to, and came out as by the other."""
    begin, end = (round(tick / 90_000 * 90_000) for tick in span)
    with FileSource(held.path) as source:
        moov = find_moov(source, source.size)
        native = quick_cut(source, source.size, moov, begin, end) is not None
    if not native:
        return ["left to the general way"] if point.container in _PLAIN else []
    ways.append(_way("cut", point))
    other = out.with_name("general.mp4")
    with other.open("wb") as file:
        cut_table(held.path, file.fileno(), begin, end)
    return [] if out.read_bytes() == other.read_bytes() else ["not as by the general way"]


def _join(held: Held, point: Point, out: Path, ways: list[str]) -> list[str]:
    """The body twice, one behind the other."""
    paths = [held.path, held.path]
    join_files(paths, out)
    with FileSource(held.path) as source:
        if quick_join([source, source]) is None:
            return ["left to the general way"]
    ways.append(_way("joined", point))
    other = out.with_name("general.mp4")
    with other.open("wb") as file:
        join_tables(paths, file.fileno())
    marks, _ = _pictures(out)
    if marks != [*held.body.footage.marks] * 2:
        return [f"shows {_brief(marks)}"]
    same = out.read_bytes() == other.read_bytes()
    faults = [str(one) for one in check_file(out, decode=True).failures]
    return faults if same else [*faults, "not as by the general way"]


def _way(how: str, point: Point) -> str:
    sound = "sound" if point.kind.sound else "mute"
    return f"{how} by the native tables, {sound}: {point.container}"


def _clip(cameras: Cameras, held: Held, point: Point, span: Span, out: Path) -> Shown:
    made = held.body.footage
    wanted = expected(held, span, point.start)
    shown = Shown()
    try:
        document = cameras.clip(
            held, span, out, start=point.start, audio=point.audio, strip_parameter_sets=point.strip
        )
    except NoRecording:
        if wanted:
            shown.faults.append(f"nothing is shown, where {len(wanted)} pictures are held")
        return shown
    except HikcoreError as error:
        shown.faults.append(f"{type(error).__name__}: {error}")
        return shown
    if not wanted:
        shown.faults.append("a clip of a span without pictures")
        return shown
    shown.marks, times = _pictures(out)
    marks = [made.marks[n] for n in wanted]
    if shown.marks != marks:
        shown.faults.append(f"shows {_brief(shown.marks)} where {_brief(marks)} are asked for")
        return shown
    ticks = [Fraction(made.ticks[n] - made.ticks[wanted[0]], 90_000) for n in wanted]
    if times != ticks:
        at = next(i for i, (x, y) in enumerate(zip(times, ticks, strict=True)) if x != y)
        shown.faults.append(f"picture {at} at {float(times[at]):.6f} s, not {float(ticks[at]):.6f}")
    told = (document.first, document.last, document.frames)
    true = (made.instants[wanted[0]], made.instants[wanted[-1]], len(wanted))
    if told != true:
        shown.faults.append(f"the JSON says {told} of the first and last picture, not {true}")
    report = check_file(out, source=held.path, decode=True)
    shown.faults += map(str, report.failures)
    if point.strip and _sets_inside(out):
        shown.faults.append("parameter sets of the sample entry are in its samples")
    if held.body.law and point.audio in ("copy", "flac"):
        begin, encoded = made.instants[wanted[0]], point.audio == "flac"
        shown.faults += _sound(held, out, begin, span.end, encoded=encoded)
    if held.body.units and point.audio == "copy":
        shown.faults += _units(held, out, made.instants[wanted[0]], span.end)
    return shown


def _units(held: Held, path: Path, begin: int, end: int) -> list[str]:
    """Whether the units of AAC that sound from `begin` to `end` are there as they came, each at its
    time."""
    units, each = held.body.units, Fraction(1024, 48_000)
    late = Fraction(begin - held.body.footage.instants[0], NS)
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return ["there is no sound"] if late < len(units) * each else []
        found = [
            (bytes(packet), packet.pts * packet.time_base)
            for packet in container.demux(audio=0)
            if packet.size and packet.pts is not None and packet.time_base is not None
        ]
    first = units.index(found[0][0]) if found[0][0] in units else len(units)
    if [data for data, _ in found] != list(units[first : first + len(found)]):
        return [f"{len(found)} units of sound are not units {first} and following of the body"]
    faults = []
    beside = max(abs(late + when - (first + n) * each) for n, (_, when) in enumerate(found))
    # Of an edit that is shorter than a unit libav gives every packet the time 0.
    if beside > Fraction(1, 8000) and Fraction(end - begin, NS) >= each:
        faults.append(f"units of sound are {float(beside) * 1000:.3f} ms beside the pictures")
    last = min(Fraction(end - begin, NS) + late, len(units) * each)
    if first * each > late or (first + len(found)) * each < last:
        faults.append(f"units {first} to {first + len(found)} of sound do not fill the clip")
    return faults


def _sets_inside(path: Path) -> bool:
    """Whether a sample begins with a parameter set (of H.264 or H.265)."""
    with av.open(str(path)) as container:
        hevc = container.streams.video[0].codec_context.name == "hevc"
        for packet in container.demux(video=0):
            data, at = bytes(packet), 0
            while at < len(data):
                kind = data[at + 4] >> 1 & 63 if hevc else data[at + 4] & 31
                if kind in ((32, 33, 34) if hevc else (7, 8)):
                    return True
                at += 4 + int.from_bytes(data[at : at + 4], "big")
    return False


def _pictures(path: Path) -> tuple[list[int], list[Fraction]]:
    """Marks and times of the pictures that a player shows."""
    marks, times = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            assert frame.pts is not None
            marks.append(read_instant(frame) // 1_000_000)
            times.append(frame.pts * stream.time_base)
    return marks, [one - times[0] for one in times]


def _sound(held: Held, path: Path, begin: int, end: int, *, encoded: bool) -> list[str]:
    """Whether the sound of a clip of [begin, end) is there, whole, and in step with its pictures,
    by the words in it."""
    first, last = held.body.heard
    samples, at, unit = _heard(path)
    if encoded:  # as long as the pictures: with silence, where there is no sound
        first, last = begin, held.body.footage.end
    count = (min(end, last, held.body.footage.end) - max(begin, first)) * 8000 // NS
    if not len(samples):
        return ["there is no sound"] if count > 1 else []
    codes = _codes(held.body.law)[samples.astype(np.int64) + 32768].astype(np.uint8).tobytes()
    faults = []
    # libav lets the last unit be heard to its end, whatever the edit list says.
    if not -2 <= len(codes) - count <= unit:
        faults.append(f"{len(codes)} samples of sound where there are {count}")
    try:
        words = read_sound(held.body.law, codes)
    except ValueError as error:
        return [*faults, f"the sound is broken: {error}"]
    if words:
        late = at + Fraction(codes.index(_MARKS[held.body.law]), 8000)
        late -= Fraction(words[0][0] - begin, NS)
        if abs(late) > Fraction(1, 8000):
            faults.append(f"the sound is {float(late) * 1000:.3f} ms beside the pictures")
    return faults


def _heard(path: Path) -> tuple[NDArray[np.int16], Fraction, int]:
    """The samples that a player lets hear, when it does, and how many the last unit has."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0)) if container.streams.audio else []
    if not frames:
        return np.zeros(0, np.int16), Fraction(0), 0
    samples = np.concatenate([one.to_ndarray().reshape(-1) for one in frames])
    begin = (frames[0].pts or 0) * (frames[0].time_base or Fraction(0))
    return samples.astype(np.int16), begin, frames[-1].samples


@functools.cache
def _codes(law: str) -> NDArray[np.uint8]:
    """The code byte of every sample's value (from -32768), by libavcodec's own table."""
    context = av.CodecContext.create(f"pcm_{'mu' if law == 'ulaw' else 'a'}law", "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = 8000, "mono"
    values = context.decode(av.Packet(bytes(range(256))))[0].to_ndarray().reshape(-1)
    out = np.zeros(1 << 16, np.uint8)
    out[values.astype(np.int64) + 32768] = np.arange(256)
    return out


def _brief(marks: Sequence[int]) -> str:
    if not marks:
        return "nothing"
    return f"{len(marks)} pictures, {marks[0]} to {marks[-1]}"


def points(count: int, seed: int) -> Iterator[tuple[int, Point]]:
    """So many points, the classes in turn, so that none is left out."""
    classes = kinds()
    for number in range(count):
        container, kind = classes[number % len(classes)]
        yield number, draw(Random(f"{seed}/{number}").randrange, container, kind)


def main() -> int:
    """Judge points, go on where a file of results ends, and report: 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", type=Path, help="results, a line a point; what is there stands")
    parser.add_argument("--only", type=int, help="judge this point alone")
    options = parser.parse_args()
    done: dict[int, list[str]] = {}
    ways: dict[int, list[str]] = {}
    if options.resume and options.resume.exists():
        for line in options.resume.read_text().splitlines():
            row = json.loads(line)
            if row["seed"] == options.seed:
                done[row["point"]] = row["faults"]
                ways[row["point"]] = row.get("ways", [])
    began = time.monotonic()
    hit: Counter[str] = Counter()
    gone: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cameras = Cameras(folder)
        for number, point in points(options.points, options.seed):
            hit[str(point)] += 1
            if options.only is not None and number != options.only:
                continue
            if number not in done or options.only is not None:
                ways[number] = []
                done[number] = judge(cameras, point, folder, ways[number])
                if options.resume:
                    row = {"seed": options.seed, "point": number, "class": str(point),
                           "faults": done[number], "ways": ways[number]}  # fmt: skip
                    with options.resume.open("a") as out:
                        out.write(json.dumps(row) + "\n")
            gone.update(ways[number])
            for fault in done[number]:
                print(f"{number} ({point}; {point.start}, {point.audio}): {fault}")
    missed = [f"{c}, {k}" for c, k in kinds() if not hit[f"{c}, {k}"]]
    missed += [way for way in _WAYS if not gone[way] and options.only is None]
    failed = [number for number, faults in done.items() if faults]
    for text in missed:
        print(f"never hit: {text}")
    for way in _WAYS:
        print(f"{gone[way]:4} {way}")
    print(
        f"{len(done)} points, {3 * len(done)} clips, {len(hit)} classes of {len(kinds())}, "
        f"{min(hit.values())} to {max(hit.values())} points each; {len(failed)} points fail; "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if failed or missed else 0


if __name__ == "__main__":
    sys.exit(main())
