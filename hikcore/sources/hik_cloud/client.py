"""Requests to the API of one account: a token, an envelope, tries where a repeat can help."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import httpx
import stamina
from pydantic import SecretStr

from hikcore.errors import (
    ConfigurationError,
    DeviceAuthError,
    DeviceError,
    DeviceProtocolError,
    DeviceUnreachable,
    TransferInterrupted,
)
from hikcore.sources.base import LoginGuard, QuietHours
from hikcore.sources.hik_cloud.settings import CloudSettings
from hikcore.sources.hik_cloud.tokens import ClientCredentials, GivenToken, Tokens
from hikcore.sources.hik_cloud.transport import ApiTransport
from hikcore.sources.hik_cloud.verdict import (
    Address,
    CloudAuthError,
    address_of,
    data_of,
    http_error,
)
from hikcore.sources.pace import Pace
from hikcore.sources.politeness import Places, Politeness
from hikcore.sources.tls import CertificateRefused, certificate_error

_T = TypeVar("_T")
_LOG = logging.getLogger("hikcore.hik_cloud")
#: Bytes a second; an answer that comes more slowly over a timeout has stalled, though it trickles.
_SLOWEST: Final = 1024.0


class CloudClient:
    """The API as one account sees it. Nothing is sent before the first call; `aclose` ends it.

    Args:
        tokens: gives the token.
        settings: paths, timeouts, tries, limits.
        name: what people call the account or device, for errors.
        now: our clock, ns UTC.

    Attributes:
        where: the account, for errors.
        polite: what it is asked for at once, by all clients of the account in this process.

    Raises:
        ConfigurationError: a base address that cannot be used.
    """

    def __init__(
        self,
        tokens: Tokens,
        settings: CloudSettings,
        *,
        name: str = "",
        now: Callable[[], int] = time.time_ns,
        account: str = "",
    ) -> None:
        base = checked_base(settings, name)
        self.where = f"{name} ({base.host})" if name else base.host
        self.settings = settings
        self.now = now
        self.polite = _polite(f"{base.host}:{base.port} {account or name}", settings)
        self._tokens = tokens
        self._refused: CloudAuthError | None = None
        self._client = http_client(settings)

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def token(self) -> None:
        """Make sure that there is a token.

        Raises:
            DeviceError: there is none to be had.
        """
        await self.retrying(self._tokens.token)

    async def address(self, serial: str, channel: int, begin: int, end: int) -> Address:
        """Where the footage of `[begin, end)` (Unix seconds) of a channel can be had.

        Raises:
            NothingRecorded: nowhere: there is none.
            CloudError: any other code. DeviceError: no proper answer.
        """
        where = f"{self.where} {serial} channel {channel}, {begin} to {end}"
        body = {"deviceSerial": serial, "channelNo": channel, "timeBegin": begin, "timeEnd": end}
        path = self.settings.download_path
        async with self.polite.searching.place():
            return address_of(await self.ask("POST", path, where, body=body), where)

    async def ask(
        self,
        method: str,
        path: str,
        where: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """What an answer's envelope holds, tried again while it fails in a way that passes.

        Raises:
            CloudError: by its code. DeviceError: no proper answer.
        """

        async def attempt() -> Any:
            return await self._authorised(method, path, where, body, query)

        return await self.retrying(attempt)

    async def retrying(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """What `attempt` gives, tried again while it fails in a way that passes."""
        settings = self.settings
        async for again in stamina.retry_context(
            on=_passes,
            attempts=settings.attempts,
            timeout=None,
            wait_initial=settings.first_wait,
            wait_max=settings.longest_wait,
            wait_jitter=settings.first_wait / 2,
        ):
            with again:
                try:
                    return await attempt()
                except DeviceError as error:
                    _LOG.info("%s [try %d of %d]", error, again.num, settings.attempts)
                    raise
        raise AssertionError("a retry loop ends by return or raise")

    async def _authorised(
        self,
        method: str,
        path: str,
        where: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
    ) -> Any:
        """One answer; a token that is not taken is dropped, and another one tried once. After that
        nothing more is sent."""
        again = True
        while True:
            if self._refused is not None:
                raise self._refused
            token = await self._tokens.token()
            headers = {"Authorization": f"bearer {token.get_secret_value()}"}
            await self.polite.request(
                self.settings.requests, self.settings.hours, self.now(), self.where
            )
            request = self._client.build_request(
                method, path, json=body, params=query, headers=headers
            )
            status, answer = await send(self._client, request, self.settings, where)
            try:
                error = http_error(status, answer, self.settings, where)
                if error is not None:
                    raise error
                return data_of(answer, self.settings, where)
            except CloudAuthError as error:
                if not (self._tokens.refused(token) and again):
                    self._refused = error
                    raise
                again = False


def http_client(settings: CloudSettings) -> httpx.AsyncClient:
    """A client of the API: no redirects, as they would take the token elsewhere."""
    return httpx.AsyncClient(
        base_url=settings.base_url,
        transport=ApiTransport(settings),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(settings.timeout, connect=settings.connect_timeout),
        headers={"User-Agent": "hikcore", "Accept": "application/json"},
    )


async def send(
    client: httpx.AsyncClient, request: httpx.Request, settings: CloudSettings, where: str
) -> tuple[int, bytes]:
    """Status and body of a small answer.

    Raises:
        DeviceError: no answer, or one larger than an answer may be.
    """
    try:
        response = await client.send(request, stream=True)
        try:
            pace = Pace(_SLOWEST, settings.timeout, where)
            parts, size, began = [], 0, time.monotonic()
            async for part in response.aiter_bytes():
                pace.came(len(part), time.monotonic() - began)
                began = time.monotonic()
                parts.append(part)
                size += len(part)
                if size > settings.answer_limit:
                    raise DeviceProtocolError(
                        f"an answer of more than {settings.answer_limit} bytes", where=where
                    )
        finally:
            await response.aclose()
        return response.status_code, b"".join(parts)
    except httpx.HTTPError as error:
        failure = transport_error(error, settings, where)
    raise failure  # outside, so that the library's error, which knows the request, is not in it


def transport_error(error: httpx.HTTPError, settings: CloudSettings, where: str) -> DeviceError:
    """The error for what befell a connection; it never repeats the library's text."""
    kind = type(error).__name__
    refused = certificate_error(error)
    if refused is not None:
        return CertificateRefused(
            f"its certificate is not trusted: {refused.verify_message}",
            where=where,
            hint="a proxy that opens TLS? cloud.ca_file names its certificate",
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return DeviceUnreachable(
            f"cannot be reached ({kind})", where=where, hint="check base_url and the network"
        )
    if isinstance(error, httpx.TimeoutException):
        return TransferInterrupted(f"no byte for {settings.timeout:g} s", where=where)
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return TransferInterrupted(f"the connection broke ({kind})", where=where)
    return DeviceProtocolError(f"not proper HTTP ({kind})", where=where)


def checked_base(settings: CloudSettings, name: str) -> httpx.URL:
    """The base address.

    Raises:
        ConfigurationError: no address, one with credentials in it, or not https where that is not
            waived: the token would be readable on the way.
    """
    try:
        base = httpx.URL(settings.base_url)
    except (httpx.InvalidURL, ValueError):
        base = httpx.URL("")
    if base.scheme not in ("http", "https") or not base.host or base.userinfo or base.query:
        raise ConfigurationError(
            "base_url is no address like https://api2.hik-cloud.com", where=name
        )
    if base.scheme == "http" and not settings.insecure_http:
        raise ConfigurationError(
            "base_url is not https: the token would be readable to everybody on the way",
            where=name,
            hint="insecure_http = true takes it all the same",
        )
    return base


def token_provider(
    settings: CloudSettings,
    *,
    access_token: SecretStr | None,
    client_id: str | None = None,
    client_secret: SecretStr | None = None,
    name: str = "",
    guard: LoginGuard | None = None,
) -> Tokens:
    """The provider of tokens: the given token before client credentials. Of the same credentials
    there is one provider in a process, as the endpoint is limited in frequency.

    Raises:
        ConfigurationError: neither is set.
    """
    if access_token is not None:
        return GivenToken(access_token)
    if client_id is None or client_secret is None:
        raise ConfigurationError(
            "no token: neither access_token nor client_id and client_secret are set", where=name
        )
    base = checked_base(settings, name)
    digest = hashlib.sha256(f"{client_id}\n{client_secret.get_secret_value()}".encode()).hexdigest()
    key = (str(base), settings.token_path, digest)
    with _registry:
        found = _providers.get(key)
        if found is None:
            where = f"{name} ({base.host})" if name else base.host
            ask = _asking(settings, client_id, client_secret, where)
            found = ClientCredentials(ask, where, margin=settings.token_margin, guard=guard)
            _providers[key] = found
    return found


def _asking(
    settings: CloudSettings, client_id: str, secret: SecretStr, where: str
) -> Callable[[], Awaitable[tuple[int, bytes]]]:
    """Posts client credentials: a form (the endpoint takes no JSON), its answer is bare JSON."""

    async def ask() -> tuple[int, bytes]:
        form = {
            "client_id": client_id,
            "client_secret": secret.get_secret_value(),
            "grant_type": "client_credentials",
        }
        async with http_client(settings) as client:
            request = client.build_request("POST", settings.token_path, data=form)
            status, body = await send(client, request, settings, where)
        error = http_error(status, body, settings, where)
        if error is not None and not isinstance(error, DeviceAuthError) and error.retryable:
            raise error
        return status, body

    return ask


def _passes(error: Exception) -> bool:
    quiet = isinstance(error, QuietHours)
    return isinstance(error, DeviceError) and error.retryable and not quiet


def _polite(key: str, settings: CloudSettings) -> Politeness:
    with _registry:
        found = _politeness.get(key)
        if found is None:
            places = Places(searches=settings.addresses, downloads=settings.downloads)
            found = _politeness[key] = Politeness(places)
    return found


_providers: Final[dict[tuple[str, str, str], ClientCredentials]] = {}
_politeness: Final[dict[str, Politeness]] = {}
_registry: Final = threading.Lock()
