"""A recorder that plays back, as small as it can be: frames by time from a list, over a real
WebSocket. It can begin at the key picture before or exactly at the asked time, break off, and meet
a hole in any of the ways that the guide leaves open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response

from hikcore.errors import DeviceBusy, DeviceUnreachable
from tests.everfocus.live.server import delta, key
from tests.media.everfocus_reference import frame


@dataclass(frozen=True)
class Frame:
    """A recorded frame: when (ms), whether decoding can begin with it, header and bytes."""

    ms: int
    key: bool
    data: bytes


def recorded(begin: int, end: int, group: int, step: int = 200, sound: bool = True) -> list[Frame]:
    """Footage of [begin, end) ms: a key picture every `group` ms, each frame unlike all others."""
    out = []
    for number, ms in enumerate(range(begin, end, step)):
        is_key = (ms - begin) % group == 0
        data = key(ms, 40 + number % 17) if is_key else delta(ms, 20 + number % 13)
        out.append(Frame(ms, is_key, data))
        if sound and number % 2:
            out.append(Frame(ms + 7, False, frame(16, bytes([number % 251]) * 160, ms + 7)))
    return out


@dataclass
class Player:
    """Plays `frames` of every channel.

    Attributes:
        exact: begins at the first frame at or after the asked time; else at the key picture before.
        hole: what happens where the next frame is more than 5 s later.
        pack: frames to messages.
        break_after: frames of each connection after which it breaks; none: never.
        busy: by number of the connection: how it says that others have its playbacks: `503` in
            place of a WebSocket, close code `1013`, or a `text`.
    """

    frames: Sequence[Frame]
    exact: bool = False
    hole: Literal["jump", "silence", "close", "refuse"] = "jump"
    at_end: Literal["silence", "close"] = "silence"
    pack: Callable[[list[bytes]], list[bytes]] = field(default=lambda frames: frames)
    break_after: Sequence[int] = ()
    half: bool = False
    busy: Mapping[int, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    async def _play(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        query = parse_qs(urlsplit(connection.request.path).query)
        self.asked.append({name: values[0] for name, values in query.items()})
        number = len(self.asked) - 1
        how = self.busy.get(number)
        if how == "1013":
            await connection.close(1013)
            return
        if how == "text":
            await connection.send('{"Result": "Error", "Description": "Playback is busy"}')
            await connection.wait_closed()
            return
        left = self.break_after[number] if number < len(self.break_after) else None
        listening = asyncio.create_task(self._listen(connection))
        try:
            await self._send(connection, int(query["time"][0]) * 1000, left)
        except websockets.ConnectionClosed:
            pass
        finally:
            listening.cancel()

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.busy.get(len(self.asked)) != "503":
            return None
        self.asked.append({})
        return connection.respond(503, "busy")

    async def _listen(self, connection: ServerConnection) -> None:
        async for message in connection:
            self.told.append(json.loads(message))
            if self.told[-1]["command"] == "stop":
                await connection.close()

    async def _send(self, connection: ServerConnection, begin: int, left: int | None) -> None:
        first = next((n for n, each in enumerate(self.frames) if each.ms >= begin), None)
        if first is None:
            first = len(self.frames)
        while not self.exact and first and not (first < len(self.frames) and self.frames[first].key
                                                and self.frames[first].ms <= begin):  # fmt: skip
            first -= 1
            if self.frames[first].key:
                break
        play = list(self.frames[first:])
        ending: str = self.at_end
        for number in range(1, len(play)):
            if play[number].ms - play[number - 1].ms > 5000 and self.hole != "jump":
                if play[number - 1].ms < begin:
                    play = play[number:]  # asked for what lies behind it
                    break
                play, ending = play[:number], self.hole
                break
        blocks = [each.data for each in play]
        if left is not None and left < len(blocks):
            rest = blocks[left]
            blocks = blocks[:left]
            for message in self.pack(blocks):
                await connection.send(message)
            if self.half:
                await connection.send(rest[: len(rest) // 2])
            await asyncio.sleep(0.002)
            connection.transport.abort()
            return
        for message in self.pack(blocks):
            await connection.send(message)
        if ending == "close":
            await connection.close()
        elif ending == "refuse":
            await connection.send(json.dumps({"Result": "Error", "Description": "no record"}))
        await connection.wait_closed()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Sockets]:
        """While it serves."""
        async with serve(
            self._play, "127.0.0.1", 0, max_size=None, compression=None,
            process_request=self._request,
        ) as server:  # fmt: skip
            self.port = server.sockets[0].getsockname()[1]
            yield Sockets(self.port)


class Sockets:
    """What a session gives."""

    def __init__(self, port: int) -> None:
        self.port = port

    @asynccontextmanager
    async def websocket(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[ClientConnection]:
        """A connection."""
        query = "&".join(f"{name}={value}" for name, value in (params or {}).items())
        try:
            connection = await websockets.connect(
                f"ws://127.0.0.1:{self.port}{path}?{query}",
                max_size=17 << 20, compression=None, ping_interval=None, close_timeout=0.5,
            )  # fmt: skip
        except InvalidStatus as error:
            raise DeviceBusy(str(error)) from None
        except OSError as error:
            raise DeviceUnreachable(str(error)) from None
        async with connection:
            yield connection


def one(frames: list[bytes]) -> list[bytes]:
    """A frame a message."""
    return frames


def several(frames: list[bytes]) -> list[bytes]:
    """Five frames a message."""
    return [b"".join(frames[at : at + 5]) for at in range(0, len(frames), 5)]


def split(frames: list[bytes]) -> list[bytes]:
    """Messages that end anywhere."""
    data = b"".join(frames)
    return [data[at : at + 777] for at in range(0, len(data), 777)]
