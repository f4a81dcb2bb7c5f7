"""The copying of samples: extents, lengths and groups that do not belong to their block.

An input is columns behind a byte that says how many, then the block. Whatever the columns say,
nothing is read or written outside, and what comes out is what plain Python makes of it.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hikcore.native.gather import digest, digest_groups, fingerprints, gather
from hikcore.native.nals import measure, reframe
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target
from tests.media.test_gather import lengths, nal_units

_WIDE = (0, 1, (1 << 62) - 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


def seeds() -> list[bytes]:
    """Blocks that are right for their columns."""
    out = []
    for stream in (b"\0\0\1\x65\x88abc\0\0\0\1\x41\x9a", b"\0\0\0\2\x65\x88\0\0\0\3\x41\x9a\1"):
        for count in (1, 2, 5):
            expected = len(lengths(nal_units(stream)))
            row = struct.pack("<HHHB", 0, len(stream), expected, 0)
            out.append(bytes((count, 0)) + row * count + stream)
    return out


def _columns(body: bytes) -> tuple[int, list[tuple[int, int, int, int]], bytes]:
    count = body[0] % 17
    need = 7 * count
    rows = [struct.unpack_from("<HHHB", body, 2 + 7 * i) for i in range(count)]
    return body[1], rows, body[2 + need :]


def check(body: bytes) -> None:
    """See the module."""
    if len(body) < 2 or len(body) < 2 + 7 * (body[0] % 17):
        return
    how, rows, block = _columns(body)
    base = (0, 7, 1 << 40, (1 << 64) - 100)[how & 3]
    wild = how & 4

    def place(offset: int, mark: int) -> int:
        return (offset + _WIDE[mark % 6] if wild else offset + base) & (2**64 - 1)

    offsets = np.array([place(row[0], row[3]) for row in rows], np.uint64)
    sizes = np.array([row[1] | (row[3] & 1) << 31 for row in rows], np.uint32)
    expected = np.array([row[2] for row in rows], np.uint32)
    first = np.arange(len(rows) + 1, dtype=np.int64)
    if how & 8 and len(first) > 2:
        first[1] = (2, -1, 1 << 62, 0)[how >> 4 & 3]
    total = min(int(expected.sum()), 1 << 20)
    _gathered(block, base, offsets, sizes, first, expected, total, bool(how & 16))
    for width in range(5):
        _measured(block, base, offsets, sizes, width, how)
        if width:
            room = bytearray(total)
            bad = reframe(block, base, offsets, sizes, first, expected, room, width)
            assert -1 <= bad < max(len(rows), 1)
    out = np.zeros(len(rows), np.uint64)
    fingerprints(block, expected, out, 1 + (how & 1))
    digest(block, how)
    with contextlib.suppress(ValueError):
        digest_groups(out, first, np.zeros(max(len(rows), 1), np.uint64))


def _gathered(
    block: bytes,
    base: int,
    offsets: NDArray[np.uint64],
    sizes: NDArray[np.uint32],
    first: NDArray[np.int64],
    expected: NDArray[np.uint32],
    total: int,
    byte_stream: bool,
) -> None:
    room = bytearray(total)
    bad = gather(block, base, offsets, sizes, first, expected, room, byte_stream)
    assert -1 <= bad < max(len(expected), 1)
    make: Callable[[bytes], bytes] = (lambda s: lengths(nal_units(s))) if byte_stream else bytes
    out, columns = b"", list(zip(offsets.tolist(), sizes.tolist(), strict=True))
    for number in range(len(expected)):
        stream, inside = b"", True
        for offset, size in columns[max(int(first[number]), 0) : max(int(first[number + 1]), 0)]:
            inside &= base <= offset and offset - base + size <= len(block)
            stream += block[max(offset - base, 0) : max(offset - base, 0) + size] if inside else b""
        right = inside and len(make(stream)) == int(expected[number])
        if not right or int(first[number]) < 0 or int(first[number + 1]) > len(columns):
            # An empty block or no room is told at the first sample, whatever it is.
            assert bad in (number, 0)
            return
        out += make(stream)
    assert bad == -1 or not (total and block)
    if bad == -1:
        assert bytes(room) == out


def _measured(
    block: bytes, base: int, offsets: NDArray[np.uint64], sizes: NDArray[np.uint32], width: int,
    how: int,
) -> None:  # fmt: skip
    count = len(offsets)
    size, kind = np.zeros(count, np.uint32), np.zeros(count, np.uint8)
    flags = np.zeros(count, np.uint8)
    with contextlib.suppress(ValueError):
        measure(block, base, offsets, sizes, width, 1 + (how & 1), size, kind, flags)


TARGET = Target("gather", seeds, check, Grammar((b"\0\0\1", b"\0\0\0\1", b"\0" * 4), (), 8, "<"),
                largest=1 << 12)  # fmt: skip
