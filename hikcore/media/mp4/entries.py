"""Sample entries of `stsd`: written from a codec configuration, and read back.

Facts: ISO/IEC 14496-12 8.5.2 and 12.1/12.2, 14496-15 5.4.2 and 8.4.1 (avc1, hvc1), 14496-14 5.6
(mp4a, esds), the FLAC-in-ISOBMFF specification 1.0 (fLaC, dfLa), QuickTime File Format (alaw,
ulaw).
"""

from __future__ import annotations

import struct

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.mp4.boxes import box, children, full_box
from hikcore.media.table import Codec, CodecConfig

_VISUAL = 78  # bytes of VisualSampleEntry before its boxes
_AUDIO = 28  # bytes of AudioSampleEntry before its boxes
_CODECS: dict[bytes, Codec] = {
    b"avc1": "h264",
    b"avc3": "h264",
    b"hvc1": "h265",
    b"hev1": "h265",
    b"alaw": "alaw",
    b"ulaw": "ulaw",
    b"mp4a": "aac",
    b"fLaC": "flac",
}
_KINDS: dict[Codec, bytes] = {
    "h264": b"avc1",
    "h265": b"hvc1",
    "alaw": b"alaw",
    "ulaw": b"ulaw",
    "aac": b"mp4a",
    "flac": b"fLaC",
}
_AAC = 0x40  # objectTypeIndication: MPEG-4 audio
_STREAMINFO = 34


def sample_entry(config: CodecConfig) -> bytes:
    """The sample entry box of a configuration: avc1, hvc1, alaw, ulaw, mp4a or fLaC."""
    kind = _KINDS[config.codec]
    if config.codec in ("h264", "h265"):
        record = box(b"avcC" if config.codec == "h264" else b"hvcC", config.record)
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
        return box(kind, visual, record)
    # The rate is 16.16; what does not fit is 0, and the decoder's own configuration holds it.
    rate = config.rate << 16 if config.rate < 1 << 16 else 0
    audio = struct.pack(">6xH8xHHII", 1, config.channels, 16, 0, rate)
    return box(kind, audio, _audio_record(config))


def _audio_record(config: CodecConfig) -> bytes:
    if config.codec == "aac":
        return full_box(b"esds", 0, 0, _descriptors(config.record))
    if config.codec == "flac":
        # Last metadata block, type 0: STREAMINFO.
        return full_box(b"dfLa", 0, 0, struct.pack(">I", 0x80 << 24 | _STREAMINFO), config.record)
    return b""


def _descriptor(tag: int, payload: bytes) -> bytes:
    if len(payload) > 0x7F:
        raise MediaUnsupported("an AudioSpecificConfig of more than 80 bytes")
    return bytes((tag, len(payload))) + payload


def _descriptors(specific: bytes) -> bytes:
    """ES_Descriptor (14496-1 7.2.6.5) with bit rates not said."""
    decoder = struct.pack(">BB3xII", _AAC, 5 << 2 | 1, 0, 0) + _descriptor(5, specific)
    stream = struct.pack(">HB", 0, 0) + _descriptor(4, decoder) + _descriptor(6, b"\x02")
    return _descriptor(3, stream)


def read_entry(entry: bytes) -> CodecConfig:
    """The configuration that a sample entry box (with its header) holds.

    Raises:
        MediaUnsupported: a codec that we do not read, or NAL lengths other than 4 bytes.
        MediaDamaged: the entry is broken.
    """
    if len(entry) < 8 + _AUDIO:
        raise MediaDamaged("a sample entry is cut off")
    kind = bytes(entry[4:8])
    codec = _CODECS.get(kind)
    if codec is None:
        raise MediaUnsupported(f"samples of kind {kind.decode('latin-1')!r}")
    if codec in ("h264", "h265"):
        return _read_visual(codec, entry)
    channels, rate = struct.unpack_from(">H6xH", entry, 8 + 16)
    record = b""
    if codec in ("aac", "flac"):
        record = _read_audio_record(codec, entry)
    if codec == "flac":
        # STREAMINFO: 20 bits of rate and 3 of channels - 1, after 10 bytes.
        (packed,) = struct.unpack_from(">Q", record, 10)
        rate, channels = packed >> 44, (packed >> 41 & 7) + 1
    return CodecConfig(codec, record, rate=rate, channels=channels)


def _read_visual(codec: Codec, entry: bytes) -> CodecConfig:
    if len(entry) < 8 + _VISUAL:
        raise MediaDamaged("a sample entry is cut off")
    width, height = struct.unpack_from(">HH", entry, 8 + 24)
    wanted, at = (b"avcC", 4) if codec == "h264" else (b"hvcC", 21)
    for kind, begin, end in children(entry, 8 + _VISUAL, len(entry)):
        if kind == wanted:
            record = bytes(entry[begin:end])
            if len(record) <= at:
                raise MediaDamaged("a decoder configuration record is cut off")
            if record[at] & 3 != 3:
                raise MediaUnsupported(f"NAL units behind {(record[at] & 3) + 1}-byte lengths")
            return CodecConfig(codec, record, width, height)
    raise MediaDamaged("a video sample entry without a decoder configuration record")


def _read_audio_record(codec: Codec, entry: bytes) -> bytes:
    wanted = b"esds" if codec == "aac" else b"dfLa"
    for kind, begin, end in children(entry, 8 + _AUDIO, len(entry)):
        if kind != wanted:
            continue
        payload = bytes(entry[begin + 4 : end])
        record = payload[4 : 4 + _STREAMINFO] if codec == "flac" else _specific(payload)
        if codec == "flac" and len(record) < _STREAMINFO:
            break
        return record
    raise MediaDamaged(f"an audio sample entry without a usable {wanted.decode()}")


def _specific(data: bytes) -> bytes:
    """AudioSpecificConfig inside an ES_Descriptor."""
    at, end = 0, len(data)
    while at < end:
        tag, length, at = data[at], 0, at + 1
        while at < end:
            byte, at = data[at], at + 1
            length = length << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        if tag == 5:
            return data[at : at + length]
        if tag == 3:  # ES_Descriptor: id, flags, and what the flags announce
            flags = data[at + 2] if at + 2 < end else 0
            at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
            if flags & 0x40 and at < end:
                at += 1 + data[at]
        elif tag == 4:
            at += 13
        else:
            at += length
    raise MediaDamaged("an esds box without AudioSpecificConfig")
