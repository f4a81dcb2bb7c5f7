"""The parts of MPEG-PS as Hikvision recorders write them (ISO 13818-1 2.5.3, vendor's descriptors).

Every function gives the bytes of one structure. Layouts are those of real streams: the IMKH header
of 40 bytes, packs of 20 bytes with the frame number in the stuffing, a program stream map whose
private descriptors carry the wall clock, PES packets padded to four bytes whose last stuffing byte
is a flag.
"""

from __future__ import annotations

import struct
from typing import Literal

from hikcore.instants import NS, to_datetime

Law = Literal["alaw", "ulaw"]
MAP_CLOCK, MAP_DEVICE, MAP_VIDEO, MAP_AUDIO, MAP_CLIP = 0x40, 0x41, 0x42, 0x43, 0x44
PTS_MASK = (1 << 33) - 1


def file_header(codec: str, law: Law | None) -> bytes:
    """The 40 bytes `IMKH` before the first pack (little-endian)."""
    video = 0x0100 if codec == "h264" else 5
    audio = {None: 0, "alaw": 0x7111, "ulaw": 0x7110}[law]
    sound = (1, 16, 8000, 64000) if law else (0, 0, 0, 0)
    # Real files have the bytes `01 02` where the vendor's structure says 0x0102 little-endian.
    head = b"IMKH\x01\x02" + struct.pack("<HHHHBBII", 0, 2, video, audio, *sound)
    return head.ljust(40, b"\0")


def pack_header(scr: int, number: int) -> bytes:
    """A pack of 14 bytes and six of stuffing: FF FF and the video frame number.

    Args:
        scr: 90 kHz, the base alone (recorders leave the extension 0).
        number: of the video frame, 32 bits.
    """
    base = scr & PTS_MASK
    value = (
        1 << 46 | (base >> 30) << 43 | 1 << 42 | (base >> 15 & 0x7FFF) << 27
        | 1 << 26 | (base & 0x7FFF) << 11 | 1 << 10 | 1
    )  # fmt: skip
    rate = (20_000 << 2 | 3).to_bytes(3, "big")
    return (
        b"\0\0\1\xba" + value.to_bytes(6, "big") + rate + b"\xfe\xff\xff"
        + (number & 0xFFFFFFFF).to_bytes(4, "big")
    )  # fmt: skip


def system_header() -> bytes:
    """Lists E0, C0, BD and BF, also where the map has no audio (as real streams do)."""
    streams = b"".join(
        bytes((stream, 0xC0 | scale << 5, bound))
        for stream, scale, bound in ((0xE0, 1, 0xFF), (0xC0, 0, 0x20), (0xBD, 1, 8), (0xBF, 1, 8))
    )
    return (
        b"\0\0\1\xbb\0\x12"
        + (1 << 23 | 20_000 << 1 | 1).to_bytes(3, "big")
        + (b"\x04\xe1\x7f" + streams)
    )


def clock_descriptor(wall: int, milliseconds: bool, encrypt: int = 7) -> bytes:
    """Descriptor 0x40: the device's own wall clock.

    Args:
        wall: its reading, local ns.
        milliseconds: False leaves them 0, as some firmware does.
        encrypt: 7 or 0: clear; 1 or 2: AES.
    """
    at = to_datetime(wall)
    ms = wall % NS // 1_000_000 if milliseconds else 0
    bits = (
        (at.year - 2000) << 40 | at.month << 36 | at.day << 31 | at.hour << 26 | at.minute << 20
        | at.second << 14 | 1 << 13 | ms << 3 | encrypt
    )  # fmt: skip
    return bytes((MAP_CLOCK, 14)) + b"HK\0\1" + bits.to_bytes(6, "big") + b"\0\xff\xff\xff"


def device_descriptor() -> bytes:
    """Descriptor 0x41 with the device id that recorders leave unset."""
    return bytes((MAP_DEVICE, 18)) + b"HK" + bytes(range(16))


