"""When the footage of the inputs begins, and its headers as EverFocus frames."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<IIHHHIH12x")
MAGIC = 0x89639615
#: 2026-11-20T10:00:00Z, ms.
BEGIN_MS = 1_795_168_800_000


def everfocus_header(size: int, kind: int, ms: int) -> bytes:
    """The 32 bytes before a frame."""
    return _HEADER.pack(MAGIC, size, kind, 1920, 1080, ms // 1000, ms % 1000)
