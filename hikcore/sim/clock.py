"""A clock for tests: nobody waits, and time passes all the same."""

from __future__ import annotations

import asyncio

from hikcore.instants import NS


class JumpingClock:
    """Shared by a recorder, a proxy and whoever asks them; time jumps to where a sleeper wants it.

    Two who sleep one second at the same time wake one second later, not two.

    Args:
        start: ns UTC.
    """

    def __init__(self, start: int) -> None:
        self._now = start

    def now(self) -> int:
        """Ns UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds, for timeouts."""
        return self._now / NS

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += int(seconds * NS)

    async def sleep(self, seconds: float) -> None:
        """Let others do what they have to do at this instant, then be there."""
        until = self._now + int(seconds * NS)
        for _ in range(3):
            await asyncio.sleep(0)
        self._now = max(self._now, until)
