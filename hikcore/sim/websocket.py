"""The server's end of a WebSocket (RFC 6455) over a connection that spoke HTTP until now.

The protocol is that of the library `websockets`; its own server would want the port for itself, and
would not let messages come in fragments of our choice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Opening
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from hikcore.sim.http import Request, Response, Takeover

_MOST = 1 << 20


class Gone(Exception):
    """The other side has closed, or is no longer there."""


class Socket:
    """One open WebSocket.

    Attributes:
        sent: bytes of messages that left, headers of the protocol aside.
    """

    def __init__(
        self,
        protocol: ServerProtocol,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._protocol = protocol
        self._reader = reader
        self.writer = writer
        self._parts: list[bytes] = []
        self._text = False
        self.sent = 0

    async def receive(self) -> str | bytes:
        """The next whole message.

        Raises:
            Gone: there will be none.
        """
        while True:
            for event in self._protocol.events_received():
                if isinstance(event, Frame) and (message := self._message(event)) is not None:
                    return message
            if self._protocol.state is not OPEN:
                await self._flush()
                raise Gone
            data = await self._reader.read(65536)
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            await self._flush()
            if not data:
                raise Gone

    async def send(self, *parts: bytes) -> None:
        """One binary message, in as many fragments as there are parts.

        Raises:
            Gone: the other side closed.
        """
        self._open()
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            if index == 0:
                self._protocol.send_binary(part, fin=last)
            else:
                self._protocol.send_continuation(part, fin=last)
            self.sent += len(part)
        await self._flush()

    async def send_part(self, data: bytes, size: int) -> None:
        """Only the first bytes of a message, as where a connection breaks."""
        self._open()
        self._protocol.send_binary(data)
        raw = b"".join(self._protocol.data_to_send())
        self.writer.write(raw[: len(raw) - len(data) + size])
        self.sent += size
        with contextlib.suppress(OSError):
            await self.writer.drain()

    async def tell(self, text: str) -> None:
        """One text message.

        Raises:
            Gone: the other side closed.
        """
        self._open()
        data = text.encode()
        self._protocol.send_text(data)
        self.sent += len(data)
        await self._flush()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say good-bye."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(code, reason)
            with contextlib.suppress(Gone):
                await self._flush()

    def _open(self) -> None:
        if self._protocol.state is not OPEN:
            raise Gone

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.writer.write(data)
        try:
            await self.writer.drain()
        except OSError:
            raise Gone from None

    def _message(self, frame: Frame) -> str | bytes | None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return None
        if frame.opcode is not Opcode.CONT:
            self._text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return None
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole.decode("utf-8", "replace") if self._text else whole


def wanted(request: Request) -> bool:
    """Whether a request asks for a WebSocket."""
    return request.headers.get("upgrade", "").lower() == "websocket"


def upgraded(request: Request, serve: Callable[[Socket], Awaitable[None]]) -> Response:
    """The answer that makes the connection of a request a WebSocket, served so until that ends."""

    async def instead(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rest: bytes
    ) -> None:
        protocol = ServerProtocol(max_size=_MOST)
        lines = [f"GET {request.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        protocol.receive_data("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + rest)
        opening = [event for event in protocol.events_received() if isinstance(event, Opening)]
        if not opening:
            raise ConnectionError("no WebSocket opening")
        protocol.send_response(protocol.accept(opening[0]))
        socket = Socket(protocol, reader, writer)
        with contextlib.suppress(Gone, ProtocolError):
            await socket._flush()
            if protocol.state is OPEN:
                await serve(socket)
        await socket.close()

    return Response(101, "", b"", instead=instead)


async def until_gone(
    socket: Socket,
    work: Awaitable[None],
    heard: Callable[[str | bytes], None] | None = None,
) -> None:
    """Do some work until it is done or the other side leaves; what it says meanwhile is heard.

    Raises:
        Exception: what the work raised.
    """

    async def listen() -> None:
        with contextlib.suppress(Gone):
            while True:
                message = await socket.receive()
                if heard is not None:
                    heard(message)

    tasks: Sequence[asyncio.Future[None]] = [
        asyncio.ensure_future(work),
        asyncio.ensure_future(listen()),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


__all__ = ["Gone", "Socket", "Takeover", "until_gone", "upgraded", "wanted"]
