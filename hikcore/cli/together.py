"""Many devices asked side by side, for somebody who waits for it."""

from __future__ import annotations

import asyncio
import shutil
import textwrap
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from hikcore.cli.output import Output, console, count_text
from hikcore.errors import ConfigurationError, DeviceUnreachable, HikcoreError

if TYPE_CHECKING:
    from hikcore.config import Config, Site
    from hikcore.config.model import DeviceSection
    from hikcore.sources.base import Source

_T = TypeVar("_T")

#: Of what is shown of each device: of more only what is not as it should be.
FEW: Final = 8
#: Devices asked side by side, and connections tried: those that are off the net hold up nobody.
AT_ONCE: Final = 16
CONNECTING: Final = 256


@dataclass(frozen=True, slots=True)
class Asked(Generic[_T]):
    """A device, and what it answered or why it did not."""

    site: Site
    device: str
    answer: _T | None = None
    error: HikcoreError | None = None

    @property
    def name(self) -> str:
        """`site/device`."""
        return f"{self.site.id}/{self.device}"


async def ask_all(
    config: Config, sites: Sequence[Site], ask: Callable[[Source], Awaitable[_T]]
) -> list[Asked[_T]]:
    """Ask every device of some sites, in the order of the configuration.

    A device to which no connection comes about is not tried again, as runs do: with half of two
    hundred sites off the net that takes hours.
    """
    turns, connecting = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(CONNECTING)
    names_side_by_side()
    ended = 0

    async def one(site: Site, device: str) -> Asked[_T]:
        nonlocal ended
        try:
            async with connecting:
                await _connect(site.section.devices[device], f"{site.id}/{device}")
                async with turns:
                    return Asked(site, device, await _ask(config, site, device, ask))
        except HikcoreError as error:
            return Asked(site, device, error=error)
        except OSError as error:  # a file that the configuration names
            fault = ConfigurationError(f"{error.strerror or error}: {error.filename}")
            return Asked(site, device, error=fault)
        finally:
            ended += 1
            if status is not None:
                status.update(f"asked {ended} of {len(places)} devices")

    places = [(site, device) for site in sites for device in site.section.devices]
    screen = console(stderr=True)
    shown = len(places) > FEW and screen.is_terminal
    with screen.status("") if shown else nullcontext() as status:
        return await asyncio.gather(*(one(*place) for place in places))


def names_side_by_side() -> None:
    """Let as many names be looked up at once as connections are tried: by itself a loop looks up a
    few, and those behind names that take long would run out of their own time."""
    pool = ThreadPoolExecutor(CONNECTING, thread_name_prefix="names")
    asyncio.get_running_loop().set_default_executor(pool)


async def _ask(
    config: Config, site: Site, device: str, ask: Callable[[Source], Awaitable[_T]]
) -> _T:
    source = config.build_source(site.id, device)
    try:
        return await ask(source)
    finally:
        await source.aclose()


async def _connect(section: DeviceSection, name: str) -> None:
    """Whether anything is there.

    Raises:
        DeviceUnreachable: no.
    """
    from hikcore.sources.address import reason

    port = section.port or (443 if section.scheme == "https" else 80)
    try:
        async with asyncio.timeout(section.connect_timeout):
            _, writer = await asyncio.open_connection(section.host, port)
    except (OSError, UnicodeError) as error:  # the latter for what no name can be
        late = isinstance(error, TimeoutError)
        why = f"no connection within {section.connect_timeout:g} s" if late else reason(error)
        raise DeviceUnreachable(
            f"cannot be reached: {why}",
            where=f"{name} ({section.host}:{port})",
            hint="check host, port and scheme, and that the device is on",
        ) from None
    writer.close()


def tell_errors(output: Output, asked: Sequence[Asked[_T]]) -> None:
    """A line for each error of a device."""
    faults = [(each.name, each.error) for each in asked if each.error is not None]
    tell_faults(output, faults, "device")


def tell_faults(output: Output, faults: Sequence[tuple[str, HikcoreError]], thing: str) -> None:
    """A line for each error; what befell several things alike is told once, with their names."""
    struck: dict[tuple[str, str], list[tuple[str, HikcoreError]]] = {}
    for name, error in faults:
        struck.setdefault((error.message, error.hint), []).append((name, error))
    width = shutil.get_terminal_size((100, 24)).columns - 2
    for (message, hint), alike in struck.items():
        if len(alike) == 1:
            ((name, error),) = alike
            said = str(error)
            output.talk(f"error: {said if said.startswith(name) else f'{name}: {said}'}")
            continue
        output.talk(f"error: {count_text(len(alike), thing)}: {message}")
        if hint:
            output.talk(f"  {hint}")
        names = ", ".join(name for name, _ in alike)
        # A name stays whole, so that it can be copied.
        for line in textwrap.wrap(names, width, break_long_words=False, break_on_hyphens=False):
            output.talk(f"  {line}")
