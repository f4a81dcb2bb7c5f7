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
