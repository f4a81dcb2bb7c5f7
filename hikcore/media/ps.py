"""MPEG program streams, as Hikvision writes them, to sample tables (facts: docs/formats.md)."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged, MediaEncrypted, MediaUnsupported
from hikcore.media.codec import video_config
from hikcore.media.table import Anchors, Codec, CodecConfig, Damage, Samples, SampleTable
from hikcore.media.times import decode_times, fill_missing, strays, unwrap
from hikcore.native.ps import PsCore

# Mirrors of the packed records in hikcore/native/records.pxd.
_SAMPLE = np.dtype(
    [("pts", "<i8"), ("size", "<u4"), ("first", "<u4"), ("frame", "<u4"), ("config", "<u2"),
     ("flags", "u1"), ("kind", "u1")]
)  # fmt: skip
_EXTENT = np.dtype([("offset", "<u8"), ("size", "<u8")])
_ANCHOR = np.dtype([("wall", "<i8"), ("sample", "<u4"), ("encrypted", "<u4")])
_FAULT = np.dtype([("offset", "<u8"), ("code", "<u8")])

_FAULTS: Final = {
    1: "bytes between packets passed over",
    2: "a packet header that cannot be",
    3: "a program stream map that cannot be",
    4: "parameter sets that are too large or too many",
    5: "a cap on the index was reached: the table ends here",
}
#: stream_type of the PSM (company mark HK) to codec and its usual rate.
_AUDIO: Final[dict[int, tuple[Codec, int]]] = {0x90: ("alaw", 8000), 0x91: ("ulaw", 8000)}
_DROPPED: Final = {
    0x03: "mpeg audio", 0x04: "mpeg audio", 0x0F: "aac", 0x92: "g722.1", 0x93: "g723.1",
    0x96: "g726", 0x98: "g726-16", 0x99: "g729", 0x9C: "l16",
}  # fmt: skip
#: IMKH audio_format to stream_type.
_IMKH_AUDIO: Final = {0x7110: 0x91, 0x7111: 0x90, 0x7221: 0x92, 0x2001: 0x0F}
_IMKH_SIZE: Final = 40


class PsIndexer:
    """Indexes a program stream that is fed in pieces of any size, while it arrives.

    Args:
        max_samples, max_extents: caps of the index, each track; past one the table ends there.
    """

    def __init__(self, max_samples: int = 3_000_000, max_extents: int = 6_000_000) -> None:
        self._core = PsCore(max_samples, max_extents)
        self._head: bytearray | None = bytearray()
        self._size = 0

    def feed(self, block: bytes | bytearray | memoryview) -> None:
        """The next piece of the body."""
        self._size += len(block)
        if self._head is None:
            self._core.feed(block)
            return
        self._head += block
        if len(self._head) >= _IMKH_SIZE or not b"IMKH".startswith(bytes(self._head[:4])):
            self._begin()

    def finish(self) -> SampleTable:
        """The end of the body.

        Raises:
            MediaUnsupported: its pictures are in a codec that is not read.
            MediaDamaged: there is not one picture in it.
            MediaEncrypted: the same, and the device says that the video is encrypted.
        """
        if self._head is not None:
            if self._head.startswith(b"IMKH"):
                raise MediaDamaged("the body ends inside its file header", offset=len(self._head))
            self._begin()
        columns = self._core.finish()
        video = np.frombuffer(columns["video"], _SAMPLE)
        audio = np.frombuffer(columns["audio"], _SAMPLE)
        if not len(video) and not len(audio):
            raise self._nothing("no picture and no sound in this program stream", self._size)
        configs, chosen, notes = _configs(columns["configs"], video["config"])
        if len(video) and not configs:
            raise self._nothing(
                "no parameter sets, so no key frame either: nothing of it can be decoded", 0
            )
        samples, stray = _video(video, columns["video_extents"], configs, chosen)
        sound, sound_notes = self._audio(audio, columns["audio_extents"], samples)
        anchors = _anchors(np.frombuffer(columns["anchors"], _ANCHOR))
        frames = video["frame"].copy() if len(video) else None
        if frames is not None and bool((frames == 0xFFFFFFFF).all()):
            frames = None
        faults = np.frombuffer(columns["faults"], _FAULT)
        faults = faults[np.argsort(faults["offset"], kind="stable")]
        return SampleTable(
            container="ps",
            video=samples,
            audio=sound,
            anchors=anchors,
            frame_numbers=frames,
            damage=tuple(Damage(int(f["offset"]), _FAULTS[int(f["code"])]) for f in faults[:1000]),
            cut_off=self._core.cut_off,
            encrypted=self._core.encrypted,
            notes=tuple(notes + stray + sound_notes + self._dropped()),
        )

    def _nothing(self, reason: str, offset: int) -> MediaDamaged | MediaEncrypted:
        if self._core.encrypted:
            return MediaEncrypted(f"the recorder says that this video is encrypted: {reason}")
        return MediaDamaged(reason, offset=offset)

    def _begin(self) -> None:
        head, self._head = bytes(self._head or b""), None
        if head.startswith(b"IMKH") and len(head) >= _IMKH_SIZE:
            system, video, audio = struct.unpack_from("<HHH", head, 8)
            if system not in (2, 8):
                raise MediaUnsupported(
                    f"a Hikvision file whose header says system format {system:#x}, not MPEG-PS",
                    offset=8,
                )
            codec = {1: 1, 0x100: 1, 5: 2}.get(video, 0)
            self._core.expect(codec, _IMKH_AUDIO.get(audio, 0))
            self._core.skip(_IMKH_SIZE)
            head = head[_IMKH_SIZE:]
        if head:
            self._core.feed(head)

    def _audio(
        self, records: NDArray[np.void], extents: bytes, video: Samples | None
    ) -> tuple[Samples | None, list[str]]:
        if not len(records):
            return None, []
        told = records["config"][records["config"] != 0]
        kind = int(np.bincount(told).argmax()) if len(told) else self._core.audio_type
        if kind not in _AUDIO:
            name = _DROPPED.get(kind, f"of stream type {kind:#x}")
            return None, [f"audio {name} dropped: MP4 has no place for it"]
        codec, rate = _AUDIO[kind]
        config = CodecConfig(
            codec,
            rate=self._core.audio_rate or rate,
            channels=self._core.audio_channels or 1,
        )
        near = int(video.pts[0]) if video is not None and len(video) else None
        other = (records["config"] != kind) & (records["config"] != 0)
        records, table = _without(records, np.frombuffer(extents, _EXTENT), other)
        pts, notes = _times(records["pts"], "audio units")
        if other.any():
            notes.append(f"{int(other.sum())} audio units of another format than {codec} dropped")
        pts = unwrap(pts, near)
        size = records["size"].astype(np.uint32)
        last = int(size[-1]) * 90_000 // (config.rate * config.channels)
        return _samples(records, table, pts, pts, config, "raw", last), notes

    def _dropped(self) -> list[str]:
        return ["further video streams dropped"] if self._core.dropped_streams else []


def _samples(
    records: NDArray[np.void],
    table: NDArray[np.void],
    dts: NDArray[np.int64],
    pts: NDArray[np.int64],
    config: CodecConfig,
    framing: str,
    last_duration: int,
) -> Samples:
    return Samples(
        timescale=90_000,
        dts=dts,
        pts=pts,
        size=records["size"].copy(),
        sync=(records["flags"] & 1).astype(np.bool_),
        config=np.zeros(len(records), np.uint16),
        first=np.append(records["first"], len(table)).astype(np.int64),
        extent_offset=table["offset"].copy(),
        extent_size=table["size"].astype(np.uint32),
        framing="raw" if framing == "raw" else "annexb",
        configs=(config,),
        last_duration=last_duration,
    )


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


def _video(
    records: NDArray[np.void],
    extents: bytes,
    configs: tuple[CodecConfig, ...],
    chosen: NDArray[np.uint16],
) -> tuple[Samples | None, list[str]]:
    if not len(records):
        return None, []
    pts, notes = _times(records["pts"], "pictures")
    pts = unwrap(pts)
    dts = decode_times(pts)
    deltas = np.diff(np.sort(pts))
    positive = deltas[deltas > 0]
    last = int(np.median(positive)) if len(positive) else 3600
    table = np.frombuffer(extents, _EXTENT)
    samples = _samples(records, table, dts, pts, configs[0], "annexb", last)
    return replace(samples, configs=configs, config=chosen), notes


def _times(raw: NDArray[np.int64], what: str) -> tuple[NDArray[np.int64], list[str]]:
    """PTS with those that are missing, and those that one or two alone have hours off, estimated.
    One kept as it is would make a run of ten minutes last for hours."""
    pts, notes = raw.astype(np.int64), []
    missing = int((pts < 0).sum())
    if missing:
        notes.append(f"{missing} {what} without PTS: estimated")
    lone = strays(unwrap(fill_missing(pts)))
    if lone.any():
        notes.append(f"{int(lone.sum())} {what} with a PTS far from all around: estimated")
        pts[lone] = -1
    return fill_missing(pts), notes


def _configs(
    blobs: tuple[bytes, ...], used: NDArray[np.uint16]
) -> tuple[tuple[CodecConfig, ...], NDArray[np.uint16], list[str]]:
    """Codec configurations of the parameter sets seen, and which sample has which. Sets that come
    alone (a PPS without its SPS) complete those in force before; samples before any get the first.
    """
    out: dict[CodecConfig, int] = {}
    index = np.zeros(len(blobs), np.uint16)
    notes: list[str] = []
    kept: dict[tuple[int, int], list[bytes]] = {}
    codec = 0
    for number, blob in enumerate(blobs):
        codec, sets = _sets(blob, codec)
        for kind in dict.fromkeys(_nal_type(codec, nal) for nal in sets):
            kept[codec, kind] = [nal for nal in sets if _nal_type(codec, nal) == kind]
        complete = [nal for (c, _), nals in sorted(kept.items()) if c == codec for nal in nals]
        try:
            config = video_config("h265" if codec == 2 else "h264", complete)
        except MediaDamaged as error:
            notes.append(f"parameter sets not usable: {error.message}")
            index[number] = max(len(out) - 1, 0)
            continue
        index[number] = out.setdefault(config, len(out))
    if not len(blobs):
        return (), np.zeros(len(used), np.uint16), notes
    notes = list(dict.fromkeys(notes))
    chosen = index[np.where(used == 0xFFFF, 0, used)]
    return tuple(out), chosen.astype(np.uint16), notes


def _sets(blob: bytes, codec: int) -> tuple[int, list[bytes]]:
    out, at = [], 0
    while at + 5 <= len(blob):
        codec = blob[at] or 1
        size = int.from_bytes(blob[at + 1 : at + 5], "little")
        out.append(blob[at + 5 : at + 5 + size])
        at += 5 + size
    return codec, out


def _nal_type(codec: int, nal: bytes) -> int:
    return (nal[0] >> 1) & 63 if codec == 2 else nal[0] & 31


def _anchors(records: NDArray[np.void]) -> Anchors | None:
    """Wall-clock readings that are dates."""
    good = records[records["wall"] >= 0]
    if not len(good):
        return None
    wall = good["wall"].astype(np.int64)
    milliseconds = bool((wall % 1_000_000_000 != 0).any())
    return Anchors(good["sample"].astype(np.int64), wall, milliseconds)
