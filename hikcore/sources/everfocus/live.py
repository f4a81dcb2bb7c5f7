"""Live video over the recorder's WebSocket (NVR SDK guide, 3.1)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Literal, Protocol

from websockets.exceptions import ConnectionClosed

from hikcore.errors import (
    DeviceError,
    DeviceProtocolError,
    DeviceRefused,
    MediaUnsupported,
    TransferInterrupted,
)
from hikcore.sources.everfocus.frames import KNOWN, FrameCutter
from hikcore.sources.live import Live, LiveCounts, LiveFrame, LiveGap
from hikcore.sources.reconnect import Reconnect

#: The last part of the live path (3.1): 0 main, 1 second stream.
_STREAM_IDS: Final = {"main": 0, "sub": 1}


class Messages(Protocol):
    """What is needed of a WebSocket connection (as `websockets` gives it)."""

    async def recv(self, decode: bool | None = None) -> str | bytes:
        """The next message; bytes with `decode=False`."""
        ...


class Sockets(Protocol):
    """What is needed of a session: WebSockets of a recorder that is logged in.

    Entering the context connects, and raises a DeviceError where that fails.
    """

    def websocket(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AbstractAsyncContextManager[Any]:
        """A connection, as a context."""
        ...


class LiveStream(Live[Messages]):
    """One camera's live stream: `frames()` gives what comes.

    Args:
        sockets: the recorder's session; it is shared by all its cameras and not closed here.
        channel, stream: which camera and stream.
        size_counts_header: see `FrameCutter`.
        idle, reconnect, wait_for_key, now, sleep: see `Live`.
    """

    def __init__(
        self,
        sockets: Sockets,
        channel: int,
        stream: Literal["main", "sub"] = "main",
        *,
        idle: float = 15.0,
        reconnect: Reconnect | None = None,
        size_counts_header: bool | None = None,
        wait_for_key: bool = True,
        name: str = "",
        now: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(
            f"{name or 'everfocus'}, channel {channel} {stream}",
            idle=idle,
            reconnect=reconnect,
            wait_for_key=wait_for_key,
            now=now,
            sleep=sleep,
        )
        self._sockets = sockets
        self._path = f"/live/{channel}/{_STREAM_IDS[stream]}"
        self._counted = size_counts_header

    def connect(self) -> AbstractAsyncContextManager[Messages]:
        """A WebSocket."""
        return self._sockets.websocket(self._path)

    async def received(self, connection: Messages) -> AsyncGenerator[LiveFrame, None]:
        """The frames of one connection, until it ends with a TransferInterrupted.

        Raises:
            MediaUnsupported: headers in big-endian order.
        """
        cutter = FrameCutter(size_counts_header=self._counted)
        counts, now = self.counts, self.now
        try:
            while True:
                # Around each message alone: a slow reader of the frames is no dead recorder.
                async with asyncio.timeout(self.idle):
                    message = await connection.recv(decode=False)
                if not isinstance(message, bytes):
                    message = str(message).encode()
                if message[:1] == b"{" and cutter.between:
                    raise _told(message, self.where)
                for header, payload in cutter.feed(message):
                    if header.kind not in KNOWN or not header.size:
                        counts.passed[_odd(header.kind)] += 1
                        continue
                    yield LiveFrame(
                        header.kind, len(payload), header.time, payload, header.width,
                        header.height, now(),
                    )  # fmt: skip
        except TimeoutError:
            raise TransferInterrupted(
                f"nothing came for {self.idle:g} s", where=self.where
            ) from None
        except ConnectionClosed as error:
            raise TransferInterrupted(f"the stream ended: {error}", where=self.where) from None
        except MediaUnsupported as error:
            raise MediaUnsupported(error.message, where=self.where, hint=error.hint) from None
        finally:
            counts.passed.update(cutter.faults)


def _odd(kind: int) -> str:
    return "empty frames" if kind in KNOWN else f"frames of unknown type {kind}"


def _told(message: bytes, where: str) -> DeviceError:
    """A JSON reply where frames were to come."""
    try:
        reply = json.loads(message)
    except ValueError:
        reply = None
    if not isinstance(reply, dict) or "Result" not in reply:
        return DeviceProtocolError("the recorder sent text in place of frames", where=where)
    reason = str(reply.get("Description") or "no reason")[:200]
    return DeviceRefused(f"the recorder will not send this stream: {reason}", where=where)


__all__ = ["LiveCounts", "LiveFrame", "LiveGap", "LiveStream", "Messages", "Sockets"]
