"""MP4 and MOV whose writers took liberties: odd sound entries, large heads, sets that change."""

from __future__ import annotations

import contextlib
import struct
from fractions import Fraction

import numpy as np
import pytest

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.mp4 import nals as heads
from hikcore.media.mp4.boxes import box, full_box
from hikcore.media.mp4.locate import index_span
from hikcore.media.mp4.read import MAX_MOOV, index_mp4, read_head
from hikcore.media.mp4.sound_entries import read_sound
from hikcore.media.sniff import sniff
from tests.cost import cost
from tests.media.mp4_footage import columns, config_of, encode, join_lengths
from tests.media.mp4_foreign import Bytes, foreign, patched, payload, rebuilt


def sound(kind: bytes, *boxes: bytes, bits: int = 16, version: int = 0, more: bytes = b"") -> bytes:
    fixed = struct.pack(">6xHH6xHHHHHH", 1, version, 2, bits, 0, 0, 8000, 0)
    return box(kind, fixed, more, *boxes)


def descriptor(tag: int, data: bytes) -> bytes:
    return bytes((tag, 0x80, len(data))) + data


def esds(flags: int = 0, extra: bytes = b"", object_type: int = 0x40) -> bytes:
    decoder = bytes((object_type,)) + bytes(12) + descriptor(5, b"\x15\x88")
    stream = b"\0\1" + bytes((flags,)) + extra + descriptor(0x7F, b"?") + descriptor(4, decoder)
    return full_box(b"esds", 0, 0, descriptor(3, stream))


@pytest.mark.parametrize(
    ("flags", "extra"),
    [(0, b""), (0x80, b"\0\1"), (0x20, b"\0\2"), (0x40, b"\3url"), (0xE0, b"\0\1\3url\0\2")],
)
def test_aac_behind_everything_that_an_es_descriptor_may_announce(flags: int, extra: bytes) -> None:
    if flags == 0xE0:  # in the order of 14496-1 7.2.6.5: stream, URL, OCR; read as stream, OCR, URL
        extra = b"\0\1\0\2\3url"
    config = read_sound("aac", sound(b"mp4a", esds(flags, extra)))
    assert (config.record, config.rate, config.channels) == (b"\x15\x88", 8000, 2)


def test_a_quicktime_entry_of_version_2() -> None:
    more = struct.pack(">IdIIIIII", 72, 44_100.0, 6, 0x7F000000, 16, 0, 0, 0)
    config = read_sound("alaw", sound(b"alaw", version=2, more=more))
    assert (config.rate, config.channels) == (44_100, 6)
    assert read_sound("alaw", sound(b"alaw", version=2, more=more), iso=True).channels == 2


