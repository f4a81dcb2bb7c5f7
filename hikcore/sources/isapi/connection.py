"""One device's HTTP: a client, its login, its errors, its places; nothing of what is asked.

Requests carry no proxy and no environment: a GET with a body, which some recorders want, is
dropped by most proxies.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr

from hikcore.errors import (
    DeviceError,
    DeviceProtocolError,
    DeviceUnreachable,
    TransferInterrupted,
)
from hikcore.sources.address import base_url
from hikcore.sources.base import LoginGuard
from hikcore.sources.isapi.auth import DeviceAuth
from hikcore.sources.isapi.readonly import ReadOnlyTransport
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.status import error_of
from hikcore.sources.login import login_for
from hikcore.sources.pace import Pace
from hikcore.sources.patience import patiently
from hikcore.sources.politeness import politeness_for
from hikcore.sources.tls import (
    TlsPolicy,
    WrongCertificate,
    certificate_error,
    certificate_refused,
    peer_fingerprint,
)

_T = TypeVar("_T")
_LOG = logging.getLogger("hikcore.isapi")


class _NoTokens(logging.Filter):
    """httpx logs the URL of every request; a download's token in it is a key to footage."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, without the token."""
        text = record.getMessage()
        if "token=" in text:
            record.msg, record.args = re.sub(r"token=[^&\s'\"]+", "token=…", text), ()
        return True


for _name in ("httpx", "httpcore.http11", "httpcore.connection"):
    logging.getLogger(_name).addFilter(_NoTokens())
#: The vendor's own web page sends searches under this type; none is refused for it.
_XML = "application/xml; charset=UTF-8"


