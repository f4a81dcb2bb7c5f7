"""Frames as the recorder sends them (3.1): a header of 32 bytes, then the frame.

The guide writes the header as a C struct whose fields sum up to the 32 bytes that it states, so it
is packed: `sec` stands at 14.
"""

from __future__ import annotations

import struct
from typing import Final

from hikcore.deviceclock import ZoneRule
from hikcore.sim.camera import CameraProfile
from hikcore.sim.everfocus.behaviour import Socketing
from hikcore.sim.playing import Piece
from hikcore.sim.rtp import is_parameter_set, nal_type

MAGIC: Final = 0x89639615
#: FRAME_TYPE_H264I, H264P, H265I, H265P, G711.
H264I, H264P, H265I, H265P, G711 = 6, 7, 8, 9, 0x10
#: In no list of the guide's.
UNKNOWN: Final = 0x22
_FIELDS: Final = "IIHHHIH12s"


def header(
    kind: int, size: int, width: int, height: int, ms: int, *, order: str = "little"
) -> bytes:
    """The 32 bytes before a frame.

    Args:
        size: `datalen`.
        ms: instant, since 1970 UTC.
        order: `little` or `big`.
    """
    packed = struct.Struct(("<" if order == "little" else ">") + _FIELDS)
    return packed.pack(MAGIC, size, kind, width, height, ms // 1000, ms % 1000, bytes(12))


class Framer:
    """Writes the pictures and sound of one stream as frames.

    Args:
        camera: whose. sockets: how.
        zone: of the recorder's wall clock.
    """

    def __init__(self, camera: CameraProfile, sockets: Socketing, zone: ZoneRule) -> None:
        self._camera = camera
        self._zone = zone
        self._how = sockets
        self._keys = 0
        self._count = 0

    def frames(self, piece: Piece) -> list[bytes]:
        """The frame of a picture or of a unit of sound, and what comes with it by the profile."""
        how, self._count = self._how, self._count + 1
        out = [self._frame(*self._coded(piece), piece.ms)]
        if how.unknown_every and self._count % how.unknown_every == 0:
            out.append(self._frame(UNKNOWN, b"\x01\x02\x03\x04" * 5, piece.ms))
        if how.garbage_every and self._count % how.garbage_every == 0:
            # With the first byte of a magic number in it, and no whole one.
            out.append(b"\x15\x96\x63garbage between frames\x15")
        return out

    def _coded(self, piece: Piece) -> tuple[int, bytes]:
        if piece.units is None:
            return G711, piece.sound
        codec, units = self._camera.codec, piece.units
        key = is_key(codec, units)
        self._keys += key
        if self._how.sets == "first" and self._keys > 1:
            units = [unit for unit in units if not is_parameter_set(codec, unit)]
        if self._how.payload == "annexb":
            data = b"".join(b"\x00\x00\x00\x01" + unit for unit in units)
        else:
            data = b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)
        first = H264I if codec == "h264" else H265I
        return first if key else first + 1, data

    def _frame(self, kind: int, data: bytes, ms: int) -> bytes:
        video = kind in (H264I, H264P, H265I, H265P)
        size = len(data) + (32 if self._how.datalen == "whole" else 0)
        width = self._camera.width if video else 0
        height = self._camera.height if video else 0
        if self._how.times == "local":
            ms = self._zone.utc_to_local(ms * 1_000_000) // 1_000_000
        return header(kind, size, width, height, ms, order=self._how.order) + data


def is_key(codec: str, units: list[bytes]) -> bool:
    """Whether a picture is an IDR (H.264 type 5, H.265 types 19 and 20)."""
    kinds = {nal_type(codec, unit) for unit in units}
    return 5 in kinds if codec == "h264" else bool(kinds & {19, 20})
