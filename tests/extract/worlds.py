"""Time that a test makes pass, for several machines whose clocks have nothing in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary


@dataclass
class World:
    """Passes whenever all who share it wait: for time, or for nothing."""

    now: float = 0.0
    _sleeping: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)

    def machine(self, ahead: float) -> tuple[Callable[[], float], Callable[[float], Any]]:
        """`monotonic` and `sleep` of a machine that counts from somewhere else."""
        return (lambda: self.now + ahead), self.sleep

    async def sleep(self, seconds: float) -> None:
        until: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping.append((self.now + seconds, until))
        await until

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """Time passes inside."""
        loop = asyncio.get_running_loop()
        if loop not in _threads:
            _threads[loop] = _Threads()
            loop.set_default_executor(_threads[loop])
        task = asyncio.create_task(self._pass(_threads[loop]))
        try:
            yield
        finally:
            task.cancel()

    async def _pass(self, threads: _Threads) -> None:
        while True:
            idle = 0
            while idle < 3:
                await asyncio.sleep(0.001)
                idle = 0 if threads.busy else idle + 1
            self._sleeping = [each for each in self._sleeping if not each[1].done()]
            if not self._sleeping:
                continue
            self.now = max(self.now, min(at for at, _ in self._sleeping))
            for at, until in self._sleeping:
                if at <= self.now:
                    until.set_result(None)


class _Threads(ThreadPoolExecutor):
    """Threads whose work keeps time from passing, from the moment it is handed to them until what
    waited for it has gone on."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = 0
        self._loop = asyncio.get_running_loop()

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        self.busy += 1
        future = super().submit(call, *given, **named)
        future.add_done_callback(
            lambda _: self._loop.call_soon_threadsafe(self._loop.call_later, 0.002, self._done)
        )
        return future

    def _done(self) -> None:
        self.busy -= 1


#: Of each event loop, whatever worlds pass in it.
_threads: WeakKeyDictionary[asyncio.AbstractEventLoop, _Threads] = WeakKeyDictionary()
