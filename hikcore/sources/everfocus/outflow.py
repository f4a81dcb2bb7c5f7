"""Frames of a playback on their way into a body, in blocks of a size that disks and sinks like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

#: Blocks are gathered to so many bytes, and none is larger than the most that a sink takes.
_BLOCK: Final = 256 << 10
_LARGEST: Final = 1 << 20


class Outflow:
    """Gathers frames to blocks.

    Args:
        write: takes blocks of at most 1 MiB. monotonic: seconds.

    Attributes:
        size: bytes so far.
        held_up: seconds that it waited for room and for its turn, which are not the recorder's.
    """

    def __init__(
        self, write: Callable[[bytes], Awaitable[None]], monotonic: Callable[[], float]
    ) -> None:
        self._write, self._monotonic = write, monotonic
        self.held_up = 0.0
        self._held = bytearray()
        self.size = 0

    async def put(self, data: bytes | memoryview) -> None:
        """Some more; it is copied."""
        self._held += data
        self.size += len(data)
        if len(self._held) >= _BLOCK:
            await self.flush()

    async def flush(self) -> None:
        """Write what is held."""
        held, self._held = bytes(self._held), bytearray()
        begun = self._monotonic()
        for at in range(0, len(held), _LARGEST):
            await self._write(held[at : at + _LARGEST])
        self.held_up += self._monotonic() - begun
