"""The suite that every source passes: each test is a row of the table.

A source joins with a module `test_SOURCE.py` that names its bench:

    class TestIsapi(Conformance):
        bench = IsapiBench
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest

from hikcore.archive import s3_sdk
from hikcore.archive.reader import Archive
from hikcore.errors import DeviceAuthError
from hikcore.extract import sizes
from hikcore.instants import DAY, NS, Span
from hikcore.sim.strikes import Strike
from tests.conformance import cell, zones
from tests.conformance.bench import NOON, PHASES, Bench, Phase, Scene
from tests.conformance.faults import KINDS
from tests.conformance.places import Place
from tests.conformance.skips import skipped
from tests.conformance.verdict import check_archive
from tests.kill.objects import committed
from tests.minio_server import MinioServer

SEED = int(os.environ.get("HIKCORE_CONFORMANCE_SEED", "1"))
Named = Callable[[str], None]


def _cells() -> list[object]:
    """Every kind of fault in every phase; what needs the real store is marked so."""
    return [
        pytest.param(
            kind,
            phase,
            id=f"{kind}-{phase}".replace(" ", "_").replace("/", "_per_"),
            marks=[pytest.mark.minio] if _in_store(kind, phase) else [],
        )
        for kind in KINDS
        for phase in PHASES
    ]


def _in_store(kind: str, phase: Phase) -> bool:
    return phase == "commit" or kind == "store 500"


@pytest.mark.slow
class Conformance:
    """All conditions, for one source."""

    bench: ClassVar[type[Bench]]

    @pytest.fixture(autouse=True)
    def _small_and_quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A store that stalls is waited for as long as a device. Bodies whose size nobody tells are
        taken for as small as they are here, as the spool is small, too."""
        monkeypatch.setattr(s3_sdk, "_READ_TIMEOUT", 0.6)
        monkeypatch.setattr(sizes, "_FIRST", 500)
        monkeypatch.setattr(sizes, "_BESIDES", 700_000)

    @pytest.fixture
    def named(self, record_property: Callable[[str, object], None]) -> Named:
        """Called first by each test: the row that it is."""

        def name(condition: str) -> None:
            record_property("source", self.bench.name)
            record_property("condition", condition)
            why = skipped(self.bench.name, condition)
            if why:
                pytest.skip(why)

        return name

    async def test_good_credentials(self, named: Named, tmp_path: Path) -> None:
        named("good credentials")
        async with self.bench(Scene(), tmp_path) as device:
            assert 1 in [camera.channel for camera in await device.cameras()]
            answer = await device.listed(device.asked)
            assert answer.complete
            assert answer.recordings
            assert device.logins() >= 1

    async def test_bad_credentials(self, named: Named, tmp_path: Path) -> None:
        named("bad credentials")
        async with (
            self.bench(Scene(), tmp_path / "bench") as device,
            Place(tmp_path, None) as place,
        ):
            for sent in (1, 1):  # the second run sends nothing
                report = await device.extract(place.store, tmp_path / "spool", password="wrong-one")
                assert isinstance(report.failure, DeviceAuthError)
                assert report.failure.hint
                assert "wrong-one" not in str(report.errors)
                assert device.logins() == sent
            assert not [key for key in place.objects() if key.startswith("v1/")]
            report = await device.extract(place.store, tmp_path / "spool")
            assert report.whole, report.errors
            await asyncio.to_thread(check_archive, device, place, tmp_path)

    async def test_cameras_twice(self, named: Named, tmp_path: Path) -> None:
        named("cameras listed twice the same")
        async with self.bench(Scene(), tmp_path) as device:
            first, second = await device.cameras(), await device.cameras()
        assert first == second
        channels = [camera.channel for camera in first]
        assert len(channels) >= 2
        assert channels == sorted(set(channels))

    async def test_page_edges(self, named: Named, tmp_path: Path) -> None:
        """Pages that hold all but one row, exactly all, one and two."""
        named("search across page edges")
        async with self.bench(Scene(), tmp_path / "whole") as device:
            at_once = await device.listed(device.asked)
            cameras = await device.cameras()
        rows = len(at_once.recordings)
        assert rows >= 4
        for page in (1, 2, rows - 1, rows):
            async with self.bench(Scene(page=page), tmp_path / str(page)) as device:
                answer = await device.listed(device.asked)
                assert await device.cameras() == cameras
                assert device.turned(page, rows), "no page was turned"
            assert answer.complete
            told = [(row.literal_begin, row.literal_end, row.size) for row in answer.recordings]
            assert told == [
                (row.literal_begin, row.literal_end, row.size) for row in at_once.recordings
            ]
            assert len(set(told)) == rows

    async def test_empty_day(self, named: Named, tmp_path: Path) -> None:
        named("an empty day")
        noon_before = NOON - 30 * 3600 * NS
        day = Span(noon_before - noon_before % DAY, noon_before - noon_before % DAY + DAY)
        scene = Scene(footage=((-3 * 86_400, -3 * 86_400 + 60), (-1200, -1000)), window=3600)
        async with (
            self.bench(scene, tmp_path / "bench") as device,
            Place(tmp_path, None) as place,
        ):
            report = await device.extract(place.store, tmp_path / "spool", span=day)
            assert report.whole, report.errors
            assert report.planned == []
            assert device.fetches() == 0
        stretches = Archive(place.plain).coverage("site", "gate", day)
        assert {stretch.state for stretch in stretches} == {"empty"}

    async def test_wide_span(self, named: Named, tmp_path: Path) -> None:
        named("a span over the device's limits")
        async with self.bench(Scene(widest=1, window=3600), tmp_path) as device:
            wide = Span(NOON - 5 * DAY, NOON + DAY // 2)
            answer = await device.listed(wide)
            narrow = await device.listed(Span(NOON - DAY // 2, NOON))
        assert answer.complete
        assert answer.recordings == narrow.recordings
        assert answer.recordings

    async def test_unfinished(self, named: Named, tmp_path: Path) -> None:
        named("an unfinished file")
        async with (
            self.bench(Scene(footage=((-300, 30),)), tmp_path / "bench") as device,
            Place(tmp_path, None) as place,
        ):
            report = await device.extract(place.store, tmp_path / "spool")
            assert report.whole, report.errors
            assert report.growing >= 1
            await asyncio.to_thread(check_archive, device, place, tmp_path)
            last = max(device.pictures())
            stretches = Archive(place.plain).coverage(
                "site", "gate", Span(last + 3 * NS, NOON - NS)
            )
            # What is too fresh to be asked about is nobody's guess.
            states = {stretch.state for stretch in stretches}
            assert "pending" in states
            assert states <= {"pending", "unknown"}
            before = device.fetches()
            device.clock.advance(3600)
            report = await device.extract(place.store, tmp_path / "spool")
            assert report.whole, report.errors
            assert device.fetches() > before
            await asyncio.to_thread(check_archive, device, place, tmp_path, count=329)

    async def test_overlaps(self, named: Named, tmp_path: Path) -> None:
        """Neighbours that share nothing, some seconds, and more than a file: three over one."""
        named("overlapping files")
        for number, overlap in enumerate(((0, 0), (1_000, 3_000), (43_000, 50_000))):
            async with (
                self.bench(Scene(overlap=overlap), tmp_path / f"bench{number}") as device,
                Place(tmp_path / str(number), None) as place,
            ):
                report = await device.extract(place.store, tmp_path / "spool")
                assert report.whole, report.errors
                await asyncio.to_thread(check_archive, device, place, tmp_path)

    async def test_clock_off(self, named: Named, tmp_path: Path) -> None:
        named("a clock minutes off")
        for ahead in (180, -180):
            async with (
                self.bench(Scene(ahead=ahead), tmp_path / f"bench{ahead}") as device,
                Place(tmp_path / str(ahead), None) as place,
            ):
                await device.deviates(ahead)
                report = await device.extract(place.store, tmp_path / "spool")
                assert report.whole, report.errors
                device.clock.advance(600)
                report = await device.extract(place.store, tmp_path / "spool")
                assert report.whole, report.errors
                await asyncio.to_thread(check_archive, device, place, tmp_path)

    async def test_local_z(self, named: Named, tmp_path: Path) -> None:
        """Nobody tells the source which of the two it is."""
        named("local time stamped Z")
        for z in ("local", "utc"):
            async with (
                self.bench(Scene(z=z, measured=True), tmp_path / f"bench{z}") as device,
                Place(tmp_path / z, None) as place,
            ):
                report = await device.extract(place.store, tmp_path / "spool")
                assert report.whole, report.errors
                await asyncio.to_thread(check_archive, device, place, tmp_path)

    @pytest.mark.parametrize("which", zones.CHANGES)
    @pytest.mark.parametrize("zone", zones.RULES)
    async def test_dst(self, named: Named, tmp_path: Path, zone: str, which: str) -> None:
        """Footage an hour before the change, over it, and an hour after it."""
        named(f"DST, {which}, {zone}")
        at = zones.change(zone, which)
        bursts = tuple((each - 60, each + 60) for each in (-3600, 0, 3600))
        later = 3600 + 1100
        footage = tuple((begin - later, end - later) for begin, end in bursts)
        for z in ("local", "utc"):
            scene = Scene(
                now=at + later * NS,
                footage=footage,
                zone=zones.RULES[zone],
                z=z,
                measured=True,
                window=300,
            )
            async with (
                self.bench(scene, tmp_path / f"bench{z}") as device,
                Place(tmp_path / z, None) as place,
            ):
                report = await device.extract(place.store, tmp_path / "spool")
                assert report.whole, report.errors
                await asyncio.to_thread(check_archive, device, place, tmp_path, count=330)
                again = await device.extract(place.store, tmp_path / "spool")
                assert again.planned == []

    async def test_two_reads(self, named: Named, tmp_path: Path) -> None:
        """By two processes, at other times, into two archives: byte for byte the same."""
        named("two full reads equal")
        async with AsyncExitStack() as stack:
            device = await stack.enter_async_context(self.bench(Scene(), tmp_path / "bench"))
            kept = []
            for number in range(2):
                folder = tmp_path / str(number)
                place = await stack.enter_async_context(Place(folder, None))
                report = await device.extract(place.store, folder / "spool")
                assert report.whole, report.errors
                kept.append(committed(place.objects()))
                device.clock.advance(77)
            assert len(kept[0]) > 4
            assert kept[0] == kept[1]

    async def test_cut_downloads(self, named: Named, tmp_path: Path) -> None:
        named("a download cut at 10 places")
        random = Random(f"{SEED}/{self.bench.name}/cuts")
        places = sorted(random.random() for _ in range(8))
        async with self.bench(Scene(footage=((-1100, -1000),)), tmp_path / "bench") as device:
            for number, part in enumerate([0.0, *places, 0.9999]):
                kind = random.choice(("reset", "close"))
                strike = Strike.model_validate(
                    {"kind": kind, "part": part, "phase": "fetch", "nth": (1,)}
                )
                device.proxies["fetch"].plan.clear()
                device.proxies["fetch"].plan.add(strike)
                struck = len(device.struck())
                folder = tmp_path / str(number)
                async with Place(folder, None) as place:
                    report = await device.extract(place.store, folder / "spool")
                    assert len(device.struck()) == struck + 1
                    assert report.whole, report.errors
                    await asyncio.to_thread(check_archive, device, place, folder, count=90)

    @pytest.mark.parametrize(("kind", "phase"), _cells())
    async def test_fault(
        self,
        named: Named,
        tmp_path: Path,
        request: pytest.FixtureRequest,
        kind: str,
        phase: Phase,
    ) -> None:
        named(f"{kind} / {phase}")
        minio: MinioServer | None = None
        if _in_store(kind, phase):
            minio = request.getfixturevalue("minio")
        await cell.run(self.bench, kind, phase, SEED, tmp_path, minio)
