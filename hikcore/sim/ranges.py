"""Range requests: passed over by every recorder that was looked at, honoured by a few that may be.

`Accept-Ranges: bytes` stands on every answer and means nothing (a device fact); only a 206 whose
Content-Range is right proves that a range was served.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Literal

from hikcore.sim.http import Response

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def ranged(
    response: Response,
    asked: str | None,
    ranges: Literal["ignored", "honoured", "lying"],
    size: int,
) -> Response:
    """The part of a whole answer that a Range header asks for, as this firmware serves it.

    Args:
        response: 200 with the whole body, `size` bytes in blocks.
        asked: the header.
    """
    match = _RANGE.fullmatch(asked or "")
    if ranges == "ignored" or match is None or match.group(0) == "bytes=-":
        return response
    first, last = match.group(1), match.group(2)
    begin = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if begin >= end:
        if response.done is not None:
            response.done()
        unsatisfied = [("Content-Range", f"bytes */{size}")]
        return Response(416, response.content_type, b"", headers=unsatisfied)
    skip = 0 if ranges == "lying" else begin
    response.status = 206
    response.headers.append(("Content-Range", f"bytes {begin}-{end - 1}/{size}"))
    response.length = end - begin
    if not isinstance(response.body, bytes):
        response.body = _part(response.body, skip, end - begin)
    return response


async def _part(blocks: AsyncIterator[bytes], skip: int, size: int) -> AsyncIterator[bytes]:
    async for block in blocks:
        if skip >= len(block):
            skip -= len(block)
            continue
        piece = block[skip : skip + size]
        skip, size = 0, size - len(piece)
        yield piece
        if not size:
            return
