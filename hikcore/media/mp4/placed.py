"""The moov of media that is already written (hikcore.native.onepass)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hikcore.media.mp4.boxes import box
from hikcore.media.mp4.headers import TIMESCALE
from hikcore.media.mp4.tables import durations
from hikcore.media.mp4.write import OutTrack, mvhd_box, presented, stbl_box, trak_box
from hikcore.media.table import SampleTable
from hikcore.native.onepass import WrittenPs


def placed_moov(tracks: Sequence[OutTrack], where: Sequence[NDArray[np.int64]]) -> bytes:
    """The moov box of samples that lie where they lie.

    Args:
        where: for each track int64 (n,), where in the file each sample begins. Chunks are
            samples that lie one behind the other, of a second at most.

    Raises:
        MediaDamaged, MediaUnsupported: as `hikcore.media.mp4.write.layout`.
    """
    for track in tracks:
        durations(track.samples)  # raises before anything is laid out
    traks = []
    for number, (track, offset) in enumerate(zip(tracks, where, strict=True)):
        samples = track.samples
        second = (samples.dts - samples.dts[0] + presented(track, TIMESCALE)) // samples.timescale
        new = np.ones(len(samples), np.bool_)
        new[1:] = (np.diff(second) != 0) | (np.diff(samples.config.astype(np.int64)) != 0)
        new[1:] |= np.diff(offset) != samples.size[:-1]
        first = np.flatnonzero(new).astype(np.int64)
        traks.append(trak_box(number, track, stbl_box(samples, first, offset[first]), TIMESCALE))
    return box(b"moov", mvhd_box(tracks, TIMESCALE), *traks)


def offsets(table: SampleTable, core: WrittenPs, base: int) -> list[NDArray[np.int64]] | None:
    """Where in the file the samples of each track begin, int64 (n,) each; None where the media
    that was written from `base` on is not that of the table."""
    video, audio = table.video, table.audio
    if video is None or bool(core.sound_kind) != (audio is not None and len(audio) > 0):
        return None
    if audio is not None and (audio.configs[0].codec == "aac") != (core.sound_kind == 2):
        return None
    units = audio.size.astype(np.int64) if audio is not None else np.zeros(0, np.int64)
    sizes = video.size.astype(np.int64)
    if int(sizes.sum()) + int(units.sum()) != core.media:
        return None
    ends = np.concatenate(([0], np.cumsum(units)))
    borders = np.frombuffer(core.borders(), "<u4").reshape(-1, 2).astype(np.int64)
    if len(borders) and int(borders[-1, 1]) != len(units):
        return None
    before = np.searchsorted(borders[:, 0], np.arange(len(sizes)), side="right")
    heard = np.concatenate(([0], ends[borders[:, 1]]))
    out = [base + np.cumsum(sizes) - sizes + heard[before]]
    if len(units):
        seen = np.concatenate(([0], np.cumsum(sizes)))[borders[:, 0]]
        flush = np.searchsorted(borders[:, 1], np.arange(len(units)), side="right")
        out.append(base + ends[:-1] + seen[flush])
    return out
