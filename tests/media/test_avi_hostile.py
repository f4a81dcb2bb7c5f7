"""Hostile AVI files: each ends in a table or a named error, in bounded memory and linear work, and
what lies before and behind the damage stays usable."""

from __future__ import annotations

import contextlib
import random
import struct

import psutil
import pytest

from hikcore.errors import MediaDamaged, MediaError, MediaUnsupported
from hikcore.media.avi import AviIndexer
from hikcore.native.avi import AviCore
from tests.cost import cost
from tests.fuzz.targets.avi import TOKENS
from tests.media.avi_reference import avi, chunk, head, listed, sound_header, video_header
from tests.media.everfocus_reference import annexb, lengths
from tests.media.test_avi import chunks, index, nal_units, places, whole
from tests.media.test_everfocus import pictures


def silent(count: int = 40) -> list[bytes]:
    return [c for c in chunks(count=count) if c.startswith(b"00dc")]


def reasons(table) -> list[str]:
    return [each.reason for each in table.damage]


@pytest.mark.parametrize("size", [0, 3, 8, 11, 12, 40, 200])
def test_a_file_cut_in_its_headers(size: int) -> None:
    with pytest.raises(MediaDamaged, match=f"no picture and no sound.*byte {size}"):
        index(avi(chunks())[:size])


@pytest.mark.parametrize("pieces", [[1 << 20], [1], [613]])
def test_a_file_cut_in_a_picture(pieces: list[int]) -> None:
    parts = silent()
    body = avi(parts, idx1="none")
    table = index(body[: -len(parts[-1]) + 20], pieces)
    assert places(table) == list(range(39))
    assert table.cut_off == 20


@pytest.mark.parametrize("pieces", [[1 << 20], [1], [613]])
@pytest.mark.parametrize("lie", [2, 3, 400, 20_000])
def test_a_size_above_the_true_one(lie: int, pieces: list[int]) -> None:
    parts = silent()
    size = struct.unpack_from("<I", parts[21], 4)[0]
    parts[21] = parts[21][:4] + struct.pack("<I", size + lie) + parts[21][8:]
    body = avi(parts, idx1="none")
    table = index(body, pieces)
    assert places(table) == [n for n in range(40) if n != 21]
    assert reasons(table) == ["a chunk that is shorter than it declares, left out"]
    assert body[table.damage[0].offset :].startswith(parts[21])


@pytest.mark.parametrize("size", [(16 << 20) + 1, 2**31, 2**32 - 1])
def test_a_size_that_no_chunk_has(size: int) -> None:
    parts = silent()
    parts[21] = parts[21][:4] + struct.pack("<I", size) + parts[21][8:]
    table = index(avi(parts, idx1="none"))
    # A chunk that is none takes no turn: the pictures behind it come one period early.
    assert places(table) == list(range(39))
    assert reasons(table) == ["a chunk that declares more than any holds"]


def test_a_size_below_the_true_one() -> None:
    parts = silent()
    parts[21] = parts[21][:4] + struct.pack("<I", 4) + parts[21][8:]
    table = index(avi(parts))
    assert places(table)[-18:] == list(range(22, 40))
    assert "bytes between chunks passed over" in reasons(table)


def test_nothing_is_allocated_by_a_declared_size() -> None:
    indexer = AviIndexer(max_chunk=2**31)
    rss = psutil.Process().memory_info().rss
    indexer.feed(avi([])[:-8])
    indexer.feed(b"00dc" + struct.pack("<I", 2**31 - 64) + bytes(1000))
    assert psutil.Process().memory_info().rss - rss < 4 << 20


def test_junk_between_chunks() -> None:
    parts = silent()
    for at, junk in ((31, b"\0" * 513), (20, b"\xff" * 7), (5, random.Random(1).randbytes(4000))):
        parts.insert(at, junk)
    table = index(avi(parts, idx1="none"))
    assert places(table) == list(range(40))
    assert reasons(table) == ["bytes between chunks passed over"] * 3


def test_headers_that_are_missing_or_lie() -> None:
    body = avi(silent())
    bare = body[:12] + body[12 + len(head(video_header(), sound_header())) :]
    table = index(bare)
    assert nal_units(bare, table.video) == whole()
    assert "no header for the pictures: 25 a second assumed" in table.notes
    for rate, scale in ((0, 1), (25, 0), (2**32 - 1, 1), (1, 2**32 - 1)):
        table = index(avi(silent(), video_header(rate=rate, scale=scale)))
        assert places(table) == list(range(40))
        assert f"a rate of {rate}/{scale} pictures a second cannot be: 25 assumed" in table.notes
    table = index(avi(silent(), video_header(start=2**32 - 1)))
    assert places(table) == list(range(40))


