"""MPEG program stream to columns of samples (compiled; see native/ps.pyx)."""

from typing import TypedDict

from typing_extensions import Buffer

class Columns(TypedDict):
    """Records as bytes; dtypes in hikcore.media.columns. `aac`: the sound by its ADTS headers."""

    video: bytes
    audio: bytes
    aac: bytes
    video_extents: bytes
    audio_extents: bytes
    aac_extents: bytes
    heads: bytes
    anchors: bytes
    faults: bytes
    configs: tuple[bytes, ...]

class PsCore:
    """Push parser. Not safe for two threads at once."""

    hikvision: bool
    audio_type: int
    audio_stream: int
    private_type: int
    cut_off: int
    encrypted: bool
    clear: bool
    open_end: bool
    dropped_streams: int
    def __init__(self, max_samples: int = ..., max_extents: int = ...) -> None: ...
    def told(self) -> tuple[int, int, int, int]:
        """(video type, Hz, channels, first two bytes of sound): see native/ps.pyx."""
    def expect(self, codec: int, audio_type: int) -> None: ...
    def skip(self, count: int) -> None: ...
    def feed(self, data: Buffer) -> None: ...
    def finish(self) -> Columns: ...