def video_descriptor(width: int, height: int, interval: int, b_frames: int) -> bytes:
    """Descriptor 0x42: coded size (a multiple of 16) and the nominal interval in 1/90000 s."""
    coded = struct.pack(">HH", -(-width // 16) * 16, -(-height // 16) * 16)
    flags = bytes((b_frames << 5 | 1 << 4 | 1, 0x1F, 0xFF))
    timing = (interval << 1 | 1).to_bytes(3, "big")
    # Encoder version, then its date: 2016-01-01.
    return bytes((MAP_VIDEO, 14)) + b"\0\1\x20\x21" + coded + flags + timing


def clip_descriptor(width: int, height: int) -> bytes:
    """Descriptor 0x44: the window to show."""
    return bytes((MAP_CLIP, 10)) + struct.pack(">HHHHH", 0, 0x8000, width, height, 0xFFFF)


def audio_descriptor(rate: int = 8000, bitrate: int = 64_000) -> bytes:
    """Descriptor 0x43."""
    return (
        bytes((MAP_AUDIO, 10)) + b"\x01\x40\xfe" + (rate << 2 | 3).to_bytes(3, "big")
        + (bitrate << 2 | 3).to_bytes(3, "big") + b"\xff"
    )  # fmt: skip


def program_map(
    version: int,
    info: bytes,
    video: tuple[int, bytes],
    audio: tuple[int, bytes] | None,
    crc: Literal["swapped", "zero"] = "swapped",
) -> bytes:
    """The program stream map.

    Args:
        version: a counter that real streams raise with each key frame, as if the map changed.
        info: descriptors of the program.
        video, audio: stream type and descriptors.
        crc: stored byte-swapped, or left 0; never as the standard says.
    """
    entries = [(video[0], 0xE0, video[1])]
    if audio:
        entries.append((audio[0], 0xC0, audio[1]))
    entries += [(0xBD, 0xBD, b""), (0xBF, 0xBF, b"")]
    streams = b"".join(
        bytes((kind, stream)) + len(more).to_bytes(2, "big") + more
        for kind, stream, more in entries
    )
    body = (
        bytes((0xE0 | version & 0x1F, 0xFF)) + len(info).to_bytes(2, "big") + info
        + len(streams).to_bytes(2, "big") + streams
    )  # fmt: skip
    head = b"\0\0\1\xbc" + (len(body) + 4).to_bytes(2, "big") + body
    check = _crc32(head).to_bytes(4, "little") if crc == "swapped" else bytes(4)
    return head + check


def pes(
    stream: int,
    payload: bytes | memoryview,
    *,
    pts: int | None = None,
    first: bool = True,
    last: bool = True,
    frame_end: bool = False,
    flags: bool = True,
) -> bytes:
    """One PES packet, padded to four bytes by at least two stuffing bytes in its header.

    Args:
        pts: 33 bits, None where the packet has none.
        first, last: whether a NAL unit begins, ends here.
        frame_end: whether the picture's last NAL unit ends here.
        flags: False leaves the last stuffing byte FF, as muxers without the option do.
    """
    bare = 9 + (5 if pts is not None else 0) + len(payload)
    stuffing = 2 + (-bare - 2) % 4
    mark = 0xFF
    if flags:
        # Active low: bit 1 a unit starts, bit 0 a unit ends, bit 2 the picture ends.
        mark = 0xFF & ~(first << 1 | last | (frame_end and last) << 2)
    header = (
        b"\0\0\1" + bytes((stream,)) + (bare + stuffing - 6).to_bytes(2, "big")
        + bytes((0x8C if first else 0x88, 0x80 if pts is not None else 0))
        + bytes((stuffing + (5 if pts is not None else 0),))
        + (_stamp(pts) if pts is not None else b"") + b"\xff" * (stuffing - 1) + bytes((mark,))
    )  # fmt: skip
    return b"".join((header, payload))


def private(stream: int, kind: int, words: bytes) -> bytes:
    """A PES of private data (BD, BF): type, length in words of four bytes, body."""
    body = words + bytes(-len(words) % 4)
    head = kind.to_bytes(2, "big") + (len(body) // 4).to_bytes(2, "big")
    return pes(stream, head + body)


def _stamp(pts: int) -> bytes:
    pts &= PTS_MASK
    return (
        2 << 36 | (pts >> 30) << 33 | 1 << 32 | (pts >> 15 & 0x7FFF) << 17
        | 1 << 16 | (pts & 0x7FFF) << 1 | 1
    ).to_bytes(5, "big")  # fmt: skip


def _table() -> tuple[int, ...]:
    out = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        out.append(value)
    return tuple(out)


_CRC = _table()


def _crc32(data: bytes) -> int:
    """CRC-32/MPEG-2 (not the one in zlib: that is reflected)."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _CRC[value >> 24 ^ byte]
    return value