def test_seventeen_streams_and_headers_nested_deep() -> None:
    streams = [video_header()] + [sound_header()] * 40
    table = index(avi(chunks(), *streams))
    assert len(places(table)) == 40
    deep = b"LIST\x04\0\0\0hdrl" * 10_000 + video_header() + sound_header()
    table = index(b"RIFF\0\0\0\0AVI " + deep + listed(b"movi", *chunks()))
    assert places(table) == list(range(40))


def test_another_codec_is_named() -> None:
    jpeg = [chunk(b"00dc", b"\xff\xd8\xff\xe0" + bytes(200)) for _ in range(9)]
    with pytest.raises(MediaUnsupported, match="MJPG"):
        index(avi(jpeg, video_header(b"MJPG")))
    with pytest.raises(MediaDamaged, match="not one picture"):
        index(avi(jpeg, video_header(b"H264")))
    with pytest.raises(MediaDamaged, match="no parameter sets"):
        index(avi(silent()[1:9]))


def test_a_picture_that_is_none_does_not_spoil_its_neighbours() -> None:
    parts = silent()
    parts.insert(30, chunk(b"00dc", lengths(pictures("h264", 40)[3][1])))
    parts.insert(10, chunk(b"00dc", b"noise" * 9))
    table = index(avi(parts))
    assert nal_units(avi(parts), table.video) == whole()
    assert places(table) == [n for n in range(42) if n not in (10, 31)]
    assert reasons(table) == [
        "a picture that does not begin with a NAL unit, left out",
        "a picture framed in another way than the first, left out",
    ]


def test_sizes_of_lists_that_overrun() -> None:
    parts = silent()
    records = [listed(b"rec ", c, size=2**32 - 1) for c in parts]
    table = index(avi(records, idx1="none", movi=3, riff=1))
    assert places(table) == list(range(40))
    assert not table.damage


@pytest.mark.parametrize("size", [2**32 - 1, 7, 24])
def test_an_index_of_another_size_than_it_says(size: int) -> None:
    rows = b"".join(struct.pack("<4sIII", b"00dc", 16, 4, 9) for _ in range(40))
    more = listed(b"AVIX", listed(b"movi", *silent(40)[20:]), name=b"RIFF")
    body = avi(silent(40)[:20], idx1="none", further=[chunk(b"idx1", rows, size=size), more])
    table = index(body)
    assert nal_units(body, table.video) == whole()


def test_caps_end_the_table_with_its_offset() -> None:
    table = index(avi(silent()), max_samples=7)
    assert places(table) == list(range(7))
    assert "a cap on the index" in reasons(table)[-1]


def test_a_million_empty_chunks() -> None:
    core = AviCore()
    core.feed(b"RIFF\0\0\0\0AVI LIST\0\0\0\0movi")
    block = chunk(b"00dc", b"") * 10_000
    rss = psutil.Process().memory_info().rss

    def feed() -> None:
        for _ in range(100):
            core.feed(block)

    assert cost(feed) < 3
    assert core.finish()["video"] == b""
    assert core.empty == 1_000_000
    assert psutil.Process().memory_info().rss - rss < 4 << 20


@pytest.mark.parametrize("seed", range(6))
def test_work_is_linear_in_whatever_comes(seed: int) -> None:
    rng = random.Random(seed)
    mixture = [rng.choice(TOKENS) for _ in range(3)]
    mixture += [
        b"00dc" + struct.pack("<I", rng.choice((3000, 1 << 20, 16 << 20))),
        rng.randbytes(9),
    ]
    piece = b"".join(rng.choice(mixture) for _ in range(20_000))
    start = b"RIFF\0\0\0\0AVI LIST\0\0\0\0movi"

    def seconds(times: int) -> float:

        def read() -> None:
            with contextlib.suppress(MediaError):
                index(start + piece * times, [65_536])

        return cost(read)

    small = min(seconds(1) for _ in range(3))
    assert min(seconds(8) for _ in range(2)) < 24 * small + 0.1


def test_start_codes_within_a_picture_and_zeros_behind_it() -> None:
    units = pictures("h264", 20)
    parts = [chunk(b"00dc", annexb(nals) + bytes(n % 5)) for n, (_, nals) in enumerate(units)]
    body = avi(parts)
    assert nal_units(body, index(body).video) == [n for _, unit in units for n in unit]
