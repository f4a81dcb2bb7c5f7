"""What a source gives to take part in the conformance suite: its simulator, itself, its truth.

Another source joins with a `Bench` and a `test_` module of its own, and, for what cannot exist for
it, entries in `skips.py`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import ClassVar, Literal, Self

from pydantic import SecretStr

from hikcore.archive.store import Store
from hikcore.errors import HikcoreError
from hikcore.extract.camera import extract_camera
from hikcore.extract.fetch import Patience
from hikcore.extract.report import CameraJob, CameraReport
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span, parse_instant
from hikcore.sim.clock import JumpingClock
from hikcore.sim.proxy import FaultProxy
from hikcore.sim.strikes import Strike
from hikcore.sources.base import Answer, DeviceCamera, Source
from hikcore.sources.fileguard import FileGuard
from tests.conformance.reading import Picture

Errors = tuple[type[HikcoreError], ...]
Phase = Literal["login", "list", "fetch", "commit"]
PHASES: tuple[Phase, ...] = ("login", "list", "fetch", "commit")
NOON = parse_instant("2026-11-20T12:00:00Z")
PASSWORD = "conformance-7731"
#: Nobody waits for a recovery.
HASTY = Patience(attempts=4, first=0.001, longest=0.002)
#: A second of waiting in a simulator or proxy; idle timeouts are shrunk alike (60 s: 0.6 s).
SECOND = 1 / 100


@dataclass(frozen=True)
class Scene:
    """The conditions that a device is in.

    Attributes:
        now: true time at the begin, ns.
        footage: when it records, in seconds after `now`.
        zone: its wall clock's, as recorders write it.
        z: what the Z of its listings means.
        measured: the source is not told what its times mean, and has to find out.
        ahead: seconds that its clock is before true time; `footage` goes by its own clock.
        page: rows that it lists at once.
        widest: days of the longest question that it answers; 0: any.
        overlap: ms that neighbouring files share.
        window: seconds of a source of windows.
    """

    now: int = NOON
    footage: tuple[tuple[int, int], ...] = ((-1200, -1000),)
    zone: str = "CST-5:00:00"
    z: Literal["local", "utc"] = "local"
    measured: bool = False
    ahead: int = 0
    page: int = 40
    widest: int = 0
    overlap: tuple[int, int] = (1_000, 3_000)
    window: int = 60

    @property
    def begin(self) -> int:
        """When its footage begins, by its own clock."""
        return self.now + (self.ahead + self.footage[0][0]) * NS

    @property
    def silences(self) -> list[tuple[int, int]]:
        """The stretches between and after the footage, in seconds after `now`."""
        ends = [end for _, end in self.footage]
        begins = [begin for begin, _ in self.footage[1:]] + [10 * 86_400]
        return [(end, begin) for end, begin in zip(ends, begins, strict=True) if end < begin]


def when(seconds: int) -> str:
    """An instant of a profile, after the device's now."""
    return f"now{seconds:+d}s"


