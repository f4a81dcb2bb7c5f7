"""When a lost connection is made again: soon at first, then later and later, never all at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from hikcore.errors import DeviceAuthError, DeviceError, DeviceRefused


@dataclass(frozen=True, slots=True)
class Reconnect:
    """How a stream or listener comes back.

    Attributes:
        first, most: seconds that a pause lasts at most, at first and after many failures; each is
            twice the one before, and a random part of it is waited, so that the cameras of a
            recorder that was restarted do not come back in one moment.
        attempts: failures one after the other after which the error is raised, while nothing was
            ever received; 0: never.
        jitter: a number in [0, 1).
    """

    first: float = 1.0
    most: float = 30.0
    attempts: int = 0
    jitter: Callable[[], float] = random.random

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row (at least one)."""
        longest: float = min(self.first * 2.0 ** min(failures - 1, 30), self.most)
        return longest * (0.5 + self.jitter() / 2)

    def gives_up(self, error: DeviceError, failures: int, *, received: bool) -> bool:
        """Whether a repeat cannot help, or is not wanted."""
        if isinstance(error, DeviceAuthError):
            return True  # one more try would lock the account for longer
        if received:
            return False  # it worked before: a recorder that restarts refuses for a while
        return isinstance(error, DeviceRefused) or 0 < self.attempts <= failures
