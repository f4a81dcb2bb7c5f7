"""AVI to columns of samples (compiled; see native/avi.pyx)."""

from typing import TypedDict

from typing_extensions import Buffer

class AviColumns(TypedDict):
    """Records as bytes; dtypes in hikcore.media.columns. `pts` of a picture is the ordinal of its
    chunk (-1: not the first in it), of sound the bytes of it before. `headers`: (strh, strf) of
    each stream. `framing`: 1 start codes, 2 lengths."""

    video: bytes
    audio: bytes
    video_extents: bytes
    audio_extents: bytes
    faults: bytes
    configs: tuple[bytes, ...]
    headers: tuple[tuple[bytes, bytes], ...]
    framing: int
    cut_off: int

class AviCore:
    """Push parser. Not safe for two threads at once."""

    streams: int
    video_stream: int
    audio_stream: int
    pictures: int
    empty: int
    units: int
    others: int
    b_pictures: int
    unpadded: int
    indexed: int
    has_index: bool
    has_header: bool
    def __init__(
        self, max_chunk: int = ..., max_samples: int = ..., max_extents: int = ...
    ) -> None: ...
    def feed(self, data: Buffer) -> None: ...
    def finish(self) -> AviColumns: ...
