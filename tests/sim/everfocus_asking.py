"""How tests talk to the simulated EverFocus recorder: by the SDK guide, sharing no code with it."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hikcore.instants import parse_instant
from hikcore.sim.everfocus.nvr import Nvr
from hikcore.sim.everfocus.profile import NvrProfile, nvr_profile

NOW = parse_instant("2026-11-20T12:00:00Z")
#: Seconds.
NOON = NOW // 1_000_000_000
HEADER = struct.Struct("<IIHHHIH12s")


class Frame(NamedTuple):
    """One frame as it was received; `ms` since 1970."""

    kind: int
    width: int
    height: int
    ms: int
    data: bytes


def ending(name: str = "everfocus-small", **changes: Any) -> NvrProfile:
    """A recorder that hangs up where its footage ends, so that nobody has to wait for silence."""
    playback = {"at_end": "closes"} | changes.pop("playback", {})
    return nvr_profile(name, playback=playback, **changes)


def md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()


def response(
    nonce: str, password: str = "hikcore-12345", uri: str = "/admin/login"
) -> dict[str, str]:
    """A login, by RFC 2617 3.2.2.1 written out."""
    first, second = md5("admin", "xnvr", password), md5("POST", uri)
    right = md5(first, nonce, "00000001", "0a4f113b", "auth", second)
    return {"username": "admin", "nc": "00000001", "cnonce": "0a4f113b", "response": right}


async def login(client: httpx.AsyncClient) -> dict[str, Any]:
    parameters = (await client.get("/admin/login")).json()
    return dict((await client.post("/admin/login", json=response(parameters["nonce"]))).json())


@asynccontextmanager
async def inside(nvr: Nvr) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is logged in."""
    async with httpx.AsyncClient(base_url=nvr.url) as client:
        assert (await login(client))["Result"] == "OK"
        yield client


def socket(nvr: Nvr, client: httpx.AsyncClient, path: str) -> connect:
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    headers = {"Cookie": cookies} if cookies else {}
    # Who leaves a stream in the middle has frames in the way of the other side's good-bye.
    return connect(
        f"ws://{nvr.host}:{nvr.port}{path}", additional_headers=headers, proxy=None,
        close_timeout=0.2,
    )  # fmt: skip


async def read_all(stream: ClientConnection, quiet: float = 30.0) -> bytes:
    """All that comes until there is the end, or silence."""
    out = bytearray()
    try:
        while True:
            message = await asyncio.wait_for(stream.recv(), quiet)
            assert isinstance(message, bytes)
            out += message
    except (TimeoutError, ConnectionClosed):
        pass
    return bytes(out)


def split(data: bytes) -> list[Frame]:
    """Frames one after the other, nothing between them."""
    out, at = [], 0
    while at < len(data):
        magic, size, kind, width, height, sec, msec, rest = HEADER.unpack_from(data, at)
        assert magic == 0x89639615
        assert rest == bytes(12)
        body = data[at + 32 : at + 32 + size]
        assert len(body) == size
        out.append(Frame(kind, width, height, sec * 1000 + msec, body))
        at += 32 + size
    return out


async def played(
    nvr: Nvr, client: httpx.AsyncClient, channel: int, time: int, stream: int = 0,
    session: str = "s1",
) -> list[Frame]:  # fmt: skip
    path = f"/playback/{channel}/{stream}?time={time}&session={session}"
    async with socket(nvr, client, path) as opened:
        return split(await read_all(opened))
