"""Sample bytes out of a source: extents are read in blocks and gathered by the native core."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged
from hikcore.media.files import FileSource
from hikcore.media.table import ByteSource, Samples
from hikcore.native.gather import gather
from hikcore.native.nals import reframe

__all__ = ["BLOCK", "FileSource", "SampleReader", "read_samples"]

#: So many bytes of the source are read at once (a larger single sample more): they stay in the
#: processor's cache between reading, gathering, hashing and writing.
BLOCK = 512 * 1024
#: A sample that is spread over more than so many times its size is read piece by piece.
_SPARSE = 4


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
        total = int(samples.size[begin:end].sum(dtype=np.int64))
        together = _together(samples, begin, end, total)
        if together is not None and self._into is None:
            return memoryview(self._source.read_at(together, total))
        if len(self._out) < total:
            self._out = bytearray(total + total // 4)
        out = memoryview(self._out)[:total]
        if together is not None and self._into is not None:
            self._into(together, out)
            return out
        at = 0
        for low, high in _batches(samples, begin, end):
            size = int(samples.size[low:high].sum(dtype=np.int64))
            self._gather(samples, low, high, out[at : at + size])
            at += size
        return out

    def _fill(self, offset: int, size: int) -> bytes | memoryview:
        """Bytes of the source."""
        if self._into is None:
            return self._source.read_at(offset, size) if size else b""
        if len(self._block) < size:
            self._block = bytearray(size + size // 4)
        view = memoryview(self._block)[:size]
        self._into(offset, view)
        return view

    def _gather(self, samples: Samples, low: int, high: int, out: memoryview) -> None:
        offset, size = _bounds(samples, low, high)
        first, last = int(samples.first[low]), int(samples.first[high])
        offsets: NDArray[np.uint64] = samples.extent_offset[first:last]
        sizes = samples.extent_size[first:last]
        block: bytes | memoryview
        if size <= max(BLOCK, _SPARSE * len(out)):
            block = self._fill(offset, size)
        else:
            parts = [bytes(self._fill(int(o), int(s))) for o, s in zip(offsets, sizes, strict=True)]
            block, offset = b"".join(parts), 0
            ends = np.cumsum(sizes[:-1], dtype=np.uint64)
            offsets = np.concatenate(([0], ends)).astype(np.uint64)
        columns = (
            np.ascontiguousarray(offsets),
            np.ascontiguousarray(sizes),
            np.ascontiguousarray(samples.first[low : high + 1] - first),
            np.ascontiguousarray(samples.size[low:high]),
        )
        if samples.framing in ("length1", "length2", "length3"):
            bad = reframe(block, offset, *columns, out, int(samples.framing[-1]))
        else:
            bad = gather(block, offset, *columns, out, samples.framing == "annexb")
        if bad >= 0:
            at = int(samples.extent_offset[samples.first[low + bad]]) if len(samples) else 0
            raise MediaDamaged(
                f"sample {low + bad} does not come out as it was indexed: the bytes changed since",
                offset=at,
            )


def read_samples(source: ByteSource, samples: Samples, begin: int, end: int) -> bytes:
    """The same once, as bytes of their own: see `SampleReader.read`."""
    return bytes(SampleReader(source).read(samples, begin, end))


def _together(samples: Samples, begin: int, end: int, total: int) -> int | None:
    """The offset at which these samples lie in the source as they are wanted, one behind the other,
    as a chunk of an MP4 does; None where they must be gathered."""
    first, last = int(samples.first[begin]), int(samples.first[end])
    if samples.framing not in ("length", "raw") or first == last:
        return None
    offsets = samples.extent_offset[first:last].astype(np.int64)
    ends = offsets + samples.extent_size[first:last]
    if int(ends[-1] - offsets[0]) != total or (offsets[1:] != ends[:-1]).any():
        return None
    return int(offsets[0])


def _batches(samples: Samples, begin: int, end: int) -> list[tuple[int, int]]:
    """Stretches of samples whose bytes lie within one block, single samples aside."""
    todo, out = [(begin, end)], []
    while todo:
        low, high = todo.pop()
        if low >= high:
            continue
        _, size = _bounds(samples, low, high)
        if size <= BLOCK or high - low == 1:
            out.append((low, high))
        else:
            middle = (low + high) // 2
            todo += [(middle, high), (low, middle)]
    return out


def _bounds(samples: Samples, low: int, high: int) -> tuple[int, int]:
    first, last = int(samples.first[low]), int(samples.first[high])
    if first == last:
        return 0, 0
    offsets = samples.extent_offset[first:last].astype(np.int64)
    begin = int(offsets.min())
    return begin, int((offsets + samples.extent_size[first:last]).max()) - begin
