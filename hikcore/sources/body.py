"""Bodies of recordings: read from the connection itself once their headers are parsed, as an HTTP
parser copies every byte three times and hands it on in pieces of 64 KiB."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import httpcore
import httpx

#: Shorter bodies are left to the parser, which can use the connection again.
_LONG: Final = 4 << 20
#: Read at once at most, and while less comes: memory is taken for as much as is asked for.
_BLOCK: Final = 1 << 20
_FEW: Final = 256 << 10


async def body_blocks(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes over the wire, in blocks as large as they come.

    Of a long body whose length its header tells (HTTP/1.x, not chunked) all but the first block is
    read past the parser; the connection is closed with the response then.

    Raises:
        httpx.HTTPError: the connection broke, stalled, or ended before the body did.
    """
    left, stream = _length(response), response.extensions.get("network_stream")
    async with aclosing(_raw(response)) as parsed:
        if stream is None or left < _LONG:
            async for block in parsed:
                yield block
            return
        # The parser gives all that it holds of the body at once: what follows is in the socket.
        async for block in parsed:
            left -= len(block)
            yield block
            break
        size = _FEW
        while left > 0:
            block = await _read(response, stream, min(left, size))
            size = _BLOCK if len(block) == size else _FEW
            if not block:
                raise httpx.RemoteProtocolError(
                    f"the connection was closed {left} bytes before the end of the body",
                    request=response.request,
                )
            left -= len(block)
            yield block


async def _raw(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    async for block in response.aiter_raw():
        yield block


async def _read(response: httpx.Response, stream: Any, size: int) -> bytes:
    """From the socket, or what encrypts it; with the errors that a response has."""
    timeout = response.request.extensions.get("timeout", {}).get("read")
    try:
        block: bytes = await stream.read(size, timeout=timeout)
    except httpcore.TimeoutException as error:
        raise httpx.ReadTimeout(str(error), request=response.request) from error
    except httpcore.NetworkError as error:
        raise httpx.ReadError(str(error), request=response.request) from error
    return block


def _length(response: httpx.Response) -> int:
    """Of the body, where the header tells it and it comes as it is; else 0."""
    if not response.http_version.startswith("HTTP/1."):
        return 0
    if "Transfer-Encoding" in response.headers:
        return 0
    told = response.headers.get("Content-Length", "")
    return int(told) if told.isdecimal() and len(told) < 19 else 0
