"""Long bodies past the HTTP parser: every byte, and every way in which they end early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from hikcore.sources import body as module
from hikcore.sources.body import body_blocks
from hikcore.sources.sockets import DeviceTransport

LONG = 6 << 20


@pytest.fixture(params=["asyncio's transport", "the socket itself"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """As what is encrypted is read, and as what is not."""
    own = DeviceTransport(None, keepalive=5) if "itself" in request.param else None
    async with httpx.AsyncClient(transport=own) as made:
        yield made


def content(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(size % 251)


@asynccontextmanager
async def server(*parts: bytes | float) -> AsyncIterator[tuple[str, list[int]]]:
    """Answers every request with these parts (a number: so long a pause), then closes; which
    requests came over which connection."""
    seen: list[int] = []
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        number = count
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                seen.append(number)
                for part in parts:
                    if isinstance(part, float):
                        await asyncio.sleep(part)
                    else:
                        writer.write(part)
                        await writer.drain()
                if parts[-1] == b"":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/", seen
    finally:  # from Python 3.12 on a server waits for its connections; the client's come back
        listening.close()


async def read(url: str, client: httpx.AsyncClient, into: list[bytes] | None = None) -> list[bytes]:
    blocks = [] if into is None else into
    async with client.stream("GET", url) as response:
        async for block in body_blocks(response):
            blocks.append(block)
    return blocks


def head(size: int, *more: str) -> bytes:
    lines = ("HTTP/1.1 200 OK", f"Content-Length: {size}", *more)
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


@pytest.mark.parametrize("with_head", [0, 1, 5000, LONG])
@pytest.mark.parametrize("size", [0, 10, (4 << 20) - 1, 4 << 20, LONG])
async def test_every_byte_comes_wherever_the_head_ends(
    client: httpx.AsyncClient, size: int, with_head: int
) -> None:
    """The body begins in the same packet as the headers, or in one of its own."""
    data = content(size)
    pause = 0.02 if with_head == 0 else 0.0
    parts = (head(size) + data[:with_head], pause, data[with_head:])
    async with server(*parts, b"") as (url, _):
        blocks = await read(url, client)
    assert b"".join(blocks) == data


async def test_what_is_long_goes_past_the_parser(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[int] = []
    true = module._read

    async def counted(*arguments: object) -> bytes:
        block = await true(*arguments)  # type: ignore[arg-type]
        passed.append(len(block))
        return block

    monkeypatch.setattr(module, "_read", counted)
    async with server(head(LONG), content(LONG)) as (url, seen):
        assert b"".join(await read(url, client)) == content(LONG)
        assert sum(passed) > LONG - (1 << 20)
        # The parser does not know that the body came: the next request has a connection of its own.
        assert b"".join(await read(url, client)) == content(LONG)
        assert seen == [1, 2]
    passed.clear()
    async with server(head(1000), content(1000)) as (url, seen):
        for _ in range(2):
            assert b"".join(await read(url, client)) == content(1000)
        assert seen == [1, 1]
    assert passed == []


async def test_chunks_are_left_to_the_parser(client: httpx.AsyncClient) -> None:
    data = content(LONG)
    chunk = f"{LONG:x}\r\n".encode() + data + b"\r\n0\r\n\r\n"
    first = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with server(first, chunk) as (url, _):
        assert b"".join(await read(url, client)) == data


async def test_a_body_that_ends_early_is_told(client: httpx.AsyncClient) -> None:
    async with server(head(LONG), content(LONG - 7), b"") as (url, _):
        got: list[bytes] = []
        with pytest.raises(httpx.RemoteProtocolError, match="7 bytes before the end"):
            await read(url, client, got)
    assert b"".join(got) == content(LONG - 7)


async def test_a_body_that_stalls_is_told(client: httpx.AsyncClient) -> None:
    client.timeout = httpx.Timeout(5, read=0.2)
    async with server(head(LONG), content(5 << 20), 3.0) as (url, _):
        with pytest.raises(httpx.ReadTimeout):
            await read(url, client)


async def test_who_stops_reading_closes_the_connection(client: httpx.AsyncClient) -> None:
    async with server(head(LONG), content(LONG)) as (url, seen):
        async with client.stream("GET", url) as response:
            async for _ in body_blocks(response):
                break
        async with client.stream("GET", url) as response:
            assert response.status_code == 200
    assert seen == [1, 2]
