"""What every container says of its samples: their format, and where their bytes lie.

Apart from `hikcore.media.table`, and of named tuples, as short cuts load it: dataclasses take half
as long to load as Python itself.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

Codec = Literal["h264", "h265", "alaw", "ulaw", "aac", "flac", "ipcm", "sowt", "twos", "opus"]
#: How sample bytes lie in the source. `annexb`: NAL units behind start codes; `length`: NAL units
#: behind 4-byte lengths (as in our MP4), `length1` to `length3`: behind shorter ones; `raw`: as
#: they are (audio).
Framing = Literal["annexb", "length", "length1", "length2", "length3", "raw"]


class ByteSource(Protocol):
    """Where the bytes of a table lie: a file, or a window of an object."""

    def read_at(self, offset: int, size: int) -> bytes | memoryview:
        """Exactly `size` bytes from `offset`.

        Raises:
            MediaDamaged: the source ends before.
        """
        ...


class CodecConfig(NamedTuple):
    """What a decoder must know before the first sample.

    Attributes:
        codec: `h264`, `h265`, `alaw`, `ulaw`, `aac`, `flac`; PCM: `ipcm`, `sowt` (little-endian),
            `twos` (big-endian); `opus`.
        record: video: the avcC/hvcC payload (ISO 14496-15); AAC: AudioSpecificConfig; FLAC:
            STREAMINFO (34 bytes); ipcm: format flags and bits (pcmC); sowt, twos: bits; Opus: the
            dOps payload; else empty.
        width, height: pixels after cropping; 0 for audio.
        rate, channels: of audio; 0 for video.
    """

    codec: Codec
    record: bytes = b""
    width: int = 0
    height: int = 0
    rate: int = 0
    channels: int = 0


class Damage(NamedTuple):
    """A stretch of the source that breaks its format's rules and was passed over."""

    offset: int
    reason: str
