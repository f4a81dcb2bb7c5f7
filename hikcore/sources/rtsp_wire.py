"""One RTSP connection (RFC 2326): requests, their replies, and the packets between them.

Over TCP alone: packets and replies come on the one connection (10.12), so nothing of it is lost,
and no port has to be open towards us. The methods are an allow-list: none that is sent changes a
device.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from hikcore.errors import (
    ConfigurationError,
    DeviceProtocolError,
    DeviceUnreachable,
    TransferInterrupted,
)

#: Bytes of a header that are looked at: none that is needed is longer.
_HEADER_MOST: Final = 4096
#: Answers to a device's own requests that it may leave unread.
_UNREAD_MOST: Final = 1 << 20
#: What may stand in no header that is sent back to the device.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_METHODS: Final = frozenset(
    ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "GET_PARAMETER", "TEARDOWN")
)
_HEAD_MOST: Final = 64 << 10
_READ: Final = 128 << 10
_BODY_MOST: Final = 1 << 20
#: Packets that come before the reply to a request are kept: so many at most.
_EARLY_MOST: Final = 256


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; header names in lower case, each with all its values."""

    status: int
    reason: str
    headers: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first value of a header, "" where there is none."""
        return self.headers.get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A packet that came on a channel of the connection."""

    channel: int
    data: bytes


