"""Places at a device: how many requests of a kind may be under way at once in this process.

`asyncio.Semaphore` belongs to one event loop, but a process may run several (synchronous callers,
one loop a thread), and the device counts them all. So this one hands places on across loops.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Turns:
    """A first-come, first-served semaphore over all event loops of the process.

    Args:
        places: how many may be inside at once.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._mutex = threading.Lock()
        self._waiting: deque[_Waiter] = deque()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place and hold it for the `async with` block."""
        await self.enter()
        try:
            yield
        finally:
            self.leave()

    async def enter(self) -> None:
        """Wait for a place; the caller must `leave`."""
        with self._mutex:
            if self._free:
                self._free -= 1
                return
            loop = asyncio.get_running_loop()
            waiter = (loop, loop.create_future())
            self._waiting.append(waiter)
        try:
            await waiter[1]
        except asyncio.CancelledError:
            with self._mutex:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
            if waiter[1].done() and not waiter[1].cancelled():
                self.leave()  # the place had been handed over already
            raise

    def leave(self) -> None:
        """Give the place to whoever waits longest, from any thread."""
        with self._mutex:
            while self._waiting:
                loop, future = self._waiting.popleft()
                try:
                    loop.call_soon_threadsafe(self._hand_over, future)
                except RuntimeError:  # that loop is closed: its task is gone
                    continue
                return
            self._free += 1

    def _hand_over(self, future: asyncio.Future[None]) -> None:
        if future.done():
            self.leave()
        else:
            future.set_result(None)
