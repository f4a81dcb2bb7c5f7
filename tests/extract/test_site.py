"""Many cameras and days: every recording once, one refusal for all, and a device's bytes once."""

from __future__ import annotations

from pathlib import Path

from hikcore.archive.local import LocalStore
from hikcore.errors import DeviceAuthError
from hikcore.extract.report import CameraJob
from hikcore.extract.site import SiteWork, camera_days
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
