"""Extents in, samples in MP4 form out; fingerprints (compiled; see native/gather.pyx)."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

def gather(
    block: Buffer,
    base: int,
    offsets: NDArray[np.uint64],
    sizes: NDArray[np.uint32],
    first: NDArray[np.int64],
    expected: NDArray[np.uint32],
    out: Buffer,
    byte_stream: bool,
) -> int:
    """Write samples one behind the other; -1, or the index of the first that comes out wrong."""

def stretch(
    offsets: NDArray[np.uint64],
    sizes: NDArray[np.uint32],
    first: NDArray[np.int64],
    expected: NDArray[np.uint32],
    low: int,
    high: int,
    room: int,
) -> tuple[int, int, int, int, bool]:
    """How many samples lie within `room` bytes of the source: (end, begin and end of their bytes,
    bytes in MP4 form, whether their extents lie one behind the other)."""

def passed_over(data: Buffer, begin: int, any_processor: bool) -> int:
    """How far the search for start codes passes over whole strides of bytes."""

def fingerprints(
    samples: Buffer, sizes: NDArray[np.uint32], out: NDArray[np.uint64], codec: int
) -> int:
    """XXH64 of each sample's VCL NAL units; -1, or the index of the first broken sample."""

def digest(data: Buffer, seed: int = 0) -> int:
    """XXH64 of bytes."""

def digest_groups(
    hashes: NDArray[np.uint64], begins: NDArray[np.int64], out: NDArray[np.uint64]
) -> None:
    """XXH64 over each group of hashes."""