class Bench(ABC):
    """A simulated device behind fault proxies, and the source that reads it.

    Args:
        scene: what it is like.
        folder: for what the source keeps.

    Attributes:
        name: of the source, in the table.
        exact: ns by which times in the archive may be off the truth.
        clock: true time, which moves when told to.
        proxies: what passes through, by phase; phases may share one.
        happen: called when a strike that a device takes part in is met.
        dozed: strikes' seconds that were waited.
    """

    name: ClassVar[str]
    exact: ClassVar[int] = 2_000_000

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self.folder = folder
        self.clock = JumpingClock(scene.now)
        self.proxies: dict[Phase, FaultProxy] = {}
        self.happen: Callable[[], None] = lambda: None
        self.dozed = 0.0

    @abstractmethod
    async def start(self) -> None:
        """Begin to listen, with all footage made."""

    @abstractmethod
    async def stop(self) -> None:
        """The other way."""

    @abstractmethod
    def source(self, password: str = PASSWORD) -> Source:
        """The source as a process of its own has it."""

    @property
    @abstractmethod
    def asked(self) -> Span:
        """What an extraction is asked for: all of the footage and some around it."""

    @abstractmethod
    def pictures(self) -> dict[int, Picture]:
        """What the archive must hold of `asked` now, by instant (ns): read from the simulator."""

    def fetches(self) -> int:
        """Bodies of footage that were asked for so far."""
        return self.passed()["fetch"]

    @abstractmethod
    def logins(self) -> int:
        """Requests with credentials that the device saw so far."""

    @abstractmethod
    def turned(self, page: int, rows: int) -> bool:
        """Whether a list of so many rows was asked for page by page."""

    @abstractmethod
    async def deviates(self, ahead: int) -> None:
        """Assert that the source tells how many seconds its device's clock is ahead, where there is
        a way to know."""

    @abstractmethod
    def forget(self) -> None:
        """As after the end of a process: what is known in memory is gone."""

    def settled_until(self, now: int, settle: int) -> int:
        """Up to where footage in windows is fetched: the last window that has settled, and its
        margin as far as that has settled.

        Args:
            now: ns, by the clock that it settles by. settle: seconds.
        """
        length, settled = self.scene.window * NS, now - settle * NS
        last = min(settled // length * length, -(-self.asked.end // length) * length)
        margin = max(self.scene.overlap) // 1000 * NS
        return max(min(last + margin, settled), last)

    @abstractmethod
    def step(self, seconds: int) -> None:
        """The device's clock is set."""

    @abstractmethod
    def reboot(self) -> None:
        """The device restarts."""

    def guard(self, port: int, account: str, secret: SecretStr) -> FileGuard:
        """What processes share of logins that were refused."""
        return FileGuard(self.folder / "logins", "127.0.0.1", port, account, secret)

    def allow(self) -> None:
        """What its operator does after a refused login: `hikcore logins --clear`."""
        for note in (self.folder / "logins").glob("*.json"):
            note.unlink()

    def arm(self, kind: str, phase: Phase, strikes: Iterable[Strike]) -> None:
        """Let a fault come; a source whose protocol has another form of it says so here."""
        for strike in strikes:
            self.proxies[phase].plan.add(strike)

    def place(self, phase: Phase, kind: str, count: int, random: Random) -> int:
        """Which request of a phase a fault meets, from 1."""
        return random.randint(1, count)

    def may_end(self, kind: str, phase: Phase) -> Errors | None:
        """The errors with which a run may end that meets a fault, where they are others than
        `faults.may_end` says; none: it has to end well."""
        return None

    def healed(self) -> None:
        """Nothing goes wrong any more; so much time has passed that a device is there again, and a
        clock that was set back by an hour is past where it was."""
        for proxy in self.proxies.values():
            proxy.heal()
        self.clock.advance(5000)

    def struck(self) -> list[str]:
        """Kinds of the strikes that came to pass."""
        proxies = dict.fromkeys(self.proxies.values())
        return [p.strike.kind for proxy in proxies for p in proxy.struck if p.strike is not None]

    def passed(self) -> Counter[str]:
        """Requests by phase."""
        proxies = dict.fromkeys(self.proxies.values())
        return Counter(passed.phase for proxy in proxies for passed in proxy.passed)

    def proxy(self, target: str, phases: Mapping[str, str], seed: int = 1) -> FaultProxy:
        """A proxy whose waits are short, and whose device is this one."""

        async def doze(seconds: float) -> None:
            self.dozed += seconds
            await asyncio.sleep(seconds * SECOND)

        hooks = dict.fromkeys(("clock_step", "reboot"), lambda strike: self.happen())
        return FaultProxy(target, phases=phases, seed=seed, hooks=hooks, sleep=doze)

    @property
    def job(self) -> CameraJob:
        """The camera in the archive."""
        return CameraJob("site", "gate", "main", "device", 1)

    async def extract(
        self,
        store: Store,
        spool: Path,
        *,
        span: Span | None = None,
        password: str = PASSWORD,
        channel: int = 1,
    ) -> CameraReport:
        """A run of the extraction, as a process of its own."""
        self.forget()
        source = self.source(password)
        job = CameraJob("site", "gate", "main", "device", channel)
        try:
            return await extract_camera(
                job,
                span or self.asked,
                source=source,
                store=store,
                spool=Spool(spool, 16_000_000, poll=0.01),
                patience=HASTY,
                now=self.clock.now,
            )
        finally:
            await source.aclose()

    async def cameras(self) -> list[DeviceCamera]:
        """What a new process lists."""
        self.forget()
        source = self.source()
        try:
            return await source.cameras()
        finally:
            await source.aclose()

    async def listed(self, span: Span) -> Answer:
        """What a new process is told of a span."""
        self.forget()
        source = self.source()
        try:
            return await source.recordings(1, "main", span)
        finally:
            await source.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
