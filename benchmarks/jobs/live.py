"""Live cameras of one process over loopback WebSockets."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.live_sender import marked
from hikcore.sources.everfocus.live import LiveFrame, LiveStream

_HEADER = struct.Struct("<IIHHHIH12x")
_Seen = dict[int, list[int]]


class _Sockets:
    """Connections without a login, as the session opens them."""

    def __init__(self, port: int) -> None:
        self._port = port

    @asynccontextmanager
    async def websocket(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[ClientConnection]:
        async with connect(
            f"ws://127.0.0.1:{self._port}{path}",
            compression=None,
            ping_interval=None,
            max_size=17 << 20,
            proxy=None,
        ) as connection:
            yield connection


def client(port: float, cameras: float, frames: float) -> dict[str, float]:
    """Every frame of every camera by hikcore's live client."""

    async def camera(number: int, seen: list[int], delays: list[float]) -> None:
        live = LiveStream(_Sockets(int(port)), number)
        async with aclosing(live.frames()) as items:
            async for item in items:
                assert isinstance(item, LiveFrame), item
                found, at = marked(item.payload)
                assert found == number
                seen.append(at)
                delays.append((item.received - item.time) / 1e9)
                if at == frames - 1:
                    return

    return _all(camera, int(cameras), int(frames))


def bare(port: float, cameras: float, frames: float) -> dict[str, float]:
    """The same by the WebSocket library alone, the header by `struct`: what a user writes first.
    Without a rule for anything that may go wrong."""

    async def camera(number: int, seen: list[int], delays: list[float]) -> None:
        async with _Sockets(int(port)).websocket(f"/live/{number}/0") as connection:
            while True:
                message = await connection.recv()
                assert isinstance(message, bytes)
                _, size, _, _, _, seconds, ms = _HEADER.unpack_from(message)
                payload = memoryview(message)[32 : 32 + size]
                found, at = marked(payload)
                assert found == number
                seen.append(at)
                delays.append(time.time() - seconds - ms / 1000)
                if at == frames - 1:
                    return

    return _all(camera, int(cameras), int(frames))


def _all(
    camera: Callable[[int, list[int], list[float]], Awaitable[None]], cameras: int, frames: int
) -> dict[str, float]:
    seen: _Seen = {number: [] for number in range(1, cameras + 1)}
    delays: list[float] = []

    async def run() -> None:
        await asyncio.gather(*(camera(number, seen[number], delays) for number in seen))

    begin, cpu = time.perf_counter(), time.process_time()
    asyncio.run(run())
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    wrong = sum(numbers != list(range(frames)) for numbers in seen.values())
    assert not wrong, f"{wrong} cameras lost, doubled or mixed up frames"
    delays.sort()
    return {
        "cameras": cameras,
        "frames": sum(map(len, seen.values())),
        "lost": cameras * frames - sum(map(len, seen.values())),
        "cores": cpu / wall,
        "delay of 99 % (ms)": round(delays[len(delays) * 99 // 100] * 1000),
    }
