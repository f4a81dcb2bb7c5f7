"""Records of the native parsers to the columns of a SampleTable: what all containers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hikcore.media.sets import configurations
from hikcore.media.table import CodecConfig, Damage, Framing, Samples

__all__ = [
    "ANCHOR", "EXTENT", "FAULT", "HEAD", "NO_LEAD", "SAMPLE", "SHARED_FAULTS", "codec_configs",
    "damage", "samples",
]  # fmt: skip

# Mirrors of the packed records in hikcore/native/records.pxd.
SAMPLE: Final = np.dtype(
    [("pts", "<i8"), ("size", "<u4"), ("first", "<u4"), ("frame", "<u4"), ("lead", "<u4"),
     ("config", "<u2"), ("flags", "u1"), ("kind", "u1")]
)  # fmt: skip
#: `lead` of a sample without a DTS.
NO_LEAD: Final = 0xFFFFFFFF
HEAD: Final = np.dtype([("sample", "<u4"), ("data", "V16")])
EXTENT: Final = np.dtype([("offset", "<u8"), ("size", "<u8")])
ANCHOR: Final = np.dtype([("wall", "<i8"), ("sample", "<u4"), ("encrypted", "<u4")])
FAULT: Final = np.dtype([("offset", "<u8"), ("code", "<u8")])

#: Codes that the access unit parser gives, in words.
SHARED_FAULTS: Final = {
    4: "parameter sets that are too large or too many",
    5: "a cap on the index was reached: the table ends here",
    6: "parameter sets of two codecs before one picture",
}


def samples(
    records: NDArray[np.void],
    extents: bytes,
    dts: NDArray[np.int64],
    pts: NDArray[np.int64],
    *,
    configs: tuple[CodecConfig, ...],
    config: NDArray[np.uint16] | None = None,
    framing: Framing,
    last_duration: int,
) -> Samples:
    """A track in 90 kHz ticks.

    Args:
        records: SAMPLE (n,). extents: EXTENT records.
        config: uint16 (n,), index into `configs`; without it every sample has the first.
    """
    table = np.frombuffer(extents, EXTENT)
    return Samples(
        timescale=90_000,
        dts=dts,
        pts=pts,
        size=records["size"].copy(),
        sync=(records["flags"] & 1).astype(np.bool_),
        config=np.zeros(len(records), np.uint16) if config is None else config,
        first=np.append(records["first"], len(table)).astype(np.int64),
        extent_offset=table["offset"].copy(),
        extent_size=table["size"].astype(np.uint32),
        framing=framing,
        configs=configs,
        last_duration=last_duration,
    )


def damage(faults: bytes, words: Mapping[int, str]) -> tuple[Damage, ...]:
    """FAULT records in the order of their offsets, at most 1000."""
    rows = np.frombuffer(faults, FAULT)
    rows = rows[np.argsort(rows["offset"], kind="stable")][:1000]
    return tuple(Damage(int(row["offset"]), words[int(row["code"])]) for row in rows)


def codec_configs(
    blobs: tuple[bytes, ...], used: NDArray[np.uint16]
) -> tuple[tuple[CodecConfig, ...], NDArray[np.uint16], list[str]]:
    """Codec configurations of the parameter sets seen, and which sample has which. Sets that come
    alone (a PPS without its SPS) complete those in force before; samples before any get the first.
    """
    configs, places, notes = configurations(blobs)
    if not len(blobs):
        return (), np.zeros(len(used), np.uint16), notes
    index = np.array(places, np.uint16)
    chosen = index[np.where(used == 0xFFFF, 0, used)]
    return configs, chosen.astype(np.uint16), notes
