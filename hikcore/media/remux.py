"""A whole file as MP4: every sample that its index has, moov first, nothing re-encoded.

A program stream is read once (hikcore.native.onepass): its media is written behind room for the
tables while it is parsed, and the tables come last. What is left of the room is a `free` box. Where
that cannot be done (the room is too small, the sound is not what it seemed), and for all other
containers, the file is indexed first and its samples are read again.
"""

from __future__ import annotations

import itertools
import os
import struct
from io import FileIO
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING

from hikcore.errors import MediaUnsupported
from hikcore.media.container import BLOCK, accept, index_file
from hikcore.media.files import new_file
from hikcore.media.mp4.headers import FTYP, mdat_header
from hikcore.media.sniff import SNIFF_BYTES, sniff
from hikcore.media.table import SampleTable
from hikcore.native.onepass import WrittenPs
from hikcore.native.ps import PsCore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: So much of a body tells how many bytes of tables come on a byte of media.
_PROBE = 1 << 20
_LEAST_ROOM = 1 << 16
_RECORD = struct.Struct("<q20x")  # hikcore.media.columns.SAMPLE: its PTS


def remux_file(path: Path, out: Path) -> SampleTable:
    """Write a file as the MP4 `out`, which appears under its name when it is whole.

    Returns:
        The index of `path`.

    Raises:
        MediaUnsupported, MediaDamaged, MediaEncrypted: as `index_file`; nothing is written.
    """
    with new_file(out) as descriptor:
        with path.open("rb", buffering=0) as body:
            if sniff(body.read(SNIFF_BYTES) or b"") == "ps":
                body.seek(0)
                table = write_once(body, descriptor)
                if table is not None:
                    return table
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
        return write_twice(path, descriptor)


def write_once(body: FileIO, out: int, block_size: int = BLOCK) -> SampleTable | None:
    """A program stream: its media while it is read, then the tables.

    Args:
        body: at its begin. out: an empty file that can be sought in.
        block_size: bytes read at once.

    Returns:
        Its index, or None: this cannot be done, and what is in `out` counts nothing.
    """
    from hikcore.media.ps import PsIndexer  # noqa: PLC0415

    size = os.fstat(body.fileno()).st_size
    room = _room(os.pread(body.fileno(), _PROBE, 0), size)
    os.lseek(out, room, os.SEEK_SET)
    core = WrittenPs(out=out, base=room)
    indexer = PsIndexer(core=core)
    block = memoryview(mmap(-1, block_size))
    while (got := body.readinto(block)) and not core.odd:
        indexer.feed(block[:got])
        _check(core)
    if core.odd:
        return None
    table = _accept(indexer.finish())
    _check(core)
    head = None if core.odd else _head(table, core, room)
    if head is None:
        return None
    os.pwrite(out, head, 0)
    os.ftruncate(out, room + core.media)
    return table


def _accept(table: SampleTable) -> SampleTable:
    """The table, where it can be one MP4.

    Raises:
        MediaEncrypted: encrypted by the device.
        MediaUnsupported: the pictures change their codec, or there is nothing in it.
    """
    accept(table)
    video, audio = table.video, table.audio
    if video is not None and len({config.codec for config in video.configs}) > 1:
        raise MediaUnsupported(
            "the pictures change their codec: one MP4 cannot hold them",
            hint="put the file into an archive, whose clips come in several files",
        )
    if not len(video or ()) and not len(audio or ()):
        raise MediaUnsupported("neither pictures nor sound that an MP4 can hold")
    return table


def _check(core: WrittenPs) -> None:
    if core.error:
        raise OSError(core.error, os.strerror(core.error))


def _room(head: bytes, size: int) -> int:
    """Bytes that ftyp, moov and the header of mdat will need at most, by the begin of a body."""
    probe = PsCore()
    probe.feed(head)
    columns = probe.finish()
    times = [pts for (pts,) in _RECORD.iter_unpack(columns["video"])]
    steps = {after - before for before, after in itertools.pairwise(times)}
    # A size, and a share of chunks and sync samples; a duration where these differ, a composition
    # offset where pictures are shown in another order.
    each = 12 + (8 if len(steps) > 1 else 0) + (8 if any(step < 0 for step in steps) else 0)
    sounds = max(len(columns["audio"]), len(columns["aac"])) // _RECORD.size
    most = (each * len(times) + 20 * sounds) * size // max(len(head), 1)
    return _LEAST_ROOM + most * 5 // 4


def _head(table: SampleTable, core: WrittenPs, room: int) -> bytes | None:
    """What lies before the media; None where the media is not that of the table."""
    from hikcore.media.mp4.placed import placed_moov  # noqa: PLC0415
    from hikcore.media.mp4.write import align  # noqa: PLC0415

    offsets = _offsets(table, core, room)
    if offsets is None:
        return None
    moov = placed_moov(align(table.video, table.audio), offsets)
    header = mdat_header(core.media)
    left = room - len(FTYP) - len(moov) - len(header)
    if left < 0 or 0 < left < 8:
        return None
    free = struct.pack(">I4s", left, b"free") + bytes(left - 8) if left else b""
    return FTYP + moov + free + header


def _offsets(table: SampleTable, core: WrittenPs, base: int) -> list[NDArray[np.int64]] | None:
    """Where in the file the samples of each track begin."""
    import numpy as np  # noqa: PLC0415

    video, audio = table.video, table.audio
    if video is None or bool(core.sound_kind) != (audio is not None and len(audio) > 0):
        return None
    if audio is not None and (audio.configs[0].codec == "aac") != (core.sound_kind == 2):
        return None
    units = audio.size.astype(np.int64) if audio is not None else np.zeros(0, np.int64)
    sizes = video.size.astype(np.int64)
    if int(sizes.sum()) + int(units.sum()) != core.media:
        return None
    ends = np.concatenate(([0], np.cumsum(units)))
    borders = np.frombuffer(core.borders(), "<u4").reshape(-1, 2).astype(np.int64)
    if len(borders) and int(borders[-1, 1]) != len(units):
        return None
    before = np.searchsorted(borders[:, 0], np.arange(len(sizes)), side="right")
    heard = np.concatenate(([0], ends[borders[:, 1]]))
    out = [base + np.cumsum(sizes) - sizes + heard[before]]
    if len(units):
        seen = np.concatenate(([0], np.cumsum(sizes)))[borders[:, 0]]
        flush = np.searchsorted(borders[:, 1], np.arange(len(units)), side="right")
        out.append(base + ends[:-1] + seen[flush])
    return out


def write_twice(path: Path, out: int) -> SampleTable:
    """Any container: its index, then a second reading of its samples.

    Args:
        out: an empty file.
    """
    from hikcore.media.mp4.write import align, write_mp4  # noqa: PLC0415
    from hikcore.media.samples import FileSource, SampleReader  # noqa: PLC0415

    table = _accept(index_file(path))
    tracks = align(table.video, table.audio)
    with FileSource(path) as source, os.fdopen(out, "wb", closefd=False) as file:
        reader = SampleReader(source)
        write_mp4(file, tracks, lambda n, a, b: reader.read(tracks[n].samples, a, b))
    return table
