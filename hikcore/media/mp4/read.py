"""Reads MP4 into sample tables: our own from its first bytes, others by walking to their moov.

Every length and count is checked against the bytes that carry it, so that what a file declares
never sizes an allocation. Fragmented files are named and not read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from hikcore.errors import MediaDamaged, MediaError, MediaUnsupported
from hikcore.media.mp4.boxes import children, find, read_header
from hikcore.media.mp4.stbl import read_samples_table
from hikcore.media.mp4.write import Edit
from hikcore.media.table import ByteSource, Damage, Samples, SampleTable

#: Largest moov that is read: some 5 million samples.
MAX_MOOV = 128 << 20


@dataclass(frozen=True, slots=True)
class Edits:
    """The edit lists of a movie, as they stand in it.

    Attributes:
        timescale: of the movie: unit of every `Edit.duration`.
        video, audio: edits of the track; empty where it has no list (or is not there).
    """

    timescale: int
    video: tuple[Edit, ...]
    audio: tuple[Edit, ...]


def read_head(head: bytes) -> SampleTable:
    """The table of an MP4 from bytes that hold its ftyp and moov.

    Times are media times of the video track, the edit list not applied: the first video dts is 0.
    Audio is brought to the same timeline (by both tracks' edit lists), so that times of the two can
    be compared; where there is no video, its first dts is 0. Extents are offsets in the file.

    Raises:
        MediaDamaged: no moov in these bytes, or a broken one.
        MediaUnsupported: fragmented, or of a codec that we do not read.
    """
    return _table(*_moov(head), head)


def read_edits(head: bytes) -> Edits:
    """The edit lists of an MP4 from bytes that hold its moov.

    Raises:
        MediaDamaged: no moov in these bytes, or a broken one.
    """
    begin, end = _moov(head)
    timescale = _timescale(head, _need(head, begin, end, b"mvhd"))
    edits: dict[bytes, tuple[Edit, ...]] = {}
    for kind, payload, stop in children(head, begin, end):
        if kind == b"trak":
            edits.setdefault(_handler(head, payload, stop), _edits(head, payload, stop))
    return Edits(timescale, edits.get(b"vide", ()), edits.get(b"soun", ()))


def index_mp4(source: ByteSource, size: int) -> SampleTable:
    """The table of any MP4 that is not fragmented; the moov may lie anywhere.

    Args:
        source: the file. size: its bytes.

    Samples that lie beyond the end of the file are left out, with a `Damage`.

    Raises:
        MediaDamaged: no moov, or a broken one.
        MediaUnsupported: fragmented, or of a codec that we do not read.
    """
    at = 0
    while at + 8 <= size:
        kind, payload, stop = read_header(
            _shifted(bytes(source.read_at(at, min(16, size - at)))), 0, size - at
        )
        if kind == b"moov":
            if stop > MAX_MOOV or at + stop > size:
                raise MediaDamaged("the moov box is cut off or too large", offset=at)
            head = bytes(source.read_at(at, stop))
            return _within(_table(payload, stop, head), size)
        at += stop
    raise MediaDamaged("no moov box: the recording was not finished, or this is no MP4")


def _shifted(first: bytes) -> bytes:
    """A box header for `read_header`, which may look 16 bytes far."""
    return first.ljust(16, b"\0")


def _moov(head: bytes) -> tuple[int, int]:
    at = 0
    while at + 8 <= len(head):
        kind, payload, stop = read_header(head, at, len(head))
        if kind == b"moov":
            if stop > len(head):
                raise MediaDamaged("the moov box is cut off", offset=at)
            return payload, stop
        at = stop
    raise MediaDamaged("no moov box in the first bytes of the file")


def _table(begin: int, end: int, head: bytes) -> SampleTable:
    timescale = _timescale(head, _need(head, begin, end, b"mvhd"))
    tracks: dict[bytes, tuple[Samples, int]] = {}
    notes: list[str] = []
    for kind, payload, stop in children(head, begin, end):
        if kind == b"mvex":
            raise MediaUnsupported("a fragmented MP4")
        if kind != b"trak":
            continue
        handler = _handler(head, payload, stop)
        if handler not in (b"vide", b"soun") or handler in tracks:
            notes.append(f"track {handler.decode('latin-1')} left out")
            continue
        try:
            samples = _track(head, payload, stop)
        except MediaError as error:
            if handler == b"vide":
                raise
            notes.append(f"audio left out: {error.message}")  # the pictures are still good
            continue
        if len(samples):
            tracks[handler] = samples, _offset(head, payload, stop, samples, timescale)
    video, video_offset = tracks.get(b"vide", (None, 0))
    audio, audio_offset = tracks.get(b"soun", (None, 0))
    if audio is not None and video is not None:
        ours, theirs = audio.timescale, video.timescale
        shift = audio_offset - (2 * video_offset * ours + theirs) // (2 * theirs)
        audio = replace(audio, dts=audio.dts + shift, pts=audio.pts + shift)
    return SampleTable("mp4", video, audio, notes=tuple(notes))


def _track(head: bytes, begin: int, end: int) -> Samples:
    timescale = _timescale(head, _need(head, begin, end, b"mdia", b"mdhd"))
    stbl = _need(head, begin, end, b"mdia", b"minf", b"stbl")
    return read_samples_table(head, *stbl, timescale)


def _offset(head: bytes, begin: int, end: int, samples: Samples, movie: int) -> int:
    """When media time 0 is presented, in ticks of the track."""
    empty = 0
    for edit in _edits(head, begin, end):
        if edit.media_time >= 0:
            return empty * samples.timescale // movie - edit.media_time
        empty += edit.duration
    return 0


def _edits(head: bytes, begin: int, end: int) -> tuple[Edit, ...]:
    at = find(head, begin, end, b"edts", b"elst")
    if at is None:
        return ()
    payload, stop = at
    if stop - payload < 8:
        raise MediaDamaged("an edit list is cut off")
    (count,) = struct.unpack_from(">I", head, payload + 4)
    form = ">QqI" if head[payload] else ">IiI"
    if count * struct.calcsize(form) > stop - payload - 8:
        raise MediaDamaged("an edit list is cut off")
    rows = struct.iter_unpack(form, head[payload + 8 : payload + 8 + count * struct.calcsize(form)])
    return tuple(Edit(duration, media_time) for duration, media_time, _ in rows)


def _handler(head: bytes, begin: int, end: int) -> bytes:
    payload, stop = _need(head, begin, end, b"mdia", b"hdlr")
    return bytes(head[payload + 8 : min(payload + 12, stop)])


def _timescale(head: bytes, where: tuple[int, int]) -> int:
    payload, stop = where
    at = payload + (20 if head[payload : payload + 1] == b"\x01" else 12)
    if at + 4 > stop:
        raise MediaDamaged("a header box is cut off")
    (timescale,) = struct.unpack_from(">I", head, at)
    if not timescale:
        raise MediaDamaged("a timescale of 0")
    return int(timescale)


def _need(head: bytes, begin: int, end: int, *path: bytes) -> tuple[int, int]:
    found = find(head, begin, end, *path)
    if found is None:
        raise MediaDamaged(f"no {b'/'.join(path).decode()} box")
    return found


def _within(table: SampleTable, size: int) -> SampleTable:
    """The same without the samples that the file does not hold."""
    damage: list[Damage] = []

    def held(samples: Samples | None) -> Samples | None:
        if samples is None:
            return None
        beyond = samples.extent_offset + samples.extent_size > size
        if not beyond.any():
            return samples
        first = int(beyond.argmax())
        damage.append(Damage(size, f"{len(samples) - first} samples lie beyond the end"))
        return samples.slice(0, first) if first else None

    video, audio = held(table.video), held(table.audio)
    return replace(table, video=video, audio=audio, damage=tuple(damage))


__all__ = ["MAX_MOOV", "Edits", "index_mp4", "read_edits", "read_head"]
