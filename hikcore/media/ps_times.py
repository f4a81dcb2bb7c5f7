"""Times of a program stream's pictures, and what their slice headers say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged
from hikcore.media.columns import NO_LEAD
from hikcore.media.order import Slice, SliceReader, fill_by_order
from hikcore.media.table import CodecConfig
from hikcore.media.times import decode_times, fill_missing, strays, unwrap

#: Of so many pictures under a map that says "encrypted" the slice header must be one.
_READABLE = 0.9


def estimated(raw: NDArray[np.int64], what: str) -> tuple[NDArray[np.bool_], list[str]]:
    """Which of the PTS (33 bits, -1: none) count: not those that are missing, nor those that one
    or two alone have hours off. One kept as it is would make a run of ten minutes last for hours.
    """
    pts, notes = raw.astype(np.int64), []
    known = pts >= 0
    if not known.all():
        notes.append(f"{int((~known).sum())} {what} without PTS: estimated")
    lone = strays(unwrap(fill_missing(pts))) & known
    if lone.any():
        notes.append(f"{int(lone.sum())} {what} with a PTS far from all around: estimated")
    return known & ~lone, notes


def video_times(
    records: NDArray[np.void], slices: list[Slice | None]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """(pts, dts, notes) of pictures in decoding order, int64 (n,), unwrapped.

    Decoding times are those of the stream where it has any: a picture with a PTS alone is decoded
    when it is shown (ISO 13818-1 2.4.3.7), one with neither evenly between its neighbours. Where
    it has none (Hikvision never has), or such as cannot be, they are derived.

    Args:
        records: SAMPLE (n,). slices: of each picture, None where not known.
    """
    raw = records["pts"].astype(np.int64)
    known, notes = estimated(raw, "pictures")
    pts = np.where(known, raw, -1)
    told = records["lead"] != NO_LEAD
    if known.all() or not (told & known).any():
        pts = unwrap(fill_missing(pts))
        filled = known
    else:
        whole = np.zeros(len(pts), np.int64)
        whole[known] = unwrap(pts[known])
        pts, filled = fill_by_order(whole, known, slices)
        if not filled.all():
            pts = _between(pts, filled)
    if not (told & known).any():
        return pts, decode_times(pts), notes
    lead = np.where(told, records["lead"], 0).astype(np.int64)
    dts = _between(pts - lead, known)
    if (np.diff(dts) < 0).any() or (dts > pts).any():
        return pts, decode_times(pts), [*notes, "decoding times that go back: derived instead"]
    return pts, dts, notes


def _between(values: NDArray[np.int64], known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Those not known, evenly between their neighbours; at the ends by the nearest step."""
    if known.all():
        return values
    at = np.flatnonzero(known)
    first = int(values[at[0]])
    index = np.arange(len(values))
    out = np.rint(np.interp(index, at, (values[at] - first).astype(np.float64))).astype(np.int64)
    step = 3600
    if len(at) > 1:
        step = max(round((values[at[-1]] - first) / (at[-1] - at[0])), 1)
    out[: at[0]] = step * (index[: at[0]] - at[0])
    out[at[-1] + 1 :] = values[at[-1]] - first + step * (index[at[-1] + 1 :] - at[-1])
    return out + first


def median_step(pts: NDArray[np.int64]) -> int:
    """Ticks between pictures: the median; 40 ms where there is but one."""
    deltas = np.diff(np.sort(pts))
    positive = deltas[deltas > 0]
    return int(np.median(positive)) if len(positive) else 3600


def slice_heads(
    heads: NDArray[np.void],
    count: int,
    configs: Sequence[CodecConfig],
    chosen: NDArray[np.uint16],
) -> list[Slice | None]:
    """The first slice of each of `count` pictures, None where it was not kept or cannot be.

    Args:
        heads: HEAD (k,). chosen: uint16 (count,), index into `configs`.
    """
    out: list[Slice | None] = [None] * count
    if not len(heads):
        return out
    readers: dict[int, SliceReader | None] = {}
    for sample, data in zip(heads["sample"].tolist(), heads["data"], strict=True):
        if sample >= count:
            continue
        number = int(chosen[sample])
        if number not in readers:
            try:
                readers[number] = SliceReader(configs[number])
            except MediaDamaged:
                readers[number] = None
        reader = readers[number]
        out[sample] = reader.read(bytes(data)) if reader is not None else None
    return out


def readable(flags: NDArray[np.void], slices: list[Slice | None], count: int) -> bool:
    """Whether the pictures behind maps that say "encrypted" have slice headers all the same.

    Args:
        flags: ANCHOR (k,), in the order of their samples.
    """
    good = seen = 0
    edges = [*flags["sample"].tolist(), count]
    for at, kind in enumerate(flags["encrypted"].tolist()):
        if kind in (0, 7):
            continue
        inside = slices[edges[at] : edges[at + 1]]
        seen += len(inside)
        good += sum(one is not None for one in inside)
    return good >= _READABLE * seen
