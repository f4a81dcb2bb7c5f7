"""Cuts and joins of files with sound: the quick way against the general one."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.errors import HikcoreError, NoRecording
from hikcore.media.check import check_file
from hikcore.media.cut import Cut, cut_file, join_files
from hikcore.media.mp4.boxes import box
from hikcore.media.mp4.plain import Heard, find_moov, open_plain
from hikcore.media.mp4.write import align, write_mp4
from hikcore.media.ranged import cut_ranged
from hikcore.media.table import CodecConfig
from hikcore.media.whole import join_tables
from hikcore.native.sounding import Sound
from tests.media.mp4_footage import decode_video, footage
from tests.media.mp4_foreign import Bytes, foreign, libav_packets, payload, rebuilt
from tests.media.test_cut import general, quick, words

#: (container, codec of the sound) as libavformat writes them.
FOREIGN = [
    ("mp4", "aac"), ("mp4", "flac"), ("mp4", "libopus"), ("mp4", "pcm_s16le"),
    ("mov", "aac"), ("mov", "pcm_alaw"), ("mov", "pcm_mulaw"), ("mov", "pcm_s16le"),
    ("mov", "pcm_s16be"),
]  # fmt: skip


def theirs(container: str, sound: str, bframes: int = 0, scale: str = "90000") -> bytes:
    """60 pictures of 40 ms, a key picture every 12, and a tone."""
    return foreign(container, sound=sound, bframes=bframes, video_track_timescale=scale)


def ours(
    bframes: int, late: int, config: CodecConfig, sizes: Sequence[int], steps: Sequence[int]
) -> bytes:
    """A segment as an archive holds it, its units of these sizes and lengths (ticks) in turn."""
    made = footage(frames=60, gop=12, bframes=bframes, audio="alaw", audio_delay=late)
    video, audio = made.table.video, made.table.audio
    assert video is not None
    assert audio is not None
    size = np.resize(np.array(sizes, np.uint32), len(audio))
    step = np.resize(np.array(steps, np.int64), len(audio))
    times = int(audio.pts[0]) + np.cumsum(step) - step
    audio = replace(
        audio, size=size, dts=times, pts=times, configs=(config,), last_duration=int(step[-1])
    )

    def read(track: int, first: int, last: int) -> bytes:
        if track == 0:
            return made.read(0, first, last)
        return b"".join(bytes([n % 251]) * int(size[n]) for n in range(first, last))

    out = io.BytesIO()
    write_mp4(out, align(video, audio), read)
    return out.getvalue()


def joined(paths: list[Path], out: Path) -> Cut:
    """The way by the whole tables."""
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        return join_tables(paths, descriptor)
    finally:
        os.close(descriptor)


def same(folder: Path, data: bytes, first: float, last: float) -> bytes:
    """What both ways make of a span; they must agree."""
    path = folder / "a.mp4"
    path.write_bytes(data)
    if not quick(path, first, last):
        # Nothing shown: where sound begins before the pictures, a file begins without one.
        with pytest.raises(NoRecording):
            general(path, folder / "general.mp4", first, last)
        return b""
    made = cut_file(path, folder / "quick.mp4", first, last)
    again = general(path, folder / "general.mp4", first, last)
    out = (folder / "quick.mp4").read_bytes()
    assert out == (folder / "general.mp4").read_bytes()
    assert made._replace(notes=()) == again._replace(notes=())
    assert made.size == len(out)
    return out


@settings(max_examples=120, deadline=None)
@given(
    kind=st.sampled_from(FOREIGN),
    bframes=st.sampled_from([0, 2]),
    scale=st.sampled_from(["90000", "12800", "11025"]),
    begin=st.integers(0, 2360),
    length=st.integers(1, 2500),
)
def test_both_ways_write_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    kind: tuple[str, str], bframes: int, scale: str, begin: int, length: int,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("cut")
    data = theirs(*kind, bframes, scale)
    assert same(folder, data, begin / 1000, (begin + length) / 1000)
    report = check_file(folder / "quick.mp4", source=folder / "a.mp4")
    assert [str(one) for one in report.failures] == []


CONFIGS = [
    CodecConfig("alaw", rate=8000, channels=1),
    CodecConfig("ulaw", rate=16_000, channels=2),
    CodecConfig("aac", bytes.fromhex("1588"), rate=8000, channels=1),
    CodecConfig("opus", bytes(11), rate=48_000, channels=1),
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    bframes=st.sampled_from([0, 2]),
    late=st.integers(-5000, 9000),
    config=st.sampled_from(CONFIGS),
    sizes=st.lists(st.integers(4, 700), min_size=1, max_size=5),
    steps=st.lists(st.integers(1, 12_000), min_size=1, max_size=5),
    begin=st.integers(0, 2360),
    length=st.integers(1, 2500),
)
def test_both_ways_write_the_same_of_a_segment(
    tmp_path_factory: pytest.TempPathFactory,
    bframes: int, late: int, config: CodecConfig, sizes: list[int], steps: list[int],
    begin: int, length: int,
) -> None:  # fmt: skip
    """Units that end before the next begins, and after, and sound before and behind pictures."""
    data = ours(bframes, late, config, sizes, steps)
    folder = tmp_path_factory.mktemp("cut")
    same(folder, data, begin / 1000, (begin + length) / 1000)


@pytest.mark.parametrize(
    "table", ["stts", "stsz", "stsc", "stco", "stsd", "elst", "mdhd", "hdlr", "tkhd"]
)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_table_of_sound_is_left_to_the_general_reader_or_read_as_it_does(
    tmp_path_factory: pytest.TempPathFactory, table: str, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from([("mp4", "aac"), ("mov", "pcm_s16le"), ("mp4", "flac")]))
    whole = bytearray(theirs(*kind))
    begin, end = payload(bytes(whole), f"/{table}", 1)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(begin, min(end, begin + 60) - 1))
        whole[at] = data.draw(st.sampled_from([0, 1, 2, 127, 128, 255]))
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "a.mp4"
    path.write_bytes(whole)
    if quick(path, 0.7, 1.5):
        same(folder, bytes(whole), 0.7, 1.5)


def in_sound(kind: str, new: Callable[[bytes], bytes]) -> bytes:
    """A file with a table of its sound changed."""
    found = []

    def change(path: str, body: bytes) -> bytes | None:
        if not path.endswith(f"/{kind}"):
            return None
        found.append(path)
        return new(body) if len(found) == 2 else None

    return rebuilt(theirs("mp4", "aac"), change)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(in_sound("hdlr", lambda b: b.replace(b"soun", b"text")), id="no sound"),
        pytest.param(in_sound("hdlr", lambda b: b.replace(b"soun", b"vide")), id="two of video"),
        pytest.param(in_sound("mdhd", lambda b: bytes(len(b))), id="a timescale of 0"),
        pytest.param(in_sound("stts", lambda _: words(0, 0)), id="no durations"),
        pytest.param(in_sound("stsz", lambda _: words(0, 0, 0)), id="no units"),
        pytest.param(in_sound("stsz", lambda b: b[:-4]), id="sizes cut off"),
        pytest.param(in_sound("stco", lambda _: words(0, 1, 1 << 30)), id="beyond the file"),
        pytest.param(
            in_sound("stsd", lambda b: b[:4] + words(2) + b[8:] * 2), id="two sample entries"
        ),
        pytest.param(in_sound("stsd", lambda b: b.replace(b"mp4a", b"samr")), id="another codec"),
        pytest.param(in_sound("stsd", lambda b: b.replace(b"mp4a", b"enca")), id="encrypted"),
        pytest.param(
            in_sound("stsd", lambda b: b[:32] + bytes(2) + b[34:]), id="of no channel"
        ),
        pytest.param(
            in_sound("elst", lambda b: b[:4] + words(3) + b[8:] * 3), id="three edits"
        ),
        pytest.param(in_sound("elst", lambda b: b[:-4] + words(0x8000)), id="half speed"),
    ],
)  # fmt: skip
def test_odd_sound_is_left_to_the_general_reader(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    assert data != theirs("mp4", "aac")
    assert not quick(path, 0.7, 1.5)
    try:
        general(path, tmp_path / "general.mp4", 0.7, 1.5)
    except HikcoreError as error:
        with pytest.raises(type(error)):
            cut_file(path, tmp_path / "out.mp4", 0.7, 1.5)
    else:
        cut_file(path, tmp_path / "out.mp4", 0.7, 1.5)
        assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "general.mp4").read_bytes()


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_with_sound_that_is_far_away(tmp_path: Path, kind: tuple[str, str]) -> None:
    """Sound and pictures of a cut lie together: one read brings both."""
    data = theirs(*kind)
    (tmp_path / "a.mp4").write_bytes(data)
    cut_file(tmp_path / "a.mp4", tmp_path / "near.mp4", 0.7, 1.5)
    windows = []

    def window(begin: int, end: int) -> Bytes:
        windows.append((begin, end))
        return Bytes(data)

    with (tmp_path / "far.mp4").open("wb") as out:
        cut_ranged(Bytes(data), len(data), window, out, 0.7, 1.5)
    assert (tmp_path / "far.mp4").read_bytes() == (tmp_path / "near.mp4").read_bytes()
    assert len(windows) == 1


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from([("mp4", "aac", 0), ("mp4", "aac", 2)]), min_size=2, max_size=4),
    lates=st.lists(st.integers(-5000, 9000), min_size=4, max_size=4),
    steps=st.lists(st.integers(1, 12_000), min_size=1, max_size=5),
)
def test_files_with_sound_joined(
    tmp_path_factory: pytest.TempPathFactory,
    kinds: list[tuple[str, str, int]], lates: list[int], steps: list[int],
) -> None:  # fmt: skip
    """Sound that ends before its pictures do, and after: units are heard in their order."""
    folder = tmp_path_factory.mktemp("join")
    own, foreign_ = [], []
    for number, (container, sound, bframes) in enumerate(kinds):
        own.append(folder / f"own{number}.mp4")
        own[-1].write_bytes(ours(0, lates[number], CONFIGS[0], [320, 64], steps))
        foreign_.append(folder / f"foreign{number}.mp4")
        foreign_[-1].write_bytes(theirs(container, sound, kinds[0][2]))
        del bframes
    for paths in (own, foreign_):
        made = join_files(paths, folder / "quick.mp4")
        again = joined(paths, folder / "general.mp4")
        data = (folder / "quick.mp4").read_bytes()
        assert data == (folder / "general.mp4").read_bytes()
        assert made._replace(notes=()) == again._replace(notes=())
        assert [n for _, n in decode_video(data)] == [*range(60)] * len(kinds)


def test_files_of_different_sound_joined(tmp_path: Path) -> None:
    """The second one's is left out, and a note says so: the general way."""
    for name, config in (("a.mp4", CONFIGS[0]), ("b.mp4", CONFIGS[1])):
        (tmp_path / name).write_bytes(ours(0, 0, config, [320], [3600]))
    made = join_files([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "out.mp4")
    assert any("changes to ulaw" in note for note in made.notes)
    silent = ours(0, 0, CONFIGS[0], [320], [3600])
    (tmp_path / "c.mp4").write_bytes(silent)
    made = join_files([tmp_path / "a.mp4", tmp_path / "c.mp4"], tmp_path / "out.mp4")
    assert made.notes == ()


def test_sound_of_a_cut_is_the_source_s_bit_for_bit(tmp_path: Path) -> None:
    data = theirs("mp4", "aac")
    out = same(tmp_path, data, 0.7, 1.5)
    units = [one for _, _, one, _ in libav_packets(data, "audio")]
    heard = [one for _, _, one, _ in libav_packets(out, "audio")]
    first = units.index(heard[0])
    assert heard == units[first : first + len(heard)]
    # 0.8 s of 48 kHz in units of 1024, with the one before, and parts at both ends.
    assert 38 <= len(heard) <= 41


def sound_of(kind: tuple[str, str], size: int) -> Heard:
    """The sound of a file that is said to be of so many bytes."""
    data = theirs(*kind)
    plain = open_plain(find_moov(Bytes(data), len(data)), size)
    assert plain is not None
    assert plain.sound is not None
    return plain.sound


@pytest.mark.parametrize(
    ("kind", "unit", "frame", "sizes"),
    [
        (("mp4", "aac"), 1024, 0, (1, 1000, 20_000)),
        (("mov", "pcm_s16le"), 0, 2, (2 * 115_200,)),  # as many bytes as it has sound
    ],
)
def test_what_is_refused_adds_no_unit(
    kind: tuple[str, str], unit: int, frame: int, sizes: tuple[int, ...]
) -> None:
    """Times that no clip has, and units that lie outside of the file."""
    whole = len(theirs(*kind))
    track = sound_of(kind, whole).track
    sound = Sound(48_000, unit, frame)
    for late, shift, end in (
        (0, 0, -1), (0, 0, 1 << 41), (1 << 62, 0, 1), (-(1 << 62), 0, 1), (0, 1 << 61, 1),
        (0, -(1 << 61), 1),
    ):  # fmt: skip
        assert sound.add(track, late, shift, end, 0, True) != 0
    for size in sizes:
        assert sound.add(sound_of(kind, size).track, 0, 0, 1 << 40, 0, True) != 0
    assert len(sound) == 0
    # All before the clip, and all behind it: no unit is heard, and that is no fault.
    assert sound.add(track, 0, -(1 << 30), 90_000, 0, True) == 0
    assert sound.add(track, 0, 1 << 30, 90_000, 0, True) == 0
    assert len(sound) == 0
    assert sound.add(track, 0, 0, 90_000, 0, True) == 0
    assert 46 <= len(sound) <= 100
    with pytest.raises(ValueError, match="Hz"):
        Sound(0, unit, frame)


def apart(gap: int) -> bytes:
    """A file whose sound lies behind everything else, so many bytes away."""
    data = theirs("mp4", "aac")
    units = [unit for _, _, unit, _ in libav_packets(data, "audio")]

    def at(offset: int) -> bytes:
        tables = {"/stsc": words(0, 1, 1, len(units), 1), "/stco": words(0, 1, offset)}
        found: list[str] = []

        def change(path: str, body: bytes) -> bytes | None:
            kind = path[-5:]
            if kind not in tables:
                return None
            found.append(kind)
            return tables[kind] if found.count(kind) == 2 else None

        return rebuilt(data, change)

    head = at(0) + box(b"free", bytes(gap))
    return at(len(head) + 8) + box(b"free", bytes(gap)) + box(b"mdat", *units)


@pytest.mark.parametrize(("gap", "count"), [(1000, 1), (5 << 20, 2)])
def test_sound_far_from_its_pictures_is_read_by_itself(
    tmp_path: Path, gap: int, count: int
) -> None:
    data = apart(gap)
    near = same(tmp_path, data, 0.7, 1.5)
    assert near == same(tmp_path, theirs("mp4", "aac"), 0.7, 1.5)
    windows: list[tuple[int, int]] = []

    def window(begin: int, end: int) -> Bytes:
        windows.append((begin, end))
        return Bytes(data)

    with (tmp_path / "far.mp4").open("wb") as out:
        cut_ranged(Bytes(data), len(data), window, out, 0.7, 1.5)
    assert (tmp_path / "far.mp4").read_bytes() == near
    assert len(windows) == count
    assert sum(end - begin for begin, end in windows) < len(data)
