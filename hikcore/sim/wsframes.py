"""Frames of a WebSocket (RFC 6455, 5.2) as a server sends them, found in a stream of bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator

_DATA = (1, 2)  # opcodes of text and of bytes
_LAST = 0x80


async def doubled(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same stream with every whole message twice; fragments and control frames once."""
    held = bytearray()
    async for block in blocks:
        held += block
        while (size := _size(held)) is not None and len(held) >= size:
            frame = bytes(held[:size])
            del held[:size]
            whole = frame[0] & _LAST and frame[0] & 0x0F in _DATA
            yield frame * 2 if whole else frame
    if held:
        yield bytes(held)


def _size(held: bytearray) -> int | None:
    """Bytes of the frame that begins here; None while that is not known. No mask: a server's have
    none."""
    if len(held) < 2:
        return None
    length, more = held[1] & 0x7F, {126: 2, 127: 8}.get(held[1] & 0x7F, 0)
    if len(held) < 2 + more:
        return None
    if more:
        length = int.from_bytes(held[2 : 2 + more], "big")
    return 2 + more + length
