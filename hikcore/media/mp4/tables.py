"""The tables of `stbl`: columns of a track written as boxes, without a loop over samples.

Facts: ISO/IEC 14496-12 8.6.1 (stts, ctts), 8.6.2 (stss), 8.7.3 (stsz), 8.7.4 (stsc), 8.7.5 (co64).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.mp4.boxes import full_box
from hikcore.media.mp4.entries import sample_entry
from hikcore.media.table import Samples

#: Readers hold stts and ctts values as signed 32 bits (libavformat warns above).
_LARGEST = (1 << 31) - 1


def durations(samples: Samples) -> NDArray[np.int64]:
    """How long each sample lasts in decoding time, in ticks.

    Raises:
        MediaDamaged: decoding times go backwards.
        MediaUnsupported: one lasts longer than an MP4 can say.
    """
    end = samples.dts[-1] + samples.last_duration
    out: NDArray[np.int64] = np.diff(samples.dts, append=end)
    if len(out) and int(out.min()) < 0:
        raise MediaDamaged(f"decoding times go backwards at sample {int(out.argmin()) + 1}")
    if len(out) and int(out.max()) > _LARGEST:
        hours = int(out.max()) / samples.timescale / 3600
        raise MediaUnsupported(
            f"a pause of {hours:.1f} h does not fit an MP4 in this timescale",
            hint="cut the clip into shorter ones, or close gaps",
        )
    return out


def timing_boxes(samples: Samples) -> bytes:
    """stts, ctts where composition differs from decoding, stss where not every sample is sync."""
    counts, values = _run_lengths(durations(samples))
    out = _pairs(b"stts", 0, counts, values)
    offsets = samples.pts - samples.dts
    if offsets.any():
        lowest, highest = int(offsets.min()), int(offsets.max())
        if lowest < -_LARGEST or highest > _LARGEST:
            raise MediaDamaged("composition times lie too far from decoding times")
        counts, values = _run_lengths(offsets)
        out += _pairs(b"ctts", 1 if lowest < 0 else 0, counts, values)
    if not samples.sync.all():
        numbers = np.flatnonzero(samples.sync) + 1
        out += full_box(b"stss", 0, 0, struct.pack(">I", len(numbers)), _u4(numbers))
    return out


def description_box(samples: Samples) -> bytes:
    """stsd with an entry for every configuration."""
    entries = [sample_entry(config) for config in samples.configs]
    return full_box(b"stsd", 0, 0, struct.pack(">I", len(entries)), *entries)


def size_box(samples: Samples) -> bytes:
    """stsz: one size where all are equal, else a table."""
    count, size = len(samples), int(samples.size[0])
    if (samples.size == size).all() and size:
        return full_box(b"stsz", 0, 0, struct.pack(">II", size, count))
    return full_box(b"stsz", 0, 0, struct.pack(">II", 0, count), _u4(samples.size))


def chunk_boxes(
    first: NDArray[np.int64],
    count: int,
    config: NDArray[np.uint16],
    offset: NDArray[np.int64],
) -> bytes:
    """stsc and co64.

    Args:
        first: (k,) first sample of each chunk.
        count: samples in all.
        config: (k,) configuration of each chunk.
        offset: (k,) byte offset of each chunk in the file.
    """
    held = np.diff(first, append=count)
    new = np.ones(len(first), np.bool_)
    new[1:] = (np.diff(held) != 0) | (np.diff(config.astype(np.int64)) != 0)
    rows = np.stack([np.flatnonzero(new) + 1, held[new], config[new].astype(np.int64) + 1], axis=1)
    stsc = full_box(b"stsc", 0, 0, struct.pack(">I", len(rows)), _u4(rows))
    co64 = full_box(b"co64", 0, 0, struct.pack(">I", len(offset)), offset.astype(">u8").tobytes())
    return stsc + co64


def _run_lengths(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    starts = np.concatenate(([0], np.flatnonzero(np.diff(values)) + 1))
    return np.diff(starts, append=len(values)), values[starts]


def _pairs(
    kind: bytes, version: int, counts: NDArray[np.int64], values: NDArray[np.int64]
) -> bytes:
    rows = np.stack([counts, values], axis=1)
    return full_box(kind, version, 0, struct.pack(">I", len(rows)), _u4(rows))


def _u4(values: NDArray[Any]) -> bytes:
    """Big-endian 32 bits; negative values as two's complement."""
    return values.astype(np.int64).astype(np.uint32).astype(">u4").tobytes()
