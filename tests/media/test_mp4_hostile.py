"""Hostile MP4s, kinds 17 to 32 of the list in docs/formats.md: no crash, no hang, no allocation by
what a file declares; an error says where and why, and what lies before the damage is used."""

from __future__ import annotations

import contextlib
import struct
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.errors import MediaDamaged, MediaError
from hikcore.media.mp4.edits import present
from hikcore.media.mp4.read import index_mp4, read_edits, read_head
from hikcore.media.samples import read_samples
from hikcore.media.table import SampleTable
from hikcore.native.gather import fingerprints
from tests.media.mp4_footage import boxes
from tests.media.mp4_foreign import Bytes, foreign, patched, payload, rebuilt

PLAIN = foreign(sound=None)
FAST = foreign(movflags="faststart", sound=None)
PIECES = foreign(movflags="frag_keyframe+empty_moov", sound=None)
BASED = foreign(movflags="frag_keyframe+empty_moov+default_base_moof", sound=None)
COUNT = 60


def u4(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def index(data: bytes) -> SampleTable:
    """Read it whole, within a bound of time and of memory; all that the table names can be read."""
    tracemalloc.start()
    begin = time.process_time()
    try:
        table = index_mp4(Bytes(data), len(data), verify=True)
        for samples in (table.video, table.audio):
            if samples is not None:
                with contextlib.suppress(MediaDamaged):  # NAL units that do not add up
                    read_samples(Bytes(data), samples, 0, len(samples))
        return table
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 40 << 20
        assert time.process_time() - begin < 5


def usable(data: bytes, count: int, reason: str) -> SampleTable:
    """Exactly the first `count` pictures, and damage for this reason, with its offset."""
    table = index(data)
    assert table.video is not None
    whole = index(PLAIN).video
    assert whole is not None
    assert len(table.video) == count
    assert np.array_equal(table.video.size, whole.size[:count])
    assert any(reason in damage.reason for damage in table.damage), table.damage
    assert all(0 <= damage.offset <= len(data) for damage in table.damage)
    return table


def refused(data: bytes, text: str) -> MediaError:
    with pytest.raises(MediaError, match=text) as caught:
        index(data)
    assert caught.value.offset is not None or "samples of kind" in caught.value.message
    return caught.value


def top(data: bytes, kind: str) -> int:
    return next(b for name, b, _ in boxes(data) if name == kind) - 8


@pytest.mark.parametrize("size", [2, 7])
def test_17_sizes_smaller_than_a_header(size: int) -> None:
    at = top(PLAIN, "moov")
    error = refused(PLAIN[:at] + u4(size) + PLAIN[at + 4 :], "no moov")
    assert error.offset == at
    inside = payload(PLAIN, "mdia")[0]  # mdhd: the video track cannot be read
    refused(PLAIN[:inside] + u4(size) + PLAIN[inside + 4 :], "smaller than its header")


def test_17_sizes_of_64_bits() -> None:
    at = top(PLAIN, "mdat")
    for wide in (0, 15, 2**63, 2**64 - 1):
        data = PLAIN[:at] + u4(1) + b"mdat" + struct.pack(">Q", wide) + PLAIN[at + 16 :]
        assert refused(data, "no moov").offset == at
    assert refused(PLAIN[:at] + u4(0) + PLAIN[at + 4 :], "no moov").offset is not None
    moov = top(PLAIN, "moov")  # the last box may reach to the end of the file
    assert len(index(PLAIN[:moov] + u4(0) + PLAIN[moov + 4 :]).video or ()) == COUNT


def test_18_boxes_in_boxes() -> None:
    deep = b""
    for _ in range(10_000):
        deep = struct.pack(">I4s", len(deep) + 8, b"meta") + deep
    data = rebuilt(PLAIN, lambda path, body: deep[8:] if path == "moov/udta" else None)
    assert len(index(data).video or ()) == COUNT
    stbl = payload(PLAIN, "stbl")[0]
    refused(PLAIN[:stbl] + u4(1 << 30) + PLAIN[stbl + 4 :], "beyond its parent")


def test_19_counts_without_bytes() -> None:
    for size, count in ((1, 2**31), (1, 2**32 - 1), (2**32 - 1, 2**32 - 1)):
        with contextlib.suppress(MediaError):
            index(patched(PLAIN, "stsz", 4, u4(size, count)))
    begin, _ = payload(PLAIN, "stsz")
    assert int.from_bytes(PLAIN[begin + 8 : begin + 12], "big") == COUNT
    table = index(patched(PLAIN, "stsz", 8, u4(2**32 - 1)))
    assert len(table.video or ()) == COUNT
    assert "cut off" in table.damage[0].reason
    for name in ("stts", "stsc", "stco", "stss", "ctts"):
        table = index(patched(PLAIN, name, 4, u4(2**32 - 1)))
        assert "cut off" in table.damage[0].reason


def test_20_durations() -> None:
    usable(patched(PLAIN, "stts", 8, u4(40, 512)), 40, "stts is for 40 samples")
    usable(patched(PLAIN, "stts", 8, u4(2**32 - 1, 512)), COUNT, "stts is for 4294967295")
    table = usable(patched(PLAIN, "stts", 8, u4(COUNT, 2**32 - 1)), COUNT, "that cannot be")
    assert table.video is not None
    assert table.video.last_duration == 1
    far = index(patched(PLAIN, "stts", 8, u4(COUNT, 2**31 - 1))).video
    assert far is not None
    assert int(far.dts[-1]) == (COUNT - 1) * (2**31 - 1)
    still = index(patched(PLAIN, "stts", 8, u4(COUNT, 0))).video
    assert still is not None
    assert not still.dts.any()


def test_21_chunks_of_samples() -> None:
    def stsc(*rows: tuple[int, int, int]) -> bytes:
        table = u4(0, len(rows), *(v for row in rows for v in row))
        return rebuilt(PLAIN, lambda path, _: table if path.endswith("stsc") else None)

    begin, _ = payload(PLAIN, "stsc")
    original = struct.unpack_from(">3I", PLAIN, begin + 8)
    assert original == (1, COUNT, 1)
    refused(stsc((0, COUNT, 1)), "no picture")
    refused(stsc((1, 0, 1)), "no picture")
    refused(stsc((1, COUNT, 2)), "no picture")
    usable(stsc((1, COUNT, 1), (1, 7, 1)), COUNT, "not there")
    usable(stsc((1, COUNT, 1), (9, 7, 1)), COUNT, "not there")
    usable(stsc((1, 30, 1)), 30, "the chunks hold 30")
    usable(stsc((1, 2**32 - 1, 1)), COUNT, "the chunks hold 4294967295")


def test_22_offsets_of_chunks() -> None:
    at, _ = payload(PLAIN, "stco")
    refused(PLAIN[: at + 8] + u4(2**32 - 1) + PLAIN[at + 12 :], "no picture")
    late = int.from_bytes(PLAIN[at + 8 : at + 12], "big") + len(PLAIN) // 2
    table = index(PLAIN[: at + 8] + u4(late) + PLAIN[at + 12 :])
    assert any("beyond the end" in damage.reason for damage in table.damage)
    into = index(PLAIN[: at + 8] + u4(top(PLAIN, "moov")) + PLAIN[at + 12 :])
    assert into.damage
    huge = rebuilt(
        PLAIN,
        lambda path, _: struct.pack(">4xIQ", 1, 2**64 - 5) if path.endswith("stco") else None,
    ).replace(b"stco", b"co64")
    refused(huge, "no picture")

    # Overlapping and descending chunks are a matter of the file: the samples lie where they say.
    def two(path: str, _: bytes) -> bytes | None:
        first = int.from_bytes(PLAIN[at + 8 : at + 12], "big")
        if path.endswith("stsc"):
            return u4(0, 1, 1, 30, 1)
        return u4(0, 2, first, first) if path.endswith("stco") else None

    video = index(rebuilt(PLAIN, two)).video
    assert video is not None
    assert int(video.extent_offset[30]) == int(video.extent_offset[0])


@pytest.mark.parametrize(
    ("numbers", "kept"),
    [((13, 1, 25), [0, 12, 24]), ((0, 1), [0]), ((1, 2**32 - 1), [0]), ((1, 1), [0])],
)
def test_23_sync_samples(numbers: tuple[int, ...], kept: list[int]) -> None:
    table = u4(0, len(numbers), *numbers)
    data = rebuilt(PLAIN, lambda path, _: table if path.endswith("stss") else None)
    read = usable(data, COUNT, "stss names")
    assert read.video is not None
    assert np.flatnonzero(read.video.sync).tolist() == kept


def test_23_no_sync_sample_at_all() -> None:
    data = rebuilt(PLAIN, lambda path, _: u4(0, 0) if path.endswith("stss") else None)
    video = index_mp4(Bytes(data), len(data)).video
    assert video is not None
    assert not video.sync.any()


def test_24_composition_offsets() -> None:
    table = u4(0, 1, COUNT, 2**32 - 512)
    data = rebuilt(PLAIN, lambda path, _: table if path.endswith("ctts") else None)
    video = index(data).video
    assert video is not None
    assert (video.pts - video.dts == -512).all()
    short = u4(0, 1, 10, 512)
    data = rebuilt(PLAIN, lambda path, _: short if path.endswith("ctts") else None)
    usable(data, COUNT, "ctts is for 10")
    more = u4(0, 1, 2**32 - 1, 512)
    data = rebuilt(PLAIN, lambda path, _: more if path.endswith("ctts") else None)
    assert len(index(data).video or ()) == COUNT


def test_25_edit_lists() -> None:
    def edited(body: bytes) -> bytes:
        return rebuilt(PLAIN, lambda path, _: body if path.endswith("elst") else None)

    one = struct.pack(">IiI", 1000, 0, 65_536)
    cases: list[tuple[bytes, str]] = [
        (u4(0, 0), ""), (u4(0, 10_000) + one * 10_000, "times are kept"),
        (u4(0, 10_000) + one, "cut off"), (u4(0, 1) + struct.pack(">IiI", 1000, 0, 0), "kept"),
        (u4(0, 1) + struct.pack(">IiI", 1000, 0, 0xFFFF0000), "rate"),
        (u4(0, 1) + struct.pack(">IiI", 1000, 2**31 - 1, 65_536), "hides"),
        (u4(1 << 24, 1) + struct.pack(">QqI", 1000, -1, 65_536), "shows nothing"),
        (u4(1 << 24, 1) + struct.pack(">QqI", 2**63, 2**62, 65_536), "cannot be"),
        (u4(0, 1) + struct.pack(">IiI", 1000, -1, 65_536), "shows nothing"),
        (u4(0, 1) + struct.pack(">IiI", 1000, -7, 65_536), "cannot be"),
        (u4(0), "cut off"),
    ]  # fmt: skip
    for body, said in cases:
        table = index(edited(body))
        assert len(table.video or ()) == COUNT
        text = " ".join([*table.notes, *(damage.reason for damage in table.damage)])
        assert said in text, (body[:24], text)
        if said in ("", "times are kept", "kept", "hides", "shows nothing"):
            edits = read_edits(edited(body)[top(PLAIN, "moov") :])
            assert table.video is not None
            assert len(present(table.video, edits.video, edits.timescale)) <= 10_000


def test_26_timescales_of_nothing() -> None:
    usable(patched(PLAIN, "mvhd", 12, u4(0)), COUNT, "timescale of 0 in mvhd")
    refused(patched(PLAIN, "mdhd", 12, u4(0)), "timescale of 0")


def test_27_moov_and_mdat() -> None:
    at = top(PLAIN, "moov")
    twice = PLAIN + PLAIN[at:]
    assert len(index(twice).video or ()) == COUNT
    pieces = top(PIECES, "moov")
    end = pieces + int.from_bytes(PIECES[pieces : pieces + 4], "big")
    table = index(PIECES[:end] + PIECES[pieces:end] + PIECES[end:])
    assert "second moov" in table.damage[0].reason
    # A body of 5 GiB, most of which is a hole, before the moov.
    mdat = top(PLAIN, "mdat")
    body = payload(PLAIN, "mdat")
    hole = 5 << 30
    head = PLAIN[:mdat] + u4(1) + b"mdat" + struct.pack(">Q", hole + body[1] - body[0] + 16)

    class Sparse(Bytes):
        def read_at(self, offset: int, size: int) -> bytes:
            self.requests += 1
            out = bytearray(size)
            for begin, data in ((0, head + PLAIN[body[0] : body[1]]), (tail, PLAIN[at:])):
                low, high = max(begin, offset), min(begin + len(data), offset + size)
                if low < high:
                    out[low - offset : high - offset] = data[low - begin : high - begin]
            return bytes(out)

    tail = len(head) + body[1] - body[0] + hole
    source = Sparse(b"")
    table = index_mp4(source, tail + len(PLAIN) - at)
    assert len(table.video or ()) == COUNT
    assert source.requests <= 5
    # Longer than the file: what was written of it is used.
    moov_first = top(FAST, "mdat")
    longer = FAST[:moov_first] + u4(2**31) + FAST[moov_first + 4 : -2000]
    table = index(longer)
    assert 0 < len(table.video or ()) < COUNT
    assert any("beyond the end" in damage.reason for damage in table.damage)


def test_27_a_moov_that_ends_early() -> None:
    data = foreign(sound="aac")
    moov = payload(data, "moov")
    sound = [b for name, b, _ in boxes(data) if name == "moov/trak"][1]
    assert moov[0] < sound
    table = index(data[: sound + 300])
    assert len(table.video or ()) == COUNT
    assert table.audio is None
    assert table.damage


def test_28_nal_units() -> None:
    video = index(PLAIN).video
    assert video is not None
    at = int(video.extent_offset[20])
    long = PLAIN[:at] + u4(2**31) + PLAIN[at + 4 :]
    assert len(index(long).video or ()) == COUNT  # told when the sample is read
    data = read_samples(Bytes(long), video, 0, COUNT)
    assert fingerprints(data, video.size, np.zeros(COUNT, np.uint64), 1) == 20
    record = payload(PLAIN, "stsd")[0] + PLAIN[payload(PLAIN, "stsd")[0] :].index(b"avcC") + 4
    # Shorter lengths than there are do not add up (of 2 bytes they do: an empty one before each).
    for width in (0, 2):
        data = PLAIN[: record + 4] + bytes((0xFC | width,)) + PLAIN[record + 5 :]
        with contextlib.suppress(MediaDamaged):
            assert index(data).damage
    none = PLAIN[: record + 5] + b"\xe0\0" + PLAIN[record + 7 :]
    refused_text = "no parameter sets|ends early"
    with pytest.raises(MediaDamaged, match=refused_text):
        index(none)


def test_29_entries_that_change_inside_a_gop() -> None:
    def change(path: str, body: bytes) -> bytes | None:
        if path.endswith("stsd"):
            return body[:4] + u4(2) + body[8:] * 2
        if path.endswith("stsc"):
            return u4(0, 2, 1, 18, 1, 2, 42, 2)
        if path.endswith("stco"):
            whole = index(PLAIN).video
            assert whole is not None
            return u4(0, 2, int(whole.extent_offset[0]), int(whole.extent_offset[18]))
        return None

    video = index(rebuilt(PLAIN, change)).video
    assert video is not None
    assert video.config.tolist() == [0] * 18 + [1] * 42
    assert len(set(video.configs)) == 1


def _moof(data: bytes, change: Callable[[str, bytes], bytes | None], which: int = 1) -> bytes:
    """One fragment's boxes changed, of the same size."""
    seen = {"n": -1}

    def walk(path: str, body: bytes) -> bytes | None:
        if path == "moof/mfhd":
            seen["n"] += 1
        if not path.startswith("moof/") or seen["n"] != which:
            return None
        new = change(path.removeprefix("moof/"), body)
        assert new is None or len(new) == len(body)
        return new

    return rebuilt(data, walk)


@pytest.mark.parametrize("data", [PIECES, BASED], ids=["offset", "moof"])
def test_30_fragments(data: bytes) -> None:
    whole = index(data)
    assert len(whole.video or ()) == COUNT
    assert whole.damage == ()

    def trun(at: int, value: bytes) -> SampleTable:
        return index(_moof(data, lambda path, body: body[:at] + value + body[at + len(value) :]
                           if path == "traf/trun" else None))  # fmt: skip

    table = trun(4, u4(2**32 - 1))
    assert any("shorter than it declares" in d.reason for d in table.damage)
    assert 24 <= len(table.video or ()) <= COUNT
    table = trun(8, u4(2**31 - 1))
    assert any("beyond the end" in d.reason for d in table.damage)
    table = trun(8, u4(2**31))  # before the file
    assert any("beyond the end" in d.reason for d in table.damage)
    table = trun(0, u4(0xFFFFFF))  # says that it has all there is
    assert 12 <= len(table.video or ()) <= COUNT + 12
    table = trun(0, b"\0\0\0\0" + u4(2**32 - 1))  # all by defaults
    assert any("more samples than" in d.reason or "beyond" in d.reason for d in table.damage)

    def tfdt(value: int) -> SampleTable:
        return index(_moof(data, lambda path, body: body[:4] + struct.pack(">Q", value)
                           if path == "traf/tfdt" else None))  # fmt: skip

    table = tfdt(0)
    assert len(table.video or ()) == COUNT
    assert any("goes back" in d.reason for d in table.damage)
    assert any("cannot be" in d.reason for d in tfdt(2**63).damage)

    def tfhd(path: str, body: bytes) -> bytes | None:
        return body[:4] + u4(99) + body[8:] if path == "traf/tfhd" else None

    assert len(index(_moof(data, tfhd)).video or ()) == COUNT - 12  # a track that is not there

    for box in (b"tfhd", b"traf", b"trun", b"tfdt"):
        at = data.index(box, data.index(b"moof"))
        table = index(data[: at - 4] + u4(2**30) + data[at:])
        assert any("beyond its parent" in d.reason for d in table.damage)
        table = index(data[:at] + b"free" + data[at + 4 :])
        assert len(table.video or ()) in (COUNT, COUNT - 12)


def test_30_base_offsets() -> None:
    def tfhd(path: str, body: bytes) -> bytes | None:
        if path != "traf/tfhd":
            return None
        assert body[3] & 1
        return body[:8] + struct.pack(">Q", 2**64 - 1) + body[16:]

    table = index(_moof(PIECES, tfhd))
    assert any("beyond the end" in damage.reason for damage in table.damage)
    assert len(table.video or ()) >= 12


def test_30_a_file_that_is_partly_fragmented() -> None:
    data = foreign(movflags="frag_keyframe", sound=None)
    table = index(data)
    assert len(table.video or ()) == COUNT
    assert table.damage == ()


def test_30_a_recording_that_ends_inside_a_fragment() -> None:
    """Power was lost: every fragment before is whole, and of the last one what was written."""
    end = top(PIECES, "mfra")
    last = PIECES.rindex(b"mdat")
    table = index(PIECES[: (last + end) // 2])
    assert COUNT - 12 <= len(table.video or ()) < COUNT
    assert table.damage
    table = index(PIECES[: PIECES.rindex(b"moof") + 20])
    assert len(table.video or ()) == COUNT - 12


def test_31_uuid_soup() -> None:
    soup = struct.pack(">I4s", 8, b"uuid") * 50_000
    at = top(PLAIN, "moov")
    assert len(index(PLAIN[:at] + soup + PLAIN[at:]).video or ()) == COUNT
    table = index(rebuilt(PLAIN, lambda path, body: body + soup if path == "moov" else None))
    assert len(table.video or ()) == COUNT or table.damage


class _Changing(Bytes):
    """An object that is another one at the second read."""

    def read_at(self, offset: int, size: int) -> bytes:
        if self.requests >= 1:
            raise MediaDamaged("the object changed", offset=offset)
        return super().read_at(offset, size)


def test_32_a_source_that_changes() -> None:
    """Conditions on ranged reads are the store's affair: what it raises goes through."""
    with pytest.raises(MediaDamaged, match="changed"):
        index_mp4(_Changing(PLAIN), len(PLAIN), verify=True)
    with pytest.raises(MediaDamaged, match="no moov"):  # gzip, an error page
        index_mp4(Bytes(b"\x1f\x8b" + bytes(200)), 202)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_bytes_changed_anywhere(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from([PLAIN, FAST, PIECES, BASED]))
    body = bytearray(base)
    tables = [(b, e) for name, b, e in boxes(base) if name in ("moov", "moof")]
    for _ in range(data.draw(st.integers(1, 5))):
        begin, end = data.draw(st.sampled_from(tables))
        at = data.draw(st.integers(begin, end - 4))
        body[at : at + 4] = struct.pack(">I", data.draw(
            st.sampled_from([0, 1, 7, 60, 2**31 - 1, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1)
        ))  # fmt: skip
    cut = data.draw(st.integers(0, len(body)) | st.just(len(body)))
    source = bytes(body[:cut])
    with contextlib.suppress(MediaError):
        table = index_mp4(Bytes(source), len(source), verify=True)
        for samples in (table.video, table.audio):
            if samples is not None:
                ends = samples.extent_offset + samples.extent_size
                assert not len(ends) or int(ends.max()) <= len(source)
    with contextlib.suppress(MediaError):
        read_head(source)
