"""The moov of media that is already written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hikcore.media.mp4.boxes import box
from hikcore.media.mp4.headers import TIMESCALE
from hikcore.media.mp4.tables import durations
from hikcore.media.mp4.write import OutTrack, mvhd_box, presented, stbl_box, trak_box


def placed_moov(tracks: Sequence[OutTrack], offsets: Sequence[NDArray[np.int64]]) -> bytes:
    """The moov box of samples that lie where they lie.

    Args:
        offsets: for each track int64 (n,), where in the file each sample begins. Chunks are
            samples that lie one behind the other, of a second at most.

    Raises:
        MediaDamaged, MediaUnsupported: as `hikcore.media.mp4.write.layout`.
    """
    for track in tracks:
        durations(track.samples)  # raises before anything is laid out
    traks = []
    for number, (track, offset) in enumerate(zip(tracks, offsets, strict=True)):
        samples = track.samples
        second = (samples.dts - samples.dts[0] + presented(track, TIMESCALE)) // samples.timescale
        new = np.ones(len(samples), np.bool_)
        new[1:] = (np.diff(second) != 0) | (np.diff(samples.config.astype(np.int64)) != 0)
        new[1:] |= np.diff(offset) != samples.size[:-1]
        first = np.flatnonzero(new).astype(np.int64)
        traks.append(trak_box(number, track, stbl_box(samples, first, offset[first]), TIMESCALE))
    return box(b"moov", mvhd_box(tracks, TIMESCALE), *traks)
