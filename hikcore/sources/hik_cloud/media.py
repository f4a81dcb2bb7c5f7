"""Downloads of footage from signed addresses: looked at before they count, and never logged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import httpx

from hikcore.errors import DeviceBusy, DeviceProtocolError, DeviceRefused, TransferInterrupted
from hikcore.sources.hik_cloud.body import ENOUGH, NotFootage, check
from hikcore.sources.hik_cloud.client import transport_error
from hikcore.sources.hik_cloud.settings import CloudSettings
from hikcore.sources.hik_cloud.transport import MediaTransport, private

Write = Callable[[bytes], Awaitable[None]]
Look = Callable[[bytes, str], object]
_BLOCK: Final = 256 * 1024
_MOVED: Final = frozenset({301, 302, 303, 307, 308})


class MediaClient:
    """Downloads, without a token and without cookies.

    Args:
        settings: timeouts and limits.
        paced: waits for as long as so many bytes may take.
    """

    def __init__(
        self, settings: CloudSettings, paced: Callable[[int], Awaitable[None]] | None = None
    ) -> None:
        self._settings = settings
        self._paced = paced
        self._client = httpx.AsyncClient(
            transport=MediaTransport(settings),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(settings.timeout, connect=settings.connect_timeout),
            # No compression: bytes are counted against what was promised.
            # And no second body on a connection: one that came twice would be read as the next.
            headers={
                "User-Agent": "hikcore",
                "Accept-Encoding": "identity",
                "Connection": "close",
            },
        )

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def fetch(
        self, url: str, write: Write, where: str, *, look: Look = check
    ) -> tuple[int, int | None]:
        """Stream a body to `write`; its size, and what was promised.

        Args:
            where: of the footage, for errors: they never repeat the address.
            look: given the first bytes before any is written; raises where it is no footage.

        Raises:
            NotFootage: 403, 404, 410, or a body that is no footage: another address may do.
            TransferInterrupted: it ended early, stalled, was reset, or took too long.
            DeviceError: any other reason why there is no footage; nothing was written then.
        """
        settings = self._settings
        try:
            with private():
                async with asyncio.timeout(settings.download_timeout):
                    return await self._follow(url, write, where, look)
        except TimeoutError:
            message = f"the download took more than {settings.download_timeout:g} s"
            failure: Exception = TransferInterrupted(message, where=where)
        except httpx.HTTPError as error:
            failure = transport_error(error, settings, where)
        except (httpx.InvalidURL, ValueError):
            failure = DeviceProtocolError("the download address is none", where=where)
        raise failure  # outside, so that the library's error, which knows the address, is not in it

    async def _follow(
        self, url: str, write: Write, where: str, look: Look
    ) -> tuple[int, int | None]:
        target = httpx.URL(url)
        for _ in range(self._settings.redirects + 1):
            if target.userinfo:
                raise DeviceRefused("an address with a password in it was not used", where=where)
            # A cookie of one host must not go to another.
            self._client.cookies.clear()
            request = self._client.build_request("GET", target)
            response = await self._client.send(request, stream=True)
            try:
                if response.status_code in _MOVED and "location" in response.headers:
                    target = target.join(response.headers["location"])
                    continue
                return await self._take(response, write, where, look)
            finally:
                await response.aclose()
        raise DeviceProtocolError("the download is redirected again and again", where=where)

    async def _take(
        self, response: httpx.Response, write: Write, where: str, look: Look
    ) -> tuple[int, int | None]:
        status = response.status_code
        if status in (403, 404, 410):
            raise NotFootage(f"HTTP {status}", where=where, hint="the address may have expired")
        if status == 429 or status >= 500:
            raise DeviceBusy(f"HTTP {status}", where=where)
        if status != 200:
            raise DeviceRefused(f"HTTP {status}", where=where)
        promised = _promised(response)
        first, size = b"", 0
        looked = False
        async for block in response.aiter_bytes(_BLOCK):
            size += len(block)
            if size > self._settings.body_limit:
                raise DeviceRefused(
                    f"a body of more than {self._settings.body_limit} bytes", where=where
                )
            if self._paced is not None:
                await self._paced(len(block))
            if looked:
                await write(block)
                continue
            first += block
            if len(first) >= ENOUGH:
                look(first, where)
                looked = True
                await write(first)
        if not looked:
            look(first, where)
            await write(first)
        if promised is not None and size < promised:
            raise TransferInterrupted(f"ended after {size} of {promised} bytes", where=where)
        return size, promised


def _promised(response: httpx.Response) -> int | None:
    if "content-encoding" in response.headers:
        return None  # it counts other bytes than those that come out
    text = response.headers.get("content-length", "")
    return int(text) if text.isdecimal() and len(text) < 16 else None
