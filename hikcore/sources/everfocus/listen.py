"""Listens to a recorder: events, metadata, exceptions, messages and camera status, for ever.

Each endpoint has a WebSocket of its own, which is made again when it breaks. What happened in
between is asked for afterwards (`hikcore.sources.everfocus.searched`) as far as the recorder can
tell; the hole itself is told too, since it cannot tell all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from websockets.exceptions import ConnectionClosed

from hikcore.errors import DeviceAuthError, DeviceError, DeviceRefused, TransferInterrupted
from hikcore.sources.everfocus.heard import (
    ENDPOINTS,
    Endpoint,
    Heard,
    StatusChanges,
    read_message,
)
from hikcore.sources.everfocus.live import Sockets
from hikcore.sources.reconnect import Reconnect

#: Status comes every second (2.8); the others may say nothing for days: they are asked for a pong.
STATUS_IDLE: Final = 30.0
QUIET: Final = 20.0
#: So many things wait for whoever writes them down; then the recorder is read no further.
_QUEUE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Listening:
    """An endpoint is listened to from now on.

    Attributes:
        at: UTC ns by our clock: what is told after it is heard.
        since: until when it was surely heard before (UTC ns by our clock); -1: never.
        reason: of the break.
    """

    via: str
    at: int
    since: int
    reason: str


@dataclass(frozen=True, slots=True)
class Silence:
    """An endpoint cannot be heard now, from `at` (UTC ns by our clock) on. `final`: it will not be
    tried again: the recorder has no such endpoint."""

    via: str
    at: int
    reason: str
    final: bool = False


class _Line(Protocol):
    """What is needed of a connection."""

    async def recv(self, decode: bool | None = None) -> str | bytes: ...
    async def ping(self) -> Awaitable[float]: ...


class _Alive:
    """Until when a connection was surely there: its last message or pong, by our clock; and
    whether there was any."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.pongs = False
        self.told = False


class Listener:
    """All listeners of one recorder.

    Args:
        sockets: its session; not closed here.
        endpoints: which ones.
        reconnect: when a broken one is made again.
        status_idle: seconds without a status after which that connection is taken for dead.
        quiet: seconds without a message after which a pong is asked for, and waited for. A recorder
            that never sent one is believed to be there all the same.
        now: our clock, UTC ns. sleep: waits seconds.
    """

    def __init__(
        self,
        sockets: Sockets,
        *,
        endpoints: Sequence[Endpoint] = ENDPOINTS,
        reconnect: Reconnect | None = None,
        status_idle: float = STATUS_IDLE,
        quiet: float = QUIET,
        name: str = "",
        now: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sockets = sockets
        self._endpoints = endpoints
        self._reconnect = reconnect or Reconnect()
        self._status_idle = status_idle
        self._quiet = quiet
        self._name = name or "everfocus"
        self._now = now
        self._sleep = sleep
        self._changes = StatusChanges()

    async def items(
        self, stop: asyncio.Event | None = None
    ) -> AsyncGenerator[Heard | Listening | Silence, None]:
        """What is told, in the order of receipt, and when which endpoint is heard. It ends only by
        an error or by the caller: close it with `contextlib.aclosing`.

        Args:
            stop: once set, it ends behind what had come until then.

        Raises:
            DeviceAuthError: the login is refused.
            DeviceError: every endpoint was refused.
        """
        queue: asyncio.Queue[Heard | Listening | Silence | DeviceError | None]
        queue = asyncio.Queue(_QUEUE)
        tasks = [asyncio.create_task(self._run(each, queue)) for each in self._endpoints]
        left = len(tasks)
        ending = [] if stop is None else [asyncio.create_task(_ending(stop, list(tasks), queue))]
        tasks += ending
        try:
            while True:
                item = await queue.get()
                if item is None:
                    return
                if isinstance(item, DeviceError):
                    raise item
                yield item
                if isinstance(item, Silence) and item.final:
                    left -= 1
                    if not left:
                        raise DeviceRefused(
                            f"none of its listeners can be had: {item.reason}", where=self._name
                        )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, endpoint: Endpoint, queue: asyncio.Queue[Any]) -> None:
        failures, last, reason = 0, -1, ""
        while True:
            alive: _Alive | None = None
            try:
                async with self._sockets.websocket(endpoint.path) as connection:
                    alive = _Alive(self._now())
                    await queue.put(Listening(endpoint.name, alive.at, last, reason))
                    await self._connection(endpoint, connection, alive, queue)
            except DeviceError as error:
                failures += 1
                if alive is not None:
                    # Who takes every connection and drops it at once is not asked every second.
                    failures = 1 if alive.told else failures
                    last = alive.at
                reason = error.message
                final = isinstance(error, DeviceRefused) and last < 0
                at = self._now() if alive is None else alive.at
                await queue.put(error if isinstance(error, DeviceAuthError) else
                                Silence(endpoint.name, at, reason, final))  # fmt: skip
                if final or isinstance(error, DeviceAuthError):
                    return
            except Exception as error:
                # A task that dies silently would look like a quiet recorder.
                await queue.put(DeviceError(f"listening failed: {error!r}", where=self._name))
                raise
            await self._sleep(self._reconnect.pause(failures))

    async def _connection(
        self, endpoint: Endpoint, connection: _Line, alive: _Alive, queue: asyncio.Queue[Any]
    ) -> None:
        """Everything that one connection tells, until it ends with a TransferInterrupted."""
        where = f"{self._name}, {endpoint.name}"
        status = endpoint.kind == "status"
        idle = self._status_idle if status else self._quiet
        try:
            while True:
                try:
                    async with asyncio.timeout(idle):
                        message = await connection.recv(decode=False)
                except TimeoutError:
                    if status:
                        raise
                    await self._ask(connection, alive)
                    continue
                alive.at, alive.told = self._now(), True
                for heard in read_message(endpoint, message, alive.at):
                    told = self._changes.changed(heard) if status else heard
                    if told is not None:
                        await queue.put(told)
        except TimeoutError:
            raise TransferInterrupted(f"nothing came for {idle:g} s", where=where) from None
        except ConnectionClosed as error:
            if error.rcvd is not None:
                alive.at = self._now()  # it said good-bye: all that it sent before is here
            raise TransferInterrupted(f"the connection ended: {error}", where=where) from None

    async def _ask(self, connection: _Line, alive: _Alive) -> None:
        """Whether a silent recorder is still there.

        Raises:
            TimeoutError: it answered such a question before, and not this one.
        """
        pong = await connection.ping()
        try:
            async with asyncio.timeout(self._quiet):
                await pong
        except TimeoutError:
            if alive.pongs:
                raise
            return
        alive.pongs = alive.told = True
        alive.at = self._now()


async def _ending(
    stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]], queue: asyncio.Queue[Any]
) -> None:
    """Once `stop` is set: nothing more is read, and a None stands behind all that was."""
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await queue.put(None)


__all__ = ["Endpoint", "Heard", "Listener", "Listening", "Silence"]
