"""One recorder that is logged in: requests, bodies and WebSockets, as everything above uses them.

A login is a cookie that the recorder sets with its login parameters; it goes with every request,
download and WebSocket after that. Nothing is sent before something is asked for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Literal, TypeVar

import httpx
from pydantic import SecretStr

from hikcore.errors import DeviceProtocolError, DeviceRefused
from hikcore.sources.base import LoginGuard
from hikcore.sources.everfocus.entrance import Entrance
from hikcore.sources.everfocus.replies import LoginExpired, check_result, check_status, document_of
from hikcore.sources.everfocus.settings import EverFocusSettings
from hikcore.sources.everfocus.tolerant import read_json
from hikcore.sources.everfocus.transport import AllowedConnection
from hikcore.sources.everfocus.wire import Wire
from hikcore.sources.login import login_for
from hikcore.sources.rtsp import Account
from hikcore.sources.rtsp_login import SharedLogin

_T = TypeVar("_T")
_LOG = logging.getLogger("hikcore.everfocus")


class Session:
    """One login at one recorder; `aclose` ends it. It belongs to one event loop.

    Places are held here: `settings.searches` small requests, `downloads` bodies and `streams`
    playbacks at once, over all sessions of this process at the same host and port.

    Args:
        host, port, scheme: where it listens (`http` or `https`; WebSockets use the same port).
        username, password: its account.
        tls: the setting `tls`; see `TlsPolicy.parse`.
        settings: what its guide leaves open, timeouts, limits.
        name: what people call it, for errors.
        guard: what others know of these credentials; None: nobody shares them.
        now: our clock, UTC ns.

    Attributes:
        where: the recorder, for errors.
        polite: its limits, shared by all of this process.

    Raises:
        ConfigurationError: host, `tls` or its CA file cannot be used.
    """

    def __init__(
        self,
        host: str,
        username: str,
        password: SecretStr,
        *,
        port: int = 80,
        scheme: Literal["http", "https"] = "http",
        tls: str = "verify",
        settings: EverFocusSettings | None = None,
        name: str = "",
        guard: LoginGuard | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.settings = settings or EverFocusSettings()
        self.now = now
        self._wire = Wire(host, port, scheme, tls=tls, settings=self.settings, name=name, now=now)
        self.where, self.polite = self._wire.where, self._wire.polite
        self._host, self._username, self._password = host, username, password
        login = login_for(host, port, username, password.get_secret_value())
        self._rtsp_login = SharedLogin(login, guard, self.where, now)
        self._entrance = Entrance(
            self._wire,
            username,
            password,
            login=login,
            guard=guard,
            warn=self.warn,
        )
        self._denied: set[str] = set()
        self._warnings: dict[str, None] = {}

    def rtsp_account(self, port: int) -> Account:
        """The same account over RTSP. The guide says nothing of its login: Digest is answered as
        the recorder asks for it, Basic never, as it sends the password readable."""
        return Account(
            self._host,
            port,
            self._username,
            self._password,
            self._rtsp_login,
            where=self.where,
            connect=self.settings.connect_timeout,
            idle=self.settings.idle_timeout,
        )

    @property
    def user(self) -> str:
        """The user id that the login answered; "" before."""
        return self._wire.user

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know of this recorder: `needToChangePasswd` and the like, each once,
        in the order in which they came up."""
        return tuple(self._warnings)

    def warn(self, text: str) -> None:
        """Add to `warnings`."""
        if text not in self._warnings:
            self._warnings[text] = None
            _LOG.warning("%s: %s", self.where, text)

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Log out, where that was asked for, and close connections."""
        if self.settings.logout:
            await self._entrance.leave()
        await self._wire.aclose()

    async def login(self) -> None:
        """Log in, unless that is done. Requests do it by themselves.

        Raises:
            DeviceAuthError: refused, now or earlier, here or by another process.
            DeviceError: no proper answer.
        """
        await self._entrance.enter()

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The document that a GET answers, tried again while it fails in a way that passes.

        Raises:
            DeviceSaidError: `"Result": "Error"`. DeviceRefused: not on the list, or not known.
            DeviceError: no proper answer.
        """
        return await self._document("GET", path, params, None)

    async def post(
        self, path: str, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """The document that a POST of JSON answers; see `get`. All that may be posted reads only,
        so it may be repeated. `body` None: nothing is in it."""
        return await self._document("POST", path, params, body)

    async def once(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> Any:
        """The document of one request, not tried again: for what acts on a playback."""
        self._wire.allow(method, path, params, body)
        async with self.polite.searching.place():
            return await self._logged_in(path, lambda: self._exchange(method, path, params, body))

    async def retrying(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """What `attempt` gives, tried again while it fails in a way that passes."""
        return await self._wire.retrying(attempt)

    async def document_or_text(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The answer to a GET whose form nobody knows: a document where it is JSON, else text."""
        data = await self.text(path, params)
        try:
            return read_json(data).document
        except ValueError:
            return data.decode("utf-8", errors="replace")

    async def text(self, path: str, params: Mapping[str, Any] | None = None) -> bytes:
        """The whole body of a GET whose answer may be no JSON.

        Raises:
            DeviceError: an error in its place.
        """
        self._wire.allow("GET", path, params)

        async def attempt() -> bytes:
            async with self.polite.searching.place():
                status, body = await self._wire.small("GET", path, params, None)
            where = f"{self.where} {path}"
            check_status(status, self.settings, where)
            if body.lstrip()[:1] == b"<":
                raise LoginExpired("a page for people in place of an answer", where=where)
            with suppress(ValueError):
                check_result(read_json(body).document, self.settings, where)
            if status >= 400:
                raise DeviceProtocolError(f"HTTP {status}", where=where)
            return body

        return await self._wire.retrying(lambda: self._logged_in(path, attempt))

    def blocks(self, response: httpx.Response, path: str) -> AsyncIterator[bytes]:
        """The body of a stream, in blocks of at most 256 KiB; one that trickles is interrupted."""
        return self._wire.blocks(response, path)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        check: Callable[[httpx.Response], Awaitable[None]] | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """An answer whose headers are there and whose body is still to be read, opened with the
        patience of small requests. A status that is an error raises; what the body is, nobody has
        looked at but `check`: it may say Error with status 200.

        Transport errors inside the block become `DeviceError` too.
        """
        self._wire.allow(method, path, params, body)
        async with AsyncExitStack() as held:
            await held.enter_async_context(self.polite.downloading.place())

            async def attempt() -> httpx.Response:
                opened = AsyncExitStack()
                async with opened:
                    response = await opened.enter_async_context(
                        self._wire.open(method, path, params, body)
                    )
                    check_status(response.status_code, self.settings, f"{self.where} {path}")
                    if check is not None:
                        await check(response)
                    elif response.status_code >= 400:
                        status = f"HTTP {response.status_code}"
                        raise DeviceProtocolError(status, where=f"{self.where} {path}")
                    held.push_async_exit(opened.pop_all())
                    return response
                raise AssertionError("a context that swallows nothing")

            yield await self._wire.retrying(lambda: self._logged_in(path, attempt))

    @asynccontextmanager
    async def websocket(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[AllowedConnection]:
        """A WebSocket, opened once (twice, where the login had run out). Binary and text messages
        come as `websockets` gives them; its exceptions inside the block stay what they are.

        Raises:
            DeviceError: it could not be opened.
        """
        self._wire.allow("WS", path, params)
        async with AsyncExitStack() as held:
            if path.startswith("/playback/"):
                await held.enter_async_context(self.polite.streaming.place())

            async def attempt() -> AllowedConnection:
                connection = await self._wire.websocket(path, params)
                held.push_async_callback(connection.close)
                return connection

            yield await self._logged_in(path, attempt)

    async def _document(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Any
    ) -> Any:
        self._wire.allow(method, path, params, body)

        async def attempt() -> Any:
            async with self.polite.searching.place():
                return await self._exchange(method, path, params, body)

        return await self._wire.retrying(lambda: self._logged_in(path, attempt))

    async def _logged_in(self, path: str, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """What `attempt` gives, after one further login where the one in use has run out."""
        await self.login()
        used = self._entrance.generation
        try:
            return await attempt()
        except LoginExpired as error:
            if path in self._denied:
                raise self._no_right(error, path) from None
        await self._entrance.again(used)
        try:
            return await attempt()
        except LoginExpired as error:
            # A right that is missing looks like a login that ran out: not asked for twice.
            self._denied.add(path)
            raise self._no_right(error, path) from None

    def _no_right(self, error: LoginExpired, path: str) -> DeviceRefused:
        return DeviceRefused(
            f"refused also after a fresh login ({error.message})",
            where=f"{self.where} {path}",
            hint="the account may have no right to it",
        )

    async def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        body: Any,
    ) -> Any:
        """One request and its document."""
        status, answer = await self._wire.small(method, path, params, body)
        reply = document_of(status, answer, self.settings, f"{self.where} {path}")
        if not reply.strict:
            self.warn(f"its answer to {path} is no proper JSON, and was read all the same")
        return reply.document
