"""Sample entries of `stsd`: written from a codec configuration, and read back.

Facts: ISO/IEC 14496-12 8.5.2 and 12.1, 14496-15 5.4.2 and 8.4.1 (avc1, avc3, hvc1, hev1). Audio is
in sound_entries.
"""

from __future__ import annotations

import struct

from hikcore.errors import MediaDamaged, MediaEncrypted, MediaUnsupported
from hikcore.media.formats import Codec, CodecConfig
from hikcore.media.mp4.boxes import box, children
from hikcore.media.mp4.sound_entries import CODECS, read_sound, sound_entry
from hikcore.media.vui import usability

_VISUAL = 78  # bytes of VisualSampleEntry before its boxes
#: avc3 and hev1 may have parameter sets in their samples; the others may not, and do all the same.
_VIDEO: dict[bytes, Codec] = {
    b"avc1": "h264",
    b"avc3": "h264",
    b"hvc1": "h265",
    b"hev1": "h265",
}
_ENCRYPTED = (b"encv", b"enca", b"enct", b"drmi", b"drms")
#: Where avcC and hvcC say how long the lengths of NAL units are, in their two lowest bits.
_LENGTH_SIZE = {"h264": 4, "h265": 21}


def sample_entry(config: CodecConfig) -> bytes:
    """The sample entry box of a configuration."""
    if config.codec not in ("h264", "h265"):
        return sound_entry(config)
    kind, inner = (b"avc1", b"avcC") if config.codec == "h264" else (b"hvc1", b"hvcC")
    visual = struct.pack(
        ">6xH16xHHIIIH32xHh",
        1,  # data_reference_index
        config.width,
        config.height,
        0x00480000,  # 72 dpi
        0x00480000,
        0,
        1,  # frame_count
        24,  # depth
        -1,  # pre_defined
    )
    return box(kind, visual, box(inner, config.record), *_shape(config))


def _shape(config: CodecConfig) -> list[bytes]:
    """pasp and colr (12.1.4, 12.1.5), where the SPS says what they do: players read these first."""
    said = usability(config)
    out = []
    if said.pixel is not None and said.pixel[0] != said.pixel[1]:
        out.append(box(b"pasp", struct.pack(">II", *said.pixel)))
    if said.colour is not None:
        *colour, full = said.colour
        out.append(box(b"colr", b"nclx", struct.pack(">HHHB", *colour, full << 7)))
    return out


def read_entry(entry: bytes, *, iso: bool = False) -> CodecConfig:
    """The configuration that a sample entry box (with its header) holds. The record says 4-byte NAL
    lengths whatever the file has: they are made so where samples are read (see `nal_width`).

    Args:
        iso: the stsd is of version 1.

    Raises:
        MediaUnsupported: a codec that we do not read.
        MediaEncrypted: an encrypted entry (14496-12 8.12, QuickTime's drmi).
        MediaDamaged: the entry is broken.
    """
    if len(entry) < 8:
        raise MediaDamaged("a sample entry is cut off")
    kind = bytes(entry[4:8])
    if kind in _ENCRYPTED:
        raise MediaEncrypted(
            f"samples of kind {kind.decode('latin-1')!r} are encrypted",
            hint="export the footage without protection, or keep the file with its key",
        )
    if kind in CODECS:
        return read_sound(CODECS[kind], entry, iso=iso)
    codec = _VIDEO.get(kind)
    if codec is None:
        raise MediaUnsupported(f"samples of kind {kind.decode('latin-1')!r}")
    record = bytearray(_video_record(codec, entry))
    record[_LENGTH_SIZE[codec]] |= 3
    width, height = struct.unpack_from(">HH", entry, 8 + 24)
    return CodecConfig(codec, bytes(record), width, height)


def nal_width(entry: bytes) -> int:
    """Bytes of a NAL unit's length in the samples of a video entry box; 4 for audio.

    Raises:
        MediaDamaged: the entry is broken.
    """
    codec = _VIDEO.get(bytes(entry[4:8]))
    return 4 if codec is None else (_video_record(codec, entry)[_LENGTH_SIZE[codec]] & 3) + 1


def _video_record(codec: Codec, entry: bytes) -> bytes:
    if len(entry) < 8 + _VISUAL:
        raise MediaDamaged("a sample entry is cut off")
    wanted = b"avcC" if codec == "h264" else b"hvcC"
    for kind, begin, end in children(entry, 8 + _VISUAL, len(entry)):
        if kind == wanted:
            if end - begin <= _LENGTH_SIZE[codec]:
                raise MediaDamaged("a decoder configuration record is cut off")
            return bytes(entry[begin:end])
    raise MediaDamaged("a video sample entry without a decoder configuration record")