class Connection:
    """Requests to one device.

    Args:
        host, port, scheme: where it listens.
        username, password: its account.
        tls: the setting `tls`; see `TlsPolicy.parse`.
        name: what people call it, for errors.
        settings: timeouts, retries, limits.
        guard: of the login; see `DeviceAuth`.
        now: our clock, ns UTC.

    Attributes:
        where: the device, for errors.
        login: what this process knows of the account.
        polite: its limits, shared by all of this process.
        idle, slowest: see `Settings.idle_timeout` and `Settings.slowest`.

    Raises:
        ConfigurationError: host, `tls` or its CA file cannot be used.
    """

    def __init__(
        self,
        host: str,
        port: int,
        scheme: str,
        username: str,
        password: SecretStr,
        *,
        tls: str,
        name: str,
        settings: Settings,
        guard: LoginGuard | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.where = f"{name} ({host}:{port})" if name else f"{host}:{port}"
        self._host, self._port = host, port
        self._settings = settings
        policy = TlsPolicy.parse(tls)
        encrypted = scheme == "https"
        self.login = login_for(host, port, username, password.get_secret_value())
        self._auth = DeviceAuth(
            username,
            password,
            login=self.login,
            where=self.where,
            basic=settings.auth == "basic" or (encrypted and policy.authenticated),
            nonce_idle=settings.nonce_idle,
            guard=guard,
            now=now,
        )
        base = base_url(scheme, host, port, name)
        self._client = httpx.AsyncClient(
            base_url=base,
            auth=self._auth,
            # Devices close idle connections after 10 s (Keep-Alive: timeout=10).
            transport=ReadOnlyTransport(policy.context() if encrypted else None, keepalive=5),
            trust_env=False,
            timeout=httpx.Timeout(settings.idle_timeout, connect=settings.connect_timeout),
            headers={"Accept-Encoding": "identity", "User-Agent": "hikcore"},
        )
        self._now = now
        self.idle, self.slowest = settings.idle_timeout, settings.slowest
        self.polite = politeness_for((host, port), settings)

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def retrying(self, attempt: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """What `attempt` gives, tried again while it fails in a way that passes.

        Raises:
            DeviceError: the last one.
        """
        return await patiently(attempt, self._settings.retries, self.polite.busy, _LOG)

    async def received(self, size: int) -> None:
        """Wait for as long as so many bytes may take, where the device's bandwidth is limited."""
        await self.polite.received(size, self._settings.hours, self._now)

    async def ask(self, method: str, path: str, body: bytes = b"", query: str = "") -> bytes:
        """The whole answer of a small request, once, its errors told from its content.

        Raises:
            DeviceError: refused, busy, not there, cut short, slower than `Settings.slowest`, or
                larger than an answer may be.
        """
        async with self.stream(method, path, body, query=query) as response:
            limit = self._settings.answer_limit
            pace = Pace(self.slowest, self.idle, f"{self.where} {path}")
            parts, size, began = [], 0, time.monotonic()
            async for part in response.aiter_bytes():
                pace.came(len(part), time.monotonic() - began)
                parts.append(part)
                size += len(part)
                began = time.monotonic()
                if size > limit:
                    raise DeviceProtocolError(
                        f"an answer of more than {limit} bytes", where=f"{self.where} {path}"
                    )
        answer = b"".join(parts)
        error = error_of(response.status_code, answer, f"{self.where} {path}")
        if error is not None:
            raise error
        return answer

    async def asked(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], _T],
        body: bytes = b"",
        again: Callable[[], None] = lambda: None,
    ) -> _T:
        """What `read` makes of the answer to a small request. It is put again while that fails in a
        way that passes, and where the answer broke off or came garbled: only what reads is sent.

        Args:
            read: raises ValueError, or an error that carries its `answer`, for what it cannot read.
            again: told whenever it is put again.

        Raises:
            DeviceError: the last one.
        """
        sent = False

        async def attempt() -> _T:
            nonlocal sent
            if sent:
                again()
            sent = True
            answer = await self.ask(method, path, body)
            try:
                return read(answer)
            except ValueError as error:
                raise DeviceProtocolError(
                    f"an answer that cannot be read: {error}",
                    where=f"{self.where} {path}",
                    answer=answer,
                ) from None

        return await self.retrying(attempt)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """An answer whose headers are there and whose body is still to be read.

        Transport errors inside the block become `DeviceError` too.

        Args:
            query: as it is to be sent, without the question mark.
        """
        await self.polite.request(
            self._settings.requests, self._settings.hours, self._now(), self.where
        )
        request = self._client.build_request(
            method,
            f"{path}?{query}" if query else path,
            content=body,
            headers={**({"Content-Type": _XML} if body else {}), **(headers or {})},
        )
        try:
            response = await self._client.send(request, stream=True)
            try:
                yield response
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            self._auth.forget()  # it may come back from a restart, without our nonce
            raise await self._device_error(error, path) from error

    async def _device_error(self, error: httpx.HTTPError, path: str) -> DeviceError:
        where = f"{self.where} {path}"
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return await self._unreachable(error)
        if isinstance(error, httpx.TimeoutException):
            return TransferInterrupted(
                f"no byte for {self._settings.idle_timeout:g} s",
                where=where,
                hint="the device stalled; it is tried again",
            )
        if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
            return TransferInterrupted(f"the connection broke: {_reason(error)}", where=where)
        return DeviceProtocolError(f"not proper HTTP: {_reason(error)}", where=where)

    async def _unreachable(self, error: httpx.TransportError) -> DeviceError:
        refused = certificate_error(error)
        if refused is None:
            reason = _reason(error)
            if isinstance(error, httpx.ConnectTimeout):
                reason = f"no connection within {self._settings.connect_timeout:g} s"
            return DeviceUnreachable(
                f"cannot be reached: {reason}",
                where=self.where,
                hint="check host, port and scheme, and that the device is on",
            )
        found = await asyncio.to_thread(
            peer_fingerprint, self._host, self._port, self._settings.connect_timeout
        )
        pinned = isinstance(refused, WrongCertificate)
        reason = "it is not the pinned one" if pinned else str(refused.verify_message)
        return certificate_refused(reason, found, self.where)


def _reason(error: BaseException) -> str:
    """The innermost cause in its own words (httpx: `All connection attempts failed`), of what
    befell the connection: libraries also leave behind what they tried before it."""
    said = error
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
        if isinstance(error, OSError | httpx.HTTPError):
            said = error
    return str(said) or type(said).__name__
