"""Connections whose sockets are read as they are: opening, ends, errors, and use again."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpcore
import httpx
import pytest
import uvloop

from hikcore.errors import ConfigurationError
from hikcore.sources.address import base_url
from hikcore.sources.body import body_blocks
from hikcore.sources.sockets import DeviceTransport, SocketBackend, SocketStream

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """The port of a server on 127.0.0.1 alone."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=DeviceTransport(None, keepalive=5)) as made:
        yield made


async def test_requests_go_over_such_a_socket_and_use_it_again(client: httpx.AsyncClient) -> None:
    """Were httpx built another way one day, requests would go another way unseen: not here."""
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
        writer.close()

    async with listening(serve) as port:
        for number in range(4):
            async with client.stream("GET", f"http://127.0.0.1:{port}/") as answer:
                stream = answer.extensions["network_stream"]
                assert isinstance(stream, SocketStream)
                assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
                assert stream.get_extra_info("client_addr")[0] == "127.0.0.1"
                assert stream.get_extra_info("ssl_object") is None
                assert await answer.aread() == b"ok"
            # One that the device closed meanwhile is not asked again.
            await asyncio.sleep(0.05)
            assert opened == number // 2 + 1


def test_any_event_loop_will_do() -> None:
    """uvloop's connections take no delay for the next address; services run on it."""
    body = bytes(9 << 20)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async def fetch() -> bytes:
        async with (
            listening(serve) as port,
            httpx.AsyncClient(transport=DeviceTransport(None, keepalive=5)) as client,
            client.stream("GET", f"http://localhost:{port}/") as answer,
        ):
            return b"".join([block async for block in body_blocks(answer)])

    assert uvloop.run(fetch()) == body


async def test_a_device_that_answers_before_it_is_asked_is_heard(
    client: httpx.AsyncClient,
) -> None:
    """A recorder without a free connection may refuse at once, and close."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with listening(serve) as port:
        for _ in range(20):
            answer = await client.get(f"http://127.0.0.1:{port}/")
            assert (answer.status_code, answer.content) == (503, b"busy")


async def test_the_next_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(serve) as port:
        loop = asyncio.get_running_loop()

        async def two(*_: Any, **__: Any) -> list[Any]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*kind, ("127.0.0.2", port)), (*kind, ("127.0.0.1", port))]

        monkeypatch.setattr(loop, "getaddrinfo", two)
        stream = await SocketBackend().connect_tcp("recorder.example", port, timeout=5)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        assert await stream.read(10, timeout=5) == b""
        await stream.aclose()
        assert stream.get_extra_info("is_readable")


async def test_what_cannot_be_connected_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(httpcore.ConnectError):
            await SocketBackend().connect_tcp("127.0.0.1", port, timeout=5)

    async def silent(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", silent)
    with pytest.raises(httpcore.ConnectTimeout):
        await SocketBackend().connect_tcp("127.0.0.1", port, timeout=0.05)


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "nvr..example"])
def test_what_can_be_no_name_is_told_before_it_is_asked_for(host: str) -> None:
    with pytest.raises(ConfigurationError, match="neither a name nor an address"):
        base_url("http", host, 80, "home/nvr")


@pytest.mark.parametrize("host", ["nvr_1.local.", "bücher.example", "fe80::1%eth0", "::1"])
def test_names_and_addresses_stay_as_they_are(host: str) -> None:
    assert base_url("http", host, 81, "home/nvr").host == host


async def test_nothing_stays_open_behind_connections_called_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the middle of a race of four addresses, the first of which is silent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(serve) as port:
        loop = asyncio.get_running_loop()
        connect = loop.sock_connect

        async def four(*_: Any, **__: Any) -> list[Any]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*kind, (f"127.0.0.{last}", port)) for last in (2, 1, 1, 1)]

        async def connecting(each: socket.socket, address: Any) -> None:
            if address[0] == "127.0.0.2":
                await asyncio.Event().wait()
            await connect(each, address)

        monkeypatch.setattr(loop, "getaddrinfo", four)
        monkeypatch.setattr(loop, "sock_connect", connecting)
        monkeypatch.setattr("hikcore.sources.sockets._NEXT_ADDRESS", 0.0005)
        before = len(os.listdir("/proc/self/fd"))
        won = 0
        for turns in range(300):
            opening = asyncio.create_task(SocketBackend().connect_tcp("nvr.example", port, 5))
            # From before it begins to after it is done.
            await asyncio.wait({opening}, timeout=5 if turns % 60 == 59 else turns % 60 / 10_000)
            opening.cancel()
            with suppress(asyncio.CancelledError):
                await (await opening).aclose()
                won += 1
        for _ in range(500):  # the server's ends are in this process too
            if len(os.listdir("/proc/self/fd")) <= before:
                break
            await asyncio.sleep(0.01)
        assert len(os.listdir("/proc/self/fd")) <= before
        assert 0 < won < 300


async def test_silence_a_reset_and_a_peer_that_does_not_read_are_told() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    stream = SocketStream(ours)
    with pytest.raises(httpcore.ReadTimeout):
        await stream.read(10, timeout=0.05)
    theirs.sendall(b"late")
    assert await stream.read(10, timeout=5) == b"late"
    with pytest.raises(httpcore.WriteTimeout):
        await stream.write(bytes(32 << 20), timeout=0.1)
    theirs.close()
    with pytest.raises(httpcore.WriteError):
        await stream.write(b"nobody there", timeout=5)
    with pytest.raises(httpcore.ReadError):  # what was not read makes a reset of the close
        await stream.read(10, timeout=5)
    with pytest.raises(httpcore.UnsupportedProtocol):
        await stream.start_tls(httpcore.default_ssl_context())
    await stream.aclose()


async def test_nothing_stays_open_behind_a_request_that_is_called_off() -> None:
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        assert await reader.read() == b""
        writer.close()
        ended.set()

    ended = asyncio.Event()
    async with (
        listening(serve) as port,
        httpx.AsyncClient(transport=DeviceTransport(None, keepalive=5)) as client,
    ):
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/"))
        await asyncio.wait_for(asked.wait(), 5)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await asyncio.wait_for(ended.wait(), 5)
