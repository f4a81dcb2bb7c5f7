"""The native gathering of extents and its hashes, against plain definitions."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.native.gather import digest, digest_groups, fingerprints, gather, passed_over

STREAMS = st.lists(
    st.sampled_from(
        [b"\0\0\1", b"\0\0\0\1", b"\0", b"\0\0", b"\1", b"\x65\x88", b"\x67abc", b"\0\0\3\1", b"xy"]
    ),
    max_size=30,
).map(b"".join)


def nal_units(stream: bytes) -> list[bytes]:
    """Annex B: what lies between start codes, trailing zeros aside; empty ones are none."""
    parts = re.split(rb"\x00\x00\x01", stream)[1:]
    return [part.rstrip(b"\0") for part in parts if part.rstrip(b"\0")]


def lengths(nals: list[bytes]) -> bytes:
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


def call(
    block: bytes, base: int, extents: list[tuple[int, int]], first: list[int], sizes: list[int],
    room: int | None = None, byte_stream: bool = True,
) -> tuple[int, bytes]:  # fmt: skip
    out = bytearray(sum(sizes) if room is None else room)
    bad = gather(
        block, base, np.array([o for o, _ in extents], np.uint64),
        np.array([s for _, s in extents], np.uint32), np.array(first, np.int64),
        np.array(sizes, np.uint32), out, byte_stream,
    )  # fmt: skip
    return bad, bytes(out)


@settings(deadline=None, max_examples=300)
@given(
    streams=st.lists(STREAMS, min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=20),
    base=st.sampled_from([0, 7, 1 << 40]),
)
def test_start_codes_become_lengths_wherever_extents_end(
    streams: list[bytes], cuts: list[int], base: int
) -> None:
    block, extents, first = bytearray(b"<"), [], [0]
    number = 0
    for stream in streams:
        at = 0
        while at < len(stream):
            size = min(cuts[number % len(cuts)], len(stream) - at)
            extents.append((base + len(block), size))
            block += stream[at : at + size] + b"\0\0\1"[: number % 4]
            at, number = at + size, number + 1
        first.append(len(extents))
    expected = [lengths(nal_units(stream)) for stream in streams]
    bad, out = call(bytes(block), base, extents, first, [len(e) for e in expected])
    if sum(map(len, expected)):
        assert bad == -1
        assert out == b"".join(expected)
    # Any other size is told, with the sample, and nothing is written past the room.
    for sample in range(len(expected)):
        for off in (-1, 1, 4):
            sizes = [len(e) for e in expected]
            sizes[sample] = max(sizes[sample] + off, 0)
            if sizes[sample] != len(expected[sample]):
                assert call(bytes(block), base, extents, first, sizes)[0] in (0, sample)


def test_raw_extents_are_joined() -> None:
    block = bytes(range(100))
    bad, out = call(block, 50, [(60, 5), (51, 3), (149, 1)], [0, 2, 3], [8, 1], byte_stream=False)
    assert (bad, out) == (-1, block[10:15] + block[1:4] + block[99:])


@pytest.mark.parametrize(
    ("extents", "first"),
    [
        ([(49, 4)], [0, 1]), ([(147, 4)], [0, 1]), ([(151, 4)], [0, 1]), ([(60, 4)], [0, 2]),
        ([(60, 4)], [-1, 1]), ([(2**64 - 1, 4)], [0, 1]), ([(60, 2**32 - 1)], [0, 1]),
        ([(60, 4)], [1, 0]), ([(60, 4)], [2**62, 2**62 + 1]),
    ],
)  # fmt: skip
def test_extents_outside_the_block_are_told(
    extents: list[tuple[int, int]], first: list[int]
) -> None:
    assert call(bytes(100), 50, extents, first, [4], byte_stream=False)[0] == 0
    assert call(b"\0\0\1a" * 25, 50, extents, first, [5])[0] == 0


def test_columns_that_do_not_fit_each_other() -> None:
    with pytest.raises(ValueError, match="columns"):
        call(bytes(10), 0, [(0, 1)], [0], [1])
    assert call(bytes(10), 0, [(0, 9)], [0, 1], [9], room=3, byte_stream=False)[0] == 0
    assert call(b"", 0, [(0, 1)], [0, 1], [1])[0] == 0
    assert call(b"", 0, [], [0], [])[0] == -1


@given(st.binary(max_size=300), st.integers(0, 2**64 - 1))
def test_the_hash_is_xxh64(data: bytes, seed: int) -> None:
    assert digest(data, seed) == xxhash.xxh64_intdigest(data, seed)


@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from(["h264", "h265"]))
def test_fingerprints_are_over_the_pictures_nal_units_alone(nals: list[bytes], codec: str) -> None:
    sample = lengths(nals)
    sizes = np.array([len(sample), 0, len(sample)], np.uint32)
    out = np.full(3, 7, np.uint64)
    if not sample:
        return
    assert fingerprints(sample * 2, sizes, out, 2 if codec == "h265" else 1) == -1
    seed = 0
    for nal in nals:
        if not nal:
            continue
        kind = nal[0] >> 1 & 63 if codec == "h265" else nal[0] & 31
        if kind < 32 if codec == "h265" else 1 <= kind <= 5:
            seed = xxhash.xxh64_intdigest(nal, seed)
    assert out.tolist() == [seed, 0, seed]


@given(st.binary(max_size=40), st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_fingerprints_of_anything_stay_inside(data: bytes, sizes: list[int]) -> None:
    out = np.zeros(len(sizes), np.uint64)
    bad = fingerprints(data, np.array(sizes, np.uint32), out, 1)
    assert -1 <= bad < len(sizes)
    if bad == -1:
        assert sum(sizes) <= len(data)


def test_groups_of_hashes() -> None:
    hashes = np.arange(10, dtype=np.uint64) * 0x123456789
    out = np.zeros(3, np.uint64)
    digest_groups(hashes, np.array([0, 4, 4, 10], np.int64), out)
    assert out.tolist() == [
        xxhash.xxh64_intdigest(hashes[a:b].tobytes()) for a, b in ((0, 4), (4, 4), (4, 10))
    ]
    for begins in ([0, 11], [-1, 3], [3, 2]):
        with pytest.raises(ValueError, match="outside"):
            digest_groups(hashes, np.array(begins, np.int64), out)
    with pytest.raises(ValueError, match="shorter"):
        digest_groups(hashes, np.array([0, 1, 2], np.int64), np.zeros(1, np.uint64))


@pytest.mark.parametrize("any_processor", [False, True])
@given(
    size=st.integers(2, 3000),
    begin=st.integers(2, 40),
    zeros=st.lists(st.integers(0, 2999), max_size=6),
    pairs=st.lists(st.integers(0, 2998), max_size=2),
)
def test_strides_without_two_zeros_are_passed_over_by_any_processor(
    any_processor: bool, size: int, begin: int, zeros: list[int], pairs: list[int]
) -> None:
    data = bytearray(b"\x55" * size)
    for at in [*zeros, *pairs, *(pair + 1 for pair in pairs)]:
        if at < size:
            data[at] = 0
    if begin > size:
        with pytest.raises(ValueError, match="must lie before"):
            passed_over(data, begin, any_processor)
        return
    at = begin
    while size - at >= 256 and b"\0\0" not in data[at - 2 : at + 255]:
        at += 256
    assert passed_over(data, begin, any_processor) == at
