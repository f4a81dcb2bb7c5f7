"""A whole file as MP4: every sample that its index has, moov first, nothing re-encoded.

A program stream is read once (hikcore.native.onepass): its media is written behind room for the
tables while it is parsed, and the tables come last. What is left of the room is a `free` box. Where
that cannot be done (the room is too small, the sound is not what it seemed), and for all other
containers, the file is indexed first and its samples are read again.

Of pictures alone that need no repair the tables are made without numpy, which takes longer to load
than a tenth of a gigabyte takes to write.
"""

from __future__ import annotations

import os
import struct
from io import FileIO
from itertools import pairwise
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hikcore.errors import MediaUnsupported
from hikcore.media.container import BLOCK
from hikcore.media.files import new_file
from hikcore.media.mp4.headers import FTYP, TIMESCALE, Edit, mdat_header
from hikcore.media.ps_scan import PsScan, left_out, plain_pictures, said
from hikcore.media.sniff import SNIFF_BYTES, sniff
from hikcore.native.onepass import WrittenPs
from hikcore.native.pictures import Pictures
from hikcore.native.ps import PsCore

if TYPE_CHECKING:
    from hikcore.media.formats import CodecConfig
    from hikcore.media.table import SampleTable
    from hikcore.native.ps import Columns

#: So much of a body tells how many bytes of tables come on a byte of media.
_PROBE = 1 << 20
_LEAST_ROOM = 1 << 16
_RECORD = struct.Struct("<q20x")  # hikcore.media.columns.SAMPLE: its PTS


class Remuxed(NamedTuple):
    """What was written: samples of each track, bytes of the file, ticks of 90 kHz from the first
    picture shown to the end of the last, what was left out."""

    pictures: int
    units: int
    size: int
    lasts: int
    notes: tuple[str, ...]


def remux_file(path: Path, out: Path) -> Remuxed:
    """Write a file as the MP4 `out`, which appears under its name when it is whole.

    Raises:
        MediaUnsupported, MediaDamaged, MediaEncrypted: as `index_file`; nothing is written.
    """
    with new_file(out) as descriptor:
        return write_stream(path, descriptor) or write_twice(path, descriptor)


def write_stream(path: Path, out: int, *, clip: bool = False) -> Remuxed | None:
    """As `write_once`, of a file that may be no program stream; where None, `out` is empty."""
    with path.open("rb", buffering=0) as body:
        if sniff(body.read(SNIFF_BYTES) or b"") != "ps":
            return None
        body.seek(0)
        done = write_once(body, out, clip=clip)
    if done is None:
        os.ftruncate(out, 0)
        os.lseek(out, 0, os.SEEK_SET)
    return done


def write_once(
    body: FileIO, out: int, block_size: int = BLOCK, *, clip: bool = False
) -> Remuxed | None:
    """A program stream: its media while it is read, then the tables.

    Args:
        body: at its begin. out: an empty file that can be sought in.
        block_size: bytes read at once.
        clip: only pictures that need no repair, the first of them a key picture; with an edit list
            as a clip has it.

    Returns:
        None: this cannot be done, and what is in `out` counts nothing.
    """
    size = os.fstat(body.fileno()).st_size
    head = os.pread(body.fileno(), _PROBE, 0)
    probe = PsCore()
    probe.feed(head)
    seen = probe.finish()
    if clip and seen["audio"]:
        return None
    room = _room(seen, len(head), size)
    os.lseek(out, room, os.SEEK_SET)
    core = WrittenPs(out=out, base=room)
    scan = PsScan(core=core)
    # Whole pages: see hikcore.media.container.
    block = memoryview(mmap(-1, block_size))
    while (got := body.readinto(block)) and not core.odd:
        scan.feed(block[:got])
        _check(core)
        if clip and core.audio_stream >= 0:
            return None
    if core.odd:
        return None
    columns = scan.end()
    _check(core)
    if core.odd:
        return None
    plain = plain_pictures(core, columns)
    done: tuple[bytes, Remuxed] | None = None
    if plain is not None and plain[0].media == core.media and (plain[0].key or not clip):
        done = _plain(plain[0], plain[1], core, room, clip=clip)
    elif not clip:
        done = _general(scan, columns, core, room)
    if done is None:
        return None
    moov, remuxed = done
    header = mdat_header(core.media)
    left = room - len(FTYP) - len(moov) - len(header)
    if left < 0 or 0 < left < 8:
        return None
    free = struct.pack(">I4s", left, b"free") + bytes(left - 8) if left else b""
    os.pwrite(out, FTYP + moov + free + header, 0)
    os.ftruncate(out, remuxed.size)
    return remuxed


