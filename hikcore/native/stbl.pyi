"""The tables of an MP4 track where they lie (compiled; native/stbl.pyx)."""

from collections.abc import Mapping

from typing_extensions import Buffer

class Track:
    """The tables of one track of a moov; the buffer is kept as long as this is.

    Args:
        data: bytes that hold the moov.
        boxes: kind to (payload begin, end) in them of the children of its stbl.
        scale: ticks a second. file_size: bytes of the whole file.
        max_samples: more are refused.
    """

    def __init__(
        self,
        data: Buffer,
        boxes: Mapping[bytes, tuple[int, int]],
        scale: int,
        file_size: int,
        max_samples: int,
    ) -> None: ...
    @property
    def refused(self) -> int:
        """0, or why these tables are left to the general reader (codes in stbl.pxd)."""
