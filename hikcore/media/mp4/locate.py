"""Finds a span in a fragmented MP4 by few reads: by its sidx or mfra, else by bisecting the file.

A file of an hour has a thousand fragments; walking them over a network takes a request each. Where
no index is, a fragment begins at any moof whose boxes hold together, and says its own time (tfdt).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hikcore.errors import MediaDamaged
from hikcore.media.mp4.boxes import Faults, read_header
from hikcore.media.mp4.fragments import Fragments
from hikcore.media.mp4.movie import Movie, Track
from hikcore.media.mp4.read import MAX_MOOV, finish, open_movie, top_boxes
from hikcore.media.mp4.source import Ahead
from hikcore.media.table import ByteSource, SampleTable

#: Probes of a bisection; each at least halves what is left, and mostly does much better.
_PROBES = 40
_LEAST_PROBE, _MOST_PROBE, _COLLECT = 64 << 10, 2 << 20, 256 << 10
#: Bytes of what looks like fragments and is none, before a search gives up: each such place may
#: cost a large read.
_FALSE = 8 << 20
#: A sidx counts its rows of 12 bytes with 16 bits.
_SIDX = 64 + 12 * 0xFFFF


@dataclass(frozen=True, slots=True)
class _Place:
    """A fragment: where it begins, the decoding time of its first sample in seconds, and whether
    that is sync."""

    offset: int
    time: Fraction
    sync: bool


def index_span(source: ByteSource, size: int, begin: Fraction, end: Fraction) -> SampleTable:
    """The table of the fragments that hold a span, from a key frame at or before its begin.

    Args:
        source: the file. size: its bytes.
        begin, end: seconds of media time (decoding times of the video, before any edit list).

    Returns:
        As `index_mp4`, but only of those fragments; of a file that is not fragmented, all of it.

    Raises:
        MediaDamaged: no moov, or no fragment of video in the file.
        MediaUnsupported, MediaEncrypted: as `index_mp4`.
    """
    ahead = Ahead(source, size)
    faults = Faults()
    first = movie = None
    for kind, at, payload, stop in top_boxes(ahead, faults):
        if kind == b"moov" and movie is None:
            movie, fragments = open_movie(ahead, at, payload, stop, faults)
            if not movie.fragmented:
                return finish(ahead, movie, fragments, faults, verify=False)
        elif kind == b"sidx" and movie is not None and first is None:
            found = _by_sidx(ahead.read_at(at, min(stop - at, _SIDX)), payload - at, stop, begin)
            first = found if found is None or _moof_at(ahead, found) else None
        elif kind == b"moof" and movie is not None:
            first = first if first is not None else _by_mfra(ahead, movie, begin)
            track = movie.video or movie.audio
            if first is None and track is not None:
                held = ahead.block
                try:
                    first = _bisect(ahead, movie, track, at, begin)
                except _NoFragmentsError:
                    first, ahead.block = at, held
            break
    if movie is None or first is None:
        raise MediaDamaged("no moov box with fragments behind it", offset=size)
    if movie.video is None and movie.audio is None:
        raise MediaDamaged("no picture and no sound in this MP4", offset=size)
    return _collect(ahead, movie, first, begin, end, faults)


def _collect(
    ahead: Ahead, movie: Movie, first: int, begin: Fraction, end: Fraction, faults: Faults
) -> SampleTable:
    """The fragments from `first` to the first that begins at or after `end`; again from an earlier
    one where they do not begin with a key frame."""
    track = movie.video or movie.audio
    assert track is not None
    fragments, fed = Fragments(movie, ahead.size), False
    ahead.block = _COLLECT  # what lies between the heads is the span's own media
    for kind, at, _, stop in top_boxes(ahead, faults, first):
        if kind != b"moof" or stop - at > MAX_MOOV:
            continue
        moof = ahead.read_at(at, stop - at)
        place = _place(ahead, movie, track, moof, at)
        if place is not None and place.time >= end and fed:
            break
        if place is not None and place.sync and place.time <= begin:
            fragments = Fragments(movie, ahead.size)  # what came before is not needed
        fragments.feed(moof, at)
        fed = fed or place is not None
    table = finish(ahead, movie, fragments, faults, verify=False)
    if table.video is not None and begin > 0:
        scale = table.video.timescale
        early = table.video.dts <= int(begin * scale)
        if early.any() and not table.video.sync[early].any():
            # The GOP is longer than its fragment: go back by one that is as long again.
            back = begin - max(Fraction(int(end - begin)), Fraction(10))
            low = Fraction(int(table.video.dts[0]), scale)
            if back < low and low > 0:
                return index_span(ahead.source, ahead.size, max(back, Fraction(0)), end)
    return table


def _place(ahead: Ahead, movie: Movie, track: Track, moof: bytes, at: int) -> _Place | None:
    """Where and when a fragment begins, if there is video in it."""
    one = Fragments(movie, ahead.size)
    one.feed(moof, at)
    found = one.first(track)
    return None if found is None else _Place(at, Fraction(found[0], track.timescale), found[1])


def _moof_at(ahead: Ahead, at: int) -> bool:
    """Whether a fragment begins there (maybe with styp, sidx, prft before its moof)."""
    for _ in range(8):
        header = ahead.read_at(at, 16)
        if len(header) < 8:
            return False
        if header[4:8] == b"moof":
            return True
        if header[4:8] not in (b"styp", b"sidx", b"prft", b"emsg", b"free"):
            return False
        at += max(int.from_bytes(header[:4], "big"), 8)
    return False


def _by_sidx(data: bytes, payload: int, anchor: int, begin: Fraction) -> int | None:
    """Offset of the fragment that holds a time by a sidx box whose end is at `anchor`; None where
    it does not tell (14496-12 8.16.3)."""
    if len(data) <= payload or len(data) < payload + 32 - (0 if data[payload] else 8):
        return None
    (scale,) = struct.unpack_from(">I", data, payload + 8)
    time, offset = struct.unpack_from(">QQ" if data[payload] else ">II", data, payload + 12)
    at = payload + 12 + (16 if data[payload] else 8)
    (count,) = struct.unpack_from(">H", data, at + 2)
    rows = np.frombuffer(data, ">u4", min(count, (len(data) - at - 4) // 12) * 3, at + 4)
    rows = rows.reshape(-1, 3).astype(np.int64)
    if not scale or not len(rows) or (rows[:, 0] >> 31).any():
        return None  # of indexes: the bisection finds it as well
    # Time and offset may have 64 bits: they stay outside of the columns.
    wanted = min(max(int(begin * scale) - time, -1), 1 << 62)
    number = int(np.searchsorted(np.cumsum(rows[:, 1]), wanted, side="right"))
    number = min(number, len(rows) - 1)
    starts = np.flatnonzero(rows[: number + 1, 2] >> 31)  # those that begin with a key frame
    number = int(starts[-1]) if len(starts) else number
    return int(anchor + offset) + int(rows[:number, 0].sum())


def _by_mfra(ahead: Ahead, movie: Movie, begin: Fraction) -> int | None:
    """Offset of the moof that holds a time by the index at the file's end (8.8.9 to 8.8.11)."""
    track = movie.video or movie.audio
    tail = ahead.read_at(max(ahead.size - 16, 0), 16)
    if len(tail) < 16 or tail[4:8] != b"mfro" or track is None:
        return None
    length = int.from_bytes(tail[12:16], "big")
    if not 16 < length <= min(ahead.size, MAX_MOOV):
        return None
    data = ahead.read_at(ahead.size - length, length)
    if data[4:8] != b"mfra":
        return None
    at = 8
    while at + 24 <= len(data):
        try:
            kind, payload, stop = read_header(data, at, len(data))
        except MediaDamaged:
            return None
        if kind == b"tfra" and stop <= len(data):
            found = _by_tfra(data[payload:stop], track, begin)
            if found is not None and ahead.read_at(found, 8)[4:8] == b"moof":
                return found
        at = stop
    return None