@pytest.mark.parametrize(
    ("codec", "entry", "error", "text"),
    [
        ("aac", sound(b"mp4a")[:30], MediaDamaged, "cut off"),
        ("aac", sound(b"mp4a"), MediaDamaged, "usable esds"),
        ("aac", sound(b"mp4a", esds(object_type=0x6B)), MediaUnsupported, "0x6b"),
        ("aac", sound(b"mp4a", full_box(b"esds", 0, 0, b"\3\0")), MediaDamaged, "AudioSpecific"),
        ("aac", sound(b"mp4a", full_box(b"esds", 0, 0, b"\3\x80")), MediaDamaged, "AudioSpecific"),
        ("sowt", sound(b"sowt", bits=24), MediaUnsupported, "24 bits"),
        ("ipcm", sound(b"ipcm", full_box(b"pcmC", 0, 0, b"\0\x0c")), MediaUnsupported, "12 bits"),
        ("opus", sound(b"Opus", box(b"dOps", b"\0\2")), MediaDamaged, "usable dOps"),
    ],
)
def test_sound_entries_that_are_not_read(
    codec: str, entry: bytes, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        read_sound(codec, entry)  # type: ignore[arg-type]


class Sparse:
    """A file of so many bytes: what is given, then zeros."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size, self.total = data, size, 0

    def read_at(self, offset: int, size: int) -> bytes:
        assert 0 <= offset <= offset + size <= self.size
        self.total += size
        return self.data[offset : offset + size].ljust(size, b"\0")


def test_a_moov_and_a_moof_larger_than_any_are_not_read() -> None:
    ftyp = box(b"ftyp", b"isom" + bytes(4))
    vast = Sparse(ftyp + struct.pack(">I4s", MAX_MOOV + 1, b"moov"), 2 * MAX_MOOV)
    with pytest.raises(MediaDamaged, match="too large"):
        index_mp4(vast, vast.size)
    data = foreign(sound=None, movflags="frag_keyframe+empty_moov", frames=24, gop=12)
    last = data.rindex(b"moof") - 4
    grown = data[:last] + struct.pack(">I", MAX_MOOV + 1) + data[last + 4 :]
    source = Sparse(grown, 2 * MAX_MOOV)
    table = index_mp4(source, source.size)
    assert table.video is not None
    assert len(table.video) == 12
    assert any("too large" in one.reason for one in table.damage)
    assert source.total < 1 << 20


def test_a_sample_larger_than_any_ends_the_table() -> None:
    data = foreign(sound=None, frames=24, gop=12)
    begin, _ = payload(data, "stsz")
    size = 65 << 20
    spoiled = data[: begin + 12 + 4 * 9] + struct.pack(">I", size) + data[begin + 16 + 4 * 9 :]
    source = Sparse(spoiled, 1 << 28)
    table = index_mp4(source, source.size)
    assert table.video is not None
    assert len(table.video) == 9
    assert any(f"a sample of {size} bytes" in one.reason for one in table.damage)


def test_samples_that_lie_over_each_other_end_at_a_few_times_the_file() -> None:
    data = foreign(sound=None, frames=60, gop=12)
    count = 100_000
    tables = {
        "stts": struct.pack(">IIII", 0, 1, count, 512),
        "ctts": struct.pack(">IIII", 0, 1, count, 0),
        "stsz": struct.pack(">III", 0, 0, count) + struct.pack(">I", 1000) * count,
        "stsc": struct.pack(">IIIII", 0, 1, 1, 1, 1),
        "stco": struct.pack(">II", 0, count) + struct.pack(">I", 48) * count,
    }
    spoiled = rebuilt(
        data, lambda path, _: next((new for k, new in tables.items() if path.endswith(k)), None)
    )
    table = index_mp4(Bytes(spoiled), len(spoiled))
    assert table.video is not None
    assert len(table.video) <= 4 * len(spoiled) // 1000
    assert any("over each other" in one.reason for one in table.damage)


def test_thousands_of_tracks_that_are_refused_take_no_time() -> None:
    """Each declares five million samples of one byte, and lacks its header only."""
    data = foreign(sound=None, frames=24, gop=12)
    many = struct.pack(">III", 0, 1, 5_000_000)
    tables = {
        "stts": struct.pack(">IIII", 0, 1, 5_000_000, 512),
        "ctts": struct.pack(">IIII", 0, 1, 5_000_000, 0),
        "stsz": many,
        "stsc": struct.pack(">IIIII", 0, 1, 1, 5_000_000, 1),
        "tkhd": b"",
    }
    spoiled = rebuilt(
        data, lambda path, _: next((new for k, new in tables.items() if path.endswith(k)), None)
    )
    begin, end = payload(spoiled, "moov")
    trak, stop = payload(spoiled, "trak")
    moov = box(b"moov", spoiled[begin : trak - 8], spoiled[trak - 8 : stop] * 2000)
    source = Sparse(spoiled[: begin - 8] + moov + spoiled[end:], 1 << 26)

    def read() -> None:
        with pytest.raises(MediaDamaged):
            index_mp4(source, source.size)

    assert cost(read) < 20


def test_media_full_of_what_looks_like_fragments_costs_few_reads() -> None:
    """Each is as long as a megabyte, begins as a fragment does and is none."""
    data = foreign(sound=None, movflags="frag_keyframe+empty_moov", frames=24, gop=12)
    at = data.rindex(b"mdat") - 4
    false = (struct.pack(">I4sI4s", 1 << 20, b"moof", 16, b"mfhd") + bytes(8)) * 200_000
    spoiled = data[:at] + struct.pack(">I4s", 8 + len(false), b"mdat") + false
    source = Bytes(spoiled)
    with contextlib.suppress(MediaDamaged):
        index_span(source, len(spoiled), Fraction(1, 2), Fraction(1))
    assert source.total < 10 * len(spoiled)


def test_a_head_with_short_lengths_is_none_of_ours() -> None:
    data = foreign(sound=None)
    begin, _ = payload(data, "stsd")
    at = data.index(b"avcC", begin) - begin + 4 + 4
    with pytest.raises(MediaUnsupported, match="not of 4 bytes"):
        read_head(patched(data, "stsd", at, b"\xfd"))


def test_a_slice_far_behind_its_parameter_sets_is_found() -> None:
    """Between them lies an SEI of 200 kB, read in steps."""
    nals, _, _ = encode("h264", 2, 2, 0)
    sets = [nal for nal in nals[0] if nal[0] & 31 in (7, 8)]
    slices = [nal for nal in nals[0] if nal[0] & 31 == 5]
    unit = [*sets, b"\x06" + bytes(200_000) + b"\x80", *slices]
    blob = join_lengths(unit)
    video = columns(np.zeros(1, np.int64), [len(blob)], [True], (config_of("h264", sets),), 0, 3600)
    found = heads.first_nals(Bytes(blob), video, 0, 4)
    assert found[:-1] == sets
    assert slices[0].startswith(found[-1][:100])


def test_parameter_sets_that_change_with_every_picture_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heads, "_MOST_SETS", 50)
    nals, _, _ = encode("h264", 2, 2, 0)
    units = [
        join_lengths([*nals[0][:-1], b"\x68\xee" + struct.pack(">H", n) + b"\x80", nals[0][-1]])
        for n in range(60)
    ]
    pts = np.arange(60, dtype=np.int64) * 3600
    config = (config_of("h264", nals[0]),)
    blob = b"".join(units)
    for count, fits in ((50, True), (60, False)):
        video = columns(pts[:count], [len(u) for u in units[:count]], [True] * count, config, 0, 1)
        if fits:
            settled, _, _ = heads.settle(Bytes(blob), video, [4], verify=True)
            assert len(set(settled.config.tolist())) > 1
            continue
        with pytest.raises(MediaDamaged, match="change more than 50 times"):
            heads.settle(Bytes(blob), video, [4], verify=True)


def test_lengths_that_change_from_entry_to_entry() -> None:
    nals, _, _ = encode("h264", 2, 2, 0)
    blob = join_lengths(nals[0])
    config = config_of("h264", nals[0])
    video = columns(
        np.array([0, 3600]), [len(blob)] * 2, [True] * 2, (config, config), 0, 1,
        np.array([0, 1], np.uint16),
    )  # fmt: skip
    with pytest.raises(MediaUnsupported, match="change inside"):
        heads.settle(Bytes(blob * 2), video, [4, 2], verify=False)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"), (b"\xef\xbb\xbf <!DOCTYPE html><p>", "html"),
        (b"<?xml version='1.0'?>", "xml"), (b' {"error": 1}', "json"),
        (b"\0\0\1\xe0\0\0", "ps"), (b"\0\0\1\x09", "unknown"),
        (b"4HKH" + bytes(60), "hik4"),
    ],
)  # fmt: skip
def test_what_a_body_is(body: bytes, kind: str) -> None:
    assert sniff(body) == kind
