"""Writes sample tables as fragmented MP4 (CMAF): an init segment, then moof and mdat by and by.

For streaming: a player can begin before the end is written. Edit lists stand in the init segment,
but browsers' MSE and libavformat hide nothing by them in fragments: a stream of a clip is best cut
with `start="key"`, which has no lead-in to hide. Facts: ISO/IEC 14496-12 8.8 (movie
fragments), 8.16 (styp, sidx), 23000-19 7 (CMAF). The same table gives the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.mp4 import headers, tables
from hikcore.media.mp4.boxes import box, full_box
from hikcore.media.mp4.write import (
    TIMESCALE,
    OutTrack,
    Writable,
    endless_trak,
    mvhd_box,
    presented,
    trak_box,
)
from hikcore.media.table import Samples

_SYNC, _NOT_SYNC = 0x02000000, 0x01010000  # sample_depends_on 2; 1 and is_non_sync_sample
_MOOF_BASE = 0x020000
_BRANDS = b"iso6\0\0\0\0iso6cmfcmp41"
_LARGEST = (1 << 31) - 1  # of a fragment, so that a sidx can say it


@dataclass(frozen=True, slots=True)
class Fragment:
    """One fragment before its media.

    Attributes:
        head: styp, moof and the header of mdat. size: bytes with the media.
        parts: (track, first sample, last sample), half-open, in the order of mdat.
        begin: of its first picture in ticks of the first track; duration: until the next one.
        sync: it begins at a sync sample.
    """

    head: bytes
    size: int
    parts: tuple[tuple[int, int, int], ...]
    begin: int
    duration: int
    sync: bool


@dataclass(frozen=True, slots=True)
class Behind:
    """What a stream has already, where the fragments that are laid out are its next ones.

    Attributes:
        fragments: how many. ticks: of each track, from the stream's begin to its first sample here.
    """

    fragments: int
    ticks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FragmentLayout:
    """How a fragmented file will be, before a byte of media is read.

    Attributes:
        init: ftyp and moov: the init segment. index: sidx, or nothing.
    """

    init: bytes
    index: bytes
    fragments: tuple[Fragment, ...]

    @property
    def size(self) -> int:
        """Bytes of all of it as one file."""
        return len(self.init) + len(self.index) + sum(one.size for one in self.fragments)


def fragment_layout(
    tracks: Sequence[OutTrack],
    *,
    least: int = 0,
    index: bool = False,
    movie_timescale: int = TIMESCALE,
    behind: Behind | None = None,
) -> FragmentLayout:
    """Where every byte goes.

    Args:
        tracks: the first one decides where fragments begin: at its sync samples (and where its
            parameter sets change); the others follow by presentation time.
        least: ticks of the first track that a fragment lasts at least; 0: one a sync sample.
        index: with a sidx, by which a player finds a time at once.
        behind: these are the next fragments of a stream that goes on: its init segment tells no
            duration, as nobody knows it yet.

    Raises:
        MediaDamaged: decoding times go backwards.
        MediaUnsupported: a sample lasts longer than an MP4 can say, or a fragment of 2 GiB.
    """
    for one in tracks:
        if not len(one.samples):
            raise ValueError("a track without samples cannot be written")
        tables.durations(one.samples)  # raises before anything is laid out
    cuts = [_cuts(tracks[0].samples, least)]
    begin = _times(tracks[0], movie_timescale)[cuts[0]]
    scale = tracks[0].samples.timescale
    for other in tracks[1:]:
        # On one clock, exactly: a/s < b/t where a*t < b*s. What comes before the first goes to it.
        times = _times(other, movie_timescale)
        edges = np.searchsorted(times * scale, begin * other.samples.timescale, side="left")
        edges[0] = 0
        cuts.append(edges)
    if index and len(begin) > 0xFFFF:
        raise MediaUnsupported(f"{len(begin)} fragments in one sidx", hint="make each last longer")
    columns = [_columns(track.samples) for track in tracks]
    before = behind or Behind(0, (0,) * len(tracks))
    fragments = []
    for number in range(len(begin)):
        parts = []
        for track, edges in enumerate(cuts):
            last = len(tracks[track].samples)
            end = int(edges[number + 1]) if number + 1 < len(edges) else last
            parts += _runs(tracks[track].samples, track, int(edges[number]), end)
        fragments.append(_fragment(tracks, columns, number, parts, before))
    ftyp = box(b"ftyp", _BRANDS)
    init = ftyp + _init(tracks, movie_timescale, endless=behind is not None)
    return FragmentLayout(init, _sidx(tracks[0], fragments) if index else b"", tuple(fragments))


def write_fragmented(
    out: Writable,
    tracks: Sequence[OutTrack],
    read: Callable[[int, int, int], bytes | memoryview],
    *,
    least: int = 0,
    index: bool = False,
) -> FragmentLayout:
    """Write it as one file; `read(track, first, last)` gives the bytes of those samples. A server
    writes `init` and each fragment where it wants them.

    Raises:
        MediaDamaged: what `read` gives is not as long as the table says.
    """
    plan = fragment_layout(tracks, least=least, index=index)
    out.write(plan.init + plan.index)
    for one in plan.fragments:
        out.write(one.head)
        for track, first, last in one.parts:
            data = read(track, first, last)
            wanted = int(tracks[track].samples.size[first:last].sum(dtype=np.int64))
            if len(data) != wanted:
                raise MediaDamaged(
                    f"samples {first} to {last} of track {track + 1} are {len(data)} bytes long "
                    f"where {wanted} are listed"
                )
            out.write(data)
    return plan


def _cuts(samples: Samples, least: int) -> NDArray[np.int64]:
    """First sample of every fragment."""
    changes = np.flatnonzero(np.diff(samples.config.astype(np.int64))) + 1
    syncs = np.flatnonzero(samples.sync)
    out = [0]
    begin = int(samples.dts[0])
    for at in syncs.tolist():
        if at and int(samples.dts[at]) - begin >= max(least, 1):
            out.append(at)
            begin = int(samples.dts[at])
    return np.unique(np.concatenate([np.array(out, np.int64), changes.astype(np.int64)]))


def _times(track: OutTrack, movie: int) -> NDArray[np.int64]:
    """Decoding times as they are presented."""
    samples = track.samples
    out: NDArray[np.int64] = samples.dts - samples.dts[0] + presented(track, movie)
    return out


def _runs(samples: Samples, track: int, first: int, last: int) -> list[tuple[int, int, int]]:
    """A part for every stretch of one sample entry."""
    if first >= last:
        return []
    edges = np.flatnonzero(np.diff(samples.config[first:last].astype(np.int64))) + 1 + first
    begins = [first, *edges.tolist()]
    return [(track, a, b) for a, b in zip(begins, [*begins[1:], last], strict=True)]


def _columns(samples: Samples) -> NDArray[np.int64]:
    """Duration, size, flags and composition offset of every sample: what a trun has."""
    return np.stack(
        [
            tables.durations(samples),
            samples.size.astype(np.int64),
            np.where(samples.sync, _SYNC, _NOT_SYNC),
            samples.pts - samples.dts,
        ],
        axis=1,
    )


def _fragment(
    tracks: Sequence[OutTrack],
    columns: Sequence[NDArray[np.int64]],
    number: int,
    parts: list[tuple[int, int, int]],
    before: Behind,
) -> Fragment:
    sizes = [int(tracks[t].samples.size[a:b].sum(dtype=np.int64)) for t, a, b in parts]
    media = sum(sizes)
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", before.fragments + number + 1))
    styp = box(b"styp", _BRANDS)

    def moof(base: int) -> bytes:
        trafs, at = [], base
        for (track, first, last), size in zip(parts, sizes, strict=True):
            rows = columns[track][first:last]
            samples = tracks[track].samples
            begin = before.ticks[track] + int(samples.dts[first] - samples.dts[0])
            trafs.append(_traf(track, int(samples.config[first]), begin, rows, at))
            at += size
        return box(b"moof", mfhd, *trafs)

    head = moof(0)
    if media + len(head) + len(styp) + 8 > _LARGEST:
        raise MediaUnsupported(f"a fragment of {media} bytes", hint="key frames are too far apart")
    head = styp + moof(len(head) + 8) + struct.pack(">I4s", media + 8, b"mdat")
    samples = tracks[0].samples
    own = [(a, b) for t, a, b in parts if t == 0]
    first, last = own[0][0], own[-1][1]
    until = (
        int(samples.dts[last])
        if last < len(samples)
        else (int(samples.dts[-1]) + samples.last_duration)
    )
    return Fragment(
        head=head,
        size=len(head) + media,
        parts=tuple(parts),
        begin=int(samples.pts[first:last].min() - samples.dts[0]),
        duration=until - int(samples.dts[first]),
        sync=bool(samples.sync[first]),
    )


def _traf(track: int, config: int, begin: int, rows: NDArray[np.int64], offset: int) -> bytes:
    entry = struct.pack(">II", track + 1, config + 1)
    tfhd = full_box(b"tfhd", 0, _MOOF_BASE | 0x2, entry)
    tfdt = full_box(b"tfdt", 1, 0, struct.pack(">Q", begin))
    kind = 0xF01
    if not rows[:, 3].any():
        rows, kind = rows[:, :3], 0x701
    table = rows.astype(np.uint32).astype(">u4").tobytes()  # negative offsets: two's complement
    trun = full_box(b"trun", 1, kind, struct.pack(">Ii", len(rows), offset), table)
    return box(b"traf", tfhd, tfdt, trun)


def _init(tracks: Sequence[OutTrack], movie_timescale: int, *, endless: bool) -> bytes:
    traks, extends = [], []
    none = struct.pack(">I", 0)
    for number, track in enumerate(tracks):
        stbl = box(
            b"stbl", tables.description_box(track.samples), full_box(b"stts", 0, 0, none),
            full_box(b"stsc", 0, 0, none), full_box(b"stsz", 0, 0, none, none),
            full_box(b"stco", 0, 0, none),
        )  # fmt: skip
        traks.append(
            endless_trak(number, track, stbl)
            if endless
            else trak_box(number, track, stbl, movie_timescale, fragmented=True)
        )
        extends.append(full_box(b"trex", 0, 0, struct.pack(">5I", number + 1, 1, 0, 0, 0)))
    mvex = box(b"mvex", *extends)
    header = (
        headers.mvhd_box(0, len(tracks), movie_timescale)
        if endless
        else mvhd_box(tracks, movie_timescale)
    )
    return box(b"moov", header, *traks, mvex)


def _sidx(track: OutTrack, fragments: Sequence[Fragment]) -> bytes:
    rows = b"".join(
        struct.pack(">III", one.size, one.duration, 0x90000000 if one.sync else 0)
        for one in fragments
    )
    head = struct.pack(
        ">IIQQHH", 1, track.samples.timescale, fragments[0].begin, 0, 0, len(fragments)
    )
    return full_box(b"sidx", 1, 0, head, rows)
