"""ContentMgmt/download: one file as a stream, never trusted before its first bytes were seen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

import httpx

from hikcore.errors import DeviceProtocolError, TransferInterrupted
from hikcore.media.sniff import sniff
from hikcore.sources.base import Fetched
from hikcore.sources.isapi.connection import Connection
from hikcore.sources.isapi.dialect import DOWNLOAD_LADDER, DOWNLOAD_STEPS, DownloadDialect
from hikcore.sources.isapi.search import download_body
from hikcore.sources.isapi.status import Rejected, error_of

PATH: Final = "/ISAPI/ContentMgmt/download"
_SNIFF: Final = 64
_DOCUMENT: Final = 64 * 1024
#: What a recording never begins with.
_DOCUMENTS: Final = frozenset({"xml", "html", "json"})

Write = Callable[[bytes], Awaitable[None]]


class _EnoughError(Exception):
    """Ends a download of which no more is wanted."""


class Downloader:
    """Downloads of one device; keeps the dialect that worked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ladder: tuple[DownloadDialect, ...] = DOWNLOAD_LADDER

    async def fetch(self, uri: str, write: Write) -> Fetched:
        """Stream a file to `write`.

        What fails before the first byte of footage is tried again where that helps; afterwards
        the caller begins anew (no recorder is known to resume: facts 1.5).

        Raises:
            TransferInterrupted: it ended early, stalled or was reset.
            DeviceError: the device refuses or answers something else than footage.
        """
        started = False

        async def marked(block: bytes) -> None:
            nonlocal started
            started = True
            await write(block)

        async def attempt() -> Fetched | TransferInterrupted:
            try:
                async with self._connection.downloading.place():
                    return await self._climb(uri, marked)
            except TransferInterrupted as error:
                if started:
                    return error  # not to be tried again here
                raise

        outcome = await self._connection.retrying(attempt)
        if isinstance(outcome, TransferInterrupted):
            raise outcome
        return outcome

    async def beginning(self, uri: str, enough: int) -> bytes:
        """The first bytes of a file, as many as are enough (or all); the rest is not taken.

        Raises:
            DeviceError: as `fetch`.
        """
        have = bytearray()

        async def keep(block: bytes) -> None:
            have.extend(block)
            if len(have) >= enough:
                raise _EnoughError

        with suppress(_EnoughError):
            await self.fetch(uri, keep)
        return bytes(have)

    async def _climb(self, uri: str, write: Write) -> Fetched:
        problem: Rejected | None = None
        for dialect in self._ladder:
            try:
                fetched = await self._once(dialect, uri, write)
            except Rejected as error:
                if error.http not in DOWNLOAD_STEPS:
                    raise
                problem = problem or error
                continue
            self._ladder = (dialect,)
            return fetched
        assert problem is not None
        raise problem

    async def _once(self, dialect: DownloadDialect, uri: str, write: Write) -> Fetched:
        where = f"{self._connection.where} {PATH}"
        async with self._connection.stream(dialect.method, PATH, download_body(uri)) as response:
            if response.status_code != 200:
                answer = await _beginning(response.aiter_raw(), b"", _DOCUMENT)
                raise error_of(response.status_code, answer, where) or DeviceProtocolError(
                    f"the device answers HTTP {response.status_code}", where=where
                )
            promised = _promised(response)
            blocks = response.aiter_raw()  # as they come, at most 64 KiB each
            first = await _beginning(blocks, b"", _SNIFF)
            kind = sniff(first[:_SNIFF])
            if kind in _DOCUMENTS:
                answer = await _beginning(blocks, first, _DOCUMENT)
                raise error_of(200, answer, where) or DeviceProtocolError(
                    f"{kind} where a recording should be", where=where
                )
            if not first:
                raise TransferInterrupted(
                    "an empty body",
                    where=where,
                    hint="the recorder may have written over this recording",
                )
            size = len(first)
            await write(first)
            async for block in blocks:
                size += len(block)
                await write(block)
        if promised is not None and size != promised:
            raise TransferInterrupted(f"{size} of {promised} bytes arrived", where=where)
        return Fetched(size, promised)


async def _beginning(blocks: AsyncIterator[bytes], have: bytes, enough: int) -> bytes:
    """`have` and what follows, until there is enough or the body ends."""
    while len(have) < enough:
        block = await anext(blocks, b"")
        if not block:
            break
        have += block
    return have


def _promised(response: httpx.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and len(length) < 19 else None
