"""HTTP in clear over sockets that are read as they are.

Through asyncio's transports a body comes in pieces of at most 256 KiB, by way of a queue and four
layers; to fetch and take in a recording costs a third less CPU where its socket is read itself
(benchmarks/test_extract.py measures the whole). What is encrypted goes through the transports, as
TLS needs them.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import aiohappyeyeballs
import httpcore
import httpx

#: Seconds until the next address of a name is tried beside one that is silent (RFC 8305, 5).
_NEXT_ADDRESS: Final = 0.25


class DeviceTransport(httpx.AsyncHTTPTransport):
    """A transport to one device, without proxies.

    Args:
        tls: None: in clear.
        keepalive: seconds that a connection is kept without a request.
    """

    def __init__(self, tls: ssl.SSLContext | None, *, keepalive: float) -> None:
        super().__init__(
            verify=False if tls is None else tls,
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=keepalive),
        )
        if tls is None:
            # httpx offers no argument for it; httpcore does.
            self._pool = httpcore.AsyncConnectionPool(
                keepalive_expiry=keepalive, network_backend=SocketBackend()
            )


class SocketBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections for httpcore, on asyncio."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to whichever address of a name answers first.

        Raises:
            httpcore.ConnectTimeout, httpcore.ConnectError: none does.
        """
        with _errors(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                found = await _addresses(host, port)
                own = None if local_address is None else await _addresses(local_address, 0)
                opened = await aiohappyeyeballs.start_connection(
                    found, local_addr_infos=own, happy_eyeballs_delay=_NEXT_ADDRESS
                )
            # As asyncio's transports do: what is asked in two writes must not wait for an answer.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for option in socket_options or ():
                opened.setsockopt(*option)
        return SocketStream(opened)

    async def sleep(self, seconds: float) -> None:
        """For retries of httpcore's own."""
        await asyncio.sleep(seconds)


class SocketStream(httpcore.AsyncNetworkStream):
    """One connection; one task reads from it at a time.

    Args:
        opened: connected, not blocking; closed by `aclose`.
    """

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109  likewise
    ) -> bytes:
        """What is there, or comes next; nothing at the end.

        Raises:
            httpcore.ReadTimeout, httpcore.ReadError
        """
        with _errors(httpcore.ReadTimeout, httpcore.ReadError):
            async with asyncio.timeout(timeout):
                return await asyncio.get_running_loop().sock_recv(self._socket, max_bytes)

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109  likewise
    ) -> None:
        """All of it.

        Raises:
            httpcore.WriteTimeout, httpcore.WriteError
        """
        with _errors(httpcore.WriteTimeout, httpcore.WriteError):
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_sendall(self._socket, buffer)

    async def aclose(self) -> None:
        """Close it."""
        self._socket.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  likewise
    ) -> httpcore.AsyncNetworkStream:
        """Not over this one.

        Raises:
            httpcore.UnsupportedProtocol
        """
        raise httpcore.UnsupportedProtocol("TLS over a connection that was opened in clear")

    def get_extra_info(self, info: str) -> Any:
        """As httpcore asks: `socket`, `server_addr`, `client_addr`, `is_readable`."""
        if info == "socket":
            return self._socket
        if info == "server_addr":
            return self._socket.getpeername()
        if info == "client_addr":
            return self._socket.getsockname()
        if info == "is_readable":
            return _readable(self._socket)
        return None


async def _addresses(host: str, port: int) -> list[Any]:
    """Of a name, asked for in a thread; a written address needs none, which may all be at work."""
    with suppress(socket.gaierror):
        return socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _readable(opened: socket.socket) -> bool:
    """Whether there is something to read, an end included: an idle connection was closed then."""
    if opened.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(opened, select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def _errors(timeout: type[Exception], other: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:  # an OSError too, where the kernel gives up
        raise timeout(str(error)) from error
    except OSError as error:
        raise other(str(error)) from error
