"""Live video over the recorder's WebSocket (NVR SDK guide, 3.1): frames with their times, and gaps.

Within a connection no frame is left out. The one exception is told: what comes before the first
picture that decoding can begin at. A connection that is lost is made again; what was missed in
between is a gap with the device's own times, and where the recorder repeats what it sent before,
nothing is doubled, and nothing is missing if the repeat reaches to the last frame seen.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol

from websockets.exceptions import ConnectionClosed

from hikcore.errors import (
    DeviceError,
    DeviceProtocolError,
    DeviceRefused,
    MediaUnsupported,
    TransferInterrupted,
)
from hikcore.media.keypicture import decodes_from
from hikcore.sources.everfocus.frames import G711, H265, KNOWN, FrameCutter
from hikcore.sources.everfocus.reconnect import Reconnect

#: So many frames are remembered, by which a recorder's repeat is known: 20 s of pictures and sound.
_REMEMBERED: Final = 2048
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


class LiveFrame(NamedTuple):
    """A frame as it came.

    Attributes:
        kind: 6 and 7 H.264 key and other frames, 8 and 9 those of H.265, 16 G.711, as declared.
        size: bytes. time: UTC ns by the device's clock; -1: its header tells none.
        payload: its bytes, a view of memory that nothing changes.
        width, height: as declared.
        received: by our clock, ns.
        key: decoding can begin here, if it was looked for: only the first frame of a connection is.
    """

    kind: int
    size: int
    time: int
    payload: memoryview
    width: int
    height: int
    received: int
    key: bool = False


@dataclass(frozen=True, slots=True)
class LiveGap:
    """Frames are missing here.

    Attributes:
        begin, end: device times (ns) of the last frame before and of the first after; -1 where that
            told none.
        lost, found: by our clock: when the connection broke, and when frames came again.
        waited: frames that came again and are left out, as no picture before them can be decoded.
        reason: of the break.
    """

    begin: int
    end: int
    lost: int
    found: int
    waited: int
    reason: str


@dataclass(slots=True)
class LiveCounts:
    """What a stream did so far.

    Attributes:
        frames, bytes: given out. connections: made. gaps: told.
        waited: frames before the first picture that decoding can begin at, of all connections.
        repeated: frames that the recorder sent again after a break.
        passed: what was passed over, in words, and how often.
    """

    frames: int = 0
    bytes: int = 0
    connections: int = 0
    gaps: int = 0
    waited: int = 0
    repeated: int = 0
    passed: Counter[str] = field(default_factory=Counter)


class LiveStream:
    """One camera's live stream, for as long as it is read.

    Args:
        sockets: the recorder's session; it is shared by all its cameras and not closed here.
        channel, stream: which camera and stream.
        idle: seconds without a message after which a connection is taken for dead.
        reconnect: when it is made again.
        size_counts_header: see `FrameCutter`.
        wait_for_key: leave out what cannot be decoded before the first key picture.
        now: our clock, UTC ns. sleep: waits seconds.
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
        self.counts = LiveCounts()
        #: What broke the connection last; "" while it is up.
        self.broken = ""
        #: Of the sound, as the guide says of what is sent to the recorder.
        self.law: Literal["ulaw", "alaw"] = "ulaw"
        self._sockets = sockets
        self._path = f"/live/{channel}/{_STREAM_IDS[stream]}"
        self._where = f"{name or 'everfocus'}, channel {channel} {stream}"
        self._idle = idle
        self._reconnect = reconnect or Reconnect()
        self._counted = size_counts_header
        self._wait_for_key = wait_for_key
        self._now = now
        self._sleep = sleep
        self._recent: deque[tuple[int, int, int]] = deque(maxlen=_REMEMBERED)
        self._last_time = -1
        self._lost_at = -1

    async def frames(self) -> AsyncGenerator[LiveFrame | LiveGap, None]:
        """Frames as they come, and a LiveGap wherever some are missing. It ends only by an error or
        by the caller: close it with `contextlib.aclosing`.

        Raises:
            DeviceAuthError: the login is refused.
            DeviceRefused: the recorder will not serve this stream.
            DeviceError: nothing was ever received, and `Reconnect.attempts` are used up.
            MediaUnsupported: headers in big-endian order.
        """
        failures = 0
        while True:
            before = self.counts.frames
            try:
                async with self._sockets.websocket(self._path) as connection:
                    self.counts.connections += 1
                    async with aclosing(self._connection(connection)) as items:
                        async for item in items:
                            yield item
            except DeviceError as error:
                self.broken = error.message
                if self.counts.frames > before:
                    failures = 0
                failures += 1
                if self._reconnect.gives_up(error, failures, received=self.counts.frames > 0):
                    raise
            if self._lost_at < 0:
                self._lost_at = self._now()
            await self._sleep(self._reconnect.pause(failures))

    async def _connection(self, connection: Messages) -> AsyncGenerator[LiveFrame | LiveGap, None]:
        """The frames of one connection, until it ends with a TransferInterrupted."""
        cutter = FrameCutter(size_counts_header=self._counted)
        start = _Start(self)
        counts, now = self.counts, self._now
        remember = self._recent.append
        started = False
        try:
            while True:
                # Around each message alone: a slow reader of the frames is no dead recorder.
                async with asyncio.timeout(self._idle):
                    message = await connection.recv(decode=False)
                if not isinstance(message, bytes):
                    message = str(message).encode()
                if message[:1] == b"{" and cutter.between:
                    raise _told(message, self._where)
                for header, payload in cutter.feed(message):
                    if header.kind not in KNOWN or not header.size:
                        counts.passed[_odd(header.kind)] += 1
                        continue
                    size = len(payload)
                    frame = LiveFrame(
                        header.kind, size, header.time, payload, header.width, header.height, now()
                    )
                    if not started:
                        for item in start.take(frame):
                            started = True
                            yield item
                        continue
                    remember((frame.time, frame.kind, size))
                    counts.frames += 1
                    counts.bytes += size
                    if frame.time >= 0:
                        self._last_time = frame.time
                    yield frame
        except TimeoutError:
            raise TransferInterrupted(
                f"nothing came for {self._idle:g} s", where=self._where
            ) from None
        except ConnectionClosed as error:
            raise TransferInterrupted(f"the stream ended: {error}", where=self._where) from None
        except MediaUnsupported as error:
            raise MediaUnsupported(error.message, where=self._where, hint=error.hint) from None
        finally:
            counts.passed.update(cutter.faults)

    def _begin(self, frame: LiveFrame, *, key: bool, waited: int, whole: bool) -> Iterator[Any]:
        """The first frame that is given out of a connection, behind its gap."""
        counts = self.counts
        if counts.frames and not whole:
            counts.gaps += 1
            yield LiveGap(
                self._last_time, frame.time, self._lost_at, frame.received, waited, self.broken
            )
        self.broken, self._lost_at = "", -1
        counts.frames += 1
        counts.bytes += frame.size
        self._recent.append((frame.time, frame.kind, frame.size))
        if frame.time >= 0:
            self._last_time = frame.time
        yield frame._replace(key=key)


class _Start:
    """Decides with which frame of a connection to begin.

    A recorder that repeats what it sent before the break is recognised by time, type and size:
    repeated frames are left out, and if the last one seen is among them nothing is missing.
    """

    def __init__(self, stream: LiveStream) -> None:
        self._stream = stream
        self._known = set(stream._recent)
        self._last = next((each for each in reversed(stream._recent) if each[1] != G711), None)
        self._whole = False
        self._waited = 0

    def take(self, frame: LiveFrame) -> Iterator[LiveFrame | LiveGap]:
        """The gap and the frame, if it begins here; nothing as long as it does not."""
        stream = self._stream
        same = (frame.time, frame.kind, frame.size)
        if frame.time >= 0 and same in self._known:
            stream.counts.repeated += 1
            self._whole = self._whole or same == self._last
            return iter(())
        if self._whole:
            return stream._begin(frame, key=False, waited=0, whole=True)
        key = frame.kind != G711 and decodes_from(frame.payload, h265=frame.kind in H265)
        if key or not stream._wait_for_key:
            return stream._begin(frame, key=key, waited=self._waited, whole=False)
        self._waited += 1
        stream.counts.waited += 1
        return iter(())


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
