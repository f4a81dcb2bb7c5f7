"""Peers over RTSP that never end, never answer, or answer what cannot be."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import count

import pytest
from pydantic import SecretStr

from hikcore.errors import DeviceError, TransferInterrupted
from hikcore.sources.rtsp import Account, play

SDP = (
    b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=video\r\n"
    b"m=audio 0 RTP/AVP 8\r\na=control:trackID=audio\r\n"
)
Behaviour = Callable[[str, int, asyncio.StreamWriter], Awaitable[bool]]


def reply(number: int, *headers: str, body: bytes = b"", status: str = "200 OK") -> bytes:
    lines = [f"RTSP/1.0 {status}", f"CSeq: {number}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def packet(channel: int, sequence: int, stamp: int, payload: bytes, kind: int = 96) -> bytes:
    data = struct.pack(">BBHII", 0x80, 0x80 | kind, sequence & 0xFFFF, stamp, 7) + payload
    return struct.pack(">cBH", b"$", channel, len(data)) + data


async def usual(
    method: str, number: int, writer: asyncio.StreamWriter, *, channels: tuple[int, int] = (0, 2)
) -> None:
    if method == "DESCRIBE":
        writer.write(reply(number, body=SDP))
    elif method == "SETUP":
        first = channels[0] if number == 2 else channels[1]
        transport = f"Transport: RTP/AVP/TCP;interleaved={first}-{first + 1}"
        writer.write(reply(number, "Session: 5;timeout=60", transport))
    else:
        writer.write(reply(number))
    await writer.drain()


@asynccontextmanager
async def peer(after_play: Behaviour, before: Behaviour | None = None) -> AsyncIterator[Account]:
    """A device that does as a function says."""
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            for number in count(1):
                head = await reader.readuntil(b"\r\n\r\n")
                method = head.split(b" ")[0].decode()
                if before is not None and await before(method, number, writer):
                    continue
                await usual(method, number, writer)
                if method == "PLAY":
                    await after_play(method, number, writer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield Account("127.0.0.1", port, "admin", SecretStr("pw"), connect=2, idle=0.4)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def pictures(account: Account, quiet: float = 0.3) -> list[int]:
    found = []
    async with (
        asyncio.timeout(5),
        play(account, "rtsp://127.0.0.1/x") as playing,
        aclosing(playing.samples(quiet)) as samples,
    ):
        async for sample in samples:
            if sample.kind == "video":
                found.append(sample.pts)
    return found


@pytest.mark.parametrize(
    "noise",
    [
        b"$\x01\x00\x1c" + struct.pack(">BBHIIIIII", 0x80, 200, 6, 7, 3_980_000_000, 0, 0, 0, 0),
        b"$\x09\x00\x04spam",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n",
    ],
    ids=["reports", "another channel", "its own requests"],
)
async def test_what_is_no_footage_keeps_no_playback_open(noise: bytes) -> None:
    async def forever(method: str, number: int, writer: asyncio.StreamWriter) -> bool:
        for index in range(3):
            writer.write(
                packet(0, 65_534 + index, 0xFFFFFFF0 + 3600 * index & 0xFFFFFFFF, b"\x65a")
            )
        while True:
            writer.write(noise)
            await writer.drain()
            await asyncio.sleep(0.02)

    async with peer(forever) as account:
        found = await pictures(account)
    assert [pts - found[0] for pts in found] == [0, 3600, 7200]


@pytest.mark.parametrize("what", ["packets", "bytes", "silence"])
async def test_no_reply_ends_whatever_else_comes(what: str) -> None:
    async def never(method: str, number: int, writer: asyncio.StreamWriter) -> bool:
        if method != "PLAY":
            return False
        while True:
            if what == "packets":
                writer.write(packet(0, 1, 1, b"\x65a"))
            elif what == "bytes":
                writer.write(b"R")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with peer(never, never) as account:
        with pytest.raises(TransferInterrupted, match="no reply to RTSP PLAY"):
            await pictures(account)


@pytest.mark.parametrize(
    "answer",
    [
        b"RTSP/1.0 " + b"2" * 5000 + b" OK\r\n\r\n",
        b"RTSP/1.0 200 " + b"x" * 70_000,
        reply(1, "Content-Base: rtsp://[::1/", body=SDP),
        reply(1, "Content-Base: rtsp://a b/", body=SDP),
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        reply(1, "WWW-Authenticate: " + "a" * 60_000, status="401 Unauthorized"),
        reply(1, 'WWW-Authenticate: Digest realm="x", nonce="y", algorithm=WHAT', status="401 No"),
    ],
)
async def test_answers_that_cannot_be_are_errors_of_the_device(answer: bytes) -> None:
    async def odd(method: str, number: int, writer: asyncio.StreamWriter) -> bool:
        if method != "DESCRIBE":
            return False
        writer.write(answer)
        await writer.drain()
        return True

    async with peer(odd, odd) as account:
        with pytest.raises(DeviceError) as raised:
            await pictures(account)
    assert "pw" not in str(raised.value)
    assert len(str(raised.value)) < 2000


async def test_channels_may_begin_at_an_odd_number() -> None:
    async def setup(method: str, number: int, writer: asyncio.StreamWriter) -> bool:
        await usual(method, number, writer, channels=(1, 3))
        if method == "PLAY":
            for index in range(2):
                writer.write(packet(1, index, 3600 * index, b"\x65a"))
            await writer.drain()
        return True

    async with peer(setup, setup) as account:
        assert len(await pictures(account)) == 2


async def test_a_head_that_is_sent_back_holds_no_line_of_its_own() -> None:
    heads: list[bytes] = []

    async def setup(method: str, number: int, writer: asyncio.StreamWriter) -> bool:
        if method != "SETUP":
            return False
        writer.write(reply(number, "Session: 5\nSET_PARAMETER: 1;timeout=60"))
        await writer.drain()
        return True

    real = asyncio.StreamReader.readuntil

    async def kept(self: asyncio.StreamReader, separator: bytes = b"\n") -> bytes:
        heads.append(await real(self, separator))
        return heads[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.StreamReader, "readuntil", kept)
        async with peer(setup, setup) as account:
            await pictures(account)
    assert any(head.startswith(b"PLAY") for head in heads)
    assert not any(b"\nSET_PARAMETER" in head for head in heads)
