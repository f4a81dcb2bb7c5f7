"""How a strike spoils an answer that passes through a proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from hikcore.sim.messages import Answer
from hikcore.sim.strikes import Strike

_RUBBISH = b"\xa5"


class Over(Exception):
    """This connection ends; `hard`: by a TCP reset."""

    def __init__(self, *, hard: bool) -> None:
        super().__init__()
        self.hard = hard


class Spoiler:
    """Spoils bodies.

    Args:
        sleep: how it waits.
    """

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._sleep = sleep

    async def body(
        self,
        answer: Answer,
        strike: Strike | None,
        length: int | None,
        reader: asyncio.StreamReader,
    ) -> AsyncIterator[bytes]:
        """The body as the strike lets it through."""
        kinds = ("reset", "close", "stall", "trickle", "short", "reboot")
        at = strike.cut(answer.length) if strike and strike.kind in kinds else None
        passed, struck = 0, at is None
        async for block in answer.blocks:
            if strike is None or at is None or passed + len(block) < at:
                yield block
            elif not struck:
                struck = True
                yield block[: at - passed]
                async for piece in self._after(strike, block[at - passed :], reader):
                    yield piece
            elif strike.kind == "trickle":
                async for piece in self._drops(strike, block):
                    yield piece
            elif strike.kind == "stall":
                yield block
            passed += len(block)
        if strike is not None and not struck:
            async for piece in self._after(strike, b"", reader):
                yield piece
        if strike is not None and strike.kind == "long" and length is not None:
            yield _RUBBISH * strike.by

    async def _after(
        self, strike: Strike, rest: bytes, reader: asyncio.StreamReader
    ) -> AsyncIterator[bytes]:
        """What becomes of the body from the place on where it is struck."""
        if strike.kind in ("reset", "close", "reboot"):
            # A reset throws away what the peer has not read; let it read, so that `at` counts.
            await asyncio.sleep(0 if strike.kind == "close" else 0.02)
            raise Over(hard=strike.kind != "close")
        if strike.kind == "stall":
            await self._stall(strike, reader)
            yield rest
        if strike.kind == "trickle":
            async for piece in self._drops(strike, rest):
                yield piece

    async def _drops(self, strike: Strike, block: bytes) -> AsyncIterator[bytes]:
        for index in range(len(block)):
            await self._sleep(strike.seconds or 1.0)
            yield block[index : index + 1]

    async def _stall(self, strike: Strike, reader: asyncio.StreamReader) -> None:
        """Silence until the client hangs up, or for so long."""
        gone = asyncio.ensure_future(reader.read(1))
        waits: set[asyncio.Future[object]] = {gone}  # type: ignore[arg-type]
        if strike.seconds:
            waits.add(asyncio.ensure_future(self._sleep(strike.seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise Over(hard=True)
        finally:
            for wait in waits:
                wait.cancel()


def announce(
    answer: Answer, strike: Strike | None
) -> tuple[list[tuple[str, str]], bool, int | None]:
    """(headers, whether the connection lives on, the announced length)."""
    kind = strike.kind if strike else ""
    headers = answer.head.without("content-length", "transfer-encoding", "connection")
    length = answer.length
    if strike is not None and length is not None:
        if kind == "no_length":
            length = None
        elif kind in ("long", "wrong_length"):
            length = max(0, length + strike.by)
        elif kind == "short":
            length = min(length, strike.cut(length))
    if answer.status in (204, 304) and answer.length is None:
        return [*headers, ("Connection", "keep-alive")], True, None
    if length is not None:
        headers.append(("Content-Length", str(length)))
    keep = length is not None and (answer.head.get("connection") or "").lower() != "close"
    return [*headers, ("Connection", "keep-alive" if keep else "close")], keep, length
