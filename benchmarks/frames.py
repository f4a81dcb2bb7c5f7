"""Headers of EverFocus frames, as the inputs have them."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<IIHHHIH12x")
MAGIC = 0x89639615


def everfocus_header(size: int, kind: int, ms: int) -> bytes:
    """The 32 bytes before a frame."""
    return _HEADER.pack(MAGIC, size, kind, 1920, 1080, ms // 1000, ms % 1000)
