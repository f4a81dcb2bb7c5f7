"""Reads the tables of `stbl` into columns, without a loop over samples.

A uniform sample size lets a few bytes declare billions of samples, so counts have a cap besides.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.mp4.boxes import children
from hikcore.media.mp4.entries import read_entry
from hikcore.media.table import CodecConfig, Samples

#: More than two days of video at 25 pictures a second; a day of audio at 50 units a second.
MAX_SAMPLES = 5_000_000
#: So that no sum of an offset and the sizes of MAX_SAMPLES leaves 63 bits.
_LARGEST_OFFSET = 1 << 62


def read_samples_table(data: bytes, begin: int, end: int, timescale: int) -> Samples:
    """The samples of a track; `begin` and `end` are those of the payload of `stbl`.

    Raises:
        MediaDamaged: a table is missing, cut off, or contradicts another.
        MediaUnsupported: a codec that we do not read, or more samples than the cap.
    """
    boxes = {kind: (payload, stop) for kind, payload, stop in children(data, begin, end)}
    size = _sizes(data, boxes)
    count = len(size)
    configs = _configs(data, _need(boxes, b"stsd"))
    durations = _expand(data, _need(boxes, b"stts"), count, ">u4", "stts")
    ends = np.cumsum(durations)
    dts = ends - durations
    pts = dts
    if b"ctts" in boxes:
        # Signed in version 1; version 0 of old writers too (QuickTime), and no offset is that long.
        pts = dts + _expand(data, boxes[b"ctts"], count, ">i4", "ctts")
    offset, config = _places(data, boxes, size)
    if count and int(config.max()) >= len(configs):
        raise MediaDamaged("stsc names a sample entry that stsd does not hold")
    return Samples(
        timescale=timescale,
        dts=dts,
        pts=pts,
        size=size,
        sync=_sync(data, boxes, count),
        config=config,
        first=np.arange(count + 1, dtype=np.int64),
        extent_offset=offset,
        extent_size=size,
        framing="length" if configs[0].codec in ("h264", "h265") else "raw",
        configs=configs,
        last_duration=int(durations[-1]) if count else 0,
    )


def _need(boxes: dict[bytes, tuple[int, int]], kind: bytes) -> tuple[int, int]:
    if kind not in boxes:
        raise MediaDamaged(f"no {kind.decode()} box in the sample table")
    return boxes[kind]


def _rows(
    data: bytes, where: tuple[int, int], columns: int, dtype: str, skip: int = 4
) -> NDArray[Any]:
    """The rows of a table whose count stands before them, `skip` bytes into the payload."""
    begin, end = where
    if begin + skip + 4 > end:
        raise MediaDamaged("a sample table is cut off", offset=begin)
    (count,) = struct.unpack_from(">I", data, begin + skip)
    width = columns * np.dtype(dtype).itemsize
    if count * width > end - begin - skip - 4:
        raise MediaDamaged("a sample table is cut off", offset=begin)
    return np.frombuffer(data, dtype, count * columns, begin + skip + 4).reshape(count, columns)


def _configs(data: bytes, where: tuple[int, int]) -> tuple[CodecConfig, ...]:
    begin, end = where
    found = [
        read_entry(data[payload - 8 : stop]) for _, payload, stop in children(data, begin + 8, end)
    ]
    if not found:
        raise MediaDamaged("stsd holds no sample entry")
    if len({config.codec for config in found}) > 1:
        raise MediaUnsupported("several codecs in one track")
    return tuple(found)


def _sizes(data: bytes, boxes: dict[bytes, tuple[int, int]]) -> NDArray[np.uint32]:
    begin, end = _need(boxes, b"stsz")
    if begin + 12 > end:
        raise MediaDamaged("stsz is cut off", offset=begin)
    size, count = struct.unpack_from(">II", data, begin + 4)
    if count > MAX_SAMPLES:
        raise MediaUnsupported(f"{count} samples in a track, more than {MAX_SAMPLES}")
    if size:
        return np.full(count, size, np.uint32)
    return _rows(data, (begin, end), 1, ">u4", skip=8)[:, 0].astype(np.uint32)


def _expand(
    data: bytes, where: tuple[int, int], count: int, dtype: str, name: str
) -> NDArray[np.int64]:
    """One value a sample of a run-length table."""
    rows = _rows(data, where, 2, ">u4")
    runs = rows[:, 0].astype(np.int64)
    total = int(runs.sum())
    if total < count or (total > count and name == "stts"):
        raise MediaDamaged(f"{name} is for {total} samples where there are {count}")
    values = np.ascontiguousarray(rows[:, 1]).view(dtype).astype(np.int64)
    if total > count:  # ctts may go on past the last sample
        keep = np.minimum(np.cumsum(runs), count)
        runs = np.diff(keep, prepend=0)
    return np.repeat(values, runs)


def _sync(data: bytes, boxes: dict[bytes, tuple[int, int]], count: int) -> NDArray[np.bool_]:
    if b"stss" not in boxes:
        return np.ones(count, np.bool_)
    numbers = _rows(data, boxes[b"stss"], 1, ">u4")[:, 0].astype(np.int64)
    if len(numbers) and (numbers.min() < 1 or numbers.max() > count):
        raise MediaDamaged("stss names a sample that is not there")
    out = np.zeros(count, np.bool_)
    out[numbers - 1] = True
    return out


def _places(
    data: bytes, boxes: dict[bytes, tuple[int, int]], size: NDArray[np.uint32]
) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
    """(byte offset, configuration) of every sample."""
    count = len(size)
    if b"co64" in boxes:
        chunks = _rows(data, boxes[b"co64"], 1, ">u8")[:, 0].astype(np.uint64)
        if len(chunks) and int(chunks.max()) > _LARGEST_OFFSET:
            raise MediaDamaged("a chunk offset that no file can have")
    else:
        chunks = _rows(data, _need(boxes, b"stco"), 1, ">u4")[:, 0].astype(np.uint64)
    rows = _rows(data, _need(boxes, b"stsc"), 3, ">u4").astype(np.int64)
    if not count:
        return np.zeros(0, np.uint64), np.zeros(0, np.uint16)
    first = rows[:, 0] - 1
    if not len(rows) or first[0] != 0 or (np.diff(first) <= 0).any() or first[-1] >= len(chunks):
        raise MediaDamaged("stsc and the chunk offsets contradict each other")
    if (rows[:, 2] < 1).any() or (rows[:, 2] > 0xFFFF).any():
        raise MediaDamaged("stsc names a sample entry that stsd does not hold")
    spread = np.diff(first, append=len(chunks))
    held = np.repeat(rows[:, 1], spread)  # samples of every chunk
    if int(held.sum()) != count:
        raise MediaDamaged(f"the chunks hold {int(held.sum())} samples where there are {count}")
    config = np.repeat(np.repeat(rows[:, 2] - 1, spread), held).astype(np.uint16)
    before = np.cumsum(size, dtype=np.uint64) - size
    start = np.cumsum(held) - held  # first sample of every chunk
    full = held > 0
    base = chunks[full] - before[start[full]]  # wraps and comes back: modulo 2^64
    return np.repeat(base, held[full]) + before, config
