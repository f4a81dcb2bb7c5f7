"""How frames of a stream become messages of a WebSocket, and where a fault breaks it off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from hikcore.sim.everfocus.behaviour import Socketing
from hikcore.sim.faults import Fault
from hikcore.sim.spoil import Cut
from hikcore.sim.websocket import Socket

_HEADER = 32
_TOGETHER = 4
_SPLIT_MOST = 3_000


class Mailer:
    """Sends frames.

    Args:
        socket: through it.
        how: put into messages.
        fault: that strikes after so many bytes: close, reset or stall.
        sleep: how a stall waits.
    """

    def __init__(
        self,
        socket: Socket,
        how: Socketing,
        fault: Fault | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._socket = socket
        self._how = how
        self._fault = fault
        self._sleep = sleep
        self._held: list[bytes] = []
        self._draw = Random(1)  # noqa: S311  repeatable

    async def send(self, frame: bytes) -> None:
        """One frame, at once or with later ones."""
        way = self._how.messages
        if way == "frame":
            await self._message(frame)
        elif way == "apart":
            await self._message(frame[:_HEADER])
            if len(frame) > _HEADER:
                await self._message(frame[_HEADER:])
        elif way == "coalesced":
            self._held.append(frame)
            if len(self._held) >= _TOGETHER:
                await self.flush()
        else:
            left = b"".join([*self._held, frame])
            while len(left) > _SPLIT_MOST:
                size = self._draw.randint(1, _SPLIT_MOST)
                await self._message(left[:size])
                left = left[size:]
            self._held = [left]

    async def flush(self) -> None:
        """Send what was held back."""
        if self._held:
            data, self._held = b"".join(self._held), []
            await self._message(data)

    async def before(self, data: bytes) -> None:
        """Let the fault strike, where a message goes by another way.

        Raises:
            Cut: the connection ends here.
        """
        await self._struck(data)

    async def _message(self, data: bytes) -> None:
        await self._struck(data)
        count = min(self._how.fragments, max(1, len(data)))
        step = -(-len(data) // count)
        await self._socket.send(*(data[at : at + step] for at in range(0, len(data), step)))

    async def _struck(self, data: bytes) -> None:
        fault = self._fault
        if fault is not None and fault.kind in ("close", "reset", "stall"):
            at = (fault.at or 0) - self._socket.sent
            if at <= len(data):
                self._fault = None
                await self._strike(fault, data, max(0, at))

    async def _strike(self, fault: Fault, data: bytes, size: int) -> None:
        if fault.kind == "stall":
            await self._sleep(fault.seconds)
            return
        await self._socket.send_part(data, size)
        # A reset throws away what the peer has not read; let it read, so that `at` means something.
        if fault.kind == "reset":
            await asyncio.sleep(0.05)
        raise Cut(hard=fault.kind == "reset")
