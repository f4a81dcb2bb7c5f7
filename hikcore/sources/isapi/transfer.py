"""The bytes of one download: looked at before they count, paced, and continued only where the
device proves that it continues the same file."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from urllib.parse import quote

import httpx

from hikcore.errors import DeviceProtocolError, TransferInterrupted
from hikcore.media.sniff import sniff
from hikcore.sources.body import body_blocks
from hikcore.sources.isapi.connection import Connection
from hikcore.sources.isapi.dialect import DownloadDialect
from hikcore.sources.isapi.search import download_body
from hikcore.sources.isapi.status import Rejected, error_of
from hikcore.sources.pace import Pace

PATH: Final = "/ISAPI/ContentMgmt/download"
TOKEN: Final = "/ISAPI/Security/token"  # noqa: S105  a path
_SNIFF: Final = 64
_DOCUMENT: Final = 64 * 1024
#: What a recording never begins with.
_DOCUMENTS: Final = frozenset({"xml", "html", "json"})
#: Bytes that a resumed body has to repeat.
_OVERLAP: Final = 64 * 1024
#: Written at once at most of what was compressed.
_BLOCK: Final = 1 << 20
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")

Write = Callable[[bytes], Awaitable[None]]


class NotResumed(TransferInterrupted):
    """The device did not continue the file; `ignored`: it does not honour ranges at all."""

    ignored = False


class Requests:
    """Download requests in every form."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(
        self, dialect: DownloadDialect, uri: str, range_: str = ""
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """The answer to one, its body still to be read."""
        # A body that a device sends twice would be read in place of the next file's (seen of none,
        # and no size tells two files of one length apart).
        headers = {"Connection": "close"} | ({"Range": range_} if range_ else {})
        if dialect.form == "token":
            return _WithToken(self._connection, dialect, uri, headers)
        if dialect.form == "body":
            return self._connection.stream(
                dialect.method, PATH, download_body(uri, dialect), headers=headers
            )
        given = quote(uri, safe="") if dialect.form == "quoted query" else uri
        # As web pages of recorders ask (facts 1.5): a page of another site could not set these.
        headers |= {"X-Requested-With": "XMLHttpRequest", "If-Modified-Since": "0"}
        last = "&onlyVerification=true" if dialect.method == "GET" else ""
        return self._connection.stream(
            dialect.method, PATH, query=f"playbackURI={given}{last}", headers=headers
        )


class _WithToken(AbstractAsyncContextManager[httpx.Response]):
    """Asks for a token first: each is good for one download, and for a short time."""

    def __init__(
        self, connection: Connection, dialect: DownloadDialect, uri: str, headers: dict[str, str]
    ) -> None:
        self._connection, self._dialect = connection, dialect
        self._uri, self._headers = uri, headers

    async def __aenter__(self) -> httpx.Response:
        try:
            answer = await self._connection.ask("GET", TOKEN, query="format=json")
        except Rejected as error:
            error.http = 405  # of the form alone: whatever it says of tokens, not of the file
            raise
        self._inner = self._connection.stream(
            self._dialect.method,
            PATH,
            download_body(self._uri, self._dialect),
            query=f"token={quote(_token(answer, self._connection.where), safe='')}",
            headers=self._headers,
        )
        return await self._inner.__aenter__()

    async def __aexit__(self, *error: Any) -> bool | None:
        return await self._inner.__aexit__(*error)


def _token(answer: bytes, where: str) -> str:
    where = f"{where} {TOKEN}"
    try:
        value: Any = json.loads(answer)
        token = value["Token"]["value"]
    except (ValueError, KeyError, TypeError) as error:
        none = Rejected("no token in its answer", where=where, hint="", http=405, code=0, sub="")
        if isinstance(error, ValueError) and answer.lstrip()[:1] == b"{":
            none.answer = answer  # it broke off
        raise none from None
    return str(token)


