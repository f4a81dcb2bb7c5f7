"""The columns by which a manifest lets readers recognise the same footage in another chunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hikcore.media.runs import Run
from hikcore.media.table import SampleTable
from hikcore.native.gather import digest_groups


@dataclass(frozen=True, slots=True)
class Units:
    """Access units in decoding order: pts in 90 kHz ticks since `Run.pts_begin` (int64), and the
    XXH64 over their VCL NAL units (uint64)."""

    pts: NDArray[np.int64]
    hash: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Columns:
    """What a run is recognised by.

    Attributes:
        gop_pts: int64 (g,), of each sync sample, ticks since `Run.pts_begin`.
        gop_frames: uint32 (g,). gop_hash: uint64 (g,). gop_key: uint64 (g,), of its sync sample.
        head: access units before the first sync sample; first, last: of the first and last GOP
            (`last` only where there are two).
    """

    gop_pts: NDArray[np.int64]
    gop_frames: NDArray[np.uint32]
    gop_hash: NDArray[np.uint64]
    gop_key: NDArray[np.uint64]
    head: Units | None
    first: Units | None
    last: Units | None


def run_columns(table: SampleTable, run: Run, hashes: NDArray[np.uint64]) -> Columns:
    """The columns of a run.

    Args:
        hashes: uint64, one for each video sample of the run, as `write_segment` gave them.
    """
    count = run.last - run.first
    if table.video is None or not count:
        none = np.empty(0, np.int64)
        empty = none.astype(np.uint64)
        return Columns(none, none.astype(np.uint32), empty, empty, None, None, None)
    if len(hashes) != count:
        raise ValueError(f"{len(hashes)} fingerprints for {count} samples")
    syncs = np.flatnonzero(table.video.sync[run.first : run.last]).astype(np.int64)
    edges = np.append(syncs, count).astype(np.int64)
    pts = run.pts - run.pts_begin
    groups = np.zeros(len(syncs), np.uint64)
    digest_groups(np.ascontiguousarray(hashes), edges, groups)

    def units(begin: int, end: int) -> Units:
        return Units(pts[begin:end], hashes[begin:end])

    begin = int(edges[0])
    return Columns(
        gop_pts=pts[syncs],
        gop_frames=np.diff(edges).astype(np.uint32),
        gop_hash=groups,
        gop_key=hashes[syncs],
        head=units(0, begin) if begin else None,
        first=units(begin, int(edges[1])) if len(syncs) else None,
        last=units(int(edges[-2]), count) if len(syncs) > 1 else None,
    )
