"""Trying again where a repeat can help, and waiting for a device that is busy."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

from hikcore.errors import DeviceBusy, DeviceError
from hikcore.sources.base import QuietHours
from hikcore.sources.spoilt import SpoiltAnswers, Tries

_T = TypeVar("_T")
# Where nobody has set logging up, Python would print its bare `stamina.retry_scheduled`.
logging.getLogger("stamina").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Retries:
    """Tries of one request where a repeat can help: exponential, with jitter, bounded.

    Attributes:
        attempts: tries in all; 1 means no repeat.
        initial, maximum, jitter: seconds.
        factor: what each wait is multiplied by.
    """

    attempts: int = 5
    initial: float = 1.0
    maximum: float = 30.0
    jitter: float = 1.0
    factor: float = 2.0

    def wait(self, failures: int) -> float:
        """Seconds to wait after so many failures and one more, a quarter more or less."""
        seconds = min(self.initial * self.factor**failures, self.maximum)
        return seconds * random.uniform(0.75, 1.25)  # noqa: S311  no secret


@dataclass(frozen=True, slots=True)
class Busy:
    """Waits where a device says that it is busy. It says so for minutes, as others (an NVR's own
    clients, an export at its screen) hold what it has: longer than a network takes to heal.

    Attributes:
        initial, maximum: seconds; doubled each time, for all tasks of the device together.
        patience: seconds for which it may be busy without serving anybody; then requests fail.
    """

    initial: float = 2.0
    maximum: float = 60.0
    patience: float = 900.0


class BusyPace:
    """Waits after a device said that it is busy: one for all its tasks, so that they do not ask in
    turns what one of them was just refused.

    Args:
        busy: how long the waits are.

    Attributes:
        patience: seconds for which it may be busy without serving anybody.
        spoilt: what is known of its answers that broke off or came garbled.
    """

    def __init__(self, busy: Busy) -> None:
        self._busy, self.patience = busy, busy.patience
        self.spoilt = SpoiltAnswers(busy.patience)
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

    async def wait_out(self, error: DeviceBusy, log: logging.Logger) -> None:
        """It was busy: wait until it may be asked again.

        Raises:
            DeviceBusy: the same, where its patience is spent.
        """
        wait = self.met()
        if self.spent + wait > self.patience:
            raise error
        log.info("%s [next try in %.1f s]", error, wait)
        await self.turn()

    def over(self) -> None:
        """It served somebody."""
        with self._mutex:
            self._wait, self._since = self._busy.initial, None


async def patiently(
    attempt: Callable[[], Awaitable[_T]], retries: Retries, pace: BusyPace, log: logging.Logger
) -> _T:
    """What `attempt` gives, tried again while it fails in a way that passes. A device that is busy
    has a patience of its own: all its tasks wait together, and longer. An answer that broke off or
    came garbled is asked for again as `spoilt.Tries` says: its error carries it (`answer`).

    Raises:
        DeviceError: the last one.
    """
    while True:
        await pace.turn()
        try:
            result = await _again(attempt, retries, pace.spoilt, log)
        except QuietHours:
            raise
        except DeviceBusy as error:
            await pace.wait_out(error, log)
        else:
            pace.over()
            return result


async def _again(
    attempt: Callable[[], Awaitable[_T]],
    retries: Retries,
    spoilt: SpoiltAnswers,
    log: logging.Logger,
) -> _T:
    tries = Tries(spoilt, retries.attempts)
    async for again in stamina.retry_context(
        on=lambda error: _passes(error) and not tries.over,
        attempts=retries.attempts,
        timeout=None,
        wait_initial=retries.initial,
        wait_max=retries.maximum,
        wait_jitter=retries.jitter,
        wait_exp_base=retries.factor,
    ):
        with again:
            try:
                return await attempt()
            except DeviceError as error:
                tries.met(error, again.num)
                log.info("%s [try %d of %d]", error, again.num, retries.attempts)
                raise
    raise AssertionError("a retry loop ends by return or raise")


def _passes(error: Exception) -> bool:
    busy = isinstance(error, DeviceBusy)
    return isinstance(error, DeviceError) and error.retryable and not busy
