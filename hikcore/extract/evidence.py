"""What a device tells besides its recordings, asked once a run: why it may have nothing.

A device that does not tell is no failure: its silence stays unexplained, or unknown.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from hikcore.archive.said import WeekBlock
from hikcore.errors import DeviceAuthError, DeviceError, DeviceUnreachable
from hikcore.extract.oldest import oldest
from hikcore.sources.about import TellsSchedules
from hikcore.sources.base import DeviceCamera, Source, SpanSource, Stream

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Evidence:
    """Of one device. Every question is put once, whoever asks how often."""

    source: Source
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _cameras: list[DeviceCamera] | DeviceError | None = None
    _schedules: dict[int, tuple[WeekBlock, ...]] | None = None
    _oldest: dict[tuple[int, Stream], int | None] = field(default_factory=dict)

    async def cameras(self) -> list[DeviceCamera]:
        """Its channels.

        Raises:
            DeviceError: it does not list them, now or when it was asked before.
        """
        async with self._lock:
            if self._cameras is None:
                try:
                    self._cameras = await self.source.cameras()
                except DeviceError as error:
                    self._cameras = error
            if isinstance(self._cameras, DeviceError):
                raise self._cameras
            return self._cameras

    async def online(self, channel: int) -> bool | None:
        """Whether the camera is there now; None where the device does not say."""
        try:
            found = await self.cameras()
        except DeviceError as error:
            _LOG.info("no list of cameras: %s", error)
            return None
        return next((each.online for each in found if each.channel == channel), None)

    async def schedule(self, channel: int) -> tuple[WeekBlock, ...] | None:
        """When it is to record; None where the device does not say."""
        async with self._lock:
            if self._schedules is None:
                self._schedules = await self._ask_schedules()
            return self._schedules.get(channel)

    async def oldest(self, channel: int, stream: Stream, now: int) -> int | None:
        """UTC ns at which the oldest recording begins; None where that cannot be told for sure."""
        if isinstance(self.source, SpanSource):
            return None  # it is no list of files: every look would be a fetch
        async with self._lock:
            if (channel, stream) not in self._oldest:
                found = None
                try:
                    found = await oldest(self.source, channel, now, stream)
                except DeviceError as error:
                    _LOG.info("the oldest recording was not found: %s", error)
                sure = found is not None and found.sure
                begin = found.recording.span.begin if found is not None and sure else None
                self._oldest[channel, stream] = begin
            return self._oldest[channel, stream]

    async def _ask_schedules(self) -> dict[int, tuple[WeekBlock, ...]]:
        gone = isinstance(self._cameras, DeviceUnreachable | DeviceAuthError)
        if gone or not isinstance(self.source, TellsSchedules):
            return {}
        try:
            told = await self.source.schedules()
        except DeviceError as error:
            _LOG.info("no schedules: %s", error)
            return {}
        return {
            each.channel: tuple(
                WeekBlock(weekday=b.weekday, begin=b.begin, end=b.end, mode=b.mode)
                for b in each.blocks
            )
            for each in told
        }
