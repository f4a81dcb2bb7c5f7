"""The head of a clip whose tables the native core makes: ftyp, moov and the header of mdat.

Byte for byte as hikcore.media.mp4.write has them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from hikcore.media.formats import CodecConfig
from hikcore.media.mp4 import headers
from hikcore.media.mp4.boxes import box, full_box
from hikcore.media.mp4.entries import sample_entry
from hikcore.media.mp4.headers import TIMESCALE, Edit
from hikcore.native.rows import Layout, Rows


class ClipTrack(NamedTuple):
    """A track to write; its times count `timescale` ticks a second."""

    samples: Rows
    config: CodecConfig
    timescale: int
    edits: tuple[Edit, ...]

    @property
    def presented(self) -> int:
        """Ticks of 90 kHz that it lasts; without edits its timescale is theirs."""
        if not self.edits:
            return self.samples.duration
        return sum(edit.duration for edit in self.edits)


def clip_head(tracks: Sequence[ClipTrack], layout: Layout) -> bytes:
    """ftyp, moov and the header of mdat."""
    mdat = headers.mdat_header(sum(track.samples.media for track in tracks))
    # co64 is as long with any offsets, so the first pass says where the media begins.
    base = len(headers.FTYP) + len(moov_box(tracks, layout, 0)) + len(mdat)
    return headers.FTYP + moov_box(tracks, layout, base) + mdat


def moov_box(tracks: Sequence[ClipTrack], layout: Layout, base: int) -> bytes:
    """The moov, where the media begins at `base`."""
    duration = max(track.presented for track in tracks)
    traks = []
    for number, track in enumerate(tracks):
        times = headers.Times(track.presented, track.samples.duration, track.timescale)
        stbl = box(b"stbl", *_tables(track, layout.chunks(number, base)))
        traks.append(headers.trak_box(number, track.config, times, track.edits, stbl))
    return box(b"moov", headers.mvhd_box(duration, len(tracks), TIMESCALE), *traks)


def _tables(track: ClipTrack, chunks: tuple[bytes, bytes]) -> list[bytes]:
    """The boxes of stbl, in the order of hikcore.media.mp4.write."""
    samples = track.samples
    out = [
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), sample_entry(track.config)),
        _rows(b"stts", 8, samples.durations()),
    ]
    compositions = samples.compositions()
    if compositions is not None:
        rows, negative = compositions
        out.append(_rows(b"ctts", 8, rows, version=int(negative)))
    syncs = samples.syncs()
    if syncs is not None:
        out.append(_rows(b"stss", 4, syncs))
    size, rows = samples.sizes()
    out.append(full_box(b"stsz", 0, 0, struct.pack(">II", size, len(samples)), rows))
    return [*out, _rows(b"stsc", 12, chunks[0]), _rows(b"co64", 8, chunks[1])]


def _rows(kind: bytes, width: int, rows: bytes, version: int = 0) -> bytes:
    return full_box(kind, version, 0, struct.pack(">I", len(rows) // width), rows)
