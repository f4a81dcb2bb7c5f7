"""ContentMgmt/search and download: what is on the disks, as many at once as the device can."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from urllib.parse import parse_qs

from hikcore.sim.http import Request, Response
from hikcore.sim.profile import Profile
from hikcore.sim.queries import Refused, find, from_target, strictly, text
from hikcore.sim.ranges import ranged
from hikcore.sim.search import Searches
from hikcore.sim.vault import Vault
from hikcore.sim.xml import (
    BAD_CONTENT,
    BAD_FORMAT,
    BAD_METHOD,
    BUSY,
    DEVICE_ERROR,
    NOT_SUPPORTED,
    Writer,
)

_OTHER_WAY = {400: BAD_CONTENT, 403: NOT_SUPPORTED, 405: BAD_METHOD}


class Content:
    """Serves searches and downloads.

    Args:
        profile: of the recorder.
        vaults: by channel.
        host: of playbackURIs.
        xml: writes the answers.
        sleep: how it waits for footage that takes its time.
    """

    def __init__(
        self,
        profile: Profile,
        vaults: Mapping[int, Vault],
        host: str,
        xml: Writer,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self._profile = profile
        self._vaults = vaults
        self._xml = xml
        self._searches = Searches(profile, vaults, host, xml)
        self._tokens: set[str] = set()
        self._given = 0
        self._searching = 0
        self._downloading = 0

    async def search(self, request: Request, now: int) -> Response:
        """A CMSearchResult, or a refusal."""
        if request.method != "POST":
            return self._xml.refusal(405, request.target, BAD_METHOD)
        if self._searching >= self._profile.limits.searches:
            return self._xml.refusal(self._profile.limits.busy_status, request.target, BUSY)
        self._searching += 1
        try:
            # Sizes of files that nobody asked for yet are found by making them: in a thread.
            return await asyncio.to_thread(self._searches.answer, request.body, now)
        except Refused as refused:
            return self._refusal(request, refused)
        finally:
            self._searching -= 1

    async def download(self, request: Request, now: int) -> Response:
        """The body of a file, or a refusal."""
        from_query = "playbackURI" in request.query
        way = f"{request.method} {'query' if from_query else 'body'}"
        dialect, limits = self._profile.dialect, self._profile.limits
        if way not in dialect.download:
            http = dialect.download_refused
            return self._xml.refusal(http, request.target, _OTHER_WAY[http])
        if dialect.download_token and way == "GET body" and not self._has_token(request):
            return self._xml.refusal(403, request.target, NOT_SUPPORTED, "token")
        try:
            file = self._searches.locate(self._wanted(request, from_query), now)
        except Refused as refused:
            if refused.reason == "gone" and dialect.gone == "empty":
                return Response(200, dialect.content_type, b"")
            return self._refusal(request, refused)
        if self._downloading >= self._profile.limits.downloads:
            return self._xml.refusal(self._profile.limits.busy_status, request.target, BUSY)
        self._downloading += 1
        try:
            vault = self._vaults[file.channel]
            if limits.old_wait_s and now // 1_000_000 - file.begin_ms > 86_400_000:
                await self._sleep(limits.old_wait_s)
            size = await asyncio.to_thread(vault.served_size, file)
        except BaseException:
            self._released()
            raise
        response = Response(
            200,
            dialect.content_type,
            _in_threads(vault.served(file)),
            size,
            rate=limits.rate,
            done=self._released,
        )
        response = ranged(response, request.headers.get("range"), dialect.ranges, size)
        if dialect.content_length is not True:
            # Announced as nothing, or not at all; the connection ends the body either way.
            zero = dialect.content_length == "zero"
            response.length = None
            response.headers += [("Content-Length", "0")] if zero else []
        return response

    def token(self) -> Response:
        """Security/token: what a download's `token` has to be, once."""
        self._given += 1
        value = hashlib.sha256(f"token/{self._given}".encode()).hexdigest()[:32]
        self._tokens.add(value)
        return Response(200, "application/json", b'{"Token":{"value":"%s"}}' % value.encode())

    def _has_token(self, request: Request) -> bool:
        given = parse_qs(request.query).get("token", [""])[0]
        there = given in self._tokens
        self._tokens.discard(given)
        return there

    def forget(self) -> None:
        """As after a restart of the recorder: no search goes on."""
        self._searches.forget()

    def _wanted(self, request: Request, from_query: bool) -> str:
        if from_query:
            return from_target(request.query)
        root = strictly(request.body, self._profile.dialect)
        if find(root, "playbackURI") is None:
            raise Refused("content", "no playbackURI")
        return text(root, "playbackURI")

    def _released(self) -> None:
        self._downloading -= 1

    def _refusal(self, request: Request, refused: Refused) -> Response:
        more = refused.text
        if refused.reason == "gone":
            return self._xml.refusal(404, request.target, NOT_SUPPORTED, more)
        if refused.reason == "device":
            return self._xml.refusal(500, request.target, DEVICE_ERROR, more)
        status = BAD_FORMAT if refused.reason == "format" else BAD_CONTENT
        return self._xml.refusal(400, request.target, status, more)


async def _in_threads(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(next, blocks, b""):
        yield block
