"""Sound of tables that are odd and still whole: the quick way as the general one, or left to it."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from hikcore.errors import HikcoreError
from hikcore.media.cut import cut_file
from hikcore.native.sounding import Sound
from hikcore.native.stbl import Track
from tests.media.mp4_foreign import payload, rebuilt
from tests.media.test_cut import general, quick, words
from tests.media.test_cut_sound import same, theirs

FAR = 1 << 40
TABLE, BEYOND, MANY = 1, 3, 4  # as hikcore/native/stbl.pxd
PCM, FLAC = ("mov", "pcm_s16le"), ("mp4", "flac")


def with_tables(kind: tuple[str, str], tables: dict[str, Callable[[bytes], bytes]]) -> bytes:
    """A file with tables of its sound made anew; "stco" may become a co64."""
    data = theirs(*kind)
    seen: list[str] = []

    def change(path: str, body: bytes) -> bytes | None:
        name = path[-4:]
        if name not in tables:
            return None
        seen.append(name)
        return tables[name](body) if seen.count(name) == 2 else None

    return rebuilt(data, change)


def wide(data: bytes) -> bytes:
    """The same with 64-bit offsets of the chunks of sound (co64), as of a file beyond 4 GiB."""
    begin, end = payload(data, "/stco", 1)
    offsets = struct.unpack(f">{(end - begin - 8) // 4}I", data[begin + 8 : end])
    rows = words(0, len(offsets)) + struct.pack(f">{len(offsets)}Q", *offsets)
    assert data.index(b"mdat") < data.index(b"moov")
    grown = with_tables(PCM, {"stco": lambda _: rows})
    at = payload(grown, "/stco", 1)[0] - 4
    return grown[:at] + b"co64" + grown[at + 4 :]


@pytest.mark.parametrize(("first", "last"), [(0.0, 2.4), (0.7, 1.5), (2.0, 9.0)])
def test_pcm_in_chunks_of_64_bit_offsets(tmp_path: Path, first: float, last: float) -> None:
    made = same(tmp_path, wide(theirs(*PCM)), first, last)
    assert made == same(tmp_path, theirs(*PCM), first, last)


def of_one_byte(body: bytes) -> bytes:
    """An stsz of old writers: the size of any frame of PCM is 1."""
    return body[:4] + words(1) + body[8:]


def test_frames_whose_size_is_said_to_be_1(tmp_path: Path) -> None:
    data = with_tables(PCM, {"stsz": of_one_byte})
    assert same(tmp_path, data, 0.7, 1.5) == same(tmp_path, theirs(*PCM), 0.7, 1.5)


def equal_or_refused(folder: Path, data: bytes) -> None:
    """The quick way leaves a span to the general one, whose outcome is that of the cut."""
    path = folder / "a.mp4"
    path.write_bytes(data)
    assert not quick(path, 0.7, 1.5)
    try:
        general(path, folder / "general.mp4", 0.7, 1.5)
    except HikcoreError as error:
        with pytest.raises(type(error)):
            cut_file(path, folder / "out.mp4", 0.7, 1.5)
    else:
        cut_file(path, folder / "out.mp4", 0.7, 1.5)
        assert (folder / "out.mp4").read_bytes() == (folder / "general.mp4").read_bytes()


def last_chunk(at: int) -> Callable[[bytes], bytes]:
    return lambda body: body[:8] + words(at) * ((len(body) - 8) // 4)


def no_length(body: bytes) -> bytes:
    """Units of FLAC that take no time: what they decode to is not known."""
    count = sum(struct.unpack(f">{(len(body) - 8) // 4}I", body[8:])[::2])
    return words(0, 1, count, 0)


def bytes_of_one_frame(body: bytes) -> bytes:
    """Every unit as large as can be, over and over the same bytes."""
    return words(0, 0, len(body) // 4 - 3) + words(20_000) * (len(body) // 4 - 3)


def half_frames(body: bytes) -> bytes:
    """Units of PCM of one byte each, where a frame has two."""
    count = int.from_bytes(body[8:12], "big")
    return words(0, 0, count) + words(1) * count


@pytest.mark.parametrize(
    ("kind", "tables"),
    [
        pytest.param(PCM, {"stco": last_chunk(1 << 31)}, id="chunks behind the file"),
        pytest.param(PCM, {"stco": last_chunk(len(theirs(*PCM)) - 9)}, id="chunks cut off"),
        pytest.param(PCM, {"stsz": half_frames}, id="half a frame a unit"),
        pytest.param(FLAC, {"stts": no_length}, id="units without a time"),
        pytest.param(
            FLAC, {"stsz": bytes_of_one_frame, "stco": last_chunk(40)}, id="units over each other"
        ),
    ],
)  # fmt: skip
def test_odd_tables_are_left_to_the_general_reader(
    tmp_path: Path, kind: tuple[str, str], tables: dict[str, Callable[[bytes], bytes]]
) -> None:
    equal_or_refused(tmp_path, with_tables(kind, tables))


def track(
    sizes: list[int] | tuple[int, int], steps: list[tuple[int, int]], scale: int, offset: int = 0,
    whole: int = 1 << 30,
) -> Track:  # fmt: skip
    """A track of one chunk; `sizes`: of each, or (count, size of all)."""
    if isinstance(sizes, tuple):
        count, table = sizes[0], words(0, sizes[1], sizes[0])
    else:
        count, table = len(sizes), words(0, 0, len(sizes), *sizes)
    tables = {
        b"stts": words(0, len(steps), *itertools.chain.from_iterable(steps)),
        b"stsz": table,
        b"stsc": words(0, 1, 1, count, 1),
        b"stco": words(0, 1, offset),
    }
    data, boxes = b"", {}
    for name, body in tables.items():
        boxes[name] = (len(data), len(data) + len(body))
        data += body
    made = Track(data, boxes, scale, whole, 0xFFFFFFFF)
    assert made.refused == 0
    return made


def test_more_units_than_a_track_may_have() -> None:
    """Of PCM in units the cap holds; frames that a file counts one by one are not units."""
    most = 5_000_000
    long = track((most + 1, 8), [(most + 1, 1)], 8000)
    sound = Sound(8000, 0, 2)
    assert sound.add(long, 0, 0, 90_000, 0, False) == MANY
    assert len(sound) == 0
    frames = track((most + 1, 2), [(most + 1, 1)], 8000)
    assert sound.add(frames, 0, 0, 90_000, 0, False) == 0
    assert len(sound) == 8  # 8000 frames by 1024
    capped = track((most, 8), [(most, 4)], 8000)
    sound = Sound(8000, 0, 2)
    assert sound.add(capped, 0, 0, 90_000, 0, False) == 0
    assert len(sound) == 2000  # of 4 frames each


def test_frames_that_are_more_than_the_file_has_bytes() -> None:
    """By a size of 1 they would fit."""
    sound = Sound(8000, 0, 2)
    for count, code in ((500, 0), (501, BEYOND)):
        made = track((count, 1), [(count, 1)], 8000, whole=1000)
        assert sound.add(made, 0, 0, 90_000, 0, False) == code
        assert len(sound) == 1


def test_a_unit_that_begins_before_all_time_and_is_still_heard() -> None:
    """PCM of a sample a second, 20 MB in one unit: 231 days, of which a clip shows the last."""
    made = track([20_000_000], [(1, 20_000_000)], 1)
    for shift, code in ((-FAR, 0), (-FAR - 1, BEYOND)):
        sound = Sound(1, 0, 1)
        # Its time is longer than FAR: refused before anything is kept.
        assert sound.add(made, 0, shift, FAR, 0, False) == TABLE
        short = track([20_000_000], [(1, 1)], 1)
        assert sound.add(short, 0, shift, FAR, 0, False) == code
        assert len(sound) == (code == 0)


def test_times_that_no_table_holds() -> None:
    """Units that are further apart than 32 bits of samples: nothing is made of them."""
    sound = Sound(1 << 19, 1024, 0)
    for shift in (0, FAR // 2):
        assert sound.add(track([100], [(1, 1024)], 1 << 19), 0, shift, FAR, 0, False) == 0
    assert len(sound) == 2
    assert sound.close(FAR) == TABLE
