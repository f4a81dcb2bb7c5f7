"""A scriptable device on loopback: real HTTP (h11), real TLS, a login of its own making.

It knows nothing of the product: its digest check is written from RFC 7616, so that client and
server cannot be wrong together.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import h11


@dataclass
class Asked:
    """A request as received. `login`: none, good, bad, stale, basic."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    login: str = "none"


@dataclass
class Stall:
    """Silence in the middle of a body."""

    seconds: float = 3600


@dataclass
class Reset:
    """The connection goes away."""


@dataclass
class Reply:
    """An answer. `length`: the Content-Length told (default: the truth), None: none is told."""

    status: int = 200
    body: bytes | list[bytes | Stall | Reset] = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    length: int | str | None = "true"
    kind: str = 'application/xml; charset="UTF-8"'


Handler = Callable[[Asked], Reply]


@dataclass
class Login:
    """How the device asks for a login."""

    username: str = "admin"
    password: str = "geheim-1"
    scheme: str = "digest"  # digest | basic | open
    algorithm: str | None = "MD5"
    qop: str | None = "auth"
    style: str = "nvr"  # how the header is written: nvr | ipc
    uses: int = 10**9  # of a nonce before it is stale
    locked: bool = False
    #: How the challenge is written in the end: one header or several.
    reword: Callable[[str], list[str]] = lambda challenge: [challenge]


