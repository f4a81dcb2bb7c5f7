"""A moov box: its tracks, their tables and edit lists, and the defaults of fragments."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from hikcore.errors import MediaDamaged, MediaError, MediaUnsupported
from hikcore.media.mp4.boxes import Faults, children, find, need
from hikcore.media.mp4.edits import read_edits_of
from hikcore.media.mp4.stbl import SampleTables
from hikcore.media.mp4.write import Edit
from hikcore.media.table import Samples

#: Tracks of a kind that are tried: each refused one may have cost tables as large as the caps.
_TRIES = 8
#: Names of handlers as notes say them.
_NAMES = {b"vide": "video", b"soun": "audio"}


@dataclass(frozen=True, slots=True)
class Extends:
    """Defaults of the samples in fragments (trex)."""

    entry: int = 1
    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Track:
    """One trak.

    Attributes:
        identifier, handler, timescale: as they stand in it.
        samples: those that moov holds, on the media's own timeline; maybe none.
        tables: the stbl, for the configurations that fragments use.
    """

    identifier: int
    handler: bytes
    timescale: int
    edits: tuple[Edit, ...]
    samples: Samples
    tables: SampleTables


@dataclass(slots=True)
class Movie:
    """What a moov says. `video` and `audio` are the first track of each that can be read."""

    timescale: int = 1
    video: Track | None = None
    audio: Track | None = None
    extends: dict[int, Extends] = field(default_factory=dict)
    fragmented: bool = False
    notes: list[str] = field(default_factory=list)


def read_movie(
    data: bytes, begin: int, end: int, faults: Faults, file_size: int | None = None
) -> Movie:
    """The movie whose moov has the payload data[begin:end].

    Args:
        faults: strict: the first fault of the video is an error. Sound that cannot be read leaves a
            note in any case: the pictures are still good.
        file_size: bytes of the whole file, where known.

    Raises:
        MediaDamaged: no track of video, or a broken one.
        MediaUnsupported, MediaEncrypted: pictures that we do not read.
    """
    movie = Movie()
    _read_header(movie, data, begin, end, faults)
    refused: MediaError | None = None
    tries = dict.fromkeys(_NAMES.values(), _TRIES)
    for kind, payload, stop in _boxes(data, begin, end, faults):
        if kind == b"cmov":
            raise MediaUnsupported("a compressed moov (cmov)", offset=faults.base + payload - 8)
        if kind == b"mvex":
            movie.fragmented = True
            _read_extends(movie, data, payload, stop)
        if kind != b"trak":
            continue
        try:
            handler = _handler(data, payload, stop)
        except MediaDamaged as error:
            if faults.strict:
                raise
            refused = refused or _placed(error, faults.base)
            movie.notes.append(f"track left out: {error.message}")
            continue
        name = _NAMES.get(handler)
        if name is None or getattr(movie, name) is not None or not tries[name]:
            movie.notes.append(f"track {handler.decode('latin-1')} left out")
            continue
        tries[name] -= 1
        own = Faults(faults.base, strict=faults.strict)
        try:
            track = _track(data, payload, stop, handler, own, file_size)
        except MediaError as error:
            if name == "video":
                if faults.strict:
                    raise
                refused = refused or _placed(error, faults.base)
            movie.notes.append(f"{name} left out: {error.message}")
            continue
        for damage in own.found:
            faults.add(damage.offset - faults.base, damage.reason)
        setattr(movie, name, track)
    if movie.video is None and refused is not None:
        raise refused
    return movie


def _boxes(data: bytes, begin: int, end: int, faults: Faults) -> list[tuple[bytes, int, int]]:
    """The children of moov up to the first that is broken."""
    out: list[tuple[bytes, int, int]] = []
    walk = children(data, begin, end)
    while True:
        try:
            out.append(next(walk))
        except StopIteration:
            return out
        except MediaDamaged as error:
            at = begin if error.offset is None else error.offset
            faults.add(at, "a box in moov is broken: the rest of moov is not read")
            return out


def _placed(error: MediaError, base: int) -> MediaError:
    """The same error with its offset in the file."""
    if error.offset is None or not base:
        return error
    text = error.message.removesuffix(f" at byte {error.offset}")
    kind: type[MediaError] = type(error)
    return kind(text, where=error.where, hint=error.hint, offset=error.offset + base)


def _read_header(movie: Movie, data: bytes, begin: int, end: int, faults: Faults) -> None:
    at = begin
    for kind, payload, stop in _boxes(data, begin, end, Faults()):
        if kind == b"mvhd":
            movie.timescale = timescale_at(data, payload, stop)
            at = payload
            break
    else:
        faults.add(at, "no mvhd box")
    if not movie.timescale:
        faults.add(at, "a timescale of 0 in mvhd")
        movie.timescale = 1


def _read_extends(movie: Movie, data: bytes, begin: int, end: int) -> None:
    for kind, payload, stop in children(data, begin, end):
        if kind == b"trex" and stop - payload >= 24:
            track, *values = struct.unpack_from(">5I", data, payload + 4)
            movie.extends.setdefault(track, Extends(*values))


def _track(
    data: bytes, begin: int, end: int, handler: bytes, faults: Faults, file_size: int | None
) -> Track:
    where = need(data, begin, end, b"mdia", b"mdhd")
    timescale = timescale_at(data, *where)
    if not timescale:
        raise MediaDamaged("a timescale of 0 in mdhd", offset=where[0])
    _check_references(data, begin, end)
    tables = SampleTables(
        data, *need(data, begin, end, b"mdia", b"minf", b"stbl"), faults, file_size
    )
    samples = tables.samples(timescale)
    edits = read_edits_of(data, begin, end, faults)
    return Track(_identifier(data, begin, end), handler, timescale, edits, samples, tables)


def _check_references(data: bytes, begin: int, end: int) -> None:
    """Refuse media that lie in another file (14496-12 8.7.2)."""
    where = find(data, begin, end, b"mdia", b"minf", b"dinf", b"dref")
    if where is None:
        return
    for kind, payload, stop in children(data, where[0] + 8, where[1]):
        if (
            kind in (b"url ", b"urn ", b"alis")
            and stop - payload >= 4
            and not data[payload + 3] & 1
        ):
            raise MediaUnsupported(
                "its media lie in another file (dref)",
                hint="export it as one file",
                offset=payload - 8,
            )


def _identifier(data: bytes, begin: int, end: int) -> int:
    at, stop = need(data, begin, end, b"tkhd")
    at += 20 if data[at : at + 1] == b"\x01" else 12
    if at + 4 > stop:
        raise MediaDamaged("a header box is cut off", offset=at)
    return int.from_bytes(data[at : at + 4], "big")


def _handler(data: bytes, begin: int, end: int) -> bytes:
    payload, stop = need(data, begin, end, b"mdia", b"hdlr")
    return bytes(data[payload + 8 : min(payload + 12, stop)])


def timescale_at(data: bytes, begin: int, end: int) -> int:
    """The timescale in the payload of mvhd or mdhd; 0 is no timescale.

    Raises:
        MediaDamaged: the box is cut off.
    """
    at = begin + (20 if data[begin : begin + 1] == b"\x01" else 12)
    if at + 4 > end:
        raise MediaDamaged("a header box is cut off", offset=begin)
    return int.from_bytes(data[at : at + 4], "big")


__all__ = ["Extends", "Movie", "Track", "read_movie", "timescale_at"]
