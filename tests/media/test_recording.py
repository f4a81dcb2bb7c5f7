"""Live frames as MP4: every picture once, its time exact, playable wherever it stops."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.errors import MediaUnsupported
from hikcore.media.check import check_file
from hikcore.media.mp4.read import index_mp4
from hikcore.media.recording import LiveWriter, RecordingReport
from hikcore.media.samples import FileSource, read_samples
from tests.media.everfocus_reference import G711, annexb, lengths
from tests.media.mp4_footage import encode, read_number
from tests.media.test_everfocus import pictures

T = 1_795_168_997_250
MS, NS = 1_000_000, 1_000_000_000
Item = tuple[int, int, bytes, int]


def frames(
    codec: str = "h264", count: int = 60, *, gop: int = 10, sound: bool = False,
    times: Sequence[int] | None = None, framed: Any = annexb,
) -> list[Item]:  # fmt: skip
    """(kind, time ns, payload, received ns), sound of 40 ms after each picture."""
    out: list[Item] = []
    for number, (kind, nals) in enumerate(pictures(codec, count, gop)):
        ms = times[number] if times is not None else T + 40 * number
        arrived = (T + 40 * number) * MS
        out.append((kind, ms * MS, framed(nals), arrived))
        if sound:
            out.append((G711, (ms + 7) * MS, bytes([number % 256]) * 320, arrived))
    return out


def record(
    items: Sequence[Item], folder: Path | None = None, **options: Any
) -> tuple[RecordingReport, list[io.BytesIO]]:
    files: list[io.BytesIO] = []

    def open_file(number: int) -> io.BytesIO:
        files.append(io.BytesIO())
        assert number == len(files)
        return files[-1]

    writer = LiveWriter(options.pop("open_file", open_file), **options)
    for item in items:
        writer.add(*item)
    return writer.close(), files


def shown(file: io.BytesIO) -> list[tuple[float, int]]:
    """(seconds, picture number) as libav decodes them."""
    file.seek(0)
    with av.open(file) as container:
        stream = container.streams.video[0]
        return [(float(f.pts * stream.time_base), read_number(f)) for f in container.decode(stream)]


def same(file: io.BytesIO, seconds: Sequence[float], within: float = 1e-9) -> None:
    """Picture by picture at those times."""
    found = shown(file)
    assert [number for _, number in found] == list(range(len(seconds)))
    assert [at for at, _ in found] == pytest.approx(list(seconds), abs=within)


def checked(file: io.BytesIO, tmp_path: Path) -> None:
    path = tmp_path / "live.mp4"
    path.write_bytes(file.getvalue())
    report = check_file(path, decode=True)
    assert report.ok, report.failures


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("framed", [annexb, lengths])
def test_every_picture_once_with_its_time(codec: str, framed: Any, tmp_path: Path) -> None:
    report, (file,) = record(frames(codec, 60, framed=framed))
    same(file, [n * 0.04 for n in range(60)])
    assert (report.frames, report.files, report.bytes) == (60, 1, len(file.getvalue()))
    assert (report.begin, report.end) == (T * MS, (T + 59 * 40) * MS)
    assert report.fragments == 6
    checked(file, tmp_path)


def test_the_bytes_are_those_that_came() -> None:
    items = frames("h264", 30)
    _, (file,) = record(items)
    path = Path("/dev/shm/none")
    source = Memory(file.getvalue())
    table = index_mp4(source, len(file.getvalue()))
    assert table.video is not None
    for number, (_, _, payload, _) in enumerate(items):
        sample = read_samples(source, table.video, number, number + 1)
        nals = payload.split(b"\0\0\0\1")[1:]
        assert sample == lengths(nals)
    assert not path.exists()


class Memory:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def read_at(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]


def test_sound_is_kept_bit_for_bit_and_in_step(tmp_path: Path) -> None:
    items = frames("h264", 60, sound=True)
    report, (file,) = record(items)
    assert (report.units, report.frames) == (60, 60)
    assert not report.lost
    source = Memory(file.getvalue())
    audio = index_mp4(source, len(file.getvalue())).audio
    assert audio is not None
    assert read_samples(source, audio, 0, 60) == b"".join(i[2] for i in items if i[0] == G711)
    assert (np.diff(audio.pts) == 3600 * audio.timescale // 90_000).all()
    file.seek(0)
    with av.open(file) as container:
        packet = next(container.demux(container.streams.audio[0]))
        assert float(packet.pts * packet.time_base) == pytest.approx(0.007)
    checked(file, tmp_path)


def test_a_group_of_minutes_is_written_every_second(tmp_path: Path) -> None:
    """Nobody waits for the next key picture, and nothing of a long group is kept in memory."""
    report, (file,) = record(frames("h264", 120, gop=120, sound=True))
    assert report.fragments == 5
    assert [n for _, n in shown(file)] == list(range(120))
    checked(file, tmp_path)


def test_killed_at_any_second_it_plays_up_to_there(tmp_path: Path) -> None:
    file = io.BytesIO()
    writer = LiveWriter(lambda _: file)
    for number, item in enumerate(frames("h264", 100, gop=40, sound=True)):
        writer.add(*item)
        if number in (90, 140, 199):
            part = io.BytesIO(file.getvalue())
            numbers = [n for _, n in shown(part)]
            assert numbers == list(range(len(numbers)))
            assert len(numbers) >= number // 2 - 25
            checked(part, tmp_path)


def test_a_pause_lasts_as_long_in_the_file() -> None:
    times = [T + 40 * n + (8000 if n >= 30 else 0) for n in range(60)]
    items = [(k, t, p, t) for k, t, p, _ in frames(times=times)]
    report, (file,) = record(items)
    same(file, [(t - T) / 1000 for t in times])
    assert report.steps == []


@pytest.mark.parametrize("step", [3_600_000, -3_600_000, -700, -41])
def test_a_clock_that_is_set_moves_no_picture(step: int, tmp_path: Path) -> None:
    times = [T + 40 * n + (step if n >= 33 else 0) for n in range(60)]
    report, (file,) = record(frames(times=times, sound=True))
    same(file, [n * 0.04 for n in range(60)], within=1e-4)
    assert [size // MS for _, size in report.steps] == [step]
    checked(file, tmp_path)


def test_times_in_whole_seconds_are_spread() -> None:
    times = [(T + 40 * n) // 1000 * 1000 for n in range(100)]
    _, (file,) = record(frames(count=100, times=times))
    seconds = [t for t, _ in shown(file)]
    assert [n for _, n in shown(file)] == list(range(100))
    assert np.diff(seconds).min() > 0
    assert seconds[-1] == pytest.approx(99 * 0.04, abs=1.0)


def test_frames_without_a_time() -> None:
    items = [(k, -1 if n % 3 else t, p, r) for n, (k, t, p, r) in enumerate(frames())]
    _, (file,) = record(items)
    same(file, [n * 0.04 for n in range(60)], within=0.05)


def test_none_has_a_time(tmp_path: Path) -> None:
    _, (file,) = record([(k, -1, p, r) for k, _, p, r in frames()])
    assert [n for _, n in shown(file)] == list(range(60))
    checked(file, tmp_path)


def test_a_flag_that_lies_about_key_pictures() -> None:
    items = [(7 if k == 6 else 6, t, p, r) for k, t, p, r in frames()]
    report, (file,) = record(items)
    assert [n for _, n in shown(file)] == list(range(60))
    assert report.fragments == 6


def test_another_resolution_or_codec_begins_another_file(tmp_path: Path) -> None:
    other = [(k, t + 2400 * MS, p, r + 2400 * MS) for k, t, p, r in frames("h265", 30)]
    report, files = record([*frames("h264", 60), *other])
    assert report.files == 2
    assert [len(shown(f)) for f in files] == [60, 30]
    for file in files:
        checked(file, tmp_path)


def test_to_a_pipe_that_cannot_be() -> None:
    pipe = io.BytesIO()
    other = [(k, t + 2400 * MS, p, r) for k, t, p, r in frames("h265", 30)]
    with pytest.raises(MediaUnsupported, match="another file"):
        record(
            [*frames("h264", 60), *other], open_file=lambda number: pipe if number == 1 else None
        )
    assert len(shown(pipe)) == 60


def test_sound_that_begins_later(tmp_path: Path) -> None:
    silent, loud = frames("h264", 40), frames("h264", 80, sound=True)[80:]
    report, files = record([*silent, *loud])
    assert report.files == 2
    assert sum(len(shown(f)) for f in files) == 80
    for file in files:
        checked(file, tmp_path)
    pipe = io.BytesIO()
    report, _ = record([*silent, *loud], open_file=lambda n: pipe if n == 1 else None)
    assert len(shown(pipe)) == 80
    assert report.lost["units of sound that no file has a place for"] >= 35


def test_bytes_that_are_no_picture_cost_themselves_alone(tmp_path: Path) -> None:
    items = frames("h264", 60)
    items[25] = (7, items[25][1], b"not a picture", items[25][3])
    report, (file,) = record(items)
    assert [n for _, n in shown(file)][:25] == list(range(25))
    assert len(shown(file)) == 59
    assert sum(report.lost.values()) == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([1, 20, 33, 40, 41, 400, 6000]), min_size=59, max_size=59),
       st.booleans())  # fmt: skip
def test_time_differences_are_exact(steps: list[int], sound: bool) -> None:
    times = [T]
    for step in steps:
        times.append(times[-1] + step)
    items = [(k, t, p, t) for k, t, p, _ in frames(times=times, sound=sound)]
    report, (file,) = record(items)
    video = index_mp4(Memory(file.getvalue()), len(file.getvalue())).video
    assert video is not None
    assert video.pts.tolist() == [(t - T) * 90 for t in times]
    assert report.frames == 60


def test_the_file_can_be_cut_like_any_other(tmp_path: Path) -> None:
    from hikcore.media.cut import cut_file

    path = tmp_path / "live.mp4"
    _, (file,) = record(frames("h264", 60, sound=True))
    path.write_bytes(file.getvalue())
    with FileSource(path) as source:
        assert source.size == len(file.getvalue())
    cut_file(path, tmp_path / "cut.mp4", 0.5, 1.5)
    clip = io.BytesIO((tmp_path / "cut.mp4").read_bytes())
    assert [n for _, n in shown(clip)] == list(range(12, 38))


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_pictures_that_come_in_another_order_than_they_are_shown_in(
    codec: str, tmp_path: Path
) -> None:
    """As over RTSP: that they do is known when the first of them comes."""
    nals, numbers, keys = encode(codec, 60, 20, 2)
    out = io.BytesIO()
    writer = LiveWriter(lambda number: out if number == 1 else None)
    latest = 0
    kinds = {"h264": (7, 6), "h265": (9, 8)}[codec]
    for place, (units, number, key) in enumerate(zip(nals, numbers, keys, strict=True)):
        writer.reorders = writer.reorders or number < latest
        latest = max(latest, number)
        received = (T + 40 * place) * MS
        writer.add(kinds[key], (T + 40 * number) * MS, annexb(units), received)
    report = writer.close()
    assert writer.reorders
    assert report.steps == []
    same(out, [n * 0.04 for n in range(60)])
    checked(out, tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_comes_the_file_plays(seed: int, tmp_path: Path) -> None:
    """Cut, foreign and doubled frames, wrong types, clocks that jump anywhere: no error, and a file
    that keeps the rules."""
    chance = random.Random(seed)
    items = list(frames("h264", 60, sound=True))
    items += [(k, t + 3 * NS, p, r + 3 * NS) for k, t, p, r in frames("h265", 30, sound=True)]
    sent: list[Item] = []
    for item in items:
        kind, time, payload, received = item
        draw = chance.random()
        if draw < 0.03:
            continue
        if draw < 0.06:
            payload = payload[: chance.randrange(len(payload) + 1)]
        elif draw < 0.09:
            payload = chance.randbytes(chance.randrange(100))
        elif draw < 0.11:
            kind = chance.choice([6, 7, 8, 9, G711])
        elif draw < 0.13:
            time = chance.choice([-1, time + chance.randrange(-(10**10), 10**10), 10**18])
        elif draw < 0.15:
            received += chance.randrange(10**12)
        sent += [(kind, time, payload, received)] * (2 if 0.15 < draw < 0.17 else 1)
    report, files = record(sent)
    assert report.frames > 40
    for file in files:
        path = tmp_path / "live.mp4"
        path.write_bytes(file.getvalue())
        checked_ = check_file(path)
        assert checked_.ok, checked_.failures
