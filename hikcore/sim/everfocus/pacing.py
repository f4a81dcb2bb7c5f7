"""When a picture is sent: at a multiple of the time in which it was filmed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hikcore.instants import NS

#: Nobody waits for footage that is not there: a longer step is a hole, and is jumped over.
HOLE_MS = 5_000


class Pacer:
    """Waits.

    Args:
        now: the recorder's clock, ns; it may stand still, then what was slept counts.
        sleep: how it waits.
    """

    def __init__(self, now: Callable[[], int], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._now = now
        self._sleep = sleep
        self.restart()

    def restart(self) -> None:
        """Count from the next picture on."""
        self._last: int | None = None
        self._due = self._slept = 0.0
        self._begun = self._now()

    async def wait(self, ms: int, speed: float, most: int = HOLE_MS) -> None:
        """Until the picture of an instant is due, at `speed` times real time; a step of more than
        `most` ms is jumped over."""
        if self._last is not None and ms > self._last:
            step = ms - self._last
            self._due += step / 1000 / speed if step <= most else 0.0
        self._last = ms if self._last is None else max(self._last, ms)
        left = self._due - max((self._now() - self._begun) / NS, self._slept)
        if left > 0:
            await self._sleep(left)
            self._slept += left
