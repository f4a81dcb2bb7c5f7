"""HTTP/1.1 messages as a proxy passes them on: raw bytes, and what h11 makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import h11

_BLOCK = 64 * 1024


@dataclass
class Head:
    """The first part of a message.

    Attributes:
        first: the request line's method and target, or the status.
        headers: names as sent.
    """

    first: tuple[str, str]
    headers: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """The value of the first header of that name."""
        lower = name.lower()
        return next((value for key, value in self.headers if key.lower() == lower), None)

    def without(self, *names: str) -> list[tuple[str, str]]:
        """All headers but those."""
        lower = {name.lower() for name in names}
        return [(key, value) for key, value in self.headers if key.lower() not in lower]


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rest: bytes
) -> tuple[Head, bytes, bytes] | None:
    """One whole request: its head, its raw bytes and what came behind it; None at the end.

    It is held in memory: requests of clients of recorders are small, and an archive's segments some
    tens of megabytes.
    """
    parser = h11.Connection(h11.SERVER)
    head, raw = None, bytearray(rest)
    if rest:
        parser.receive_data(rest)
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            if parser.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                writer.write(parser.send(go_on) or b"")
            data = await reader.read(_BLOCK)
            if not data:
                return None
            raw += data
            parser.receive_data(data)
        elif isinstance(event, h11.Request):
            names = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
            head = Head((event.method.decode(), event.target.decode()), names)
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            behind = parser.trailing_data[0]
            return head, bytes(raw[: len(raw) - len(behind)]), behind
        elif not isinstance(event, h11.Data):
            return None


@dataclass
class Answer:
    """An answer being received.

    Attributes:
        length: announced, None if it was not.
        blocks: of its body, chunks put together, as they come.
    """

    head: Head
    status: int
    reason: str
    length: int | None
    blocks: AsyncIterator[bytes]


async def read_answer(reader: asyncio.StreamReader, request: Head) -> Answer:
    """The head of the answer to a request; its body is read as `blocks` is. With status 101 that is
    all that the server says from there on, in another protocol.

    Raises:
        ConnectionError: the other side ended before a head came.
    """
    parser = h11.Connection(h11.CLIENT)
    # h11 has to have sent a request to know how the answer ends (HEAD has no body).
    headers = [("host", "x")]
    if (upgrade := request.get("upgrade")) is not None:
        headers += [("connection", "upgrade"), ("upgrade", upgrade)]
    parser.send(h11.Request(method=request.first[0], target="/", headers=headers))
    parser.send(h11.EndOfMessage())
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(_BLOCK)
            parser.receive_data(data)
            if not data:
                raise ConnectionError("no answer")
        elif isinstance(event, h11.Response):
            break
        elif not isinstance(event, h11.InformationalResponse):
            raise ConnectionError("no answer")
        elif event.status_code == 101:
            break
    names = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
    head = Head((str(event.status_code), event.reason.decode("latin-1")), names)
    if event.status_code == 101:
        rest = parser.trailing_data[0]
        return Answer(head, 101, head.first[1], None, _after(rest, reader))
    said = head.get("content-length")
    length = int(said) if said is not None else None
    return Answer(head, event.status_code, head.first[1], length, _blocks(parser, reader))


async def _after(rest: bytes, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """What is said in the other protocol."""
    if rest:
        yield rest
    while block := await reader.read(_BLOCK):
        yield block


async def _blocks(parser: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            parser.receive_data(await reader.read(_BLOCK))
        elif isinstance(event, h11.Data):
            yield bytes(event.data)
        else:
            return


def head_bytes(status: int, reason: str, headers: list[tuple[str, str]]) -> bytes:
    """The first part of an answer."""
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def unsigned(head: Head, raw: bytes) -> bytes:
    """A request without its login: neither Authorization nor cookies."""
    body = raw.partition(b"\r\n\r\n")[2]
    line = f"{head.first[0]} {head.first[1]} HTTP/1.1"
    lines = [line, *(f"{name}: {value}" for name, value in head.without("authorization", "cookie"))]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