class Transfer:
    """One file on its way.

    Args:
        uri: the playbackURI. write: takes the blocks.
        connection: to the device.

    Attributes:
        size: bytes written. promised: what the device said before; None: nothing.
    """

    def __init__(self, uri: str, write: Write, connection: Connection) -> None:
        self.uri = uri
        self.size = 0
        self.promised: int | None = None
        self._write = write
        self._connection = connection
        self._where = f"{connection.where} {PATH}"
        self._blocks: AsyncIterator[bytes] = _nothing()
        self._last: deque[bytes] = deque()
        self._kept = 0

    @property
    def resumable(self) -> bool:
        """Whether enough is known to check what a device continues."""
        return self.promised is not None and 0 < self.size < self.promised

    @property
    def range(self) -> str:
        """The Range header that continues it, over what is there already."""
        return f"bytes={self.size - len(self._tail)}-"

    async def start(self, response: httpx.Response) -> bytes:
        """The first bytes of an answer that is footage; nothing is written yet.

        Raises:
            DeviceError: it is a refusal, a document, or nothing.
        """
        if response.status_code != 200:
            answer = await _beginning(response.aiter_bytes(), b"", _DOCUMENT)
            raise error_of(response.status_code, answer, self._where) or DeviceProtocolError(
                f"the device answers HTTP {response.status_code}", where=self._where
            )
        self.promised = None if _coded(response) else _promised(response)
        self._blocks = _blocks_of(response)
        first = await _beginning(self._blocks, b"", _SNIFF)
        kind = sniff(first[:_SNIFF])
        if kind in _DOCUMENTS:
            answer = await _beginning(self._blocks, first, _DOCUMENT)
            raise error_of(200, answer, self._where) or DeviceProtocolError(
                f"{kind} where a recording should be", where=self._where, answer=answer
            )
        if not first:
            raise TransferInterrupted(
                "an empty body",
                where=self._where,
                hint="the recorder may have written over this recording",
            )
        return first

    async def resume(self, response: httpx.Response) -> None:
        """Check that an answer continues the very same file; what it repeats is not written.

        Raises:
            NotResumed: it does not.
        """
        tail = self._tail
        begin = self.size - len(tail)
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if response.status_code != 206 or found is None:
            raise self._not_resumed(ignored=response.status_code in (200, 206, 416))
        if [int(part) for part in found.groups()] != [
            begin,
            (self.promised or 0) - 1,
            self.promised,
        ]:
            raise self._not_resumed(ignored=False)
        self._blocks = body_blocks(response)
        have = await _beginning(self._blocks, b"", len(tail))
        if have[: len(tail)] != tail:
            # It said 206 and sent other bytes: from the first one on, as some web servers do.
            raise self._not_resumed(ignored=len(have) >= len(tail))
        if len(have) > len(tail):
            await self._put(have[len(tail) :])

    async def take(self, first: bytes) -> None:
        """Write all that comes.

        Raises:
            TransferInterrupted: less came than was promised, or it came too slowly.
        """
        if first:
            await self._put(first)
        pace = Pace(self._connection.slowest, self._connection.idle, self._where)
        while True:
            began = time.monotonic()
            block = await anext(self._blocks, b"")
            if not block:
                break
            pace.came(len(block), time.monotonic() - began)
            await self._put(block)
        if self.promised is not None and self.size != self.promised:
            raise TransferInterrupted(
                f"{self.size} of {self.promised} bytes arrived", where=self._where
            )

    async def _put(self, block: bytes) -> None:
        self.size += len(block)
        self._last.append(block)
        self._kept += len(block)
        while self._kept - len(self._last[0]) >= _OVERLAP:
            self._kept -= len(self._last.popleft())
        await self._write(block)
        await self._connection.received(len(block))

    @property
    def _tail(self) -> bytes:
        return b"".join(self._last)[-_OVERLAP:]

    def _not_resumed(self, *, ignored: bool) -> NotResumed:
        error = NotResumed("it does not continue a file where it broke off", where=self._where)
        error.ignored = ignored
        return error


def _coded(response: httpx.Response) -> bool:
    """Whether the body is compressed, though only `identity` was asked for."""
    coding: str = response.headers.get("Content-Encoding", "identity")
    return coding.strip().lower() != "identity"


def _blocks_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in blocks. Its length is that of what is sent, so it promises nothing where that is
    compressed, and such a body is never resumed."""
    return response.aiter_bytes(_BLOCK) if _coded(response) else body_blocks(response)


async def _nothing() -> AsyncIterator[bytes]:
    for block in tuple[bytes]():
        yield block


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
