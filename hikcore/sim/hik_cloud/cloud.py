"""`Cloud`: a simulated Hik Cloud on two ports of this machine, the API and the media host."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from types import TracebackType

from hikcore.deviceclock import ZoneRule
from hikcore.instants import Span
from hikcore.sim.errors_told import told
from hikcore.sim.faults import Fault, FaultPlan
from hikcore.sim.footage import Footage
from hikcore.sim.hik_cloud.api import Api, Ticket
from hikcore.sim.hik_cloud.movie import body_of
from hikcore.sim.hik_cloud.profile import CloudProfile
from hikcore.sim.hik_cloud.store import Shelf
from hikcore.sim.http import HttpServer, Request, Response
from hikcore.sim.messages import Head
from hikcore.sim.struck import chosen, struck
from hikcore.sim.when import resolve

_BLOCK = 64 * 1024
_MS = 1_000_000
_EXPIRED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>'
    b"<Message>Request has expired.</Message></Error>"
)


class Cloud:
    """Serves a profile, as an asynchronous context manager.

    Args:
        profile: of the cloud.
        host: where it listens. port, media_port: 0 takes a free one.
        now: the clock that it is set by, unless the profile's stands still.
        cache: folder of coded footage.
        tls: of both ports, for tests of TLS; without it, addresses begin with http.

    Attributes:
        requests: all of them, both ports', in the order in which they came.
        api: its state.
    """

    def __init__(
        self,
        profile: CloudProfile,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        media_port: int = 0,
        now: Callable[[], int] = time.time_ns,
        cache: Path | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.profile = profile
        self.host, self.port, self._media_port = host, port, media_port
        self._tls = tls
        started = now()
        frozen = resolve(profile.frozen, started) if profile.frozen else None
        self._moved = 0
        self._now = now if frozen is None else lambda: frozen
        shelves = {
            (each.serial, each.camera.channel): Shelf(
                each,
                Footage(each.camera, profile.seed, ZoneRule.parse(profile.zone), cache),
                self._now(),
            )
            for each in profile.cameras
        }
        self.api = Api(profile, shelves, self.now, self._now())
        self.requests: list[Request] = []
        self.downloads: Counter[str] = Counter()
        self._faults = FaultPlan(profile.faults)
        self._server = HttpServer(self._answer_api, _headers)
        self._media = HttpServer(self._answer_media, _headers)

    @property
    def url(self) -> str:
        """Of the API."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    def now(self) -> int:
        """Its clock, ns UTC."""
        return self._now() + self._moved

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._moved += int(seconds * 1000) * _MS

    def fault(self, fault: Fault) -> None:
        """One more thing that goes wrong, from now on; see `hikcore.sim.faults`."""
        self._faults.add(fault)

    def recorded(self, serial: str, channel: int, span: Span) -> list[int]:
        """The instants (ns) of all pictures of a span that it has now."""
        shelf = self.api.shelves[serial, channel]
        inside = [
            part
            for each in shelf.has(self.profile.serving, self.now())
            if (part := each.intersection(span))
        ]
        return [
            ms * _MS
            for part in inside
            for ms in shelf.footage.instants(-(-part.begin // _MS), -(-part.end // _MS))
        ]

    async def prepare(self) -> None:
        """Make the footage that it has now, so that nobody waits for it."""
        for shelf in self.api.shelves.values():
            for each in shelf.has(self.profile.serving, self.now()):
                pictures = shelf.footage.pictures(each.begin // _MS, each.end // _MS)
                # A queue of no length takes them one by one.
                await asyncio.to_thread(deque, pictures, 0)

    async def __aenter__(self) -> Cloud:
        self.port = await self._server.start(self.host, self.port, self._tls)
        self._media_port = await self._media.start(self.host, self._media_port, self._tls)
        scheme = "https" if self._tls else "http"
        self.api.media_url = f"{scheme}://{self.host}:{self._media_port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.stop()
        await self._media.stop()

    async def _answer_api(self, request: Request) -> Response:
        async def true(request: Request) -> Response:
            return self.api.answer(request)

        return await self._answer(request, true)

    async def _answer_media(self, request: Request) -> Response:
        return await self._answer(request, self._download)

    async def _answer(
        self, request: Request, true: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        self.requests.append(request)
        fault = chosen(self._faults, request)
        response = await struck(request, fault, partial(_told, request), asyncio.sleep)
        if response is None:
            response = await true(request)
        response.fault = fault
        return response

    async def _download(self, request: Request) -> Response:
        """A signed address: no login is wanted, and none is taken."""
        if "authorization" in request.headers:
            return Response(400, "application/xml", b"<Error><Code>InvalidArgument</Code></Error>")
        name = request.path.removeprefix("/media/").removeprefix("moved/")
        ticket = self.api.tickets.get(name)
        signed = request.query == f"sign=sig{name[::-1]}"
        serving = self.profile.serving
        if ticket is None or not signed or ticket.until <= self.now():
            return Response(403, "application/xml", _EXPIRED)
        if serving.redirected and "/moved/" not in request.path:
            there = f"{self.api.media_url}/media/moved/{name}?{request.query}"
            return Response(302, "text/html", b"", headers=[("Location", there)])
        if serving.one_time and ticket.used:
            return Response(403, "application/xml", _EXPIRED)
        ticket.used += 1
        self.downloads[ticket.kind] += 1
        body = await asyncio.to_thread(self._body, ticket)
        length = len(body) if serving.length else None
        return Response(200, serving.content_type, _blocks(body), length)

    def _body(self, ticket: Ticket) -> bytes:
        serving = self.profile.serving
        spans = ticket.shelf.spans(serving, ticket.piece, self.now())
        return body_of(ticket.shelf.footage, spans, ticket.kind, front=serving.index == "front")


def _told(request: Request, fault: Fault) -> Response:
    if fault.kind in ("busy", "error200"):
        head = Head((request.method, request.target))
        type_, body = told("busy" if fault.kind == "busy" else "error", head)
        return Response(503 if fault.kind == "busy" else 200, type_, body)
    if fault.kind == "status":
        return Response(fault.status, "text/html", b"<html><body>error</body></html>")
    return Response(200, "application/json", b"")


def _headers() -> Iterable[tuple[str, str]]:
    return [("Server", "nginx"), ("Set-Cookie", "route=abc; Path=/")]


async def _blocks(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), _BLOCK):
        yield body[at : at + _BLOCK]
