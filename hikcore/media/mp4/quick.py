"""Clips of plain MP4 files: the tables by the native core, the media copied within the kernel.

Byte for byte what `hikcore.media.clip.write_clip` makes of the same span, in a tenth of the time:
no table of the whole file, no numpy to load, no picture read into this process. What is not plain
is None here and left to it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hikcore.media.mp4 import headers
from hikcore.media.mp4.boxes import box, full_box
from hikcore.media.mp4.entries import sample_entry
from hikcore.media.mp4.headers import TIMESCALE, Edit, Writable
from hikcore.media.mp4.plain import KeyCheck, Plain
from hikcore.media.table import ByteSource, CodecConfig
from hikcore.native.cutting import Clip

#: Before and after any time that a file has.
ALWAYS = 1 << 50
_BLOCK = 512 * 1024
_ROUNDED = f"times of pictures rounded to 1/{TIMESCALE} s: off by half a tick at most"


class Sendable(Protocol):
    """A source that copies by itself (see hikcore.media.files.FileSource)."""

    def send(self, offset: int, size: int, out: int) -> None:
        """Bytes to the place where a descriptor stands."""
        ...


class QuickClip(NamedTuple):
    """A clip before it is written. Times are ticks of 90 kHz from the first picture shown.

    Attributes:
        head: ftyp, moov and the header of mdat.
        extents: (number of the source, offset, bytes) of the media in order.
        size: bytes of the file.
        begin: the (last) source's media time at the first picture shown of it.
        end: when the last picture ends. last: when it begins.
        lead_in: ticks of hidden video before the first.
        frames, hidden: pictures shown, and in the file without being shown.
        notes: what a reader of the result should know.
    """

    head: bytes
    extents: list[tuple[int, int, int]]
    size: int
    begin: int
    end: int
    last: int
    lead_in: int
    frames: int
    hidden: int
    notes: tuple[str, ...]

    def send(self, sources: Sequence[Sendable], out: int) -> None:
        """Write it to where the descriptor `out` stands.

        Raises:
            MediaDamaged: a source ends early.
        """
        view = memoryview(self.head)
        while view:
            view = view[os.write(out, view) :]
        for number, offset, size in self.extents:
            sources[number].send(offset, size, out)

    def write(self, sources: Sequence[ByteSource], out: Writable) -> None:
        """The same to anything that takes bytes.

        Raises:
            MediaDamaged: a source ends early.
        """
        out.write(self.head)
        for number, offset, size in self.extents:
            for at in range(offset, offset + size, _BLOCK):
                out.write(sources[number].read_at(at, min(_BLOCK, offset + size - at)))


def cut_samples(plain: Plain, at: int, until: int) -> Clip | None:
    """The samples that show [at, until) of a file's media time, from the picture that covers `at`;
    None where the general reader is needed. Where their bytes lie is `Clip.extents`."""
    clip = Clip()
    return None if clip.add(plain.track, at, until, 0, 0) else clip


def join_samples(plains: Sequence[Plain]) -> Clip | None:
    """Those of whole files, one behind the other; None where the general writer is needed."""
    clip = Clip()
    for number, plain in enumerate(plains):
        place = clip.end if number else 0
        if plain.config != plains[0].config or clip.add(plain.track, -ALWAYS, ALWAYS, place, 0):
            return None
        if clip.skipped or plain.zero > clip.shown:
            return None
    return clip


def finish(clip: Clip, sources: Sequence[ByteSource], plains: Sequence[Plain]) -> QuickClip | None:
    """The clip of these samples, whose sync samples are held against their bytes; None where one is
    none, or has parameter sets of its own.

    Raises:
        MediaDamaged: a source ends early.
    """
    checks = [KeyCheck(plain.config) for plain in plains]
    for number, offset, size in clip.sync_samples():
        if not checks[number].holds(sources[number], offset, size):
            return None
    if clip.close():
        return None
    end = clip.end
    frames, _, last, least = clip.counts(0, end)
    head = _head(clip, plains[0].config, end)
    return QuickClip(
        head=head,
        extents=clip.extents(),
        size=len(head) + clip.media,
        begin=clip.shown,
        end=end,
        last=last,
        lead_in=-least,
        frames=frames,
        hidden=len(clip) - frames,
        notes=(_ROUNDED,) if clip.rounded else (),
    )


def _head(clip: Clip, config: CodecConfig, end: int) -> bytes:
    """ftyp, moov and the header of mdat."""
    edits = (Edit(end, clip.media_time),)
    times = headers.Times(presented=end, media=clip.duration, timescale=TIMESCALE)
    mdat = headers.mdat_header(clip.media)

    def moov(base: int) -> bytes:
        stbl = box(b"stbl", *_tables(clip, config, base))
        trak = headers.trak_box(0, config, times, edits, stbl)
        return box(b"moov", headers.mvhd_box(end, 1, TIMESCALE), trak)

    # co64 is as long with any offsets, so the first pass says where the media begins.
    base = len(headers.FTYP) + len(moov(0)) + len(mdat)
    return headers.FTYP + moov(base) + mdat


def _tables(clip: Clip, config: CodecConfig, base: int) -> list[bytes]:
    """The boxes of stbl, in the order of hikcore.media.mp4.write."""
    out = [
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), sample_entry(config)),
        _rows(b"stts", 8, clip.durations()),
    ]
    compositions = clip.compositions()
    if compositions is not None:
        rows, negative = compositions
        out.append(_rows(b"ctts", 8, rows, version=int(negative)))
    syncs = clip.syncs()
    if syncs is not None:
        out.append(_rows(b"stss", 4, syncs))
    size, rows = clip.sizes()
    out.append(full_box(b"stsz", 0, 0, struct.pack(">II", size, len(clip)), rows))
    chunks, offsets = clip.chunks(base)
    return [*out, _rows(b"stsc", 12, chunks), _rows(b"co64", 8, offsets)]


def _rows(kind: bytes, width: int, rows: bytes, version: int = 0) -> bytes:
    return full_box(kind, version, 0, struct.pack(">I", len(rows) // width), rows)
