"""backupVideoClip (9.12): an AVI, or an Error that comes as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import IO, Final
from urllib.parse import parse_qs

from hikcore.sim.everfocus.avi import avi_file
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.everfocus.replies import Wrong, error
from hikcore.sim.everfocus.store import Store
from hikcore.sim.http import Request, Response
from hikcore.sim.playing import Piece

_BLOCK: Final = 64 * 1024


class Backups:
    """Serves downloads.

    Attributes:
        open: how many are on their way.
    """

    def __init__(self, profile: NvrProfile, store: Store, now: Callable[[], int]) -> None:
        self._profile = profile
        self._store = store
        self._now = now
        self.open = 0

    async def answer(self, request: Request) -> Response:
        """The clip of a request."""
        how = self._profile.backup
        if self.open >= self._profile.limits.backups:
            return error(how.busy, how.error_status, how.error_type)
        self.open += 1
        try:
            made = await asyncio.to_thread(self._made, request)
        except Wrong as wrong:
            self.open -= 1
            return error(str(wrong), how.error_status, how.error_type)
        except BaseException:
            self.open -= 1
            raise
        size = made.seek(0, 2)
        made.seek(0)

        def done() -> None:
            self.open -= 1
            made.close()

        return Response(
            200, how.content_type, _blocks(made), size if how.length else None,
            rate=self._profile.limits.rate, done=done,
        )  # fmt: skip

    def _made(self, request: Request) -> IO[bytes]:
        given = parse_qs(request.query)
        numbers = []
        for name in ("ChannelID", "stream", "startTime", "endTime"):
            text = given.get(name, [""])[0]
            if not (text.isascii() and text.isdecimal()):
                raise Wrong(name)
            numbers.append(int(text))
        channel, stream, begin, end = numbers
        vault = self._store.vault(channel, stream)
        if vault is None:
            raise Wrong(f"no stream {stream} of channel {channel}")
        if end <= begin:
            raise Wrong("endTime")
        made = avi_file(
            vault.camera, self._pieces(channel, stream, begin, end), self._profile.backup
        )
        if made is None:
            raise Wrong("no record data")
        return made

    def _pieces(self, channel: int, stream: int, begin: int, end: int) -> Iterator[Piece]:
        how, now = self._profile.backup, self._now()
        at, until = begin * 1000, (end + how.inclusive) * 1000
        if how.start == "after":
            at = self._store.vaults[channel, stream].footage.first_key(at)
        # A span that lies in a hole whole: what comes after it is not asked for.
        if not self._store.stretches(channel, stream, begin * 1000, until, now):
            return
        for piece in self._store.pieces(channel, stream, at, now):
            if piece.ms >= until:
                return
            yield piece


async def _blocks(file: IO[bytes]) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(file.read, _BLOCK):
        yield block
