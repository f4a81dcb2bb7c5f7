"""Requests to one recorder, one at a time: places, turns, tries and errors; no login."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx

from hikcore.errors import DeviceProtocolError
from hikcore.sources.address import base_url
from hikcore.sources.everfocus.allowed import check_body, reading
from hikcore.sources.everfocus.faults import Faults
from hikcore.sources.everfocus.settings import EverFocusSettings
from hikcore.sources.everfocus.transport import (
    AllowedConnection,
    AllowedTransport,
    json_body,
    open_websocket,
    query,
)
from hikcore.sources.pace import Pace
from hikcore.sources.patience import patiently
from hikcore.sources.politeness import politeness_for
from hikcore.sources.tls import TlsPolicy

_T = TypeVar("_T")
_LOG = logging.getLogger("hikcore.everfocus")
_BLOCK = 1 << 18


class Wire:
    """HTTP and WebSocket of one recorder; its cookies live here.

    Args:
        host, port, scheme: where it listens. tls: see `TlsPolicy.parse`.
        settings: timeouts, retries, limits.
        name: what people call it, for errors.
        now: our clock, UTC ns.

    Attributes:
        where: the recorder, for errors.
        user: the user id of a login, sent where `settings.session_place` is `header`.
        polite: its limits, shared by all of this process.

    Raises:
        ConfigurationError: host, `tls` or its CA file cannot be used.
    """

    def __init__(
        self,
        host: str,
        port: int,
        scheme: str,
        *,
        tls: str,
        settings: EverFocusSettings,
        name: str,
        now: Callable[[], int],
    ) -> None:
        self.where = f"{name} ({host}:{port})" if name else f"{host}:{port}"
        self.user = ""
        self.settings, self.now = settings, now
        self._base = base_url(scheme, host, port, name)
        policy = TlsPolicy.parse(tls)
        self._tls = policy.context() if scheme == "https" else None
        self._faults = Faults(self.where, host, port, settings)
        self._client = httpx.AsyncClient(
            base_url=self._base,
            transport=AllowedTransport(self._base, settings, self._tls),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(settings.idle_timeout, connect=settings.connect_timeout),
            headers={"Accept-Encoding": "identity", "User-Agent": "hikcore"},
        )
        self.polite = politeness_for((host, port), settings)

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    def forget(self) -> None:
        """Drop what an earlier login left."""
        self._client.cookies.clear()
        self.user = ""

    def allow(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> None:
        """Pass for what may be sent, so that not even a login is sent for anything else. The
        transports look again.

        Raises:
            DeviceRefused: for any other.
        """
        entry = reading(method, _target(path, params), self.settings, self.where)
        check_body(entry, json_body(body) if body is not None else b"", self.where)

    async def small(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> tuple[int, bytes]:
        """Status and body of a small answer.

        Raises:
            DeviceError: none, or one that is not small.
        """
        async with self.open(method, path, params, body) as response:
            parts, size = [], 0
            async for part in self.blocks(response, path):
                parts.append(part)
                size += len(part)
                if size > self.settings.answer_limit:
                    raise DeviceProtocolError(
                        f"an answer of more than {self.settings.answer_limit} bytes",
                        where=f"{self.where} {path}",
                    )
            return response.status_code, b"".join(parts)

    async def blocks(self, response: httpx.Response, path: str) -> AsyncIterator[bytes]:
        """The body of an answer, in blocks of at most 256 KiB.

        Raises:
            TransferInterrupted: it trickles; what else befalls it is raised by `open`.
        """
        pace = Pace(self.settings.slowest, self.settings.idle_timeout, f"{self.where} {path}")
        asked = time.monotonic()
        async for block in response.aiter_bytes(_BLOCK):
            pace.came(len(block), time.monotonic() - asked)
            yield block
            asked = time.monotonic()

    @asynccontextmanager
    async def open(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Any
    ) -> AsyncIterator[httpx.Response]:
        """An answer, whatever its status, whose body is still to be read.

        Raises:
            DeviceError: also for what befalls the connection inside the block.
        """
        await self._turn()
        content = json_body(body) if body is not None else None
        headers = self._credentials(path) if self.settings.session_place == "header" else {}
        if content is not None:
            headers["Content-Type"] = "application/json"
        request = self._client.build_request(
            method, _target(path, params), content=content, headers=headers
        )
        async with self._faults.requesting(path):
            response = await self._client.send(request, stream=True)
            try:
                yield response
            finally:
                await response.aclose()

    async def websocket(self, path: str, params: Mapping[str, Any] | None) -> AllowedConnection:
        """A WebSocket, which the caller closes.

        Raises:
            DeviceError: it could not be opened.
        """
        await self._turn()
        opening = open_websocket(
            self._base,
            _target(path, params),
            self.settings,
            tls=self._tls,
            headers=self._credentials(path),
        )
        async with self._faults.opening(path):
            connection = await opening
        assert isinstance(connection, AllowedConnection)
        return connection

    async def retrying(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """What `attempt` gives, tried again while it fails in a way that passes.

        Raises:
            DeviceError: the last one.
        """
        return await patiently(attempt, self.settings.retries, self.polite.busy, _LOG)

    async def _turn(self) -> None:
        await self.polite.request(
            self.settings.requests, self.settings.hours, self.now(), self.where
        )

    def _credentials(self, path: str) -> dict[str, str]:
        """What says who we are."""
        if self.settings.session_place == "header":
            return {self.settings.session_header: self.user} if self.user else {}
        cookie = self._client.build_request("GET", path).headers.get("cookie")
        return {"Cookie": cookie} if cookie else {}


def _target(path: str, params: Mapping[str, Any] | None) -> str:
    return f"{path}?{query(params)}" if params else path
