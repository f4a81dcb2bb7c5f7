"""Program stream to the media of an MP4 in one reading (compiled; see native/onepass.pyx)."""

from hikcore.native.ps import PsCore

class WrittenPs(PsCore):
    """Push parser that writes what it parses."""

    error: int
    odd: bool
    sound_kind: int
    media: int
    def __init__(
        self, max_samples: int = ..., max_extents: int = ..., *, out: int, base: int
    ) -> None: ...
    def borders(self) -> bytes: ...