class Wire:
    """A connection that is open; `close` ends it.

    Args:
        where: the device, for errors.
        idle: seconds without the reply to a request after which it is taken for dead.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        where: str,
        idle: float,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._where = where
        self._idle = idle
        self._count = 0
        self._early: list[Interleaved] = []
        self._buffer = bytearray()
        self._at = 0

    @classmethod
    async def open(cls, host: str, port: int, where: str, *, connect: float, idle: float) -> Wire:
        """Connect.

        Raises:
            DeviceUnreachable: no connection.
        """
        try:
            async with asyncio.timeout(connect):
                reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
        except TimeoutError:
            reason = f"no connection to RTSP within {connect:g} s"
        except OSError as error:
            reason = f"RTSP cannot be reached: {error.strerror or error}"
        else:
            return cls(reader, writer, where, idle)
        raise DeviceUnreachable(
            reason, where=where, hint="check rtsp_port, and that RTSP is on in the device"
        )

    async def request(self, method: str, url: str, headers: dict[str, str]) -> Reply:
        """Send a request and wait for its reply; packets that come before it are kept.

        Raises:
            TransferInterrupted: the connection broke, or no reply comes: whatever else does, and
                however slowly.
            DeviceProtocolError: what comes is no RTSP.
        """
        try:
            async with asyncio.timeout(self._idle):
                number = await self.send(method, url, headers)
                while True:
                    item = await self._item()
                    if isinstance(item, Interleaved):
                        if method != "TEARDOWN" and len(self._early) < _EARLY_MOST:
                            self._early.append(item)
                    elif item.header("cseq") in (str(number), ""):
                        return item
        except TimeoutError:
            raise TransferInterrupted(
                f"no reply to RTSP {method} within {self._idle:g} s", where=self._where
            ) from None

    async def send(self, method: str, url: str, headers: dict[str, str]) -> int:
        """Send a request and wait for nothing; its number.

        Raises:
            TransferInterrupted: the connection broke.
            DeviceProtocolError: the address cannot be one; devices name some themselves.
        """
        if method not in _METHODS:
            raise ConfigurationError(f"RTSP {method} is not sent: it may change the device")
        try:
            sound = not set("\r\n ") & set(url) and urlsplit(url).username is None
        except ValueError:
            sound = False
        if not sound:
            raise DeviceProtocolError(
                "an RTSP address that cannot be one, or with blanks or a login in it",
                where=self._where,
            )
        self._count += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._count}", "User-Agent: hikcore"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        try:
            self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
            await self._writer.drain()
        except OSError as error:
            raise self._broken(str(error) or type(error).__name__) from None
        return self._count

    async def packet(self, idle: float) -> Interleaved | None:
        """The next packet; replies that nobody waits for are passed over.

        Args:
            idle: seconds.

        Returns:
            None where none came for so long; the connection is of no use then, but to end it.

        Raises:
            TransferInterrupted: the connection broke.
            DeviceProtocolError: what comes is no RTSP.
        """
        if self._early:
            return self._early.pop(0)
        try:
            async with asyncio.timeout(idle):
                while True:
                    item = await self._item()
                    if isinstance(item, Interleaved):
                        return item
        except TimeoutError:
            return None

    async def close(self) -> None:
        """Close the connection, whatever state it is in."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    async def bye(self, url: str, headers: dict[str, str], seconds: float) -> None:
        """End the session, and wait until the device says so: a connection that is closed with
        packets unread is reset, and the request lost with it."""
        async with asyncio.timeout(seconds):
            await self.request("TEARDOWN", url, headers)

    async def _item(self) -> Interleaved | Reply:
        """The next packet or reply. What has come of one stays in the buffer where the wait for
        the rest is given up."""
        while True:
            found = self._parse()
            if found is not None:
                return found
            try:
                block = await self._reader.read(_READ)
            except OSError as error:
                raise self._broken(str(error) or type(error).__name__) from None
            if not block:
                raise self._broken("the device closed it")
            del self._buffer[: self._at]
            self._at = 0
            self._buffer += block

    def _parse(self) -> Interleaved | Reply | None:
        """The next item of the buffer; None where it is not whole."""
        buffer = self._buffer
        while self._at < len(buffer):
            at = self._at
            if buffer[at] == 0x24:
                end = at + 4 + (int.from_bytes(buffer[at + 2 : at + 4], "big"))
                if len(buffer) < at + 4 or len(buffer) < end:
                    return None
                self._at = end
                return Interleaved(buffer[at + 1], bytes(buffer[at + 4 : end]))
            if buffer[at] in b"\r\n":
                self._at += 1
                continue
            head = buffer.find(b"\r\n\r\n", at, at + _HEAD_MOST)
            if head < 0:
                if len(buffer) - at >= _HEAD_MOST:
                    raise DeviceProtocolError("an RTSP head without an end", where=self._where)
                return None
            whole, reply = self._message(at, head)
            if not whole:
                return None
            if reply is not None:
                return reply
        return None

    def _message(self, at: int, head: int) -> tuple[bool, Reply | None]:
        """Whether the message at `at`, whose head ends at `head`, is whole; and the reply, None
        after a request of the device's, which is answered."""
        line, *rest = bytes(self._buffer[at:head]).decode("latin-1").split("\r\n")
        headers: dict[str, list[str]] = {}
        for text in rest:
            name, colon, value = text.partition(":")
            if colon:
                kept = _CONTROLS.sub("", value[:_HEADER_MOST]).strip()
                headers.setdefault(name.strip().lower(), []).append(kept)
        length = headers.get("content-length", ["0"])[0]
        size = int(length) if length.isdecimal() and len(length) < 9 else 0
        if size > _BODY_MOST:
            raise DeviceProtocolError(f"an RTSP body of {size} bytes", where=self._where)
        words = line.split(" ", 2)
        reply = (
            words[0].startswith("RTSP/")
            and len(words) > 1
            and words[1].isdecimal()
            and len(words[1]) == 3
        )
        if not reply and not words[-1].startswith("RTSP/"):
            raise DeviceProtocolError("what comes is no RTSP", where=self._where)
        end = head + 4 + size
        if len(self._buffer) < end:
            return False, None
        self._at = end
        if not reply:
            if self._writer.transport.get_write_buffer_size() > _UNREAD_MOST:
                raise DeviceProtocolError(
                    "the device asks over RTSP and reads no answer", where=self._where
                )
            number = headers.get("cseq", ["0"])[0]
            self._writer.write(f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n\r\n".encode("latin-1"))
            return True, None
        reason = _CONTROLS.sub("", words[2][:200]) if len(words) > 2 else ""
        body = bytes(self._buffer[head + 4 : end])
        return True, Reply(int(words[1]), reason, headers, body)

    def _broken(self, said: str) -> TransferInterrupted:
        return TransferInterrupted(f"the RTSP connection broke: {said}", where=self._where)
