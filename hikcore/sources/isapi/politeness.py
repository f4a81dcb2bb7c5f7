"""What one device is asked for at once, by all sources, tasks and event loops of this process."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Hashable
from typing import Final

from hikcore.sources.base import QuietHours
from hikcore.sources.isapi.settings import Busy, Settings
from hikcore.sources.isapi.turns import Turns
from hikcore.sources.timetable import Timetable

#: Seconds of limited transfer that may come at once, so that small blocks need no sleep each.
_BURST: Final = 0.25


class BusyPace:
    """Waits after a device said that it is busy: one for all its tasks, so that they do not ask in
    turns what one of them was just refused.

    Args:
        busy: how long the waits are.
    """

    def __init__(self, busy: Busy) -> None:
        self._busy = busy
        self._mutex = threading.Lock()
        self._next = 0.0
        self._since: float | None = None
        self._wait = busy.initial

    async def turn(self) -> None:
        """Wait until the device may be asked again."""
        left = self._next - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)

    @property
    def spent(self) -> float:
        """Seconds for which it has been busy without serving anybody: after a patience is spent on
        one request, the next ones are not given as much again."""
        since = self._since
        return time.monotonic() - since if since is not None else 0.0

    def met(self) -> float:
        """It was busy: the seconds that all wait now."""
        with self._mutex:
            now = time.monotonic()
            if self._since is None:
                self._since = now
            if self._next > now:
                return self._next - now  # another task has met the same
            wait = self._wait * random.uniform(0.75, 1.25)  # noqa: S311  no secret
            self._next, self._wait = now + wait, min(self._wait * 2, self._busy.maximum)
            return wait

    def over(self) -> None:
        """It served somebody."""
        with self._mutex:
            self._wait, self._since = self._busy.initial, None


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


class Politeness:
    """The limits of one device.

    Args:
        settings: of whoever speaks to it first in this process.

    Attributes:
        searching, downloading, streaming: places.
        busy: waits after it was busy.
    """

    def __init__(self, settings: Settings) -> None:
        self.searching = Turns(settings.searches)
        self.downloading = Turns(settings.downloads)
        self.streaming = Turns(settings.streams)
        self.busy = BusyPace(settings.busy)
        self._requests = Rate(1.0)
        self._bytes = Rate(_BURST)

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


def politeness_for(key: Hashable, settings: Settings) -> Politeness:
    """The one `Politeness` of this process for a device; who asks first sets its limits."""
    with _registry:
        found = _devices.get(key)
        if found is None:
            found = _devices[key] = Politeness(settings)
        return found
