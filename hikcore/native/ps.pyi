"""MPEG program stream to columns of samples (compiled; see native/ps.pyx)."""

from typing import TypedDict

from typing_extensions import Buffer

class Columns(TypedDict):
    """Records as bytes; dtypes in hikcore.media.ps."""

    video: bytes
    audio: bytes
    video_extents: bytes
    audio_extents: bytes
    anchors: bytes
    faults: bytes
    configs: tuple[bytes, ...]

class PsCore:
    """Push parser. Not safe for two threads at once."""

    hikvision: bool
    audio_type: int
    audio_rate: int
    audio_channels: int
    audio_stream: int
    cut_off: int
    encrypted: bool
    dropped_streams: int
    def __init__(self, max_samples: int = ..., max_extents: int = ...) -> None: ...
    @property
    def codec(self) -> int: ...
    def expect(self, codec: int, audio_type: int) -> None: ...
    def skip(self, count: int) -> None: ...
    def feed(self, data: Buffer) -> None: ...
    def finish(self) -> Columns: ...