class Device:
    """An async context manager; `handlers` maps (method, path) to a reply."""

    def __init__(self, login: Login | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.login = login or Login()
        self.tls = tls
        self.handlers: dict[tuple[str, str], Handler | Reply] = {}
        self.open: dict[tuple[str, str], Reply] = {}  # served without a login
        self.asked: list[Asked] = []
        self.now = self.most = 0
        self.delay = 0.0
        self._nonces: dict[str, int] = {}
        self._counts: dict[str, set[str]] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server
        self.port = 0

    async def __aenter__(self) -> Device:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    def count(self, login: str, path: str = "") -> int:
        """Requests of one login state."""
        return sum(a.login == login and a.target.startswith(path) for a in self.asked)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._converse(h11.Connection(h11.SERVER), reader, writer)
        except (ConnectionError, h11.RemoteProtocolError, ssl.SSLError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _converse(
        self, http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while (asked := await self._receive(http, reader)) is not None:
            self.asked.append(asked)
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                if self.delay:
                    await asyncio.sleep(self.delay)
                reply = self._answer(asked)
                if not isinstance(reply, Reply):
                    reply = await reply
                await self._send(http, writer, reply)
            finally:
                self.now -= 1
            if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                return
            http.start_next_cycle()

    async def _receive(self, http: h11.Connection, reader: asyncio.StreamReader) -> Asked | None:
        asked: Asked | None = None
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Request):
                headers = {k.decode().lower(): v.decode() for k, v in event.headers}
                asked = Asked(event.method.decode(), event.target.decode(), headers, b"")
            elif isinstance(event, h11.Data) and asked:
                asked.body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return asked
            else:
                return None

    def _answer(self, asked: Asked) -> Any:
        free = self.open.get((asked.method, asked.target.partition("?")[0]))
        if free is not None:
            return free
        refused = self._check(asked)
        if refused is not None:
            return refused
        handler = self.handlers.get((asked.method, asked.target.partition("?")[0]))
        if handler is None:
            return Reply(
                404, b"<html><title>Document Error: Not Found</title></html>", kind="text/html"
            )
        return handler(asked) if callable(handler) else handler

    async def _send(self, http: h11.Connection, writer: asyncio.StreamWriter, reply: Reply) -> None:
        parts = [reply.body] if isinstance(reply.body, bytes) else reply.body
        headers = [("Content-Type", reply.kind), ("Accept-Ranges", "bytes"), *reply.headers]
        length = reply.length
        if length == "true":
            length = sum(len(part) for part in parts if isinstance(part, bytes))
        if length is None:
            headers.append(("Connection", "close"))
        else:
            headers.append(("Content-Length", str(length)))
        # Written by hand: h11 would not let a server lie about its length.
        head = f"HTTP/1.1 {reply.status} Said\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers)
        writer.write(head.encode() + b"\r\n")
        for part in parts:
            if isinstance(part, Stall):
                await writer.drain()
                await asyncio.sleep(part.seconds)
            elif isinstance(part, Reset):
                await writer.drain()
                await asyncio.sleep(0.02)
                writer.transport.abort()
                raise ConnectionResetError
            else:
                writer.write(part)
                await writer.drain()
        sent = sum(len(part) for part in parts if isinstance(part, bytes))
        if length is None or length != sent:
            raise ConnectionResetError  # close after what was sent
        event = h11.Response(status_code=200, headers=[("Content-Length", "0")])
        http.send(event)
        http.send(h11.EndOfMessage())

    # -- the login, from RFC 7616 ------------------------------------------------------------

    def _check(self, asked: Asked) -> Reply | None:
        if self.login.scheme == "open":
            return None
        sent = asked.headers.get("authorization", "")
        if not sent:
            return self._challenge("FALSE")
        if self.login.scheme == "basic":
            given = base64.b64decode(sent.removeprefix("Basic ")).decode()
            good = given == f"{self.login.username}:{self.login.password}"
            asked.login = "basic" if good else "bad"
            return None if good else self._challenge("FALSE")
        fields = {
            name: quoted or bare
            for name, quoted, bare in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^",]+))', sent)
        }
        if not self._proves(asked, fields) or self.login.locked:
            asked.login = "bad"
            return self._challenge("FALSE")
        nonce = fields["nonce"]
        if self._nonces.get(nonce, 10**9) >= self.login.uses:
            asked.login = "stale"
            return self._challenge("TRUE")
        self._nonces[nonce] += 1
        if fields.get("nc", "") in self._counts[nonce]:
            asked.login = "bad"
            return self._challenge("FALSE")
        self._counts[nonce].add(fields.get("nc", str(len(self._counts[nonce]))))
        asked.login = "good"
        return None

    def _proves(self, asked: Asked, fields: dict[str, str]) -> bool:
        algorithm = (self.login.algorithm or "MD5").upper()
        make = hashlib.sha256 if algorithm.startswith("SHA-256") else hashlib.md5

        def h(text: str) -> str:
            return make(text.encode()).hexdigest()

        ha1 = h(f"{self.login.username}:{fields['realm']}:{self.login.password}")
        if algorithm.endswith("-SESS"):
            ha1 = h(f"{ha1}:{fields['nonce']}:{fields['cnonce']}")
        ha2 = h(f"{asked.method}:{asked.target}")
        middle = fields["nonce"]
        if self.login.qop:
            middle += f":{fields['nc']}:{fields['cnonce']}:{fields['qop']}"
        return fields["uri"] == asked.target and fields["response"] == h(f"{ha1}:{middle}:{ha2}")

    def _challenge(self, stale: str) -> Reply:
        if self.login.scheme == "basic":
            return Reply(401, b"", [("WWW-Authenticate", 'Basic realm="DS-FB2127"')])
        nonce = f"{len(self._nonces):032x}:{1700000000000 + len(self._nonces)}"
        self._nonces[nonce] = 0
        self._counts[nonce] = set()
        qop = f'qop="{self.login.qop}", ' if self.login.qop else ""
        algorithm = f', algorithm="{self.login.algorithm}"' if self.login.algorithm else ""
        if self.login.style == "nvr":
            header = (
                f'Digest realm="fe12f37b", domain="::", {qop}nonce="{nonce}", opaque=""'
                f'{algorithm}, stale="{stale}"'
            )
            lock = "lock" if self.login.locked else "unlock"
            body = (
                '<userCheck version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
                "<statusValue>401</statusValue><statusString>Unauthorized</statusString>"
                f"<isActivated>true</isActivated><lockStatus>{lock}</lockStatus>"
                "<unlockTime>1800</unlockTime><retryLoginTime>4</retryLoginTime></userCheck>"
            ).encode()
            return Reply(401, body, self._reworded(header))
        header = (
            f'Digest {qop}realm="IP Camera(83813)", nonce="{nonce}"{algorithm}, stale="{stale}"'
        )
        body = b"<html><body><h2>Access Error: 401 -- Unauthorized</h2></body></html>"
        return Reply(401, body, self._reworded(header), kind="text/html")

    def _reworded(self, challenge: str) -> list[tuple[str, str]]:
        return [("WWW-Authenticate", header) for header in self.login.reword(challenge)]


async def bodies(parts: list[bytes]) -> AsyncIterator[bytes]:
    """An async iterator over parts."""
    for part in parts:
        yield part
