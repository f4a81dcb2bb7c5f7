"""What one device is asked for at once, by all sources, tasks and event loops of this process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from hikcore.sources.base import Others, QuietHours, Transfer
from hikcore.sources.patience import Busy, BusyPace
from hikcore.sources.timetable import Timetable
from hikcore.sources.turns import Turns

#: Seconds of limited transfer that may come at once, so that small blocks need no sleep each.
_BURST: Final = 0.25


class Rate:
    """At most so many units a second, `burst` of them at once; waits in the order of calls."""

    def __init__(self, burst: float) -> None:
        self._burst = burst
        self._mutex = threading.Lock()
        self._free_at = 0.0

    async def take(self, units: float, per_second: float) -> None:
        """Take units, and wait for what was taken before."""
        with self._mutex:
            now = time.monotonic()
            begin = max(self._free_at, now - self._burst)
            self._free_at = begin + units / per_second
            wait = begin - now
        if wait > 0:
            await asyncio.sleep(wait)


class Limits(Protocol):
    """What settings say of one device: how much it is asked for at once."""

    @property
    def searches(self) -> int:
        """Small questions."""
        ...

    @property
    def downloads(self) -> int:
        """Bodies."""
        ...

    @property
    def streams(self) -> int:
        """Playbacks."""
        ...

    @property
    def busy(self) -> Busy:
        """Waits where it is busy."""
        ...


@dataclass(frozen=True, slots=True)
class Places:
    """`Limits` of a device whose settings have other names for them."""

    searches: int
    downloads: int
    streams: int = 1
    busy: Busy = field(default_factory=Busy)


class Transfers:
    """Places for transfers of one kind: first one of this process, then one among all.

    In that order nobody who waits here takes a place away from another process.
    """

    def __init__(self, kind: Transfer, places: int) -> None:
        self._kind: Transfer = kind
        self._turns = Turns(places)
        self.others: Others | None = None

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place and hold it for the `async with` block."""
        async with self._turns.place():
            if self.others is None:
                yield
                return
            async with self.others(self._kind):
                yield


class Politeness:
    """The limits of one device.

    Args:
        settings: of whoever speaks to it first in this process.

    Attributes:
        searching, downloading, streaming: places.
        busy: waits after it was busy.
    """

    def __init__(self, settings: Limits) -> None:
        self.searching = Turns(settings.searches)
        self.downloading = Transfers("downloads", settings.downloads)
        self.streaming = Transfers("streams", settings.streams)
        self.busy = BusyPace(settings.busy)
        self._requests = Rate(1.0)
        self._bytes = Rate(_BURST)

    def share(self, others: Others | None) -> None:
        """Also ask other processes for a place, before every transfer; None: no more."""
        self.downloading.others = self.streaming.others = others

    async def request(self, per_second: float, hours: Timetable, now: int, where: str) -> None:
        """Wait until one more request may be sent.

        Raises:
            QuietHours: the device is to be left alone now.
        """
        until = hours.quiet_until(now)
        if until is not None:
            raise QuietHours(
                f"quiet hours until {until:%H:%M %Z}".rstrip(),
                where=where,
                hint="a run after them goes on where this one ends",
            )
        await self._requests.take(1, per_second)

    async def received(self, size: int, hours: Timetable, now: Callable[[], int]) -> None:
        """Wait for as long as so many bytes may take."""
        if hours.limits and (rate := hours.rate(now())) is not None:
            await self._bytes.take(size, rate)


_devices: dict[Hashable, Politeness] = {}
_registry = threading.Lock()


def politeness_for(key: Hashable, settings: Limits) -> Politeness:
    """The one `Politeness` of this process for a device; who asks first sets its limits."""
    with _registry:
        found = _devices.get(key)
        if found is None:
            found = _devices[key] = Politeness(settings)
        return found
