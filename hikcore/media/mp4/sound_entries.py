"""Audio sample entries: written from a configuration, and read back.

Facts: ISO/IEC 14496-12 12.2.3 (AudioSampleEntry), 14496-14 5.6 (mp4a, esds), 23003-5 (ipcm, pcmC),
the FLAC-in-ISOBMFF (fLaC, dfLa) and Opus-in-ISOBMFF (Opus, dOps) specifications, QuickTime File
Format (alaw, ulaw, sowt, twos; sound descriptions of version 1 and 2; wave).
"""

from __future__ import annotations

import struct

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.formats import Codec, CodecConfig
from hikcore.media.mp4.boxes import box, find, full_box

_FIXED = 8 + 28  # the box header, and AudioSampleEntry before its boxes
_AAC = 0x40  # objectTypeIndication: MPEG-4 audio
_OBJECT_AAC = frozenset((0x40, 0x66, 0x67, 0x68))  # with MPEG-2 AAC, which has the same units
_STREAMINFO = 34
_DOPS = 11
_KINDS: dict[Codec, bytes] = {
    "alaw": b"alaw",
    "ulaw": b"ulaw",
    "aac": b"mp4a",
    "flac": b"fLaC",
    "ipcm": b"ipcm",
    "sowt": b"sowt",
    "twos": b"twos",
    "opus": b"Opus",
}
CODECS = {kind: codec for codec, kind in _KINDS.items()}
#: Samples that one AAC access unit decodes to (ISO 14496-3, frameLengthFlag 0).
AAC_FRAME = 1024
#: Codecs whose units can be cut anywhere between two samples.
PCM = frozenset(("alaw", "ulaw", "ipcm", "sowt", "twos"))


def sound_entry(config: CodecConfig) -> bytes:
    """The sample entry box of an audio configuration."""
    # The rate is 16.16; what does not fit is 0, and the decoder's own configuration holds it.
    rate = config.rate << 16 if config.rate < 1 << 16 else 0
    bits = 8 * sample_bytes(config) if config.codec in ("sowt", "twos", "ipcm") else 16
    audio = struct.pack(">6xH8xHHII", 1, config.channels, bits, 0, rate)
    return box(_KINDS[config.codec], audio, _boxes(config))


def sample_bytes(config: CodecConfig) -> int:
    """Bytes of one sample of one channel of PCM; 0 for other codecs."""
    if config.codec in ("alaw", "ulaw"):
        return 1
    if config.codec in ("sowt", "twos"):
        return config.record[0] // 8 if config.record else 2
    if config.codec == "ipcm":
        return config.record[1] // 8 if len(config.record) > 1 else 2
    return 0


def _boxes(config: CodecConfig) -> bytes:
    if config.codec == "aac":
        return full_box(b"esds", 0, 0, _descriptors(config.record))
    if config.codec == "flac":
        # Last metadata block, type 0: STREAMINFO.
        return full_box(b"dfLa", 0, 0, struct.pack(">I", 0x80 << 24 | _STREAMINFO), config.record)
    if config.codec == "ipcm":
        return full_box(b"pcmC", 0, 0, config.record)
    if config.codec == "opus":
        return box(b"dOps", config.record)
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


def read_sound(codec: Codec, entry: bytes, *, iso: bool = False) -> CodecConfig:
    """The configuration in an audio sample entry box.

    Args:
        entry: the box with its header.
        iso: the stsd is of version 1: an entry of version 1 has ISO's form, not QuickTime's.

    Raises:
        MediaUnsupported: another codec behind the same four letters.
        MediaDamaged: the entry is broken.
    """
    if len(entry) < _FIXED:
        raise MediaDamaged("a sample entry is cut off")
    version, channels, bits, rate = struct.unpack_from(">H6xHH4xH", entry, 8 + 8)
    begin = _FIXED
    if not iso and version in (1, 2):
        begin += 16 if version == 1 else 36
        if version == 2 and len(entry) >= begin:  # QuickTime: a double, and 32 bits of channels
            hertz, channels = struct.unpack_from(">dI", entry, _FIXED + 4)
            rate = int(hertz) if 0 < hertz < 1 << 32 else 0
    channels = min(channels, 0xFFFF)
    if codec in ("sowt", "twos"):
        if bits not in (8, 16):
            raise MediaUnsupported(f"PCM of {bits} bits in {codec}")
        return CodecConfig(codec, bytes((bits,)), rate=rate, channels=channels)
    if codec in ("alaw", "ulaw"):
        return CodecConfig(codec, rate=rate, channels=channels)
    record = _record(codec, entry, begin)
    if codec == "flac":
        # STREAMINFO: 20 bits of rate and 3 of channels - 1, after 10 bytes.
        (packed,) = struct.unpack_from(">Q", record, 10)
        rate, channels = packed >> 44, (packed >> 41 & 7) + 1
    elif codec == "opus":
        rate, channels = 48_000, record[1] or channels  # whatever it was recorded at: RFC 7845 4
    return CodecConfig(codec, record, rate=rate, channels=channels)


def _record(codec: Codec, entry: bytes, begin: int) -> bytes:
    wanted = {"aac": b"esds", "flac": b"dfLa", "ipcm": b"pcmC", "opus": b"dOps"}[codec]
    at = find(entry, begin, len(entry), wanted)
    if at is None and codec == "aac":  # QuickTime keeps it in a box of its own
        at = find(entry, begin, len(entry), b"wave", wanted)
    if at is not None:
        payload = bytes(entry[at[0] : at[1]])
        if codec == "aac":
            return _specific(payload[4:])
        if codec == "flac" and len(payload) >= 8 + _STREAMINFO:
            return payload[8 : 8 + _STREAMINFO]
        if codec == "ipcm" and len(payload) >= 6:
            if payload[5] not in (8, 16, 24, 32):
                raise MediaUnsupported(f"PCM of {payload[5]} bits")
            return payload[4:6]
        if codec == "opus" and len(payload) >= _DOPS:
            return payload
    raise MediaDamaged(f"an audio sample entry without a usable {wanted.decode()}")


def _specific(data: bytes) -> bytes:
    """AudioSpecificConfig inside an ES_Descriptor."""
    at, end = 0, len(data)
    while at < end:
        tag, length, at = data[at], 0, at + 1
        for _ in range(4):
            if at >= end:
                break
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
            if at < end and data[at] not in _OBJECT_AAC:
                raise MediaUnsupported(f"mp4a of object type {data[at]:#x}, not AAC")
            at += 13
        else:
            at += length
    raise MediaDamaged("an esds box without AudioSpecificConfig")


__all__ = ["AAC_FRAME", "CODECS", "PCM", "read_sound", "sample_bytes", "sound_entry"]
