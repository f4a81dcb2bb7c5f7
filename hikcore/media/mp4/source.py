"""A source read ahead, so that walking boxes costs few requests."""

from __future__ import annotations

from hikcore.media.formats import ByteSource


class Ahead:
    """Reads blocks of a source and keeps the last one.

    Args:
        source: what is read (also past the block, by `source` itself). size: its bytes.
        block: bytes that are read at least, where there are so many.
    """

    def __init__(self, source: ByteSource, size: int, block: int = 64 << 10) -> None:
        self.source = source
        self.size = size
        self.block = block
        self._begin = 0
        self._held: bytes = b""
        self.requests = 0

    def read_at(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`: fewer where the source ends."""
        size = min(size, self.size - offset)
        if size <= 0:
            return b""
        at = offset - self._begin
        if at < 0 or at + size > len(self._held):
            want = min(max(size, self.block), self.size - offset)
            self._held, self._begin, at = bytes(self.source.read_at(offset, want)), offset, 0
            self.requests += 1
        return self._held[at : at + size]
