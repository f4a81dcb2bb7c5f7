"""What the native modules refuse: columns that no reader gives them, lengths past their caps."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from hikcore.media.everfocus import read_headers
from hikcore.media.mp4.boxes import box, full_box
from hikcore.native.cutting import Clip
from hikcore.native.everfocus_scan import scan_file
from hikcore.native.mp4 import FragmentCore
from hikcore.native.nals import measure, reframe
from hikcore.native.rows import Layout
from hikcore.native.sounding import Sound
from tests.media.everfocus_reference import G711, frame

ROW = struct.Struct("<qQiIIII")


def moof(*traf: bytes) -> bytes:
    return box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", 1)), box(b"traf", *traf))


def tfhd(flags: int = 0x20000, *fields: int) -> bytes:
    return full_box(b"tfhd", 0, flags, struct.pack(f">I{len(fields)}I", 1, *fields))


def trun(flags: int, count: int, *fields: int) -> bytes:
    return full_box(b"trun", 0, flags, struct.pack(f">I{len(fields)}I", count, *fields))


def fed(fragment: bytes, size: int = 1 << 20, most: int = 1000) -> tuple[FragmentCore, list[int]]:
    """A reader that got one fragment, and the codes of its faults."""
    core = FragmentCore(size, most)
    assert core.register(1, 1, 100, 10, 0, 0)
    assert core.feed(fragment, 0) == (not core.faults)
    return core, [code for _, code in core.faults]


@pytest.mark.parametrize(
    ("fragment", "code"),
    [
        pytest.param(moof(full_box(b"tfhd", 0, 0)), 2, id="tfhd without a track"),
        pytest.param(moof(tfhd(0x1, 0)), 2, id="half a base offset"),
        pytest.param(moof(tfhd(0x20008)), 2, id="a default that is not there"),
        pytest.param(moof(tfhd(), full_box(b"tfdt", 1, 0, bytes(4))), 2, id="half a time"),
        pytest.param(moof(tfhd(), full_box(b"tfdt", 0, 0)), 2, id="no time in tfdt"),
        pytest.param(moof(tfhd(), full_box(b"tfdt", 1, 0, b"\x7f" + bytes(7))), 8, id="no time"),
        pytest.param(moof(tfhd(), full_box(b"trun", 0, 0)), 2, id="trun without a count"),
        pytest.param(moof(tfhd(), trun(1, 1)), 2, id="no data offset"),
        pytest.param(moof(tfhd(), trun(4, 1)), 2, id="no first flags"),
        pytest.param(moof(tfhd(), trun(0x200, 2, 5)), 2, id="a row that is not there"),
        pytest.param(moof(tfhd(), trun(0, 1 << 31)), 4, id="more samples than bytes"),
        pytest.param(moof(tfhd(), trun(1, 1, 0xFFFFFFFF)), 5, id="before the file"),
        pytest.param(moof(tfhd(), trun(0x200, 1, 1 << 21)), 5, id="past the file"),
        pytest.param(moof(tfhd(), box(b"trun", b"")[:-4] + b"\0\0"), 1, id="a box cut off"),
        pytest.param(box(b"moof", box(b"traf", b"")), 3, id="no tfhd"),
        pytest.param(box(b"moof", b"\0\0\0\1moof"), 1, id="half of a long header"),
        pytest.param(b"\0\0\0", 2, id="no box"),
    ],
)
def test_fragments_that_break_off(fragment: bytes, code: int) -> None:
    core, codes = fed(fragment)
    assert codes == [code]
    for row in ROW.iter_unpack(core.rows(1)):
        assert row[1] + row[3] <= 1 << 20


def test_a_fragment_past_the_cap_keeps_the_samples_before() -> None:
    core, codes = fed(moof(tfhd(), trun(0, 9)), most=4)
    assert codes == [7]
    rows = list(ROW.iter_unpack(core.rows(1)))
    assert [(row[0], row[1]) for row in rows] == [(100 * n, 10 * n) for n in range(4)]


def test_time_goes_on_unless_it_is_restarted() -> None:
    core, _ = fed(moof(tfhd(), trun(0, 2)))
    core.feed(moof(tfhd(), trun(0, 1)), 0)
    core.restart()
    core.feed(moof(tfhd(), trun(0, 1)), 0)
    assert [row[0] for row in ROW.iter_unpack(core.rows(1))] == [0, 100, 200, 0]


def test_no_more_tracks_than_there_is_room_for() -> None:
    core = FragmentCore(1000, 1000)
    assert [core.register(n, 1, 1, 1, 0, 0) for n in range(65)] == [True] * 64 + [False]
    assert core.rows(64) == b""


def test_nal_units_in_columns_that_do_not_fit() -> None:
    offsets, sizes = np.zeros(2, np.uint64), np.full(2, 4, np.uint32)
    small, kinds = np.zeros(1, np.uint32), np.zeros(2, np.uint8)
    with pytest.raises(ValueError, match="different lengths"):
        measure(bytes(4), 0, offsets, sizes, 4, 1, small, kinds, kinds)
    with pytest.raises(ValueError, match="no such width"):
        measure(bytes(4), 0, offsets, sizes, 5, 1, sizes, kinds, kinds)
    first = np.arange(3, dtype=np.int64)
    with pytest.raises(ValueError, match="no such width"):
        reframe(bytes(4), 0, offsets, sizes, first, sizes, bytearray(8), 0)
    with pytest.raises(ValueError, match="different lengths"):
        reframe(bytes(4), 0, offsets, sizes, first[:2], sizes, bytearray(8), 2)
    # Extents that are not one a sample, no room, a length that is cut off.
    block = b"\0\2ab\0\2cd"
    offsets[1], out = 4, bytearray(12)
    assert reframe(block, 0, offsets, sizes, first * 2, sizes + 2, out, 2) == 0
    assert reframe(block, 0, offsets, sizes, first, sizes + 2, bytearray(11), 2) == 1
    assert reframe(block, 0, offsets, sizes - 3, first, sizes + 2, out, 2) == 0
    assert reframe(block, 0, offsets, sizes, first, sizes + 2, out, 2) == -1
    assert bytes(out) == b"\0\0\0\2ab\0\0\0\2cd"


def test_a_clip_of_nothing_has_no_tables() -> None:
    clip = Clip()
    assert len(clip) == 0
    assert clip.close() != 0
    assert (clip.sync_samples(), clip.compositions()) == ([], None)
    sound = Sound(8000, 0, 1)
    assert len(sound) == 0
    assert sound.close(0) != 0
    for made in (clip.durations, clip.sizes, clip.bounds, lambda: Layout(clip), sound.durations):
        with pytest.raises(ValueError, match="without samples"):
            made()
    for rate, unit, width in ((0, 0, 1), (1 << 20, 0, 1), (8000, -1, 0), (8000, 0, 1 << 21)):
        with pytest.raises(ValueError, match="no sound"):
            Sound(rate, unit, width)


def test_more_headers_than_there_is_room_for_at_first(tmp_path: Path) -> None:
    body = b"".join(frame(G711, b"\5", 1000 * n + 1) for n in range(10_000))
    path = tmp_path / "a"
    for spoiled, count in ((body, 10_000), (body[:70] + b"junk" + body[70:], 9999)):
        path.write_bytes(spoiled)
        rows, _ = read_headers(spoiled)
        again, _ = read_headers(path)
        assert rows.tobytes() == again.tobytes()
        assert count - 1 <= len(rows) <= count


def test_a_file_that_cannot_be_read_or_is_shorter_than_it_was(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="descriptor"):
        scan_file(1 << 20, 100)
    path = tmp_path / "a"
    path.write_bytes(frame(G711, b"\5", 1))
    with path.open("rb") as file:
        rows, _ = scan_file(file.fileno(), 1 << 20)
    assert len(rows) <= 32
    with path.open("wb") as file, pytest.raises(OSError, match="descriptor"):
        scan_file(file.fileno(), 100)
