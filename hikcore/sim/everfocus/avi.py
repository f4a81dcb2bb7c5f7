"""AVI as the recorder gives it (9.12): one video stream, one of G.711, an idx1 at the end.

Written by hand, as no library writes H.265 into it, or leaves an index out. There are no times in
it but the order of pictures and a rate.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Final

from hikcore.sim.camera import CameraProfile
from hikcore.sim.everfocus.behaviour import Backup
from hikcore.sim.everfocus.frames import is_key
from hikcore.sim.playing import Piece

_LAWS: Final = {"alaw": 6, "ulaw": 7}
#: Said of every file, also of one that was cut off before its index.
_HAS_INDEX: Final = 0x10
_INTERLEAVED: Final = 0x100
_KEY: Final = 0x10


def avi_file(camera: CameraProfile, pieces: Iterable[Piece], how: Backup) -> IO[bytes] | None:
    """An open file, at its begin, that is gone when it is closed; None: there is no picture.

    Args:
        pieces: holes between them leave no trace.
    """
    found = iter(pieces)
    early: list[Piece] = []
    for piece in found:
        early.append(piece)
        if piece.units is not None:
            break
    else:
        return None
    out = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    head = _head(camera, how, 0, 0, b"\0\0\0\0")
    out.write(head)
    rows, pictures, samples = _movi(out, camera, chain(early, found))
    size = out.tell()
    movi = size - len(head) + 4
    if how.kind not in ("no_index", "no_sizes"):
        out.write(_chunk(b"idx1", b"".join(rows)))
    end = out.tell()
    if how.kind == "no_sizes":
        sizes = b"\0\0\0\0", 0
    else:
        sizes = struct.pack("<I", end - 8), movi
    out.seek(0)
    out.write(_head(camera, how, pictures, samples, *sizes))
    if how.kind == "cut":
        end = int(end * how.cut)
    out.truncate(min(end, how.most_bytes) if how.most_bytes else end)
    out.seek(0)
    return out


def _movi(
    out: IO[bytes], camera: CameraProfile, pieces: Iterator[Piece]
) -> tuple[list[bytes], int, int]:
    """Write the chunks; rows of the index, how many pictures and how many samples there are."""
    rows: list[bytes] = []
    pictures = samples = 0
    at = 4
    for piece in pieces:
        if piece.units is None:
            name, data, key = b"01wb", piece.sound, True
            samples += len(data)
        else:
            name, data = b"00dc", b"".join(b"\0\0\0\1" + unit for unit in piece.units)
            key = is_key(camera.codec, piece.units)
            pictures += 1
        rows.append(struct.pack("<4sIII", name, _KEY if key else 0, at, len(data)))
        at += out.write(_chunk(name, data))
    return rows, pictures, samples


def _head(
    camera: CameraProfile,
    how: Backup,
    pictures: int,
    samples: int,
    riff: bytes,
    movi: int = 0,
) -> bytes:
    """Everything before the first chunk of `movi`; always as long."""
    fourcc = b"H264" if camera.codec == "h264" else how.fourcc.encode()
    width, height = camera.width, camera.height
    streams = 1 if camera.audio is None else 2
    avih = struct.pack(
        "<14I", camera.frame_ms * 1000, 0, 0, _HAS_INDEX | _INTERLEAVED,
        pictures, 0, streams, 1 << 20, width, height, 0, 0, 0, 0,
    )  # fmt: skip
    strh = struct.pack(
        "<4s4sIHHIIIIIIII4H", b"vids", fourcc, 0, 0, 0, 0, camera.frame_ms, 1000, 0, pictures,
        1 << 20, 0xFFFFFFFF, 0, 0, 0, width, height,
    )  # fmt: skip
    strf = struct.pack(
        "<IiiHH4sIiiII", 40, width, height, 1, 24, fourcc, width * height * 3, 0, 0, 0, 0
    )
    lists = [_list(b"strl", _chunk(b"strh", strh) + _chunk(b"strf", strf))]
    if camera.audio is not None:
        strh = struct.pack(
            "<4sIIHHIIIIIIII4H", b"auds", 0, 0, 0, 0, 0, 1, 8000, 0, samples, 8000, 0xFFFFFFFF, 1,
            0, 0, 0, 0,
        )  # fmt: skip
        strf = struct.pack("<HHIIHHH", _LAWS[camera.audio], 1, 8000, 8000, 1, 8, 0)
        lists.append(_list(b"strl", _chunk(b"strh", strh) + _chunk(b"strf", strf)))
    hdrl = _list(b"hdrl", _chunk(b"avih", avih) + b"".join(lists))
    return b"RIFF" + riff + b"AVI " + hdrl + b"LIST" + struct.pack("<I", movi) + b"movi"


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def _list(name: bytes, data: bytes) -> bytes:
    return _chunk(b"LIST", name + data)
