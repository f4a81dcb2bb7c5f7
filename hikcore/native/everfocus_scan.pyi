"""Headers alone of EverFocus frame streams (compiled; see native/everfocus_scan.pyx).

Both give (rows, faults); dtypes: hikcore.media.everfocus.HEADERS, hikcore.media.columns.FAULT.
"""

from typing_extensions import Buffer

def scan(data: Buffer, max_frame: int = ...) -> tuple[bytearray, bytes]:
    """Of a contiguous buffer."""

def scan_file(fd: int, size: int, max_frame: int = ...) -> tuple[bytearray, bytes]:
    """Of an open file of `size` bytes; OSError where it cannot be read."""
