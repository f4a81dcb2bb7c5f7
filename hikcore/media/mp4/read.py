"""Reads MP4 and MOV into sample tables: our own from its first bytes, others wherever their tables
lie, fragmented or not.

Every length and count is checked against the bytes that carry it and against the size of the file,
so that what a file declares never sizes an allocation. Of our own files the first fault is an
error; of others what lies before a fault is used, and the fault is in the table's `damage`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from hikcore.errors import MediaDamaged, MediaError, MediaUnsupported
from hikcore.media.mp4.boxes import Faults, children, find, need, read_header
from hikcore.media.mp4.edits import origin, present, presented, read_edits_of
from hikcore.media.mp4.fragments import Fragments
from hikcore.media.mp4.movie import Movie, Track, read_movie, timescale_at
from hikcore.media.mp4.nals import samples_before, settle
from hikcore.media.mp4.source import Ahead
from hikcore.media.mp4.write import Edit
from hikcore.media.table import ByteSource, Samples, SampleTable

#: Largest moov or moof that is read: some 5 million samples.
MAX_MOOV = 128 << 20
#: Read with a moov: the begin of the media, which lies behind it in a file made for streaming.
_BEHIND = 4096
#: What is left of a file behind its media is read at once up to so many bytes: the moov is there.
_TAIL = 1 << 20
#: Boxes at the top of a file that are walked: two a fragment, a fragment a picture for a day.
MAX_BOXES = 5_000_000
#: Bytes of one sample, which a reader holds in memory: as of the other containers (es.pxd).
LARGEST_SAMPLE = 64 << 20
#: How many times over a file's bytes may be in its samples.
MOST_OVER = 4


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
        MediaUnsupported: fragmented, NAL lengths that are not of 4 bytes, or of a codec that we do
            not read.
    """
    movie = read_movie(head, *_moov(head), Faults(strict=True))
    if movie.fragmented:
        raise MediaUnsupported("a fragmented MP4: its head is not its table")
    if movie.video is not None and set(movie.video.tables.widths) != {4}:
        raise MediaUnsupported("NAL units behind lengths that are not of 4 bytes")
    video = movie.video.samples if movie.video else None
    audio = movie.audio.samples if movie.audio else None
    return _table(movie, video, audio)


def read_edits(head: bytes) -> Edits:
    """The edit lists of an MP4 from bytes that hold its moov.

    Raises:
        MediaDamaged: no moov in these bytes, or a broken one.
    """
    begin, end = _moov(head)
    timescale = timescale_at(head, *need(head, begin, end, b"mvhd"))
    edits: dict[bytes, tuple[Edit, ...]] = {}
    for kind, payload, stop in children(head, begin, end):
        if kind == b"trak":
            where = find(head, payload, stop, b"mdia", b"hdlr")
            name = bytes(head[where[0] + 8 : where[0] + 12]) if where else b""
            edits.setdefault(name, read_edits_of(head, payload, stop, Faults(strict=True)))
    return Edits(timescale, edits.get(b"vide", ()), edits.get(b"soun", ()))


def index_mp4(source: ByteSource, size: int, *, verify: bool = False) -> SampleTable:
    """The table of any MP4 or MOV, the moov first or last, fragmented or not.

    Only headers and tables are read, in blocks: 2 or 3 requests where the samples are in moov, one
    a fragment (or less) where they are not; to reach a span of those by few requests see
    `hikcore.media.mp4.locate`. Times are as `read_head` gives them, in the tracks' own timescales.

    Args:
        source: the file. size: its bytes.
        verify: hold sync samples and parameter sets against the samples' own NAL units, which takes
            a read of each sync sample's begin: for files of others at hand.

    Raises:
        MediaDamaged: no moov, or nothing in it that can be used.
        MediaUnsupported: of a codec that we do not read, or its media in another file.
        MediaEncrypted: encrypted samples.
    """
    ahead = Ahead(source, size)
    faults = Faults()
    movie: Movie | None = None
    fragments: Fragments | None = None
    for kind, at, payload, stop in top_boxes(ahead, faults):
        if kind == b"moov" and movie is None:
            movie, fragments = open_movie(ahead, at, payload, stop, faults)
            if not movie.fragmented:
                break
        elif kind == b"moov":
            faults.add(at, "a second moov is passed over")
        elif kind == b"moof" and fragments is not None:
            if stop - at > MAX_MOOV:
                faults.add(at, "a fragment's head is too large: the rest is not read")
                break
            fragments.feed(ahead.read_at(at, stop - at), at)
    if movie is None or fragments is None:
        where = faults.found[0].offset if faults.found else size
        raise MediaDamaged(
            "no moov box: the recording was not finished, or this is no MP4", offset=where
        )
    return finish(ahead, movie, fragments, faults, verify=verify)


def top_boxes(
    ahead: Ahead, faults: Faults, begin: int = 0
) -> Iterator[tuple[bytes, int, int, int]]:
    """(kind, offset, payload offset, end) of the boxes of a file from `begin` to the first that is
    broken; one that the end of the file cuts is given if it is an mdat or a moov."""
    at = begin
    behind = False  # media
    for _ in range(MAX_BOXES):
        if at + 8 > ahead.size:
            if at < ahead.size:
                faults.add(at, "bytes after the last box")
            return
        tail = ahead.size - at if behind and ahead.size - at <= _TAIL else 16
        header = ahead.read_at(at, tail)[:16]
        try:
            kind, payload, stop = read_header(
                header.ljust(16, b"\0"), 0, max(len(header), 8) if header[:4] == b"\0\0\0\1"
                else ahead.size - at,
            )  # fmt: skip
        except MediaDamaged as error:
            faults.add(at, error.message.split(" at byte ")[0])
            return
        if at + stop > ahead.size:
            faults.add(at, f"a box {kind!r} reaches beyond the end of the file")
            if kind not in (b"mdat", b"moov"):
                return
            stop = ahead.size - at
        yield kind, at, at + payload, at + stop
        behind = behind or kind == b"mdat"
        at += stop
    faults.add(at, f"more than {MAX_BOXES} boxes: the rest is not read")


