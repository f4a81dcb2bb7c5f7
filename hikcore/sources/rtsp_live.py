"""Live video over RTSP, in the form in which EverFocus' WebSockets give it, so that one command and
one writer serve both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Final, Literal

from hikcore.errors import TransferInterrupted
from hikcore.instants import NS, ticks_to_ns
from hikcore.media.rtp import is_set
from hikcore.sources.live import Live, LiveFrame
from hikcore.sources.reconnect import Reconnect
from hikcore.sources.rtsp import Account, Playing, play
from hikcore.sources.rtsp_times import Sample

__all__ = ["Reconnect", "RtspLive"]

_KINDS: Final = {("h264", True): 6, ("h264", False): 7, ("h265", True): 8, ("h265", False): 9}
_G711: Final = 16
#: A sender's clock that is further from what its pictures count was set.
_STEP: Final = NS


class RtspLive(Live[Playing]):
    """One camera's live stream, for as long as it is read.

    Times are the sender's clock (RTCP) on the pictures' own distances; before it told one, ours.

    Args:
        account: where and as whom.
        url: of the stream, without a login; "" where `connect` finds it out.
        idle, reconnect, now, sleep: see `Live`.
    """

    repeats = False  # times are ours until the sender told its clock

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
        super().__init__(account.where, idle=idle, reconnect=reconnect, now=now, sleep=sleep)
        self._account, self._url = account, url

    def connect(self) -> AbstractAsyncContextManager[Playing]:
        """A stream that plays."""
        return play(self._account, self._url)

    async def received(self, connection: Playing) -> AsyncGenerator[LiveFrame, None]:
        """The frames of one connection, until it ends with a TransferInterrupted."""
        audio = connection.audio
        if audio is not None and audio.codec in ("alaw", "ulaw"):
            self.law = "alaw" if audio.codec == "alaw" else "ulaw"
        clock = _Clock()
        latest = -1
        async with aclosing(connection.samples(self.idle)) as samples:
            async for sample in samples:
                received = self.now()
                at = clock.time(sample, received)
                if sample.kind == "video":
                    self.reorders = self.reorders or at < latest
                    latest = max(latest, at)
                    if not sample.whole:
                        self.counts.passed["pictures of which packets are missing"] += 1
                frame = self._frame(connection, sample, at, received)
                if frame is not None:
                    yield frame
        raise TransferInterrupted(f"nothing came for {self.idle:g} s", where=self.where)

    def _frame(self, playing: Playing, sample: Sample, at: int, received: int) -> LiveFrame | None:
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
        if sample.sync and not any(is_set(codec_name, unit) for unit in units):
            # The session's description has them, where the stream does not.
            units = (*video.sets, *units)
        payload = memoryview(b"".join(b"\0\0\0\1" + unit for unit in units))
        kind = _KINDS[codec_name, sample.sync]
        return LiveFrame(kind, len(payload), at, payload, 0, 0, received)


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
