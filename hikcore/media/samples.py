"""Sample bytes out of a source: extents are read in blocks and gathered by the native core."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged
from hikcore.media.files import FileSource
from hikcore.media.table import ByteSource, Samples
from hikcore.native.gather import gather, stretch
from hikcore.native.nals import reframe

__all__ = ["BLOCK", "FileSource", "SampleReader", "read_samples"]

#: So many bytes of the source are read at once (a larger single sample more): they stay in the
#: processor's cache between reading, gathering, hashing and writing.
BLOCK = 512 * 1024
#: A sample that is spread over more than so many times its size is read piece by piece.
_SPARSE = 4
_ALL = 1 << 62
#: Offsets and sizes of the extents, the first extent and the size in MP4 form of each sample.
_Columns = tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint32]]


class SampleReader:
    """Samples of one source, again and again in the same memory.

    Args:
        source: where the bytes of the tables lie.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._into: Callable[[int, memoryview], None] | None = getattr(source, "read_into", None)
        self._out = bytearray()
        self._block = bytearray()

    def read(self, samples: Samples, begin: int, end: int) -> memoryview:
        """Samples begin to end, one behind the other, in MP4 form: NAL units behind 4-byte
        lengths, audio as it is. Their sizes are `samples.size[begin:end]`.

        Returns:
            A view that is valid until the next call.

        Raises:
            MediaDamaged: the source is not the one that the table indexes.
        """
        if begin >= end:
            return memoryview(b"")
        columns = _columns(samples)
        if samples.framing in ("length", "raw"):
            _, offset, stop, total, adjacent = stretch(*columns, begin, end, _ALL)
            if adjacent and total == stop - offset:  # as a chunk of an MP4 lies
                if self._into is None:
                    return memoryview(self._source.read_at(offset, total))
                out = self._room(total)
                self._into(offset, out)
                return out
        else:
            total = int(samples.size[begin:end].sum(dtype=np.int64))
        out = self._room(total)
        at = 0
        while begin < end:
            high, offset, stop, size, _ = stretch(*columns, begin, end, BLOCK)
            self._gather(samples, columns, (begin, high), (offset, stop), out[at : at + size])
            begin, at = high, at + size
        return out

    def _room(self, size: int) -> memoryview:
        if len(self._out) < size:
            self._out = bytearray(size + size // 4)
        return memoryview(self._out)[:size]

    def _fill(self, offset: int, size: int) -> bytes | memoryview:
        """Bytes of the source."""
        if self._into is None:
            return self._source.read_at(offset, size) if size else b""
        if len(self._block) < size:
            self._block = bytearray(size + size // 4)
        view = memoryview(self._block)[:size]
        self._into(offset, view)
        return view

    def _gather(
        self, samples: Samples, columns: _Columns, which: tuple[int, int], where: tuple[int, int],
        out: memoryview,
    ) -> None:  # fmt: skip
        """Samples `which` (half-open), whose bytes lie `where` in the source."""
        (low, high), (offset, end) = which, where
        offsets, sizes, first, expected = columns
        first, expected = first[low : high + 1], expected[low:high]
        block: bytes | memoryview
        if end - offset <= max(BLOCK, _SPARSE * len(out)):
            block = self._fill(offset, end - offset)
        else:
            offsets, sizes = offsets[first[0] : first[-1]], sizes[first[0] : first[-1]]
            parts = [bytes(self._fill(int(o), int(s))) for o, s in zip(offsets, sizes, strict=True)]
            block, offset = b"".join(parts), 0
            ends = np.cumsum(sizes[:-1], dtype=np.uint64)
            offsets = np.concatenate(([0], ends)).astype(np.uint64)
            first = first - first[0]
        if samples.framing in ("length1", "length2", "length3"):
            width = int(samples.framing[-1])
            bad = reframe(block, offset, offsets, sizes, first, expected, out, width)
        else:
            annexb = samples.framing == "annexb"
            bad = gather(block, offset, offsets, sizes, first, expected, out, annexb)
        if bad >= 0:
            at = int(samples.extent_offset[samples.first[low + bad]]) if len(samples) else 0
            raise MediaDamaged(
                f"sample {low + bad} does not come out as it was indexed: the bytes changed since",
                offset=at,
            )


def read_samples(source: ByteSource, samples: Samples, begin: int, end: int) -> bytes:
    """The same once, as bytes of their own: see `SampleReader.read`."""
    return bytes(SampleReader(source).read(samples, begin, end))


def _columns(samples: Samples) -> _Columns:
    return (
        np.ascontiguousarray(samples.extent_offset),
        np.ascontiguousarray(samples.extent_size),
        np.ascontiguousarray(samples.first),
        np.ascontiguousarray(samples.size),
    )
