"""What a device's times mean, for one source: as set, as kept, or measured once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import (
    ClockUndecided,
    DeviceProtocolError,
    DeviceRefused,
    TransferInterrupted,
)
from hikcore.instants import Span, format_instant
from hikcore.sources.base import DeviceCamera
from hikcore.sources.isapi.clock import DeviceTime
from hikcore.sources.isapi.dialect import FORM_CODES
from hikcore.sources.isapi.dialects import Identity
from hikcore.sources.isapi.download import Downloader
from hikcore.sources.isapi.meaning import Reading, agree, measure
from hikcore.sources.isapi.paging import Lister
from hikcore.sources.isapi.remembered import ClockMemory
from hikcore.sources.isapi.search import SearchRow
from hikcore.sources.isapi.status import Rejected
from hikcore.sources.isapi.wall import first_wall
from hikcore.zonerule import rule_of

_LOG = logging.getLogger("hikcore.isapi")
#: Bytes that hold the first picture of a recording, also in 4K.
_FIRST_PICTURE: Final = 2 << 20
#: Main streams are numbered so behind the channel.
_MAIN: Final = 1


class ClockFinder:
    """Finds one device's clock, once.

    Args:
        device_time: the setting, which was checked; `auto` measures.
        read_time, cameras, identity: what the device says of itself.
        probe: looks at its recordings.
        memory: an earlier measurement.
        where: the device, for errors. now: our clock, ns UTC.

    Attributes:
        rule: the zone that is set here; None: the device's own.
    """

    def __init__(
        self,
        device_time: str,
        *,
        read_time: Callable[[], Awaitable[DeviceTime]],
        cameras: Callable[[], Awaitable[list[DeviceCamera]]],
        probe: Callable[[], Looks],
        identity: Callable[[], Awaitable[Identity]],
        memory: ClockMemory,
        where: str,
        now: Callable[[], int],
    ) -> None:
        named = device_time not in ("auto", "utc", "local")
        self.rule: ZoneRule | None = rule_of(device_time) if named else None
        self._known: DeviceClock | None = None
        self._unsettled: ClockUndecided | None = None
        self._device_time = device_time
        self._read_time, self._cameras, self._identity = read_time, cameras, identity
        self._probe, self._memory = probe, memory
        self._where, self._now = where, now
        self._measuring = asyncio.Lock()

    async def clock(self) -> DeviceClock:
        """What its times mean. Where nothing settles it, and both readings are the same now, it is
        UTC for as long as they are.

        Raises:
            ClockUndecided: no recording settles it; the message names both readings.
            DeviceError: it does not answer.
        """
        async with self._measuring:
            if self._known is None:
                self._known = await self._find()
            return self._known

    def take(self, clock: DeviceClock) -> None:
        """Take this clock from now on."""
        self._known, self._unsettled = clock, None

    def must_tell(self, span: Span) -> None:
        """Pass where it is known what times in a span mean.

        Raises:
            ClockUndecided: both readings are possible, and not the same there.
        """
        if self._unsettled is None or self._known is None:
            return
        if not agree(self._known.zone, span.begin, span.end):
            raise self._unsettled

    async def _find(self) -> DeviceClock:
        told = await self._read_time()
        if self.rule is not None:
            return DeviceClock("local", self.rule, "setting")
        if self._device_time in ("utc", "local"):
            reading: Reading = "utc" if self._device_time == "utc" else "local"
            return DeviceClock(reading, told.zone, "setting")
        if told.zone.offset == 0 and not told.zone.shift:
            return DeviceClock("utc", told.zone, "zone is UTC")
        return await self._measured(told)

    async def _measured(self, told: DeviceTime) -> DeviceClock:
        """By an earlier measurement, where that is good still; else by one made now."""
        now = self._now()
        device = await self._identity()
        kept = await self._memory.load(told.zone, device)
        if kept is not None and kept.fresh(told.zone, now):
            return DeviceClock(kept.reading, told.zone, "measured")
        channels = [camera.channel for camera in await self._cameras()]
        evidence: list[str] = []
        probe = self._probe()
        try:
            found = await measure(
                told,
                told.utc(now),
                channels,
                probe,
                self._where,
                known=kept.reading if kept is not None else None,
                tell=evidence.append,
            )
        except ClockUndecided as error:
            if probe.refused and not probe.answered:
                raise probe.refused[0] from None  # it is not its clock that is in the way
            if not agree(told.zone, now, now):
                raise
            self._unsettled = error
            return DeviceClock("utc", told.zone, "zone is UTC now")
        if kept is not None and kept.reading != found.listing:
            _LOG.warning(
                "%s: its times mean %s now, %s when they were measured at %s: %s",
                self._where,
                found.listing,
                kept.reading,
                format_instant(kept.measured, 0),
                "; ".join(evidence),
            )
        await self._memory.save(found.listing, told.zone, device, now, evidence)
        return found


@dataclass(frozen=True, slots=True)
class Looks:
    """What measuring the clock asks of the device; see `meaning.Probe`.

    Attributes:
        answered: channels of which it listed something, or nothing. refused: its refusals.
    """

    lister: Lister
    downloader: Downloader
    answered: list[int] = field(default_factory=list)
    refused: list[Rejected] = field(default_factory=list)

    async def look(self, channel: int, begin: int, end: int) -> list[SearchRow]:
        """A channel's rows in a window of literal time."""
        try:
            listing = await self.lister.listing(channel * 100 + _MAIN, begin, end)
        except Rejected as error:
            if error.http != 400 and error.code not in FORM_CODES:
                raise
            self.refused.append(error)
            return []  # so some recorders say that a channel is not set to record
        self.answered.append(channel)
        return list(listing.rows)

    async def wall(self, row: SearchRow) -> int | None:
        """The wall clock inside a recording at its first picture (local ns), None without one."""
        try:
            beginning = await self.downloader.beginning(row.uri, _FIRST_PICTURE)
        except (DeviceRefused, DeviceProtocolError, TransferInterrupted):
            return None  # gone, or not to be had; another recording may tell
        return await asyncio.to_thread(first_wall, beginning)
