"""One cell of the table of faults: an extraction that meets one, and what the archive then is."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random

from hikcore.errors import DeviceAuthError
from hikcore.extract.report import CameraReport
from hikcore.sim.strikes import Strike
from tests.conformance.bench import Bench, Errors, Phase, Scene
from tests.conformance.disk import SmallSpool
from tests.conformance.faults import fault, may_end
from tests.conformance.places import Place
from tests.conformance.verdict import check_archive
from tests.minio_server import MinioServer

_undisturbed: dict[tuple[str, bool], Counter[str]] = {}


async def counts(bench: type[Bench], folder: Path, minio: MinioServer | None) -> Counter[str]:
    """How many requests of each phase an undisturbed run makes at least: on a busy machine one or
    another may have been tried again."""
    key = bench.name, minio is not None
    if key not in _undisturbed:
        async with bench(Scene(), folder / "bench") as device, Place(folder, minio) as place:
            report = await device.extract(place.store, folder / "spool")
            assert report.whole, report.errors
            found = device.passed()
            if place.proxy is not None:
                found += Counter(passed.phase for passed in place.proxy.passed)
        found = Counter({phase: -(-3 * number // 4) for phase, number in found.items()})
        found["fetch"] = len(report.planned)
        _undisturbed[key] = found
    return _undisturbed[key]


class Cell:
    """A kind of fault in a phase, on one source.

    Args:
        minio: where the archive lies; None: in a folder.
    """

    def __init__(self, bench: Bench, place: Place, kind: str, phase: Phase, folder: Path) -> None:
        self.bench, self.place, self.kind, self.phase = bench, place, kind, phase
        self.folder = folder
        self.spool = folder / "spool"
        self._met = 0

    async def first_run(self, found: Counter[str], random: Random) -> CameraReport:
        """The run that meets the fault."""
        bench, place = self.bench, self.place
        with ExitStack() as stack:
            disk = SmallSpool(self.folder / "small") if self.kind == "disk full" else None
            if disk is not None:
                self.spool = stack.enter_context(disk)
            count = found[self.phase]
            if disk is not None:
                count = max(count // 2, 1)  # something has to be written after it
            nth = bench.place(self.phase, self.kind, count, random)
            chosen = fault(self.kind, self.phase, nth, random)

            def happen() -> None:
                self._met += 1
                if disk is not None:
                    disk.fill()
                elif self.kind == "store 500":
                    assert place.proxy is not None
                    place.proxy.plan.add(Strike(kind="store500", most=chosen.most))
                elif self.kind == "reboot":
                    bench.reboot()
                else:
                    bench.step(chosen.by)

            bench.happen = place.happen = happen
            if self.phase == "commit":
                assert place.proxy is not None
                for strike in (*chosen.strikes, *chosen.reads):
                    place.proxy.plan.add(strike)
            else:
                bench.arm(self.kind, self.phase, chosen.strikes)
            report = await bench.extract(place.store, self.spool)
            self.met(report)
            if disk is not None:
                # Bodies that lie on the small disk are lost with it, as after a disk is replaced.
                self.spool = self.folder / "spool"
        return report

    def met(self, report: CameraReport) -> None:
        """A fault that was never met proves nothing."""
        struck = self.bench.struck()
        stores = [] if self.place.proxy is None else self.place.proxy.struck
        struck += [passed.strike.kind for passed in stores if passed.strike is not None]
        never = f"{self.kind} was never met in {self.phase}: {dict(self.bench.passed())}"
        assert struck, never
        if self.kind in ("disk full", "clock step", "reboot"):
            assert self._met, never
        if self.kind == "store 500":
            assert "store500" in struck, "the store never answered 500"

    def _may_end(self) -> Errors:
        own = self.bench.may_end(self.kind, self.phase)
        return may_end(self.kind, self.phase) if own is None else own

    def judge(self, report: CameraReport) -> None:
        """It ended well, or with an error that it may end with, which says what to do."""
        allowed = self._may_end()
        for error in report.errors:
            assert isinstance(error, allowed), f"{type(error).__name__}: {error}"
            assert error.message, "an error without a message"
            assert error.where, f"nobody knows where: {error}"
        if DeviceAuthError in allowed or self.kind == "disk full":
            assert report.errors, "nothing was said"

    def mend(self) -> None:
        """Nothing goes wrong any more."""
        self.bench.healed()
        if self.place.proxy is not None:
            self.place.proxy.plan.clear()

    async def next_step(self) -> None:
        """What the operator does. After a refused login nothing more is sent, whoever runs, until
        the credentials change or are allowed again (DESIGN, invariant 10)."""
        bench, store = self.bench, self.place.store
        if DeviceAuthError in self._may_end():
            before = bench.logins()
            refused = await bench.extract(store, self.spool)
            assert isinstance(refused.failure, DeviceAuthError), refused.errors
            assert bench.logins() == before, "a refused login was sent again"
            bench.allow()
        report = await bench.extract(store, self.spool)
        assert report.whole, report.errors

    async def settled(self) -> None:
        """What is there is not fetched again."""
        before = self.bench.fetches()
        report = await self.bench.extract(self.place.store, self.spool)
        assert report.whole, report.errors
        assert report.planned == []
        assert self.bench.fetches() == before

    async def right(self) -> None:
        """The archive equals the footage, and nothing lies about."""
        await asyncio.to_thread(check_archive, self.bench, self.place, self.folder)
        left = [path.name for path in self.spool.iterdir()] if self.spool.exists() else []
        assert left == [], f"left in the spool: {left}"


async def run(
    bench: type[Bench], kind: str, phase: Phase, seed: int, folder: Path, minio: MinioServer | None
) -> None:
    """One cell, whole.

    Raises:
        AssertionError: anything is not as it must be.
    """
    found = await counts(bench, folder / "undisturbed", minio)
    random = Random(f"{seed}/{bench.name}/{kind}/{phase}")
    scene = Scene(footage=((-1200, -1000), (0, 30 * 86_400))) if kind == "clock step" else Scene()
    async with bench(scene, folder / "bench") as device, Place(folder, minio) as place:
        cell = Cell(device, place, kind, phase, folder)
        cell.judge(await cell.first_run(found, random))
        cell.mend()
        await cell.next_step()
        await cell.settled()
        await cell.right()
