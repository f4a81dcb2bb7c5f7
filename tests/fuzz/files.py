"""Bodies as files, without a disk."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from hikcore.errors import MediaError
from hikcore.media.container import index_file
from hikcore.media.sniff import SNIFF_BYTES, sniff
from hikcore.media.table import SampleTable


@functools.cache
def _memory() -> int:
    return os.memfd_create("fuzz", os.MFD_CLOEXEC)


def as_file(body: bytes) -> Path:
    """A path under which a file has these bytes, until the next call."""
    os.ftruncate(_memory(), 0)
    done = 0
    while done < len(body):
        done += os.pwrite(_memory(), body[done:], done)
    return Path(f"/proc/self/fd/{_memory()}")


def table_of_file(body: bytes, kind: str) -> SampleTable | None:
    """The table of a file with this body, where it is recognized as that kind and not refused."""
    if sniff(body[:SNIFF_BYTES]) != kind:
        return None
    try:
        return index_file(as_file(body))
    except MediaError:
        return None
