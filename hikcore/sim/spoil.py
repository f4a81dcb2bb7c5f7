"""How faults spoil an answer on its way out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from hikcore.sim.faults import Fault

_NOISE = bytes(byte ^ 0xA5 for byte in range(256))


class Cut(Exception):
    """The connection ends here; `hard`: by a TCP reset."""

    def __init__(self, hard: bool) -> None:
        super().__init__()
        self.hard = hard


def announced(length: int | None, keep: bool, fault: Fault | None) -> tuple[int | None, bool]:
    """(the length to announce, whether the connection lives on) under a fault."""
    if fault is not None:
        if fault.kind == "no_length":
            length = None
        elif fault.kind in ("wrong_length", "long") and length is not None:
            length += fault.by
        elif fault.kind == "short":
            length = min(fault.at or 0, length or 0)
    return length, keep and length is not None


async def spoiled(
    blocks: AsyncIterator[bytes],
    fault: Fault | None,
    writer: asyncio.StreamWriter,
    sleep: Callable[[float], Awaitable[None]],
) -> AsyncIterator[bytes]:
    """The blocks as the fault lets them through."""
    if fault is not None and fault.kind == "noise":
        async for block in blocks:
            yield block.translate(_NOISE)
        return
    if fault is None or fault.kind not in ("reset", "close", "stall", "short", "no_length", "long"):
        async for block in blocks:
            yield block
        return
    at = fault.at if fault.at is not None else (1 << 62 if fault.kind == "no_length" else 0)
    passed, struck = 0, fault.kind == "long"
    async for block in blocks:
        if not struck and passed + len(block) >= at:
            struck = True
            yield block[: at - passed]
            await _strike(fault, writer, sleep)
            if fault.kind in ("short", "no_length"):
                return
            yield block[at - passed :]
        else:
            yield block
        passed += len(block)
    if fault.kind == "long":
        yield b"\xa5" * fault.by


async def _strike(
    fault: Fault, writer: asyncio.StreamWriter, sleep: Callable[[float], Awaitable[None]]
) -> None:
    await writer.drain()
    if fault.kind == "reset":
        # A reset throws away what the peer has not read; let it read, so that `at` means something.
        await asyncio.sleep(0.05)
        raise Cut(hard=True)
    if fault.kind == "close":
        raise Cut(hard=False)
    if fault.kind == "stall":
        await sleep(fault.seconds)