def open_movie(
    ahead: Ahead, at: int, payload: int, stop: int, faults: Faults
) -> tuple[Movie, Fragments]:
    """The movie of the moov box between `at` and `stop`, and room for its fragments.

    Raises:
        MediaDamaged: too large, or nothing in it that can be used.
    """
    if stop - at > MAX_MOOV:
        raise MediaDamaged(f"a moov box of {stop - at} bytes is too large", offset=at)
    data = ahead.read_at(at, stop - at + _BEHIND)[: stop - at]
    own = Faults(at)
    try:
        movie = read_movie(data, payload - at, stop - at, own, ahead.size)
    finally:
        for damage in own.found:
            faults.add(damage.offset, damage.reason)
    return movie, Fragments(movie, ahead.size)


def finish(
    ahead: Ahead, movie: Movie, fragments: Fragments, faults: Faults, *, verify: bool
) -> SampleTable:
    """The table of what was read.

    Raises:
        MediaDamaged, MediaUnsupported, MediaEncrypted: the pictures cannot be used.
    """
    video = audio = None
    for one in fragments.damage:
        faults.add(one.offset, one.reason)
    if movie.video is not None:
        video = _held(fragments.samples(movie.video), ahead.size, faults)
    if movie.audio is not None:
        try:
            audio = _held(fragments.samples(movie.audio), ahead.size, faults)
        except MediaError as error:
            movie.notes.append(f"audio left out: {error.message}")
    damage = list(faults.found)
    if video is not None and movie.video is not None:
        video, more, notes = settle(
            ahead.source if verify else ahead, video, movie.video.tables.widths, verify=verify
        )
        damage += more
        movie.notes += notes
    if video is None and audio is None:
        raise MediaDamaged(
            "no picture and no sound in this MP4", offset=damage[0].offset if damage else None
        )
    if video is not None and movie.video is not None:
        movie.notes += _hidden(movie.video, video, movie.timescale)
    table = _table(movie, video, audio)
    return replace(table, damage=tuple(damage[:1000]))


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


def _table(movie: Movie, video: Samples | None, audio: Samples | None) -> SampleTable:
    notes = list(movie.notes)
    video = video if video is not None and len(video) else None
    audio = audio if audio is not None and len(audio) else None
    if audio is not None and video is not None and movie.audio and movie.video:
        ours, theirs = audio.timescale, video.timescale
        mine = origin(movie.audio.edits, ours, movie.timescale)
        base = origin(movie.video.edits, theirs, movie.timescale)
        shift = mine - (2 * base * ours + theirs) // (2 * theirs)
        if abs(shift) >> 61 == 0:  # else of timescales at the end of their type: left as it is
            audio = replace(audio, dts=audio.dts + shift, pts=audio.pts + shift)
    shown = None
    if video is not None and movie.video is not None:
        shown = presented(video, movie.video.edits, movie.timescale)
    return SampleTable("mp4", video, audio, notes=tuple(notes), presented=shown)


def _hidden(track: Track, video: Samples, movie: int) -> list[str]:
    """A note where the edit list does more than say where the first picture is."""
    if not track.edits:
        return []
    if all(edit.media_time < 0 for edit in track.edits):
        return ["an edit list that shows nothing: passed over"]
    shown = present(video, track.edits, movie)
    seen = np.zeros(len(video), np.bool_)
    if len(shown) > 1 or any(one.dwell for one in shown):
        return [f"an edit list of {len(track.edits)} entries: the media's own times are kept"]
    for one in shown:
        seen[one.samples] = True
    hidden = int((~seen).sum())
    return [f"{hidden} pictures that an edit list hides are kept"] if hidden else []


def _held(samples: Samples, size: int, faults: Faults) -> Samples | None:
    """The same up to the first sample that the file does not hold; None where that leaves none.

    Samples may lie over each other, but what comes out of a file is a few times the file at most.
    """
    vast = samples.extent_size > LARGEST_SAMPLE
    if vast.any():
        first = int(vast.argmax())
        at = int(samples.extent_offset[first])
        faults.add(at, f"a sample of {int(samples.extent_size[first])} bytes: the rest is not read")
        samples = samples_before(samples, first)
    beyond = samples.extent_offset + samples.extent_size > size
    if beyond.any():
        first = int(beyond.argmax())
        faults.add(size, f"{len(samples) - first} samples lie beyond the end")
        samples = samples_before(samples, first)
    over = np.cumsum(samples.extent_size, dtype=np.int64) > MOST_OVER * size
    if over.any():
        first = int(over.argmax())
        at = int(samples.extent_offset[first])
        faults.add(at, f"samples lie over each other: more than {MOST_OVER} times the file in all")
        samples = samples_before(samples, first)
    return samples if len(samples) else None


__all__ = ["MAX_MOOV", "Edits", "index_mp4", "read_edits", "read_head"]
