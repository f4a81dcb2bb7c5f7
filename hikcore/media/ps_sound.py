"""Sound of a program stream: G.711 as packets frame it, AAC by its own headers, the rest named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from hikcore.media.aac import FRAME, adts_config, sample_clock
from hikcore.media.columns import EXTENT, SAMPLE, samples
from hikcore.media.ps_scan import left_out
from hikcore.media.ps_times import estimated
from hikcore.media.table import Codec, CodecConfig, Samples
from hikcore.media.times import fill_missing, unwrap

if TYPE_CHECKING:
    from hikcore.native.ps import Columns, PsCore

#: stream_type of the PSM (company mark HK) to codec and its usual rate.
_LAWS: Final[dict[int, tuple[Codec, int]]] = {0x90: ("alaw", 8000), 0x91: ("ulaw", 8000)}
_AAC: Final = 0x0F
_DROPPED: Final = {
    0x03: "mpeg audio", 0x04: "mpeg audio", 0x0F: "aac without ADTS headers", 0x11: "aac in LATM",
    0x81: "ac-3", 0x92: "g722.1", 0x93: "g723.1", 0x96: "g726", 0x98: "g726-16", 0x99: "g729",
    0x9C: "l16",
}  # fmt: skip


def sound(core: PsCore, columns: Columns, near: int | None) -> tuple[Samples | None, list[str]]:
    """The audio track and what is to be said of it.

    Args:
        near: a time (unwrapped, 90 kHz) close to the first.
    """
    notes = left_out(core)
    units = np.frombuffer(columns["audio"], SAMPLE)
    if not len(units):
        return None, notes
    told = units["config"][units["config"] != 0]
    kind = int(np.bincount(told).argmax()) if len(told) else core.audio_type
    frames = np.frombuffer(columns["aac"], SAMPLE)
    # Some devices write ADTS under the type of G.711: two headers that follow each other by their
    # lengths are no chance.
    if len(frames) and int(frames["size"].sum()) * 2 >= int(units["size"].sum()):
        return _adts(frames, columns["aac_extents"], near, notes)
    if kind in _LAWS:
        return _g711(core, units, columns["audio_extents"], kind, near, notes)
    _, _, _, head = core.told()
    name = _DROPPED.get(kind, f"of stream type {kind:#x}")
    if not kind:
        # Layer bits other than 0 behind the sync word (ISO 11172-3 2.4.2.3).
        mpeg = head >> 5 == 0x7FF and head & 6
        name = "mpeg audio" if mpeg else "of a kind that nothing tells"
    return None, [*notes, f"audio {name} dropped: MP4 has no place for it"]


def _g711(
    core: PsCore,
    units: NDArray[np.void],
    extents: bytes,
    kind: int,
    near: int | None,
    notes: list[str],
) -> tuple[Samples, list[str]]:
    codec, usual = _LAWS[kind]
    _, rate, channels, _ = core.told()
    config = CodecConfig(codec, rate=rate or usual, channels=channels or 1)
    other = (units["config"] != kind) & (units["config"] != 0)
    units, table = _without(units, np.frombuffer(extents, EXTENT), other)
    known, late = estimated(units["pts"], "audio units")
    notes += late
    if other.any():
        notes.append(f"{int(other.sum())} audio units of another format than {codec} dropped")
    pts = unwrap(fill_missing(np.where(known, units["pts"].astype(np.int64), -1)), near)
    last = int(units["size"][-1]) * 90_000 // (config.rate * config.channels)
    track = samples(
        units, table.tobytes(), pts, pts, configs=(config,), framing="raw", last_duration=last
    )
    return track, notes


def _adts(
    frames: NDArray[np.void], extents: bytes, near: int | None, notes: list[str]
) -> tuple[Samples | None, list[str]]:
    codes = frames["config"]
    usual = int(np.bincount(codes).argmax())
    config = adts_config(usual)
    if config is None:
        return None, [*notes, "audio aac dropped: it tells its channels inside its frames alone"]
    other = codes != usual
    if other.any():
        notes.append(f"{int(other.sum())} audio units of another format than aac dropped")
    raw = frames["pts"].astype(np.int64)
    known, _ = estimated(raw, "audio units")
    # Timed before any is left out: the sample clock counts them too.
    pts, moved = sample_clock(np.where(known, raw, -1), config.rate, near)
    if moved:
        notes.append(f"the sound's PTS leave its sample clock {moved} times")
    kept, table = _without(frames, np.frombuffer(extents, EXTENT), other)
    track = samples(
        kept,
        table.tobytes(),
        pts[~other],
        pts[~other],
        configs=(config,),
        framing="raw",
        last_duration=FRAME * 90_000 // config.rate,
    )
    return track, notes


def _without(
    records: NDArray[np.void], table: NDArray[np.void], drop: NDArray[np.bool_]
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Samples and extents without some samples."""
    if not drop.any():
        return records, table
    edges: NDArray[np.int64] = np.append(records["first"], len(table)).astype(np.int64)
    counts = edges[1:] - edges[:-1]
    kept = records[~drop].copy()
    kept["first"] = np.cumsum(counts[~drop]) - counts[~drop]
    return kept, table[np.repeat(~drop, counts)]
