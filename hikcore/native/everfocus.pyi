"""EverFocus' frame stream to headers and to columns of samples (compiled; native/everfocus.pyx).

Source of the layout: NVR SDK guide, 3.1. None of this needs numpy.
"""

from typing import TypedDict

from typing_extensions import Buffer

class Header:
    """A frame's header: `size` bytes follow it (as declared); `kind` 6 and 7 H.264 key and other
    frames, 8 and 9 of H.265, 16 G.711; `width`, `height` in pixels as declared; `time` UTC ns, a
    whole number of ms, -1 where the header says none."""

    size: int
    kind: int
    width: int
    height: int
    time: int

class FrameColumns(TypedDict):
    """Records as bytes; dtypes in hikcore.media.columns. `pts` of a sample is UTC ms, -1 none;
    `frame` the ordinal of the frame that it begins in. `framing`: 1 start codes, 2 lengths."""

    video: bytes
    audio: bytes
    video_extents: bytes
    audio_extents: bytes
    faults: bytes
    configs: tuple[bytes, ...]
    framing: int
    cut_off: int

def parse_header(data: Buffer) -> Header:
    """The header at the begin of a message of at least 32 bytes. MediaDamaged if there is none."""

class FrameCore:
    """Push parser. Not safe for two threads at once."""

    frames: int
    empty: int
    unknown: int
    latest: int
    def __init__(
        self,
        max_frame: int = ...,
        counted: bool | None = ...,
        max_samples: int = ...,
        max_extents: int = ...,
    ) -> None: ...
    def feed(self, data: Buffer) -> None: ...
    def finish(self) -> FrameColumns: ...