def _check(core: WrittenPs) -> None:
    if core.error:
        raise OSError(core.error, os.strerror(core.error))


def _room(seen: Columns, read: int, size: int) -> int:
    """Bytes that ftyp, moov and the header of mdat will need at most, by the begin of a body: the
    records of so many bytes of it."""
    times = [pts for (pts,) in _RECORD.iter_unpack(seen["video"])]
    steps = {after - before for before, after in pairwise(times)}
    # A size, and a share of chunks and sync samples; a duration where these differ, a composition
    # offset where pictures are shown in another order.
    each = 12 + (8 if len(steps) > 1 else 0) + (8 if any(step < 0 for step in steps) else 0)
    sounds = max(len(seen["audio"]), len(seen["aac"])) // _RECORD.size
    most = (each * len(times) + 20 * sounds) * size // max(read, 1)
    return _LEAST_ROOM + most * 5 // 4


def _plain(
    pictures: Pictures, config: CodecConfig, core: WrittenPs, room: int, *, clip: bool
) -> tuple[bytes, Remuxed]:
    """The moov of pictures alone, byte for byte as `hikcore.media.mp4.write` has it."""
    from hikcore.media.mp4.clip_head import ClipTrack, moov_box  # noqa: PLC0415
    from hikcore.native.rows import Layout  # noqa: PLC0415

    lasts, media_time = pictures.end - pictures.begin, pictures.begin - pictures.first
    edits = (Edit(lasts, media_time),) if media_time or clip else ()
    track = ClipTrack(pictures, config, TIMESCALE, edits)
    moov = moov_box([track], Layout(pictures), room)
    notes = (*left_out(core), *said(core))
    return moov, Remuxed(len(pictures), 0, room + core.media, lasts, notes)


def _general(
    scan: PsScan, columns: Columns, core: WrittenPs, room: int
) -> tuple[bytes, Remuxed] | None:
    """The moov of any body's tracks; None where the media is not theirs."""
    from hikcore.media.container import accept  # noqa: PLC0415
    from hikcore.media.mp4.placed import offsets, placed_moov  # noqa: PLC0415
    from hikcore.media.mp4.write import align  # noqa: PLC0415
    from hikcore.media.ps import make_table  # noqa: PLC0415

    table = accept(make_table(core, columns, scan.size))
    _one_movie(table)
    found = offsets(table, core, room)
    if found is None:
        return None
    moov = placed_moov(align(table.video, table.audio), found)
    return moov, _told(table, room + core.media)


def write_twice(path: Path, out: int) -> Remuxed:
    """Any container: its index, then a second reading of its samples.

    Args:
        out: an empty file.
    """
    from hikcore.media.container import index_file  # noqa: PLC0415
    from hikcore.media.mp4.write import align, write_mp4  # noqa: PLC0415
    from hikcore.media.samples import FileSource, SampleReader  # noqa: PLC0415

    table = index_file(path)
    _one_movie(table)
    tracks = align(table.video, table.audio)
    with FileSource(path) as source, os.fdopen(out, "wb", closefd=False) as file:
        reader = SampleReader(source)
        plan = write_mp4(file, tracks, lambda n, a, b: reader.read(tracks[n].samples, a, b))
    return _told(table, plan.size)


def _one_movie(table: SampleTable) -> None:
    """Nothing, where the table can be one MP4.

    Raises:
        MediaUnsupported: the pictures change their codec, or there is nothing in it.
    """
    video, audio = table.video, table.audio
    if video is not None and len({config.codec for config in video.configs}) > 1:
        raise MediaUnsupported(
            "the pictures change their codec: one MP4 cannot hold them",
            hint="put the file into an archive, whose clips come in several files",
        )
    if not len(video or ()) and not len(audio or ()):
        raise MediaUnsupported("neither pictures nor sound that an MP4 can hold")


def _told(table: SampleTable, size: int) -> Remuxed:
    video, audio = table.video, table.audio
    lasts = 0
    if video is not None and len(video):
        lasts = int(video.pts.max()) + video.last_duration - int(video.pts.min())
    units = len(audio) if audio is not None else 0
    return Remuxed(len(video or ()), units, size, lasts, table.notes)
