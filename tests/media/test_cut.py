"""Cuts of files at hand: the quick way against the general one, and both against the pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.errors import HikcoreError, MediaUnsupported, NoRecording
from hikcore.media.cut import Cut, cut_file, join_files
from hikcore.media.files import FileSource
from hikcore.media.mp4.boxes import full_box
from hikcore.media.mp4.keycheck import KeyCheck
from hikcore.media.mp4.plain import find_moov, open_plain
from hikcore.media.mp4.quick import quick_cut
from hikcore.media.ranged import cut_ranged
from hikcore.media.whole import cut_table, join_tables
from hikcore.sim import ps_body
from hikcore.sim.camera import CameraProfile
from tests.media.mp4_footage import decode_video, footage, packets
from tests.media.mp4_foreign import Bytes, foreign, patched, payload, rebuilt
from tests.media.ps_bodies import muxed
from tests.timecode import read_instants

SECOND = 90_000


def general(path: Path, out: Path, begin: float, end: float) -> Cut:
    """The way by the whole table, which the other is held against."""
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        return cut_table(path, descriptor, round(begin * SECOND), round(end * SECOND))
    finally:
        os.close(descriptor)


def quick(path: Path, begin: float, end: float) -> bool:
    """Whether the quick way takes the file and span."""
    at, until = round(begin * SECOND), round(end * SECOND)
    with FileSource(path) as source:
        moov = find_moov(source, source.size)
        return quick_cut(source, source.size, moov, at, until) is not None


def silent(codec: str, bframes: int, movflags: str, scale: str) -> bytes:
    """60 pictures, a key picture every 12."""
    return foreign(
        codec=codec, sound=None, bframes=bframes, movflags=movflags, video_track_timescale=scale
    )


@settings(max_examples=60, deadline=None)
@given(
    codec=st.sampled_from(["libx264", "libx265"]),
    bframes=st.sampled_from([0, 2]),
    movflags=st.sampled_from(["", "faststart"]),
    scale=st.sampled_from(["90000", "12800", "1000", "30000", "11025"]),
    begin=st.integers(0, 2360),
    length=st.integers(1, 2500),
)
def test_both_ways_write_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    codec: str, bframes: int, movflags: str, scale: str, begin: int, length: int,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "a.mp4"
    path.write_bytes(silent(codec, bframes, movflags, scale))
    first, last = begin / 1000, (begin + length) / 1000
    assert quick(path, first, last)
    made = cut_file(path, folder / "quick.mp4", first, last)
    again = general(path, folder / "general.mp4", first, last)
    data = (folder / "quick.mp4").read_bytes()
    assert data == (folder / "general.mp4").read_bytes()
    assert made._replace(notes=()) == again._replace(notes=())
    assert made.size == len(data)
    # 40 ms a picture: the one that covers the begin, and those that begin before the end. (A
    # timescale in which a picture does not fall on a tick moves it by less than one.)
    slack = 0 if scale in ("90000", "12800", "1000", "30000") else 1
    shown = [number for _, number in decode_video(data)]
    wanted = [n for n in range(60) if n >= begin // 40 and n * 40 < begin + length]
    if not slack or (begin % 40 and (begin + length) % 40):
        assert shown == wanted
    assert made.frames == len(shown)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_head_is_left_to_the_general_reader_or_read_as_it_does(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(silent("libx264", data.draw(st.sampled_from([0, 2])), "", "12800"))
    moov = payload(bytes(whole), "moov")
    spots = [
        payload(bytes(whole), f"stbl/{kind}")
        for kind in ("stsd", "stts", "stss", "stsz", "stsc", "stco")
    ]
    for _ in range(data.draw(st.integers(1, 3))):
        begin, end = data.draw(st.sampled_from([moov, *spots, *spots]))
        at = data.draw(st.integers(begin, end - 1))
        whole[at] = data.draw(st.sampled_from([0, 1, 2, 127, 128, 255]))
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "a.mp4"
    path.write_bytes(whole)
    if not quick(path, 0.7, 1.5):
        return
    cut_file(path, folder / "quick.mp4", 0.7, 1.5)
    general(path, folder / "general.mp4", 0.7, 1.5)
    assert (folder / "quick.mp4").read_bytes() == (folder / "general.mp4").read_bytes()


def table(kind: str, new: bytes) -> bytes:
    """A file with one table of its only track replaced."""
    return rebuilt(
        silent("libx264", 0, "", "90000"), lambda path, _: new if path.endswith(kind) else None
    )


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(table("stts", words(0, 0)), id="no durations"),
        pytest.param(table("stts", words(0, 1, 59, 3600)), id="a sample without a duration"),
        pytest.param(table("stts", words(0, 1, 60, 0x80000000)), id="a duration of hours"),
        pytest.param(table("stts", words(0, 2, 60, 3600, 0xFFFFFFFF, 1)), id="durations of no one"),
        pytest.param(table("stts", words(0, 0xFFFFFFFF, 60, 3600)), id="a table cut off"),
        pytest.param(table("stts", b"\0\0"), id="a table without its head"),
        pytest.param(table("stsz", words(0, 0, 0xFFFFFFFF)), id="sizes of 2^32 samples"),
        pytest.param(table("stsz", words(0, 1, 0xFFFFFFFF)), id="more bytes than the file"),
        pytest.param(table("stsz", words(0, 0, 0)), id="no samples"),
        pytest.param(table("stss", words(0, 2, 13, 1)), id="sync samples out of order"),
        pytest.param(table("stss", words(0, 1, 0)), id="sync sample 0"),
        pytest.param(table("stss", words(0, 1, 61)), id="a sync sample past the last"),
        pytest.param(table("stss", words(0, 0)), id="no sync sample"),
        pytest.param(table("stss", words(0, 2, 1, 2)), id="a sync sample that is none"),
        pytest.param(table("stsc", words(0, 0)), id="no chunks"),
        pytest.param(table("stsc", words(0, 1, 0, 60, 1)), id="chunk 0"),
        pytest.param(table("stsc", words(0, 1, 1, 0, 1)), id="chunks of no samples"),
        pytest.param(table("stsc", words(0, 1, 1, 1, 2)), id="an entry that is not there"),
        pytest.param(table("stsc", words(0, 2, 1, 1, 1, 1, 1, 1)), id="the same chunk twice"),
        pytest.param(table("stsc", words(0, 1, 1, 0xFFFFFFFF, 1)), id="chunks of 2^32 samples"),
        pytest.param(table("stco", words(0, 0xFFFFFFFF)), id="chunks cut off"),
        pytest.param(table("mdhd", words(0, 0, 0, 0, 0, 0)), id="a timescale of 0"),
        pytest.param(table("hdlr", words(0, 0) + b"soun" + bytes(13)), id="sound"),
        pytest.param(table("dref", words(0, 1) + full_box(b"url ", 0, 0)), id="media elsewhere"),
        pytest.param(foreign(sound=None, movflags="frag_keyframe+empty_moov"), id="fragments"),
        pytest.param(silent("libx264", 0, "", "90000")[:-40], id="moov cut off"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_not_plain_is_left_to_the_general_reader(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    assert not quick(path, 0.7, 1.5)
    try:
        general(path, tmp_path / "general.mp4", 0.7, 1.5)
    except HikcoreError as error:
        with pytest.raises(type(error)):
            cut_file(path, tmp_path / "out.mp4", 0.7, 1.5)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "general.mp4"]
    else:
        cut_file(path, tmp_path / "out.mp4", 0.7, 1.5)
        assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "general.mp4").read_bytes()


def test_a_cut_of_a_cut_begins_with_what_the_first_shows(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(silent("libx264", 2, "faststart", "90000"))
    cut_file(tmp_path / "a.mp4", tmp_path / "b.mp4", 0.61, 2)
    made = cut_file(tmp_path / "b.mp4", tmp_path / "c.mp4", 0, 0.4)
    assert made.lead_in == 3 * 3600
    shown = [number for _, number in decode_video((tmp_path / "c.mp4").read_bytes())]
    assert shown == list(range(15, 25))


def test_a_cut_of_a_program_stream_loses_no_picture(tmp_path: Path) -> None:
    made = muxed(audio=None, seconds=3)
    (tmp_path / "a.ps").write_bytes(made.body)
    done = cut_file(tmp_path / "a.ps", tmp_path / "out.mp4", 0.62, 1.5)
    # A picture every 80 ms, a key picture every sixth: 7 covers 0.62, 18 is the last before 1.5.
    assert (done.begin, done.frames, done.lead_in) == (7 * 7200, 12, 7200)
    data = (tmp_path / "out.mp4").read_bytes()
    assert [pts for pts, _ in packets(data, "video")] == [7200 * n for n in range(-1, 12)]


def test_a_hole_in_a_stream_is_told(tmp_path: Path) -> None:
    """Two stretches of footage an hour apart, as two recordings put one behind the other."""
    hour, source, out = 3_600_000, tmp_path / "a.ps", tmp_path / "out.mp4"
    begin = 1_794_960_000_480  # ms
    camera = CameraProfile(channel=1, gop=5, phase_ms=480)
    with source.open("wb") as file:
        for at in (begin, begin + hour):
            file.writelines(ps_body(at, at + 10_000, camera=camera, cache=tmp_path / "cache"))
    with pytest.raises(NoRecording, match=r"nothing from 10\.000 s to 3600\.000 s"):
        cut_file(source, out, 1800, 1810)
    assert not out.exists()

    over = cut_file(source, out, 9, 3601)
    assert over.frames == len(read_instants(str(out))) == 5 + 5
    assert over.end - over.begin == 3592 * SECOND
    assert len(over.notes) == 1
    assert "from 10.000 s to 3600.000 s" in over.notes[0]

    after = cut_file(source, out, 1800, 3601)
    assert (after.begin, after.frames, after.notes) == (3600 * SECOND, 5, ())
    assert read_instants(str(out))[0] == (begin + hour) * 1_000_000
    assert cut_file(source, out, 8, 9.5).notes == ()


def test_two_cuts_show_what_one_shows(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(silent("libx265", 2, "", "90000"))
    shown = []
    for begin, end in ((0.5, 0.96), (0.96, 1.8), (0.5, 1.8)):
        cut_file(tmp_path / "a.mp4", tmp_path / "out.mp4", begin, end)
        shown.append([n for _, n in decode_video((tmp_path / "out.mp4").read_bytes())])
    assert shown[0] + shown[1] == shown[2]


def test_a_clip_that_begins_openly_at_its_key_picture(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(silent("libx264", 0, "", "90000"))
    made = cut_file(tmp_path / "a.mp4", tmp_path / "out.mp4", 1.1, 1.5, start="key")
    assert made.hidden == 0
    shown = [number for _, number in decode_video((tmp_path / "out.mp4").read_bytes())]
    assert shown == list(range(24, 38))


def test_a_span_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(silent("libx264", 0, "", "90000"))
    for begin, end in ((2.4, 9.0), (-3.0, -1.0)):
        with pytest.raises(NoRecording):
            cut_file(tmp_path / "a.mp4", tmp_path / "out.mp4", begin, end)
    with pytest.raises(ValueError, match="not before"):
        cut_file(tmp_path / "a.mp4", tmp_path / "out.mp4", 2, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("bframes", [0, 2])
def test_files_joined(tmp_path: Path, bframes: int) -> None:
    path, out = tmp_path / "a.mp4", tmp_path / "out.mp4"
    path.write_bytes(silent("libx264", bframes, "", "90000"))
    made = join_files([path] * 3, out)
    assert made.frames == 180
    assert [n for _, n in decode_video(out.read_bytes())] == [*range(60)] * 3
    descriptor = os.open(tmp_path / "general.mp4", os.O_WRONLY | os.O_CREAT)
    again = join_tables([path] * 3, descriptor)
    os.close(descriptor)
    assert out.read_bytes() == (tmp_path / "general.mp4").read_bytes()
    assert made == again


def test_files_with_different_sets_joined(tmp_path: Path) -> None:
    for name, bframes in (("a.mp4", 0), ("b.mp4", 2)):
        (tmp_path / name).write_bytes(silent("libx264", bframes, "", "90000"))
    join_files([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "out.mp4")
    assert len(decode_video((tmp_path / "out.mp4").read_bytes())) == 120


def test_files_of_other_codecs_are_not_joined(tmp_path: Path) -> None:
    for name, codec in (("a.mp4", "libx264"), ("b.mp4", "libx265")):
        (tmp_path / name).write_bytes(silent(codec, 0, "", "90000"))
    with pytest.raises(MediaUnsupported):
        join_files([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "out.mp4")


def test_a_sample_marked_as_sync_that_is_none() -> None:
    data = silent("libx264", 0, "", "90000")
    source = Bytes(data)
    plain = open_plain(find_moov(source, len(data)), len(data))
    assert plain is not None
    one = footage("h264", 30, 12, audio=None)
    check = KeyCheck(one.table.video.configs[0])  # type: ignore[union-attr]
    key, other = one.units[0], one.units[1]
    assert check.holds(Bytes(key), 0, len(key))
    assert not check.holds(Bytes(other), 0, len(other))
    assert not check.holds(Bytes(b"\0\0\0\1" + key), 0, 4 + len(key))
    assert not check.holds(Bytes(key[:3]), 0, 3)
    assert not check.holds(Bytes(patched_set(key)), 0, len(key))
    assert check.holds(Bytes(key), 0, len(key))  # what it saw between changes nothing


def patched_set(key: bytes) -> bytes:
    """A key picture whose first parameter set is another."""
    return key[:8] + bytes([key[8] ^ 1]) + key[9:]


def test_neither_numpy_nor_anything_heavy_is_loaded_for_a_plain_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(silent("libx264", 0, "", "90000"))
    code = (
        "import sys; from pathlib import Path; from hikcore.media.cut import cut_file; "
        f"cut_file(Path({str(tmp_path / 'a.mp4')!r}), Path({str(tmp_path / 'o.mp4')!r}), 0.5, 1); "
        "heavy = {'numpy', 'av', 'pydantic', 'httpx', 'rich', 'dataclasses'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("data", "tables", "media"),
    [
        pytest.param(silent("libx264", 2, "faststart", "12800"), 1, 1, id="moov first"),
        pytest.param(silent("libx265", 0, "", "90000"), 1, 1, id="moov last"),
        pytest.param(foreign(sound="aac", movflags="faststart"), 1, 1, id="with sound"),
        pytest.param(
            foreign(sound=None, movflags="frag_keyframe+empty_moov+default_base_moof"), 1, 1,
            id="fragments",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_far_away_is_cut_by_few_reads(
    tmp_path: Path, data: bytes, tables: int, media: int
) -> None:
    (tmp_path / "a.mp4").write_bytes(data)
    near = cut_file(tmp_path / "a.mp4", tmp_path / "near.mp4", 0.7, 1.5)
    source, windows = Bytes(data), []

    def window(begin: int, end: int) -> Bytes:
        windows.append((begin, end))
        return Bytes(data)

    with (tmp_path / "far.mp4").open("wb") as out:
        far = cut_ranged(source, len(data), window, out, 0.7, 1.5)
    assert (tmp_path / "far.mp4").read_bytes() == (tmp_path / "near.mp4").read_bytes()
    assert far._replace(notes=()) == near._replace(notes=())
    assert source.requests == tables
    assert len(windows) == media
    with pytest.raises(NoRecording):
        cut_ranged(source, len(data), window, (tmp_path / "none.mp4").open("wb"), 2.5, 3)


def test_sending_where_the_kernel_cannot(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(range(256)) * 300)
    read, write = os.pipe()
    with FileSource(tmp_path / "a") as source:
        source.send(256, 512, write)
    os.close(write)
    assert os.read(read, 1000) == bytes(range(256)) * 2
    os.close(read)


def test_tables_that_are_patched_are_seen(tmp_path: Path) -> None:
    """Guards the tests above: the same file without a change goes the quick way."""
    path = tmp_path / "a.mp4"
    path.write_bytes(patched(silent("libx264", 0, "", "90000"), "stsd", 0, b"\0"))
    assert quick(path, 0.7, 1.5)
    path.write_bytes(table("nothing", b""))
    assert quick(path, 0.7, 1.5)
