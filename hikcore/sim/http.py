"""HTTP/1.1 for devices that misbehave: h11 reads requests, answers are written byte by byte.

A library's server would not let an answer promise more than it brings, stall in the middle or end
in a TCP reset, and those are what clients of recorders must live with.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import h11

from hikcore.sim.faults import Fault
from hikcore.sim.spoil import Cut, announced, spoiled

_LIMIT = 1 << 20
_REASONS = {
    200: "OK", 206: "Partial Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 416: "Requested Range Not Satisfiable",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


@dataclass
class Request:
    """One request, and what became of it.

    Attributes:
        number: from 1, in the order in which they were read.
        target: as sent.
        body: at most 1 MiB of it.
        login: the door's verdict, empty where the door was not asked.
        status: of the answer; 0: none was sent.
        promised: the Content-Length, None if none was announced.
        sent: bytes of the body that left.
        whole: whether the answer ended as it should.
        fault: the kind of the planned fault that struck it.
    """

    number: int
    address: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    login: str = ""
    status: int = 0
    promised: int | None = None
    sent: int = 0
    whole: bool = False
    fault: str = ""

    @property
    def path(self) -> str:
        """Without the query, percent-decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> str:
        """As sent."""
        return urlsplit(self.target).query


@dataclass
class Response:
    """What to answer.

    Attributes:
        body: all of it, or blocks.
        length: of the body; None: not known or not told, the connection then ends it.
        fault: what goes wrong while it is sent.
        rate: bytes a second, 0 for no limit.
        done: called once when the answer has ended, however it did.
        instead: takes the connection over in place of an answer (a WebSocket): it is given what was
            read beyond the request, and the connection ends with it.
    """

    status: int
    content_type: str
    body: bytes | AsyncIterator[bytes]
    length: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    fault: Fault | None = None
    rate: int = 0
    done: Callable[[], None] | None = None
    instead: Takeover | None = None


Takeover = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Serves a handler on one address.

    Args:
        handler: gives the response of a request.
        common: headers of every answer, made anew for each.
        most: requests of one connection, which is closed then; 0: any number.
        sleep: how it waits between blocks.
    """

    def __init__(
        self,
        handler: Handler,
        common: Callable[[], Iterable[tuple[str, str]]],
        most: int = 0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self._most = most
        self._handler = handler
        self._common = common
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.connections = 0

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; the port that was taken."""
        self._server = await asyncio.start_server(self._client, host, port, ssl=tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close, in the middle of answers where need be."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def hang_up(self) -> None:
        """End every connection, but go on listening."""
        for task in list(self._tasks):
            task.cancel()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except Cut as cut:
            if cut.hard:
                _reset(writer)
        except (ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str(writer.get_extra_info("peername")[0])
        rest, served = b"", 0
        while True:
            found = await self._read(reader, writer, rest)
            if found is None:
                return
            head, body, rest = found
            self._count += 1
            request = Request(
                self._count,
                address,
                head.method.decode(),
                head.target.decode(),
                {name.decode(): value.decode("latin-1") for name, value in head.headers},
                body,
            )
            response = await self._handler(request)
            if response.instead is not None:
                request.status = response.status
                try:
                    await response.instead(reader, writer, rest)
                finally:
                    if response.done is not None:
                        response.done()
                return
            served += 1
            keep = request.headers.get("connection", "").lower() != "close" and served != self._most
            try:
                keep = await self._answer(writer, request, response, keep)
            finally:
                if response.done is not None:
                    response.done()
            if not keep:
                return

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rest: bytes
    ) -> tuple[h11.Request, bytes, bytes] | None:
        """One whole request, and what was read beyond it."""
        # A new one for each request: h11 would also want to see what we answer.
        parser = h11.Connection(h11.SERVER)
        if rest:
            parser.receive_data(rest)
        head, body = None, bytearray()
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                if parser.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[])
                    writer.write(parser.send(go_on) or b"")
                data = await reader.read(65536)
                if not data and head is None:
                    return None
                parser.receive_data(data)
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                if len(body) < _LIMIT:
                    body += event.data
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return head, bytes(body), parser.trailing_data[0]
            else:
                return None

    async def _answer(
        self, writer: asyncio.StreamWriter, request: Request, response: Response, keep: bool
    ) -> bool:
        fault = response.fault
        length = response.length
        if isinstance(response.body, bytes):
            length = len(response.body)
        length, keep = announced(length, keep, fault)
        request.status, request.promised = response.status, length
        reason = _REASONS.get(response.status, "Unknown")
        lines = [f"HTTP/1.1 {response.status} {reason}", f"Content-Type: {response.content_type}"]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        lines += [f"{name}: {value}" for name, value in (*self._common(), *response.headers)]
        lines.append("Connection: Keep-Alive" if keep else "Connection: close")
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        async for block in spoiled(_blocks(response.body), fault, writer, self._sleep):
            writer.write(block)
            request.sent += len(block)
            await writer.drain()
            if response.rate:
                await self._sleep(len(block) / response.rate)
        await writer.drain()
        request.whole = True
        if fault is not None and fault.kind == "wrong_length":
            keep = False
        return keep


async def _blocks(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for block in body:
        yield block


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
