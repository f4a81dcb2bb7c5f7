"""Live video of any vendor: frames with their times, gaps told, connections made again.

Within a connection no frame is left out. The one exception is told: what comes before the first
picture that decoding can begin at. A connection that is lost is made again; what was missed in
between is a gap with the device's own times, and where the recorder repeats what it sent before,
nothing is doubled, and nothing is missing if the repeat reaches to the last frame seen.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

from hikcore.errors import DeviceError
from hikcore.media.keypicture import decodes_from
from hikcore.sources.base import Stream
from hikcore.sources.reconnect import Reconnect

#: So many frames are remembered, by which a recorder's repeat is known: 20 s of pictures and sound.
_REMEMBERED: Final = 2048

#: Types of frames of sound, and of H.265.
_SOUND: Final = 16
_H265: Final = (8, 9)

C = TypeVar("C")


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


class Live(Generic[C]):
    """One camera's live stream, for as long as it is read: what all vendors' have in common.

    Args:
        where: the camera, for errors.
        idle: seconds without anything after which a connection is taken for dead.
        reconnect: when it is made again.
        wait_for_key: leave out what cannot be decoded before the first key picture.
        now: our clock, UTC ns. sleep: waits seconds.

    Attributes:
        counts: what it did so far. broken: what broke the connection last; "" while it is up.
        law: of G.711 sound, once a connection was made.
        reorders: pictures came in another order than they are shown in.
        repeats: whether a recorder's repeat after a break can be known by its times.
    """

    repeats = True

    def __init__(
        self,
        where: str,
        *,
        idle: float = 15.0,
        reconnect: Reconnect | None = None,
        wait_for_key: bool = True,
        now: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.counts = LiveCounts()
        self.broken = ""
        #: EverFocus' guide says so of sound that is sent to the recorder.
        self.law: Literal["ulaw", "alaw"] = "ulaw"
        self.reorders = False
        self.where = where
        self.idle = idle
        self.now = now
        self._reconnect = reconnect or Reconnect()
        self._wait_for_key = wait_for_key
        self._sleep = sleep
        self._recent: deque[tuple[int, int, int]] = deque(maxlen=_REMEMBERED)
        self._last_time = -1
        self._lost_at = -1

    @abstractmethod
    def connect(self) -> AbstractAsyncContextManager[C]:
        """A connection. Entering it raises a DeviceError where that fails."""

    @abstractmethod
    def received(self, connection: C) -> AsyncGenerator[LiveFrame, None]:
        """All frames of a connection as they come, until it ends with a DeviceError."""

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
                async with self.connect() as connection:
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
                self._lost_at = self.now()
            await self._sleep(self._reconnect.pause(failures))

    async def _connection(self, connection: C) -> AsyncGenerator[LiveFrame | LiveGap, None]:
        """What is given out of a connection, until it ends with a DeviceError."""
        start = _Start(self)
        counts, remember = self.counts, self._recent.append
        started = False
        async with aclosing(self.received(connection)) as frames:
            async for frame in frames:
                if not started:
                    for item in start.take(frame):
                        started = True
                        yield item
                    continue
                remember((frame.time, frame.kind, frame.size))
                counts.frames += 1
                counts.bytes += frame.size
                if frame.time >= 0:
                    self._last_time = frame.time
                yield frame

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


@runtime_checkable
class ShowsLive(Protocol):
    """A source that has live video: what a source may offer besides."""

    def live(
        self, channel: int, stream: Stream, *, reconnect: Reconnect | None = None
    ) -> Live[Any]:
        """A camera's live stream; nothing is sent before it is read."""
        ...


class _Start:
    """Decides with which frame of a connection to begin.

    A recorder that repeats what it sent before the break is recognised by time, type and size:
    repeated frames are left out, and if the last one seen is among them nothing is missing.
    """

    def __init__(self, stream: Live[Any]) -> None:
        self._stream = stream
        self._known = set(stream._recent) if stream.repeats else set()
        self._last = next((each for each in reversed(stream._recent) if each[1] != _SOUND), None)
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
        key = frame.kind != _SOUND and decodes_from(frame.payload, h265=frame.kind in _H265)
        if key or not stream._wait_for_key:
            return stream._begin(frame, key=key, waited=self._waited, whole=False)
        self._waited += 1
        stream.counts.waited += 1
        return iter(())
