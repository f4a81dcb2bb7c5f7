"""ContentMgmt/download: one file as a stream, never trusted before its first bytes were seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from hikcore.errors import TransferInterrupted
from hikcore.sources.base import Fetched
from hikcore.sources.isapi.connection import Connection
from hikcore.sources.isapi.dialect import (
    DOWNLOAD_STEPS,
    FINAL,
    FORM_CODES,
    SEARCH_LADDER,
    DownloadDialect,
    download_ladder,
)
from hikcore.sources.isapi.dialects import Dialects
from hikcore.sources.isapi.status import Rejected
from hikcore.sources.isapi.transfer import NotResumed, Requests, Transfer
from hikcore.sources.patience import Retries

Write = Callable[[bytes], Awaitable[None]]
#: What a device says of what it cannot do at all.
_LACKING = frozenset({"notsupport", "methodnotallowed"})
#: How often a form that was taken before is tried again where it is refused.
_ONCE_MORE = 2


class _EnoughError(Exception):
    """Ends a download of which no more is wanted."""


class Downloader:
    """Downloads of one device.

    Args:
        connection: to it.
        dialects: what is known of how it wants to be asked, and where that is kept.
        retries: of a resumed transfer.
    """

    def __init__(
        self,
        connection: Connection,
        dialects: Dialects | None = None,
        retries: Retries | None = None,
    ) -> None:
        self._connection = connection
        self._dialects = dialects or Dialects()
        self._retries = retries or Retries()
        self._requests = Requests(connection)
        self._proven = False
        self._broken: set[tuple[DownloadDialect, bytes]] = set()

    async def fetch(self, uri: str, write: Write) -> Fetched:
        """Stream a file to `write`.

        What fails before the first byte of footage is tried again where that helps. What breaks off
        later is resumed, where the device proves that it can (no public client relies on it, facts
        1.5: a 206 for the very range, whose first bytes are those that came last); else the caller
        begins anew. What is written is never a mix of two.

        Raises:
            TransferInterrupted: it ended early, stalled or was reset.
            DeviceError: the device refuses or answers something else than footage.
        """
        await self._dialects.load()
        transfer = Transfer(uri, write, self._connection)

        async def attempt() -> TransferInterrupted | None:
            try:
                async with self._connection.polite.downloading.place():
                    await self._climb(transfer)
            except TransferInterrupted as error:
                if transfer.size:
                    return error  # not to be tried again here
                raise
            return None

        interrupted = await self._again(attempt, transfer)
        if interrupted is not None:
            await self._resume(transfer, interrupted)
        return Fetched(transfer.size, transfer.promised)

    async def _again(
        self,
        attempt: Callable[[], Coroutine[Any, Any, TransferInterrupted | None]],
        transfer: Transfer,
    ) -> TransferInterrupted | None:
        """The attempt, and after a refusal of a form that was taken before a few more: recorders
        answer 400 now and then while one download follows the other, and serve the very same
        request a moment later (two clients' tests)."""
        for wait in map(self._retries.wait, range(min(_ONCE_MORE, self._retries.attempts - 1))):
            try:
                return await self._connection.retrying(attempt)
            except Rejected as error:
                passing = error.http == 400 or error.code in FORM_CODES
                if not (self._proven and passing and _is_of_form(error)) or transfer.size:
                    raise
            await asyncio.sleep(wait)
        return await self._connection.retrying(attempt)

    def never_serves(self, error: Rejected) -> bool:
        """Whether a refusal says that this device gives no files at all, so that they are to be
        played: it refused every form, none was ever taken, and no right of the account is what is
        missing (facts 1.5, 1.10). A plain 404 is of that recording alone: it was written over."""
        if self._proven or self._dialects.download is not None:
            return False
        return _is_of_form(error) or error.sub.lower() in _LACKING

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

    async def _climb(self, transfer: Transfer) -> None:
        """The transfer, in the first form that the device takes."""
        problem: Rejected | None = None
        for dialect in self._ladder():
            try:
                async with self._requests.open(dialect, transfer.uri) as response:
                    started = await transfer.start(response)
                    self._proven = True
                    await self._dialects.learnt(download=dialect)
                    await transfer.take(started)
                return
            except Rejected as error:
                if self._proven or not _is_of_form(error) or self._broke_off(dialect, error):
                    raise
                problem = problem or error
        assert problem is not None
        raise problem

    def _broke_off(self, dialect: DownloadDialect, error: Rejected) -> bool:
        """Whether a refusal is to be heard whole before another form is tried: it broke off, and
        did not come like this before."""
        if error.answer is None or (dialect, error.answer) in self._broken:
            return False
        self._broken.add((dialect, error.answer))
        return True

    def _ladder(self) -> list[DownloadDialect]:
        known = self._dialects.download
        if known is not None and self._proven:
            return [known]
        ladder = download_ladder(self._dialects.search or SEARCH_LADDER[0])
        return list(dict.fromkeys((known, *ladder) if known is not None else ladder))

    async def _resume(self, transfer: Transfer, interrupted: TransferInterrupted) -> None:
        """Go on where it broke off, as long as that gets on."""
        failures = 0
        while failures < self._retries.attempts:
            dialect = self._dialects.download
            if self._dialects.ranges == "ignored" or not transfer.resumable or dialect is None:
                break
            await asyncio.sleep(self._retries.wait(failures))
            before = transfer.size
            try:
                async with (
                    self._connection.polite.downloading.place(),
                    self._requests.open(dialect, transfer.uri, transfer.range) as response,
                ):
                    await transfer.resume(response)
                    await self._dialects.learnt(ranges="honoured")
                    await transfer.take(b"")
                return
            except NotResumed as error:
                if error.ignored:
                    await self._dialects.learnt(ranges="ignored")
                break
            except TransferInterrupted:
                failures = 0 if transfer.size > before else failures + 1
            except Rejected:
                break
        raise interrupted


def _is_of_form(error: Rejected) -> bool:
    """Whether a refusal may be of how it was asked, not of what."""
    if error.sub.lower() in FINAL:
        return False
    return error.http in DOWNLOAD_STEPS or (error.http == 200 and error.code in FORM_CODES)
