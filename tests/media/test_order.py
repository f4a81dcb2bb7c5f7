"""Slice headers and the order that they count: against encoders, and against what was written."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.media import h264, h265
from hikcore.media.order import Slice, SliceReader, fill_by_order, picture_order
from hikcore.media.table import CodecConfig
from tests.media.mp4_footage import config_of, encode
from tests.media.test_h264_sps import Sps
from tests.media.test_vui_sps import Bits


def avcc(*nals: bytes) -> CodecConfig:
    """A configuration of an SPS and a PPS (14496-15 5.3.3.1)."""
    sps, pps = nals
    record = b"\1" + sps[1:4] + b"\xff\xe1" + len(sps).to_bytes(2, "big") + sps
    return CodecConfig("h264", record + b"\1" + len(pps).to_bytes(2, "big") + pps)


def pps(sps: int, own: int = 0) -> bytes:
    bits = Bits()
    bits.ue(own)
    bits.ue(sps)
    bits.u(8, 0xA5)
    return b"\x68" + bits.nal()[2:]


def slice_head(sps: Sps, head: int, letter: int, number: int, count: int, *, first: int = 0,
               field: int = 0) -> bytes:  # fmt: skip
    """A slice header as 7.3.3 has it, of an SPS whose frame_num has 7 bits and order count 6."""
    bits = Bits()
    bits.ue(first)
    bits.ue(letter)
    bits.ue(0)
    if sps.planes and sps.chroma == 3 and sps.profile == 100:
        bits.u(2, 1)
    bits.u(7, number)
    if not sps.frames_only:
        bits.u(1, field)
        if field:
            bits.u(1, 1)
    if head & 31 == 5:
        bits.ue(3)
    if sps.order == 0:
        bits.u(6, count)
    bits.u(16, 0xFFFF)
    return bytes((head,)) + bits.nal()[2:]


@given(
    st.builds(
        Sps,
        profile=st.sampled_from([66, 100]), chroma=st.sampled_from([1, 3]), planes=st.booleans(),
        order=st.integers(0, 2), frames_only=st.booleans(), identifier=st.integers(0, 31),
    ),
    st.booleans(), st.integers(0, 9), st.integers(0, 127), st.integers(0, 63), st.booleans(),
)  # fmt: skip
def test_h264_headers_in_every_form(
    sps: Sps, idr: bool, kind: int, number: int, count: int, field: bool
) -> None:
    reader = SliceReader(avcc(sps.write(), pps(sps.identifier)))
    head = 0x65 if idr else 0x41
    found = reader.read(slice_head(sps, head, kind, number, count, field=field))
    if idr and (number or kind % 5 not in (2, 4)):
        assert found is None  # an IDR picture is of I or SI slices and has the number 0 (7.4.3)
        return
    assert found is not None
    assert (found.begins, found.reference, found.kind) == (idr, True, "PBIPI"[kind % 5])
    assert found.count == (count if sps.order == 0 else -1)
    assert sps.order or found.bits == 6


def test_what_is_no_first_slice_of_h264() -> None:
    sps = Sps()
    reader = SliceReader(avcc(sps.write(), pps(0)))
    assert reader.read(slice_head(sps, 0x41, 5, 3, 9)) is not None
    for head, letter, first in ((0x41, 5, 1), (0x41, 10, 0), (0x42, 5, 0), (0xC1, 5, 0)):
        assert reader.read(slice_head(sps, head, letter, 3, 9, first=first)) is None
    assert reader.read(b"\x41") is None
    other = SliceReader(avcc(sps.write(), pps(0, own=4)))
    assert other.read(slice_head(sps, 0x41, 5, 3, 9)) is None  # names a set that is not there


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("bframes", [0, 3])
def test_encoders_pictures_are_put_in_the_order_that_they_are_shown(
    codec: str, bframes: int
) -> None:
    """300 pictures in few sequences: the low bits of the count go round more than once."""
    nals, numbers, keys = encode(codec, 300, 150, bframes)
    reader = SliceReader(config_of(codec, nals[0]))
    heads: list[Slice | None] = []
    for unit in nals:
        module = h264 if codec == "h264" else h265
        limit = range(1, 6) if codec == "h264" else range(32)
        heads.append(reader.read(next(n for n in unit if module.nal_type(n) in limit)[:64]))
    assert None not in heads
    assert [one.begins for one in heads if one] == list(keys)
    counts, sequence = picture_order(heads)
    assert np.lexsort((counts, sequence)).tolist() == np.argsort(numbers).tolist()
    codec_name = "h264" if codec == "h264" else "hevc"
    stream = b"".join(b"\0\0\0\1" + nal for unit in nals for nal in unit)
    with av.open(io.BytesIO(stream), format=codec_name) as container:
        shown = [" IPB"[frame.pict_type] for frame in container.decode(video=0)]
    ours = [heads[at] for at in np.argsort(numbers)]
    assert [one.kind for one in ours if one] == shown


def test_what_is_no_first_slice_of_h265() -> None:
    nals, _, _ = encode("h265", 30, 15, 2)
    reader = SliceReader(config_of("h265", nals[0]))
    unit = next(n for n in nals[1] if h265.nal_type(n) < 32)
    good = reader.read(unit)
    assert good is not None
    assert reader.read(bytes((unit[0] | 0x80,)) + unit[1:]) is None  # forbidden_zero_bit
    assert reader.read(unit[:1] + b"\0" + unit[2:]) is None  # temporal id of 0
    assert reader.read(unit[:2] + bytes((unit[2] & 0x7F,)) + unit[3:]) is None  # not the first
    key = next(n for n in nals[0] if h265.nal_type(n) < 32)
    assert reader.read(key) is not None
    # The same header on a key picture: its slices are P or B, which no IRAP has (7.4.7.1).
    assert reader.read(b"\x26\x01" + _with_flag(unit[2:])) is None
    assert reader.read(key[:2]) is None


def _with_flag(header: bytes) -> bytes:
    """no_output_of_prior_pics_flag put behind the first bit."""
    bits = f"{int.from_bytes(header[:8], 'big'):064b}"
    return int(bits[0] + "0" + bits[1:-1], 2).to_bytes(8, "big")


@given(
    st.integers(4, 8),
    st.lists(
        st.tuples(st.sampled_from(["next", "next", "next", "key", "none"]),
                  st.integers(-7, 7), st.booleans()), min_size=1, max_size=60,
    ),
)  # fmt: skip
def test_counts_are_those_whose_low_bits_are_written(
    bits: int, moves: list[tuple[str, int, bool]]
) -> None:
    """As 8.2.1.1: every step is less than half a round from the last reference picture."""
    slices: list[Slice | None] = []
    wanted, sequences = [], []
    base = sequence = 0
    for kind, step, reference in moves:
        if kind == "none":
            slices.append(None)
            wanted.append(-(1 << 62))
        elif kind == "key":
            sequence, base = sequence + 1, 0
            slices.append(Slice(True, 0, bits, True, "I"))
            wanted.append(0)
        else:
            count = base + step
            slices.append(Slice(False, count % (1 << bits), bits, reference, "P"))
            wanted.append(count)
            base = count if reference else base
        sequences.append(sequence)
    counts, found = picture_order(slices)
    assert counts.tolist() == wanted
    assert found.tolist() == sequences


@given(st.lists(st.booleans(), min_size=12, max_size=12), st.permutations(range(12)))
def test_pictures_without_a_time_are_placed_by_their_order(
    known: list[bool], order: list[int]
) -> None:
    """12 pictures 40 ms apart, some without a PTS. One in each sequence is enough."""
    at = order.index(0)
    counts = [2 * n for n in [0, *order[:at], *order[at + 1 :]]]
    slices: list[Slice | None] = [
        Slice(n == 0, count, 8, True, "P") for n, count in enumerate(counts)
    ]
    truth = np.array([9_000 + 1800 * count for count in counts], np.int64)
    have = np.array(known)
    pts, found = fill_by_order(np.where(have, truth, 0), have, slices)
    assert found.all() == any(known)
    assert np.array_equal(pts[found], truth[found])
