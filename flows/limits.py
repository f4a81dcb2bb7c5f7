"""Limits of devices over all workers: Prefect's global concurrency limits, taken per transfer.

`python -m hikcore.flows.deploy` makes them from the configuration. A slot is a lease of a minute,
renewed while the transfer runs, so what a killed worker held is free again a minute later. A limit
that nobody made is said once, and then each worker holds to its own; so is every run without a
server.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings

from hikcore.config import Config
from hikcore.config.limits import DeviceLimit, device_limits
from hikcore.errors import DeviceBusy
from hikcore.sources.base import Others, SharesLimits, Source, Transfer

#: Seconds; the least that Prefect takes. After a kill the slot is free so much later.
_LEASE: Final = 60.0
#: Seconds that a transfer waits for a server that does not answer, before it is put off. To go on
#: without would ask a recorder for more than it may be asked for.
_PATIENCE: Final = 300.0
_PAUSE: Final = 10.0


@contextmanager
def shared(config: Config, site: str, sources: Mapping[str, Source]) -> Iterator[None]:
    """Hold the sources of a site's devices to the limits of all workers, where there is a server
    that keeps them."""
    if not get_current_settings().api.url:
        yield
        return
    slots = Slots()
    ours = [each for each in device_limits(config) if each.site == site]
    sharing = {name: each for name, each in sources.items() if isinstance(each, SharesLimits)}
    for device, source in sharing.items():
        source.share(slots.of(each for each in ours if each.device == device))
    try:
        yield
    finally:
        for source in sharing.values():
            source.share(None)


class Slots:
    """Slots of limits, as this process takes them.

    Args:
        patience: seconds; see `_PATIENCE`.
    """

    def __init__(self, patience: float = _PATIENCE, pause: float = _PAUSE) -> None:
        self._patience = patience
        self._pause = pause
        self._missing: set[str] = set()

    def of(self, limits: Iterable[DeviceLimit]) -> Others:
        """How a device's transfers take their slots."""
        names = {each.kind: each.name for each in limits}

        @asynccontextmanager
        async def place(kind: Transfer) -> AsyncIterator[None]:
            name = names.get(kind)
            if name is None:
                yield
                return
            async with self.slot(name):
                yield

        return place

    @asynccontextmanager
    async def slot(self, name: str) -> AsyncIterator[None]:
        """A slot of a limit, waited for, and given back in the end.

        Raises:
            DeviceBusy: the server does not answer.
        """
        done = asyncio.Event()
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # In a task of its own: Prefect's context has to be left by the task that entered it, and a
        # transfer may be handed from one to another.
        holding = asyncio.create_task(self._hold(name, granted, done))
        try:
            await granted
            yield
        except asyncio.CancelledError:
            if not granted.done() or granted.cancelled():
                holding.cancel()
            raise
        finally:
            done.set()
            with suppress(asyncio.CancelledError):
                await asyncio.shield(holding)

    async def _hold(self, name: str, granted: asyncio.Future[None], done: asyncio.Event) -> None:
        deadline = time.monotonic() + self._patience
        while not granted.done():
            try:
                # What is under way goes on if the lease is lost: half a body is worth nothing.
                async with concurrency(
                    name, lease_duration=_LEASE, strict=True, raise_on_lease_renewal_failure=False
                ):
                    _grant(granted)
                    await done.wait()
            except Exception as error:
                if granted.done():  # given back to a server that is away: the lease expires
                    _logger().info("%s: not given back, free in %g s (%s)", name, _LEASE, error)
                elif _is_missing(error):
                    self._warn(name)
                    _grant(granted)
                elif time.monotonic() > deadline:
                    _refuse(granted, error)
                else:
                    await asyncio.sleep(self._pause)

    def _warn(self, name: str) -> None:
        if name in self._missing:
            return
        self._missing.add(name)
        _logger().warning(
            "there is no global concurrency limit %r: several workers together may ask the device "
            "for more than the configuration allows; python -m hikcore.flows.deploy makes it",
            name,
        )


def _is_missing(error: Exception) -> bool:
    """Whether there is no such limit: Prefect has one class for that and for all that fails, but
    only what failed has a cause."""
    return isinstance(error, ConcurrencySlotAcquisitionError) and error.__cause__ is None


def _grant(granted: asyncio.Future[None]) -> None:
    if not granted.done():
        granted.set_result(None)


def _refuse(granted: asyncio.Future[None], error: Exception) -> None:
    if not granted.done():
        refusal = DeviceBusy(
            f"Prefect's server does not say whether another worker is at the device: {error}",
            hint="the next run takes up what is left",
        )
        granted.set_exception(refusal)


def _logger() -> Any:
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("hikcore.flows")
