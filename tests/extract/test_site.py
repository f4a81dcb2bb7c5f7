"""Many cameras and days: every recording once, one refusal for all, and a device's bytes once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from hikcore.archive.local import LocalStore
from hikcore.errors import DeviceAuthError
from hikcore.extract.holder import Holder
from hikcore.extract.leases import LeaseNote, Leases, lease_key
from hikcore.extract.report import CameraJob, Quiet
from hikcore.extract.site import Part, SiteWork, camera_days
from hikcore.extract.spool import Spool
from hikcore.instants import DAY, NS, Span
from tests.extract.conftest import BEGIN, HASTY, JOB, Device, film
from tests.kill.objects import committed, raw_objects

MIDNIGHT = (BEGIN // DAY + 1) * DAY


def test_parts_are_days_oldest_first_and_only_the_first_takes_what_began_before() -> None:
    other = CameraJob("home", "yard", "main", "nvr", 2)
    parts = camera_days([JOB, other], Span(MIDNIGHT - NS, MIDNIGHT + DAY + NS))
    assert [(p.job.camera, p.span.begin, p.begins_from) for p in parts] == [
        ("door", MIDNIGHT - NS, None),
        ("yard", MIDNIGHT - NS, None),
        ("door", MIDNIGHT, MIDNIGHT),
        ("yard", MIDNIGHT, MIDNIGHT),
        ("door", MIDNIGHT + DAY, MIDNIGHT + DAY),
        ("yard", MIDNIGHT + DAY, MIDNIGHT + DAY),
    ]


async def test_a_recording_over_midnight_is_fetched_by_one_day_only(
    device: Device, store: LocalStore, spool: Spool, tmp_path: Path
) -> None:
    late = (MIDNIGHT - BEGIN) // NS - 60
    for second in (late - 100, late, late + 100):
        device.add(second, 102, film(second, 102))
    span = Span(MIDNIGHT - 100 * NS, MIDNIGHT + 200 * NS)
    work = SiteWork({"nvr": device}, store, spool, patience=HASTY)
    reports = await work.extract_all(camera_days([JOB], span))
    assert [report.count("held") for report in reports] == [2, 1]
    assert sorted(device.fetched) == sorted(device.bodies)
    whole = LocalStore(tmp_path / "whole")
    await SiteWork({"nvr": device}, whole, spool, patience=HASTY).extract_all(
        camera_days([JOB], Span(span.begin, MIDNIGHT)) + camera_days([JOB], span)
    )
    assert committed(raw_objects(whole.url, {})) == committed(raw_objects(store.url, {}))


async def test_a_refused_login_is_not_repeated_for_every_camera(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    device.add(0, 50, film(0, 50))
    device.plans = [DeviceAuthError("refused")] * 99
    jobs = [CameraJob("home", f"cam{n}", "main", "nvr", n) for n in range(1, 9)]
    work = SiteWork({"nvr": device}, store, spool, patience=HASTY, cameras_at_once=2)
    reports = await work.extract_all(camera_days(jobs, Span(BEGIN, BEGIN + 60 * NS)))
    assert all(isinstance(report.failure, DeviceAuthError) for report in reports)
    assert len(device.fetched) <= 2


def leases(store: LocalStore, name: str, term: float = 1.0) -> Leases:
    """Of a process of which nothing can be seen."""
    return Leases(store, term=term, holder=Holder(token=name, host=name, pid=1))


async def test_what_another_process_is_at_is_left_to_it_and_fetched_once(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    device.add(0, 50, film(0, 50))
    device.pause = 0.3
    parts = camera_days([JOB], Span(BEGIN, BEGIN + 60 * NS))
    first = SiteWork({"nvr": device}, store, spool, patience=HASTY, leases=leases(store, "a"))
    second = SiteWork({"nvr": device}, store, spool, patience=HASTY, leases=leases(store, "b"))
    working = asyncio.create_task(first.extract_all(parts))
    while not device.fetched:
        await asyncio.sleep(0.01)
    asked = len(device.asked)
    (left,) = await second.extract_all(parts)
    assert len(device.asked) == asked
    (done,) = await working
    assert (done.count("held"), done.left) == (1, [])
    assert [(each.span, each.holder) for each in left.left] == [(parts[0].span, "process 1 on a")]
    assert (left.outcomes, left.errors, left.whole) == ([], [], True)
    assert len(device.fetched) == 1
    (after,) = await second.extract_all(parts)
    assert (after.left, after.planned) == ([], [])


async def test_of_several_days_only_the_one_in_other_hands_is_left(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    day = (MIDNIGHT - BEGIN) // NS
    for second in (0, day + 100, 86_400 + day + 100):
        device.add(second, 50, film(second, 50))
    part = Part(JOB, Span(BEGIN, MIDNIGHT + 2 * DAY))
    work = SiteWork({"nvr": device}, store, spool, patience=HASTY, leases=leases(store, "b"))
    async with leases(store, "a").take(JOB, [MIDNIGHT], {}):
        report = await work.extract(part)
    assert [(each.span.begin, each.span.end) for each in report.left] == [
        (MIDNIGHT, MIDNIGHT + DAY)
    ]
    assert (len(report.planned), report.count("held")) == (2, 2)
    again = await work.extract(part)
    assert (again.left, again.count("held")) == ([], 1)


async def test_a_dead_holder_delays_for_a_term_and_the_others_go_on_meanwhile(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    class Told(Quiet):
        said: ClassVar[list[str]] = []

        def waiting(self, job: CameraJob, reason: str) -> None:
            self.said.append(f"{job}: {reason}")

    yard = CameraJob("home", "yard", "main", "nvr", 1)
    device.add(0, 50, film(0, 50))
    note = LeaseNote(holder=Holder(token="x", host="elsewhere", pid=3)).to_bytes()
    store.create(lease_key(JOB, BEGIN // DAY * DAY), note, content_type="application/json")
    work = SiteWork(
        {"nvr": device}, store, spool,
        patience=HASTY, progress=Told(), cameras_at_once=1, leases=leases(store, "b"),
    )  # fmt: skip
    order: list[str] = []

    async def one(part: Part) -> None:
        report = await work.extract(part)
        assert report.count("held") == 1
        order.append(report.job.camera)

    parts = camera_days([JOB, yard], Span(BEGIN, BEGIN + 60 * NS))
    await asyncio.gather(*(one(part) for part in parts))
    assert order == ["yard", "door"]
    assert len(Told.said) == 1
    assert "process 3 on elsewhere has it in hand" in Told.said[0]


async def test_a_dry_run_takes_no_lease(device: Device, store: LocalStore, spool: Spool) -> None:
    device.add(0, 50, film(0, 50))
    work = SiteWork({"nvr": device}, store, spool, dry_run=True)
    async with leases(store, "a").take(JOB, [BEGIN // DAY * DAY], {}):
        (report,) = await work.extract_all(camera_days([JOB], Span(BEGIN, BEGIN + 60 * NS)))
    assert (len(report.planned), report.left) == (1, [])
