"""Live video over RTSP, in the form in which EverFocus' WebSockets give it, so that one command and
one writer serve both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, Literal

from hikcore.errors import DeviceError, TransferInterrupted
from hikcore.instants import NS, ticks_to_ns
from hikcore.media.rtp import is_set
from hikcore.sources.everfocus.live import LiveCounts, LiveFrame, LiveGap
from hikcore.sources.everfocus.reconnect import Reconnect
from hikcore.sources.rtsp import Account, Playing, play
from hikcore.sources.rtsp_times import Sample

__all__ = ["Reconnect", "RtspLive"]

_KINDS: Final = {("h264", True): 6, ("h264", False): 7, ("h265", True): 8, ("h265", False): 9}
_G711: Final = 16
#: A sender's clock that is further from what its pictures count was set.
_STEP: Final = NS


class RtspLive:
    """One camera's live stream, for as long as it is read.

    Times are the sender's clock (RTCP) on the pictures' own distances; before it told one, ours.

    Args:
        account: where and as whom.
        url: of the stream, without a login.
        idle: seconds without a packet after which a connection is taken for dead.
        reconnect: when it is made again.
        now: our clock, UTC ns. sleep: waits seconds.

    Attributes:
        counts: what it did so far. broken: what broke the connection last; "" while it is up.
        law: of G.711 sound, once a connection was made.
    """

    def __init__(
        self,
        account: Account,
        url: str,
        *,
        idle: float = 15.0,
        reconnect: Reconnect | None = None,
        now: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.counts = LiveCounts()
        self.broken = ""
        self.law: Literal["ulaw", "alaw"] = "ulaw"
        self._account, self._url = account, url
        self._idle = idle
        self._reconnect = reconnect or Reconnect()
        self._now, self._sleep = now, sleep
        self._last = -1
        self._lost_at = -1

    async def frames(self) -> AsyncGenerator[LiveFrame | LiveGap, None]:
        """Frames as they come, and a LiveGap behind every break; see `LiveStream.frames`.

        Raises:
            DeviceError: the login or the stream is refused, or nothing was ever received and
                `Reconnect.attempts` are used up.
        """
        failures = 0
        while True:
            before = self.counts.frames
            try:
                async with play(self._account, self._url) as playing:
                    self.counts.connections += 1
                    async with aclosing(self._connection(playing)) as items:
                        async for item in items:
                            yield item
                raise TransferInterrupted(
                    f"nothing came for {self._idle:g} s", where=self._account.where
                )
            except DeviceError as error:
                self.broken = error.message
                failures = 1 if self.counts.frames > before else failures + 1
                if self._reconnect.gives_up(error, failures, received=self.counts.frames > 0):
                    raise
            if self._lost_at < 0:
                self._lost_at = self._now()
            await self._sleep(self._reconnect.pause(failures))

    async def _connection(self, playing: Playing) -> AsyncGenerator[LiveFrame | LiveGap, None]:
        """The frames of one connection, from its first key picture on."""
        if playing.audio is not None and playing.audio.codec in ("alaw", "ulaw"):
            self.law = "alaw" if playing.audio.codec == "alaw" else "ulaw"
        clock = _Clock()
        begun, waited = False, 0
        async with aclosing(playing.samples(self._idle)) as samples:
            async for sample in samples:
                received = self._now()
                at = clock.time(sample, received)
                if not begun:
                    if sample.kind == "audio" or not sample.sync:
                        waited += sample.kind == "video"
                        continue
                    begun = True
                    self.counts.waited += waited
                    if self.counts.frames:
                        self.counts.gaps += 1
                        yield LiveGap(self._last, at, self._lost_at, received, waited, self.broken)
                    self.broken, self._lost_at = "", -1
                    frame = self._frame(playing, sample, at, received, sets=True)
                else:
                    frame = self._frame(playing, sample, at, received)
                if frame is not None:
                    self.counts.frames += 1
                    self.counts.bytes += frame.size
                    self._last = max(self._last, at) if sample.kind == "video" else self._last
                    yield frame

    def _frame(
        self, playing: Playing, sample: Sample, at: int, received: int, *, sets: bool = False
    ) -> LiveFrame | None:
        if sample.kind == "audio":
            codec = playing.audio.codec if playing.audio is not None else ""
            if codec not in ("alaw", "ulaw"):
                self.counts.passed[f"units of {codec} sound"] += 1
                return None
            payload = memoryview(sample.units[0])
            return LiveFrame(_G711, len(payload), at, payload, 0, 0, received)
        video = playing.video
        assert video is not None
        units = sample.units
        codec_name: Literal["h264", "h265"] = "h265" if video.codec == "h265" else "h264"
        if sets and not any(is_set(codec_name, unit) for unit in units):
            units = (*video.sets, *units)
        if at < self._last:
            self.counts.passed["pictures shown before one that came earlier"] += 1
        if not sample.whole:
            self.counts.passed["pictures of which packets are missing"] += 1
        payload = memoryview(b"".join(b"\0\0\0\1" + unit for unit in units))
        kind = _KINDS[codec_name, sample.sync]
        return LiveFrame(kind, len(payload), at, payload, 0, 0, received, sets)


class _Clock:
    """UTC of samples: the sender's clock, on the distances that the stream itself has."""

    def __init__(self) -> None:
        self._zero: int | None = None

    def time(self, sample: Sample, received: int) -> int:
        """UTC ns of a sample."""
        media = ticks_to_ns(sample.pts)
        if self._zero is None:
            self._zero = (sample.wall if sample.wall is not None else received) - media
        elif sample.wall is not None and abs(sample.wall - media - self._zero) > _STEP:
            self._zero = sample.wall - media
        return self._zero + media
