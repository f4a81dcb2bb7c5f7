"""The suite itself can fail: what it must see, it sees."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

import pytest

from hikcore.deviceclock import ZoneRule
from hikcore.instants import NS
from hikcore.sim.strikes import Strike
from tests.conformance import zones
from tests.conformance.bench import PHASES, Scene
from tests.conformance.cell import Cell
from tests.conformance.faults import KINDS, may_end
from tests.conformance.isapi import IsapiBench
from tests.conformance.places import Place
from tests.conformance.reading import Picture
from tests.conformance.skips import ABSENT, REASONS
from tests.conformance.table import Table
from tests.conformance.verdict import check_archive


class _Wrong(IsapiBench):
    """A bench whose truth is not what its simulator serves."""

    change: ClassVar[str] = ""

    def pictures(self) -> dict[int, Picture]:
        truth = super().pictures()
        first = min(truth)
        if self.change == "one more":
            return {**truth, max(truth) + NS: Picture("never recorded")}
        if self.change == "one less":
            return {at: each for at, each in truth.items() if at != first}
        return {at + 5_000_000: each for at, each in truth.items()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("one more", "1 pictures are not in the archive"),
        ("one less", "1 pictures that were never filmed"),
        ("later", "off its time"),
    ],
)
async def test_an_archive_that_differs_is_told(change: str, said: str, tmp_path: Path) -> None:
    bench = type("Wrong", (_Wrong,), {"change": change})
    scene = Scene(footage=((-1120, -1000),))
    async with bench(scene, tmp_path / "bench") as device, Place(tmp_path, None) as place:
        report = await device.extract(place.store, tmp_path / "spool")
        assert report.whole
        with pytest.raises(AssertionError, match=said):
            await asyncio.to_thread(check_archive, device, place, tmp_path)


async def test_a_segment_that_is_gone_is_told(tmp_path: Path) -> None:
    scene = Scene(footage=((-1120, -1000),))
    async with IsapiBench(scene, tmp_path / "bench") as device, Place(tmp_path, None) as place:
        await device.extract(place.store, tmp_path / "spool")
        key = next(key for key in place.objects() if key.startswith("v1/segments/"))
        (tmp_path / "archive" / key).unlink()
        with pytest.raises(KeyError, match="v1/segments/"):
            await asyncio.to_thread(check_archive, device, place, tmp_path)


async def test_a_fault_that_is_never_met_fails(tmp_path: Path) -> None:
    scene = Scene(footage=((-1120, -1000),))
    async with IsapiBench(scene, tmp_path / "bench") as device, Place(tmp_path, None) as place:
        cell = Cell(device, place, "reset", "fetch", tmp_path)
        device.proxies["fetch"].plan.add(Strike(kind="reset", phase="fetch", nth=(999,)))
        report = await device.extract(place.store, tmp_path / "spool")
        with pytest.raises(AssertionError, match="never met"):
            cell.met(report)


def test_every_kind_has_an_issue_in_every_phase() -> None:
    assert len(KINDS) == 16  # fifteen: wrong and no Content-Length are one
    assert all(isinstance(may_end(kind, phase), tuple) for kind in KINDS for phase in PHASES)


def test_every_skip_has_a_reason_and_every_reason_a_skip() -> None:
    assert set(ABSENT.values()) == set(REASONS)


@pytest.mark.parametrize("zone", zones.RULES)
@pytest.mark.parametrize("which", zones.CHANGES)
def test_rules_change_when_the_zone_database_says(zone: str, which: str) -> None:
    rule, at = ZoneRule.parse(zones.RULES[zone]), zones.change(zone, which)
    offsets = [rule.utc_to_local(each) - each for each in (at - NS, at)]
    expected = {"spring": 1, "autumn": -1}[which] if rule.shift else 0
    assert (offsets[1] > offsets[0]) - (offsets[1] < offsets[0]) == expected


def test_the_table() -> None:
    table = Table(7)
    for condition, source, outcome in (
        ("reset / login", "isapi", "passed"),
        ("an empty day", "isapi", "failed"),
        ("an empty day", "hik_cloud", "skipped"),
    ):
        report = pytest.TestReport("x", ("x", 1, "x"), {}, outcome, None, "call")  # type: ignore[arg-type]
        report.user_properties = [("source", source), ("condition", condition)]
        if outcome == "skipped":
            report.longrepr = ("file", 1, "Skipped: skip 1: it has none")  # type: ignore[assignment]
        table.pytest_runtest_logreport(report)
    lines = table.text().splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["condition", "isapi", "hik_cloud"],
        ["an", "empty", "day", "FAILED", "skip", "1"],
        ["reset", "/", "login", "passed", "-"],
    ]
    assert "1 passed, 1 failed, 1 skipped; seed 7" in lines
    assert lines[-1] == "skip 1: it has none"
