"""NAL units behind lengths of any width (compiled; native/nals.pyx)."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

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
