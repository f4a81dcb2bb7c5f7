"""What can leave the process: a positive list for the API, plain GETs for footage, and no more."""

from __future__ import annotations

import contextvars
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from hikcore.errors import DeviceRefused
from hikcore.sources.hik_cloud.settings import CloudSettings
from hikcore.sources.tls import TlsPolicy

#: Whether a signed address is in use: the libraries below would log it.
_PRIVATE: Final = contextvars.ContextVar("hik_cloud_private", default=False)


class _NoAddresses(logging.Filter):
    """httpx logs the URL of every request; that of footage is a key to it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it may be written."""
        return not _PRIVATE.get()


for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
    logging.getLogger(_name).addFilter(_NoAddresses())


@contextmanager
def private() -> Iterator[None]:
    """A stretch of work of which the HTTP libraries log nothing."""
    token = _PRIVATE.set(True)
    try:
        yield
    finally:
        _PRIVATE.reset(token)


def _trust(settings: CloudSettings) -> ssl.SSLContext:
    """Whom to believe. There is no way to believe everybody."""
    return TlsPolicy("ca" if settings.ca_file else "verify", settings.ca_file).context()


def allowed(settings: CloudSettings) -> frozenset[tuple[str, str]]:
    """The requests to the API that exist for us; none of them changes anything."""
    return frozenset(
        {
            ("POST", settings.token_path),
            ("POST", settings.download_path),
            ("GET", settings.devices_path),
            ("GET", settings.channels_path),
        }
    )


class ApiTransport(httpx.AsyncHTTPTransport):
    """Sends what is on the list to the API's own host, and nothing else."""

    def __init__(self, settings: CloudSettings) -> None:
        super().__init__(verify=_trust(settings), trust_env=False)
        self._allowed = allowed(settings)
        base = httpx.URL(settings.base_url)
        self._origin = (base.scheme, base.host, base.port)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it.

        Raises:
            DeviceRefused: it is not on the list; nothing was sent.
        """
        url = request.url
        there = (url.scheme, url.host, url.port) == self._origin
        if not there or (request.method, url.path) not in self._allowed:
            raise DeviceRefused(
                f"{request.method} {url.path} is not on the list of requests that change nothing, "
                "so it was not sent",
                where=url.host,
            )
        return await super().handle_async_request(request)


class MediaTransport(httpx.AsyncHTTPTransport):
    """Sends GETs without a token, over TLS unless that is waived."""

    def __init__(self, settings: CloudSettings) -> None:
        super().__init__(verify=_trust(settings), trust_env=False)
        self._http = settings.insecure_http

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it.

        Raises:
            DeviceRefused: something else than a plain GET; nothing was sent.
        """
        secret = {"authorization", "cookie"} & {name.lower() for name in request.headers}
        if request.method != "GET" or secret:
            raise DeviceRefused("not a plain GET, so it was not sent", where="footage")
        if request.url.scheme != "https" and not self._http:
            raise DeviceRefused(
                "the address of the footage is not https, so it was not used",
                where="footage",
                hint="insecure_http = true takes it: it is readable to everybody on the way",
            )
        return await super().handle_async_request(request)
