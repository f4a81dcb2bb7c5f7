"""ISO boxes: written as bytes, and walked with every length checked (ISO/IEC 14496-12 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hikcore.errors import MediaDamaged
from hikcore.media.formats import Damage

#: Boxes of one parent that are looked at; a stsd or traf of any real file has a handful.
MAX_CHILDREN = 100_000
_MAX_DAMAGE = 1000


class Faults:
    """What is wrong with the tables of a file, and what becomes of it.

    Args:
        base: offset in the file of the bytes that are read.
        strict: the first fault is an error (our own files); else it is noted, and what lies before
            it is used.
    """

    def __init__(self, base: int = 0, *, strict: bool = False) -> None:
        self.base = base
        self.strict = strict
        self.found: list[Damage] = []

    def add(self, at: int, reason: str) -> None:
        """A fault at a byte of what is read.

        Raises:
            MediaDamaged: if strict.
        """
        if self.strict:
            raise MediaDamaged(reason, offset=self.base + at)
        if len(self.found) < _MAX_DAMAGE:
            self.found.append(Damage(self.base + at, reason))

    def error(self, at: int, reason: str) -> MediaDamaged:
        """The error for a fault after which nothing can be read."""
        return MediaDamaged(reason, offset=self.base + at)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box with a 32-bit size."""
    payload = b"".join(parts)
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box that begins with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def read_header(data: bytes | memoryview, at: int, end: int) -> tuple[bytes, int, int]:
    """(kind, payload begin, box end) of the box at `at`; `end` is where its parent ends.

    Raises:
        MediaDamaged: the header does not fit, or the size is smaller than the header.
    """
    if at + 8 > end:
        raise MediaDamaged("a box header is cut off", offset=at)
    size, kind = struct.unpack_from(">I4s", data, at)
    begin = at + 8
    if size == 1:
        if at + 16 > end:
            raise MediaDamaged("a box header is cut off", offset=at)
        (size,) = struct.unpack_from(">Q", data, begin)
        begin += 8
    elif size == 0:  # reaches to the end of the file (of the parent, here)
        size = end - at
    if size < begin - at:
        raise MediaDamaged(f"a box {kind!r} is smaller than its header", offset=at)
    return kind, begin, at + size


def children(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, payload begin, box end) of every box between `begin` and `end`.

    Raises:
        MediaDamaged: a box reaches beyond `end`, or there are more than MAX_CHILDREN.
    """
    at, count = begin, 0
    while at + 8 <= end:
        kind, payload, stop = read_header(data, at, end)
        if stop > end:
            raise MediaDamaged(f"a box {kind!r} reaches beyond its parent", offset=at)
        count += 1
        if count > MAX_CHILDREN:
            raise MediaDamaged(f"more than {MAX_CHILDREN} boxes in one", offset=at)
        yield kind, payload, stop
        at = stop


def find(data: bytes, begin: int, end: int, *path: bytes) -> tuple[int, int] | None:
    """Payload begin and end of the first box on a path of kinds; None where there is none."""
    for wanted in path:
        for kind, payload, stop in children(data, begin, end):
            if kind == wanted:
                begin, end = payload, stop
                break
        else:
            return None
    return begin, end


def need(data: bytes, begin: int, end: int, *path: bytes) -> tuple[int, int]:
    """As `find`.

    Raises:
        MediaDamaged: it is not there.
    """
    found = find(data, begin, end, *path)
    if found is None:
        raise MediaDamaged(f"no {b'/'.join(path).decode()} box", offset=begin)
    return found
