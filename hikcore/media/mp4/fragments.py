"""Movie fragments: rows of the native core to columns (ISO/IEC 14496-12 8.8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hikcore.media.mp4.headers import FURTHEST
from hikcore.media.mp4.movie import Extends, Movie, Track
from hikcore.media.mp4.stbl import MAX_SAMPLES
from hikcore.media.table import Damage, Samples
from hikcore.native.mp4 import FragmentCore

# Mirror of Row in native/mp4.pyx.
_ROW: Final = np.dtype(
    [("dts", "<i8"), ("offset", "<u8"), ("composition", "<i4"), ("size", "<u4"),
     ("duration", "<u4"), ("flags", "<u4"), ("entry", "<u4")]
)  # fmt: skip
_FAULTS: Final = {
    1: "a box in a fragment reaches beyond its parent",
    2: "a table of a fragment is shorter than it declares",
    3: "a traf without tfhd",
    4: "a trun declares more samples than the file can hold",
    5: "samples of a fragment lie beyond the end of the file",
    6: "a fragment's decoding time goes back",
    7: f"more than {MAX_SAMPLES} samples: the table ends here",
    8: "a fragment's decoding time cannot be",
}
_NOT_SYNC: Final = 0x10000  # sample_is_non_sync_sample of sample flags


class Fragments:
    """Collects the fragments of a movie's two tracks.

    Args:
        movie: with the defaults of its tracks. size: bytes of the file.
    """

    def __init__(self, movie: Movie, size: int) -> None:
        self._core = FragmentCore(size, MAX_SAMPLES)
        for track in (movie.video, movie.audio):
            if track is None:
                continue
            extends = movie.extends.get(track.identifier, Extends())
            samples = track.samples
            following = int(samples.dts[-1]) + samples.last_duration if len(samples) else 0
            self._core.register(
                track.identifier, extends.entry, extends.duration, extends.size, extends.flags,
                following, min(track.timescale * FURTHEST, 1 << 62),
            )  # fmt: skip

    def feed(self, moof: bytes, at: int) -> bool:
        """The moof box that lies at `at`; false where it is broken."""
        return self._core.feed(moof, at)

    @property
    def damage(self) -> list[Damage]:
        """What was wrong."""
        return [Damage(at, _FAULTS[code]) for at, code in self._core.faults]

    def first(self, track: Track) -> tuple[int, bool] | None:
        """dts of the first sample so far of a track, and whether it is sync; None without any."""
        rows = np.frombuffer(self._core.rows(track.identifier), _ROW)
        if not len(rows):
            return None
        return int(rows[0]["dts"]), not int(rows[0]["flags"]) & _NOT_SYNC

    def samples(self, track: Track) -> Samples:
        """The samples of a track: those of moov, then those of the fragments.

        Raises:
            MediaUnsupported, MediaEncrypted, MediaDamaged: their sample entry cannot be read.
        """
        rows = np.frombuffer(self._core.rows(track.identifier), _ROW)
        known = (rows["entry"] >= 1) & (rows["entry"] <= len(track.tables.widths))
        rows = rows if known.all() else rows[: int((~known).argmax())]
        if not len(rows):
            return track.samples
        entry = (rows["entry"] - 1).astype(np.uint16)
        dts = rows["dts"].copy()
        size = rows["size"].copy()
        video = track.handler == b"vide"
        return _join(
            track.samples,
            Samples(
                timescale=track.timescale,
                dts=dts,
                pts=dts + rows["composition"],
                size=size,
                sync=(rows["flags"] & _NOT_SYNC == 0) | (not video),
                config=entry,
                first=np.arange(len(rows) + 1, dtype=np.int64),
                extent_offset=rows["offset"].copy(),
                extent_size=size,
                framing="length" if video else "raw",
                configs=track.tables.configs(entry),
                last_duration=int(rows["duration"][-1]),
            ),
        )


def _join(before: Samples, after: Samples) -> Samples:
    if not len(before):
        return after

    def both(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(before, name), getattr(after, name)])

    columns: Sequence[str] = ("dts", "pts", "size", "sync", "config")
    dts, pts, size, sync, config = (both(name) for name in columns)
    return Samples(
        timescale=after.timescale,
        dts=dts.astype(np.int64),
        pts=pts.astype(np.int64),
        size=size.astype(np.uint32),
        sync=sync.astype(np.bool_),
        config=config.astype(np.uint16),
        first=np.arange(len(before) + len(after) + 1, dtype=np.int64),
        extent_offset=both("extent_offset").astype(np.uint64),
        extent_size=both("extent_size").astype(np.uint32),
        framing=after.framing,
        configs=after.configs,
        last_duration=after.last_duration,
    )
