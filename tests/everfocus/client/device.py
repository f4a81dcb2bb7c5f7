"""A small recorder on loopback: HTTP and WebSockets on one port, the documented login, own replies.

It shares no code with the client. What it serves is what a test gives it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from websockets.http11 import Request
from websockets.server import ServerProtocol

OK = b'{"Result":"OK","Description":""}'
LOGIN = "/admin/login"
#: What the server side logs is not the client's.
_SILENT = logging.Logger("device", logging.CRITICAL)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Bytes after which the connection is closed, of those promised."""
    trickle: float = 0.0
    """Seconds between two bytes."""


Answer = Reply | bytes | Callable[[Asked], "Reply | bytes"]


class Device:
    """The recorder.

    Attributes:
        replies: by method and path. sockets: messages by path.
        asked: every request, WebSockets with the method WS. said: texts over WebSockets, by path.
        password: what it takes now. logins, refusals: how many digests were right and wrong.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.replies: dict[tuple[str, str], Answer] = {}
        self.sockets: dict[str, Sequence[str | bytes]] = {}
        self.asked: list[Asked] = []
        self.said: dict[str, list[str]] = {}
        self.password = "geheim-1"
        self.parameters: dict[str, Any] = {
            "realm": "xnvr", "qop": "auth", "opaque": "", "change_pwd": "no"
        }  # fmt: skip
        self.option: str | None = None
        self.logins = self.refusals = self.expired = self.open = self.most = 0
        self.expiry = Reply(b'{"Result":"Error","Description":"please login"}', 401)
        self.login_delay = 0.0
        self.drop_logins = 0
        self.cookie_needed = True
        self.nonces: dict[str, str] = {}
        self.sessions: set[str] = set()
        self.port = 0
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Device:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def count(self, method: str, path: str) -> int:
        return sum((one.method, one.path) == (method, path) for one in self.asked)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._one(reader, writer):
                pass
        writer.close()
        self._tasks.discard(task)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        path, _, query = target.partition("?")
        if headers.get("upgrade", "").lower() == "websocket":
            asked = Asked("WS", path, query, headers, b"")
            self.asked.append(asked)
            await self._websocket(asked, head, reader, writer)
            return False
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        asked = Asked(method, path, query, headers, body)
        self.asked.append(asked)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            reply = await self._reply(asked)
        finally:
            self.open -= 1
        if reply is None:
            return False
        lines = [f"HTTP/1.1 {reply.status} X", f"Content-Type: {reply.type}"]
        lines.append(f"Content-Length: {len(reply.body)}")
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if not reply.trickle:
            writer.write(reply.body[: reply.cut])
        for byte in reply.body if reply.trickle else b"":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(reply.trickle)
        await writer.drain()
        return reply.cut is None

    def _cookie(self, asked: Asked) -> str:
        jar = SimpleCookie(asked.headers.get("cookie", ""))
        return jar["sid"].value if "sid" in jar else ""

    async def _reply(self, asked: Asked) -> Reply | None:
        if asked.path == LOGIN:
            return await self._log_in(asked)
        if not self._welcome(asked):
            self.expired += 1
            return self.expiry
        if asked.path == "/admin/logout":
            self.sessions.discard(self._cookie(asked))
            return Reply(OK)
        found = self.replies.get((asked.method, asked.path))
        if callable(found):
            found = found(asked)
        if isinstance(found, bytes):
            return Reply(found)
        return found or Reply(b'{"Result":"Error","Description":"no such thing"}', 404)

    def _welcome(self, asked: Asked) -> bool:
        return not self.cookie_needed or self._cookie(asked) in self.sessions

    async def _log_in(self, asked: Asked) -> Reply | None:
        if asked.method == "GET":
            sid, nonce = secrets.token_hex(8), secrets.token_hex(8)
            self.nonces[sid] = nonce
            body = json.dumps({**self.parameters, "nonce": nonce}).encode()
            return Reply(body, headers={"Set-Cookie": f"sid={sid}; Path=/; HttpOnly"})
        await asyncio.sleep(self.login_delay)
        if self.drop_logins:
            self.drop_logins -= 1
            return None
        sid, said = self._cookie(asked), asked.json
        ha1 = md5(f"{said['username']}:xnvr:{self.password}")
        ha2 = md5("POST:/admin/login")
        nonce = self.nonces.get(sid, "-")
        right = md5(f"{ha1}:{nonce}:{said['nc']}:{said['cnonce']}:auth:{ha2}")
        if said["response"] != right:
            self.refusals += 1
            return Reply(b'{"Result":"Error","Description":"wrong user name or password"}')
        self.logins += 1
        self.sessions.add(sid)
        answer = {"Result": "OK", "Description": "userID=7"}
        if self.option is not None:
            answer["option"] = self.option
        return Reply(json.dumps(answer).encode())

    async def _websocket(
        self,
        asked: Asked,
        head: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if asked.path not in self.sockets or not self._welcome(asked):
            status = 404 if self._welcome(asked) else 401
            self.expired += status == 401
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
            return
        protocol = ServerProtocol(logger=_SILENT)
        protocol.receive_data(head)
        (request,) = protocol.events_received()
        assert isinstance(request, Request)
        protocol.send_response(protocol.accept(request))
        for message in self.sockets[asked.path]:
            if isinstance(message, str):
                protocol.send_text(message.encode())
            else:
                protocol.send_binary(message)
        writer.write(b"".join(protocol.data_to_send()))
        while data := await reader.read(65536):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if getattr(event, "opcode", None) == 1:
                    self.said.setdefault(asked.path, []).append(event.data.decode())
            writer.write(b"".join(protocol.data_to_send()))
            if protocol.close_expected():
                break
