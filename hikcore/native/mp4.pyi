"""Movie fragments to rows; NAL units behind lengths of any width (compiled; native/mp4.pyx)."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

class FragmentCore:
    """Rows of samples from movie fragments. Not safe for two threads at once."""

    def __init__(self, file_size: int, max_samples: int) -> None: ...
    def register(
        self, identifier: int, entry: int, duration: int, size: int, flags: int, following: int
    ) -> bool:
        """A track with the defaults of its trex; False: too many tracks."""

    def restart(self) -> None:
        """The next fragment does not follow the last."""

    @property
    def faults(self) -> tuple[tuple[int, int], ...]:
        """(offset in the file, code)."""

    def rows(self, identifier: int) -> bytes:
        """Packed rows of a track; the dtype is in hikcore.media.mp4.fragments."""

    def feed(self, moof: Buffer, at: int) -> bool:
        """A whole moof box that lies at `at`; False: broken, or the cap is reached."""

def measure(
    block: Buffer,
    base: int,
    offsets: NDArray[np.uint64],
    sizes: NDArray[np.uint32],
    width: int,
    codec: int,
    out_size: NDArray[np.uint32],
    out_first: NDArray[np.uint8],
    out_flags: NDArray[np.uint8],
) -> None:
    """Size with 4-byte lengths, type of the first VCL NAL unit (255: none), flags of samples.

    Raises:
        ValueError: a sample lies outside the block.
    """

def reframe(
    block: Buffer,
    base: int,
    offsets: NDArray[np.uint64],
    sizes: NDArray[np.uint32],
    first: NDArray[np.int64],
    expected: NDArray[np.uint32],
    out: Buffer,
    width: int,
) -> int:
    """NAL lengths of `width` bytes become 4; -1, or the index of the first broken sample."""
