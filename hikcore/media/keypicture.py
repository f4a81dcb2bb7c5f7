"""Whether decoding can begin with a live picture: told by its NAL units, whatever a header says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

#: So far into a picture its first slice is looked for: parameter sets and SEI lie before it.
_PEEK: Final = 1 << 16
_KEYS: Final = {"h264": frozenset((5,)), "h265": frozenset(range(16, 22))}
_OTHERS: Final = {"h264": frozenset((1, 2)), "h265": frozenset(range(10))}
_SPS: Final = {"h264": 7, "h265": 33}


def decodes_from(payload: bytes | memoryview, *, h265: bool) -> bool:
    """Whether a picture is an IDR or IRAP, or parameter sets ahead of one.

    Args:
        payload: the NAL units of a picture behind start codes, or behind lengths of four bytes.
        h265: what its header says; the parameter sets are believed where they say another codec.
    """
    codec = "h265" if h265 else "h264"
    sets = False
    for byte in _first_bytes(bytes(payload[:_PEEK])):
        # VPS and SPS of H.265; SPS of H.264, whose byte would be no NAL unit of the other.
        if byte in (0x40, 0x42):
            codec = "h265"
        elif byte in (0x27, 0x47, 0x67):
            codec = "h264"
        kind = byte >> 1 & 63 if codec == "h265" else byte & 31
        if kind in _KEYS[codec]:
            return True
        if kind in _OTHERS[codec]:
            return False
        sets = sets or kind == _SPS[codec]
    return sets


def _first_bytes(data: bytes) -> Iterator[int]:
    """The first byte of each NAL unit."""
    if data[:3] != b"\0\0\1" and data[:4] != b"\0\0\0\1":
        at = 0
        while at + 4 < len(data):
            yield data[at + 4]
            at += 4 + int.from_bytes(data[at : at + 4], "big")
        return
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 3:
        yield data[at + 3]
        at = data.find(b"\0\0\1", at + 3)
