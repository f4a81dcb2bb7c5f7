"""A recorder's WebSockets, as small as they can be: each connection plays a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

from hikcore.errors import DeviceRefused, DeviceUnreachable
from tests.media.everfocus_reference import frame

#: 2026-11-20T10:03:17.250Z in ms.
BEGIN = 1_795_168_997_250
IDR = b"\0\0\0\1\x67\x42\0\x0a" + b"\0\0\0\1\x68\xce" + b"\0\0\0\1\x65"
P = b"\0\0\0\1\x41"


def key(ms: int, size: int = 60) -> bytes:
    """A frame with an IDR picture, no decoder's joy."""
    return frame(6, IDR + b"\x88" * size, ms)


def delta(ms: int, size: int = 30, mark: int = 0x9A) -> bytes:
    return frame(7, P + bytes([mark]) * size, ms)


def group(ms: int, count: int = 5, step: int = 40) -> list[bytes]:
    """A key frame and the others, each of a size of its own."""
    others = [delta(ms + step * n, 30 + n) for n in range(1, count)]
    return [key(ms), *others]


class Break:
    """The connection ends here without a closing handshake."""


class Stay:
    """It stays open and silent."""


Script = Sequence[Any]
Play = Callable[[ServerConnection], Awaitable[None]]


class Server:
    """Plays `scripts[n]` to the n-th connection of each path (the last one to all further)."""

    def __init__(self, scripts: Mapping[str, Sequence[Script | Play]]) -> None:
        self.scripts = scripts
        self.connections: dict[str, int] = {}
        self.port = 0
        self.closed: list[int] = []

    async def _play(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        path = connection.request.path.partition("?")[0]
        number = self.connections.get(path, 0)
        self.connections[path] = number + 1
        scripts = self.scripts[path]
        script = scripts[min(number, len(scripts) - 1)]
        if callable(script):
            await script(connection)
            return
        for each in script:
            if isinstance(each, Break):
                connection.transport.abort()
                return
            if isinstance(each, Stay):
                await connection.wait_closed()
                return
            if callable(each):
                await each(connection)
                continue
            await connection.send(each)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Sockets]:
        async with serve(self._play, "127.0.0.1", 0, max_size=None) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield Sockets(self.port, self.scripts)


class Sockets:
    """What a session gives: connections to it."""

    def __init__(self, port: int, paths: Mapping[str, Any]) -> None:
        self.port = port
        self.paths = paths
        self.fail: list[Exception] = []
        self.open = 0

    @asynccontextmanager
    async def websocket(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[ClientConnection]:
        if self.fail:
            raise self.fail.pop(0)
        if path not in self.paths:
            raise DeviceRefused("no such path", where=path)
        try:
            connection = await websockets.connect(
                f"ws://127.0.0.1:{self.port}{path}",
                max_size=17 << 20,
                compression=None,
                ping_interval=None,
            )
        except OSError as error:
            raise DeviceUnreachable(str(error)) from None
        self.open += 1
        try:
            async with connection:
                yield connection
        finally:
            self.open -= 1


async def raw(connection: ServerConnection, opcode: Opcode, data: bytes, *, fin: bool) -> None:
    """One WebSocket frame, which need be no message."""
    connection.transport.write(Frame(opcode, data, fin=fin).serialize(mask=False, extensions=[]))


class Pauses:
    """In place of asyncio.sleep: notes what was asked for and goes on at once."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)
