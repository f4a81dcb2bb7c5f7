"""What footage is recognised by, between the core's columns and a manifest's documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hikcore.archive.columns import pack, unpack
from hikcore.archive.documents import AccessUnits, Gops, RunRef
from hikcore.media.fingerprint import Columns, Units


def gops_document(columns: Columns) -> Gops:
    """The GOPs of a run as a manifest holds them."""
    steps = np.diff(columns.gop_pts, prepend=0)
    return Gops(
        pts=pack(steps, "<u4"),
        frames=pack(columns.gop_frames, "<u4"),
        hash=pack(columns.gop_hash, "<u8"),
        key=pack(columns.gop_key, "<u8"),
    )


def units_document(units: Units | None) -> AccessUnits | None:
    """Access units as a manifest holds them."""
    if units is None:
        return None
    return AccessUnits(pts=pack(units.pts, "<i8"), hash=pack(units.hash, "<u8"))


@dataclass(frozen=True, slots=True)
class Signature:
    """A run as the resolver sees it. Times are 90 kHz ticks of the run's own clock (unwrapped).

    Attributes:
        gop_pts, gop_frames, gop_hash: (g,) int64, int64, uint64.
        unit_pts, unit_hash: access units known one by one (of the headless beginning, of the first
            and of the last GOP, and every sync sample), by pts, int64 and uint64.
        head: pts of the first headless picture, None where the run begins with a sync sample.
    """

    gop_pts: NDArray[np.int64]
    gop_frames: NDArray[np.int64]
    gop_hash: NDArray[np.uint64]
    unit_pts: NDArray[np.int64]
    unit_hash: NDArray[np.uint64]
    head: int | None


def signature(run: RunRef) -> Signature:
    """Unpack a run's documents."""
    gop_pts = np.cumsum(unpack(run.gops.pts, "<u4").astype(np.int64)) + run.pts_begin
    pts, hashes = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for part in (run.head, run.first, run.last):
        if part is not None:
            pts.append(unpack(part.pts, "<i8").astype(np.int64) + run.pts_begin)
            hashes.append(unpack(part.hash, "<u8").astype(np.uint64))
    head = int(pts[1].min()) if run.head is not None and len(pts[1]) else None
    pts.append(gop_pts)
    hashes.append(unpack(run.gops.key, "<u8").astype(np.uint64))
    unit_pts, order = np.unique(np.concatenate(pts), return_index=True)
    return Signature(
        gop_pts=gop_pts,
        gop_frames=unpack(run.gops.frames, "<u4").astype(np.int64),
        gop_hash=unpack(run.gops.hash, "<u8").astype(np.uint64),
        unit_pts=unit_pts,
        unit_hash=np.concatenate(hashes)[order],
        head=head,
    )
