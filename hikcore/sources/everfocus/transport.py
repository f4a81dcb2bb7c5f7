"""HTTP and WebSocket to one recorder, with the list of `allowed` at the last step of both."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect

from hikcore.errors import DeviceRefused
from hikcore.sources.everfocus.allowed import Reading, check_body, reading
from hikcore.sources.everfocus.settings import EverFocusSettings
from hikcore.sources.sockets import DeviceTransport


class _NoCookies(logging.Filter):
    """httpcore logs the headers of answers; a cookie is as good as the login that it stands for."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it may be written."""
        return "cookie" not in record.getMessage().lower()


for _name in ("httpx", "httpcore.http11", "httpcore.connection"):
    logging.getLogger(_name).addFilter(_NoCookies())
#: websockets logs whole handshakes, `Cookie` among them, where its logger is set to debug.
_SILENT: Final = logging.Logger("hikcore.everfocus.websocket", logging.CRITICAL)
#: Ways to say another method than the one that is looked at.
_OVERRIDES: Final = frozenset({"x-http-method-override", "x-http-method", "x-method-override"})


def query(params: Mapping[str, Any] | None) -> str:
    """Parameters as they go over the wire. A comma stays one: it parts the channels of 6.4."""
    return urlencode(dict(params or {}), quote_via=quote, safe=",")


class AllowedTransport(DeviceTransport):
    """Sends what is on the list to one recorder, and nothing else."""

    def __init__(
        self, base: httpx.URL, settings: EverFocusSettings, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(tls, keepalive=5)
        self._origin = (base.scheme, base.host, base.port)
        self._settings = settings

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it.

        Raises:
            DeviceRefused: it is not on the list; nothing was sent.
        """
        url = request.url
        if (url.scheme, url.host, url.port) != self._origin:
            raise DeviceRefused("a request to somebody else was not sent", where=url.host)
        if _OVERRIDES & {name.lower() for name in request.headers}:
            raise DeviceRefused("a request with two methods was not sent", where=url.host)
        entry = reading(request.method, url.raw_path.decode("ascii"), self._settings, url.host)
        try:
            body = request.content
        except httpx.RequestNotRead:
            raise DeviceRefused("a body that cannot be looked at was not sent") from None
        check_body(entry, body, url.host)
        return await super().handle_async_request(request)


class AllowedConnection(ClientConnection):
    """A WebSocket on which only what the list allows is said; reading is as `websockets` has it."""

    entry: Reading

    async def send(self, message: Any, text: bool | None = None) -> None:
        """Say a text (3.4).

        Raises:
            DeviceRefused: this WebSocket is there to be listened to, or not for this text.
        """
        if not isinstance(message, str) or not message:
            raise DeviceRefused("only texts are said to a recorder; this was not sent")
        check_body(self.entry, message.encode())
        await super().send(message)


class AllowedConnect(connect):
    """Opens one WebSocket, and follows nobody elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """A redirect is an answer like any other that is no WebSocket."""
        return exc


def open_websocket(
    base: httpx.URL,
    target: str,
    settings: EverFocusSettings,
    *,
    tls: ssl.SSLContext | None,
    headers: Mapping[str, str],
) -> AllowedConnect:
    """A WebSocket that is about to be opened (`async with`, or await it).

    Raises:
        DeviceRefused: it is not on the list.
    """
    entry = reading("WS", target, settings, base.host)

    class Connection(AllowedConnection):
        pass

    Connection.entry = entry
    tls_options: dict[str, Any] = {"ssl": tls} if tls is not None else {}
    scheme = "wss" if base.scheme == "https" else "ws"
    host = f"[{base.host}]" if ":" in base.host else base.host
    port = f":{base.port}" if base.port is not None else ""
    return AllowedConnect(
        f"{scheme}://{host}{port}{target}",
        additional_headers=dict(headers),
        user_agent_header="hikcore",
        proxy=None,
        compression=None,  # video does not shrink, and nothing says that these recorders offer it
        open_timeout=settings.connect_timeout,
        # A recorder that answers no pings would be taken for dead; silence is judged above.
        ping_interval=None,
        close_timeout=2,
        max_size=settings.message_limit,
        logger=_SILENT,
        create_connection=Connection,
        **tls_options,
    )


def json_body(document: Any) -> bytes:
    """A body as it is sent."""
    return json.dumps(document, separators=(",", ":")).encode()
