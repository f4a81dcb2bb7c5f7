"""Bodies that are footage, a picture, or an error in JSON: told apart by their bytes.

The guide gives neither status nor type of such an error, so neither is believed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from hikcore.errors import DeviceProtocolError
from hikcore.sources.everfocus.replies import LoginExpired, check_result
from hikcore.sources.everfocus.session import Session
from hikcore.sources.everfocus.tolerant import read_json

#: Bytes by which a body is known.
HEAD: Final = 12
_ERROR: Final = 1 << 16


def is_avi(head: bytes) -> bool:
    """Whether a body begins as an AVI file."""
    return head[:4] == b"RIFF" and head[8:12] == b"AVI "


def is_jpeg(head: bytes) -> bool:
    """Whether a body begins as a JPEG."""
    return head[:3] == b"\xff\xd8\xff"


class Body:
    """A body that begins as it should; the rest is read by `blocks`, once.

    Attributes:
        promised: bytes, by Content-Length; None where nothing was promised.
        size: bytes given out so far.
    """

    def __init__(self, response: httpx.Response, blocks: AsyncIterator[bytes]) -> None:
        length = response.headers.get("content-length", "")
        self.promised = int(length) if length.isdecimal() else None
        self.size = 0
        self._source = blocks
        self._head = b""

    async def blocks(self) -> AsyncIterator[bytes]:
        """The bytes, from the first one on.

        Raises:
            TransferInterrupted: they ended before what was promised, or stalled.
        """
        head, self._head = self._head, b""
        if head:
            self.size += len(head)
            yield head
        async for block in self._source:
            self.size += len(block)
            yield block

    async def peek(self, size: int) -> bytes:
        """The first bytes, as many as are there; `blocks` gives them again."""
        while len(self._head) < size:
            block = await anext(self._source, b"")
            if not block:
                break
            self._head += block
        return self._head[:size]


@asynccontextmanager
async def body(
    session: Session,
    path: str,
    params: Mapping[str, Any],
    *,
    fits: Callable[[bytes], bool],
    what: str,
) -> AsyncIterator[Body]:
    """The body of a GET, if it is what it should be.

    Args:
        fits: judges its first bytes. what: its name, for errors.

    Raises:
        DeviceSaidError: an error in its place, with the recorder's description.
        DeviceProtocolError: neither.
    """
    found: list[Body] = []

    async def check(response: httpx.Response) -> None:
        one = Body(response, session.blocks(response, path))
        where = f"{session.where} {path}"
        if not fits(await one.peek(HEAD)):
            await _complain(one, session, what, where)
        found[:] = [one]

    async with session.stream("GET", path, params, check=check):
        yield found[0]


async def _complain(one: Body, session: Session, what: str, where: str) -> None:
    """Raise for a body that is not what was asked for."""
    data = await one.peek(_ERROR)
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        raise LoginExpired("a page for people in place of an answer", where=where)
    if start == b"{":
        try:
            document = read_json(data).document
        except ValueError:
            document = None
        check_result(document, session.settings, where)
        raise DeviceProtocolError(f"JSON in place of {what}, and no error", where=where)
    if not data:
        raise DeviceProtocolError(f"nothing in place of {what}", where=where)
    shown = data[:HEAD].hex(" ")
    raise DeviceProtocolError(f"neither {what} nor an error: it begins {shown}", where=where)