def _by_tfra(data: bytes, track: Track, begin: Fraction) -> int | None:
    if len(data) < 16:
        return None
    version = data[0]
    identifier, lengths, count = struct.unpack_from(">III", data, 4)
    pair = 16 if version else 8
    width = pair + sum((lengths >> shift & 3) + 1 for shift in (4, 2, 0))
    count = min(count, (len(data) - 16) // width)
    if identifier != track.identifier or not count:
        return None
    rows = np.frombuffer(data, np.uint8, count * width, 16).reshape(count, width)
    pairs = np.ascontiguousarray(rows[:, :pair]).view(">u8" if version else ">u4").astype(np.uint64)
    number = int(np.searchsorted(pairs[:, 0], np.uint64(max(int(begin * track.timescale), 0)),
                                 side="right")) - 1  # fmt: skip
    return int(pairs[max(number, 0), 1])


class _NoFragmentsError(Exception):
    """Media made to look like fragments: it is walked from the begin."""


def _bisect(ahead: Ahead, movie: Movie, track: Track, first: int, begin: Fraction) -> int:
    """Offset of the last fragment that begins at or before a time, by probes between the first one
    and the end of the file."""
    low = _next_moof(ahead, movie, track, first, ahead.size, _LEAST_PROBE)
    if low is None or low.time >= begin:
        return first if low is None else low.offset
    header = ahead.read_at(low.offset, 16)
    mdat = ahead.read_at(low.offset + int.from_bytes(header[:4], "big"), 8)
    # A probe as long as the first fragment finds the begin of another one at once.
    length = int.from_bytes(header[:4], "big") + int.from_bytes(mdat[:4], "big")
    probe = min(max(length + 4096, _LEAST_PROBE), _MOST_PROBE)
    high, high_time = ahead.size, None
    for turn in range(_PROBES):
        if high - low.offset <= probe:
            break
        at = low.offset + (high - low.offset) // 2
        if high_time is not None and high_time > low.time and turn % 3 != 2:
            # Bytes go nearly evenly with time: aim a little before, so that the walk is short.
            share = (begin - low.time) / (high_time - low.time)
            at = low.offset + int((high - low.offset) * share) - probe // 2
        at = min(max(at, low.offset + 8), high - probe // 2)
        found = _next_moof(ahead, movie, track, at, high, probe)
        if found is None or found.time > begin:
            high, high_time = at, found.time if found is not None else high_time
        else:
            low = found
            if begin - low.time < Fraction(1, 1000):
                break
    return low.offset


def _next_moof(
    ahead: Ahead, movie: Movie, track: Track, at: int, end: int, probe: int
) -> _Place | None:
    """The first fragment with pictures that begins in [at, end).

    Raises:
        _NoFragmentsError: what looks like fragments there is none.
    """
    held, block, false = ahead.block, probe, 0
    while at < end:
        ahead.block = block
        window = ahead.read_at(at, min(block, end - at))
        ahead.block = held
        found = window.find(b"moof", 4)
        while found >= 0:
            place, wrong = _proven(ahead, movie, track, at + found - 4)
            if place is not None:
                return place
            false += wrong
            if false > _FALSE:
                raise _NoFragmentsError
            found = window.find(b"moof", found + 4)
        at += max(len(window) - 8, 8)  # a name may lie over the border
        block = min(block * 2, _MOST_PROBE)
    return None


def _proven(ahead: Ahead, movie: Movie, track: Track, at: int) -> tuple[_Place | None, int]:
    """The fragment there, if these four letters are no accident of the media: the box begins with
    an mfhd, fits the file, holds together, and another box follows. Else the bytes that were read
    to find that out (one that holds together without a picture is no false one)."""
    header = ahead.read_at(at, 16)
    size = int.from_bytes(header[:4], "big")
    if header[12:16] != b"mfhd" or not 24 < size <= min(MAX_MOOV, ahead.size - at):
        return None, 0
    moof = ahead.read_at(at, size)
    behind = ahead.read_at(at + size, 8)
    if behind[4:8] not in (b"mdat", b"moof", b"free", b"sidx", b"styp"):
        return None, size
    place = _place(ahead, movie, track, moof, at)
    false = place is None and not Fragments(movie, ahead.size).feed(moof, at)
    return place, size if false else 0
