"""A program stream (ISO 13818-1 2.5) of pictures and sound that came over RTSP.

Footage that is played has no container of its own. It is kept in the one that the same recorder
gives as a file, so that the same reader indexes it, the same spool and recovery hold it, and any
player opens what is kept raw: NAL units behind start codes, the presentation times in 90 kHz as
they came, and the wall clock where Hikvision's own streams have it: in the descriptor 0x40 of the
program stream map (docs/formats.md). Decoding times are not written, as recorders do not either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from hikcore.instants import to_datetime

#: PES payload at most: the length field's 16 bits hold it with its header.
_PES_MOST: Final = 65_000
_VIDEO: Final = {"h264": 0x1B, "h265": 0x24}
_SOUND: Final = {"alaw": 0x90, "ulaw": 0x91, "aac": 0x0F}
_MASK: Final = (1 << 33) - 1
#: Ends a program stream: what lies before it is whole.
END: Final = b"\0\0\1\xb9"


def picture(
    units: Iterable[bytes],
    pts: int,
    *,
    codec: Literal["h264", "h265"],
    program: bytes = b"",
) -> bytes:
    """One picture: a pack, the program stream map if one is given, and its NAL units.

    Args:
        units: without start codes. pts: 90 kHz ticks. program: see `program_map`.
    """
    data = b"".join(b"\0\0\0\1" + unit for unit in units)
    out = [_pack(pts), program]
    for at in range(0, len(data), _PES_MOST):
        out.append(_pes(0xE0, data[at : at + _PES_MOST], pts if at == 0 else None))
    return b"".join(out)


def sound(unit: bytes, pts: int) -> bytes:
    """One unit of sound, at most 65000 bytes of it."""
    return _pes(0xC0, unit[:_PES_MOST], pts)


def program_map(
    video: str | None, audio: str | None, rate: int, channels: int, wall: int | None
) -> bytes:
    """The program stream map (2.5.4).

    Args:
        video, audio: codecs; None where there is none.
        rate, channels: of the audio.
        wall: the device's wall clock at the picture behind it (local ns), None where not known.
    """
    info = _clock(wall) if wall is not None else b""
    streams = b""
    if video is not None:
        streams += _entry(_VIDEO[video], 0xE0, b"")
    if audio is not None:
        streams += _entry(_SOUND[audio], 0xC0, _sound_descriptor(rate, channels))
    body = b"\xe1\xff" + len(info).to_bytes(2, "big") + info
    body += len(streams).to_bytes(2, "big") + streams
    head = b"\0\0\1\xbc" + (len(body) + 4).to_bytes(2, "big") + body
    return head + _crc32(head).to_bytes(4, "big")


def adts(unit: bytes, config: bytes) -> bytes | None:
    """An AAC access unit behind an ADTS header (ISO 14496-3 1.A.2.2), which a program stream wants.

    Args:
        config: the AudioSpecificConfig; None comes of one that ADTS has no place for.
    """
    if len(config) < 2:
        return None
    bits = int.from_bytes(config[:2], "big")
    kind, index, channels = bits >> 11, bits >> 7 & 15, bits >> 3 & 15
    size = len(unit) + 7
    if not 1 <= kind <= 4 or index > 12 or not 1 <= channels <= 7 or size >= 1 << 13:
        return None
    head = 0xFFF1 << 40 | (kind - 1) << 38 | index << 34 | channels << 30 | size << 13 | 0x7FF << 2
    return head.to_bytes(7, "big") + unit


def _pack(scr: int) -> bytes:
    base = scr & _MASK
    value = (
        1 << 46 | (base >> 30) << 43 | 1 << 42 | (base >> 15 & 0x7FFF) << 27
        | 1 << 26 | (base & 0x7FFF) << 11 | 1 << 10 | 1
    )  # fmt: skip
    return b"\0\0\1\xba" + value.to_bytes(6, "big") + (20_000 << 2 | 3).to_bytes(3, "big") + b"\xf8"


def _pes(stream: int, payload: bytes, pts: int | None) -> bytes:
    stamp = b""
    if pts is not None:
        pts &= _MASK
        stamp = (
            2 << 36 | (pts >> 30) << 33 | 1 << 32 | (pts >> 15 & 0x7FFF) << 17
            | 1 << 16 | (pts & 0x7FFF) << 1 | 1
        ).to_bytes(5, "big")  # fmt: skip
    flags = bytes((0x84 if stamp else 0x80, 0x80 if stamp else 0, len(stamp)))
    size = (3 + len(stamp) + len(payload)).to_bytes(2, "big")
    return b"".join((b"\0\0\1", bytes((stream,)), size, flags, stamp, payload))


def _entry(kind: int, stream: int, more: bytes) -> bytes:
    return bytes((kind, stream)) + len(more).to_bytes(2, "big") + more


def _clock(wall: int) -> bytes:
    at = to_datetime(wall)
    bits = (
        (at.year - 2000) << 40 | at.month << 36 | at.day << 31 | at.hour << 26 | at.minute << 20
        | at.second << 14 | 1 << 13 | (at.microsecond // 1000) << 3 | 7
    )  # fmt: skip
    return b"\x40\x0eHK\0\1" + bits.to_bytes(6, "big") + b"\0\xff\xff\xff"


def _sound_descriptor(rate: int, channels: int) -> bytes:
    """0x43: frame length, stereo, rate, bit rate (the last unknown: 64000 as of G.711)."""
    return (
        b"\x43\x0a\x01\x40" + bytes((0xFE | channels > 1,))
        + (rate << 2 | 3).to_bytes(3, "big") + (64_000 << 2 | 3).to_bytes(3, "big") + b"\xff"
    )  # fmt: skip


def _crc_table() -> tuple[int, ...]:
    out = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        out.append(value)
    return tuple(out)


_CRC: Final = _crc_table()


def _crc32(data: bytes) -> int:
    """CRC-32/MPEG-2 (annex A; zlib has another one)."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _CRC[value >> 24 ^ byte]
    return value
