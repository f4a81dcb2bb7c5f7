"""Extraction of one camera against a device in memory: once, whole, and after any interruption."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from hikcore.archive.local import LocalStore
from hikcore.deviceclock import DeviceClock
from hikcore.errors import (
    ArchiveUnavailable,
    DeviceAuthError,
    DeviceRefused,
    DeviceUnreachable,
    TransferInterrupted,
)
from hikcore.extract.camera import extract_camera
from hikcore.extract.parts import body_name
from hikcore.extract.plan import PlannedChunk, identity
from hikcore.extract.recover import row_bytes
from hikcore.extract.report import CameraJob, CameraReport, Outcome, Quiet
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span
from hikcore.media.runs import find_runs
from hikcore.media.table import SampleTable
from hikcore.sources.base import Recording
from tests.extract.conftest import BEGIN, HASTY, JOB, Device, film
from tests.kill.objects import committed, orphans, raw_objects

HOUR = Span(BEGIN, BEGIN + 3600 * NS)


async def extract(
    device: Device, store: LocalStore, spool: Spool, span: Span = HOUR, **options: object
) -> CameraReport:
    return await extract_camera(
        JOB,
        span,
        source=device,
        store=store,
        spool=spool,
        patience=HASTY,
        **options,  # type: ignore[arg-type]
    )


def three_files(device: Device) -> None:
    device.add(0, 102, film(0, 102))
    device.add(100, 102, film(100, 102))
    device.add(200, 102, film(200, 102))


def v1(store: LocalStore) -> dict[str, str]:
    """Everything under v1/ by an independent lister; no orphans may be there."""
    objects = raw_objects(store.url, {})
    assert orphans(objects) == []
    return committed(objects)


def manifests(store: LocalStore) -> list[dict[str, object]]:
    objects = raw_objects(store.url, {})
    return [json.loads(objects[key]) for key in sorted(objects) if "/manifests/" in key]


async def test_run_twice_nothing_is_fetched_the_second_time(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    three_files(device)
    first = await extract(device, store, spool)
    assert (first.count("held"), first.errors, first.listed) == (3, [], 3)
    assert first.received == sum(map(len, device.bodies.values()))
    before = v1(store)
    second = await extract(device, store, spool)
    assert (second.planned, second.outcomes) == ([], [])
    assert len(device.fetched) == 3
    assert v1(store) == before
    assert list(spool.folder.iterdir()) == []


async def test_the_same_archive_whatever_the_order_of_work(
    device: Device, store: LocalStore, spool: Spool, tmp_path: Path
) -> None:
    three_files(device)
    await extract(device, store, spool)
    other = LocalStore(tmp_path / "other")
    for begin in (250, 120, 0):
        await extract(device, other, spool, Span(BEGIN + begin * NS, BEGIN + (begin + 10) * NS))
    assert v1(other) == v1(store)
    assert len(device.fetched) == 6


async def test_two_workers_on_the_same_file_at_once(
    device: Device, store: LocalStore, spool: Spool, tmp_path: Path
) -> None:
    device.pause = 0.002
    three_files(device)
    beside = Spool(spool.folder, spool.limit, poll=0.01)
    apart = Spool(tmp_path / "elsewhere", spool.limit, poll=0.01)
    reports = await asyncio.gather(
        extract(device, store, spool),
        extract(device, store, beside),
        extract(device, store, apart),
    )
    assert [report.errors for report in reports] == [[], [], []]
    assert len(device.fetched) > 3  # they did meet
    alone = LocalStore(tmp_path / "alone")
    await extract(device, alone, spool)
    assert v1(store) == v1(alone)
    assert list(spool.folder.iterdir()) == []


def leave_finished(spool: Spool, row: Recording, content: bytes, sha: str = "") -> Path:
    """A body as a killed run leaves it."""
    spool.folder.mkdir(exist_ok=True)
    sha = sha or hashlib.sha256(content).hexdigest()
    name = body_name(JOB.owner, identity("door", row), len(content), sha, short=False)
    path = spool.folder / name
    path.write_bytes(content)
    path.with_suffix(".row").write_bytes(row_bytes(JOB, row))
    return path


async def test_a_finished_body_is_used_again_instead_of_a_fetch(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    content = film(0, 102)
    leave_finished(spool, device.add(0, 102, content), content)
    report = await extract(device, store, spool)
    assert (report.count("held"), report.received) == (1, 0)
    assert device.fetched == []
    assert list(spool.folder.iterdir()) == []


async def test_a_finished_body_is_committed_though_the_recorder_has_it_no_more(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    content = film(0, 102)
    leave_finished(spool, device.add(0, 102, content), content)
    device.rows.clear()
    later = Span(HOUR.end, HOUR.end + NS)
    report = await extract(device, store, spool, later)
    assert (report.count("held"), report.listed) == (1, 0)
    assert len(manifests(store)) == 1


async def test_a_body_left_after_its_commit_is_removed(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    content = film(0, 102)
    row = device.add(0, 102, content)
    await extract(device, store, spool)
    before = v1(store)
    leave_finished(spool, row, content)
    report = await extract(device, store, spool)
    assert report.outcomes == []
    assert v1(store) == before
    assert list(spool.folder.iterdir()) == []


async def test_a_body_that_somebody_works_on_is_left_to_them(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    content = film(0, 102)
    path = leave_finished(spool, device.add(0, 102, content), content)
    device.rows.clear()
    (body,) = spool.finished(JOB.owner)
    with spool.adopt(body):
        report = await extract(device, store, Spool(spool.folder, spool.limit))
    assert report.outcomes == []
    assert path.exists()


async def test_a_rotten_body_is_fetched_again(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    content = film(0, 102)
    row = device.add(0, 102, content)
    leave_finished(spool, row, content[:-1] + b"\0", hashlib.sha256(content).hexdigest())
    report = await extract(device, store, spool)
    assert (report.count("held"), len(device.fetched)) == (1, 1)
    assert list(spool.folder.iterdir()) == []


async def test_a_body_of_another_device_or_of_nothing_known_is_dropped(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    content = film(0, 102)
    row = device.add(0, 102, content)
    path = leave_finished(spool, row, content)
    moved = CameraJob("home", "door", "main", "other", 1)
    path.with_suffix(".row").write_bytes(row_bytes(moved, row))
    assert (await extract(device, store, spool)).count("held") == 1
    leave_finished(spool, row, content).with_suffix(".row").write_bytes(b"{}")
    await extract(device, store, spool)
    assert len(device.fetched) == 1
    assert list(spool.folder.iterdir()) == []


async def test_an_error_of_one_recording_does_not_stop_the_others(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    three_files(device)
    device.plans = [DeviceRefused("recycled")]
    report = await extract(device, store, spool)
    assert (report.count("failed"), report.count("held")) == (1, 2)
    assert (report.failure, report.whole) == (None, False)
    again = await extract(device, store, spool)
    assert (len(again.planned), again.whole) == (1, True)


async def test_a_fault_of_ours_in_one_recording_does_not_stop_the_others(
    device: Device, store: LocalStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_files(device)
    faults = iter([IndexError("index 7 is out of bounds")] * 2)

    def strange(table: SampleTable, clock: DeviceClock, begin: int) -> object:
        if begin == BEGIN:
            for fault in faults:
                raise fault
        return find_runs(table, clock, begin)

    monkeypatch.setattr("hikcore.extract.commit.find_runs", strange)
    for held in (2, 0, 1):  # found, still there, mended
        report = await extract(device, store, spool)
        assert (report.count("held"), report.failure) == (held, None)
        assert report.count("failed") == int(held != 1)
        if held != 1:
            assert "IndexError: index 7 is out of bounds" in str(report.errors[0])
    assert len(device.fetched) == 3  # the body waited in the spool
    assert (await extract(device, store, spool)).planned == []


@pytest.mark.parametrize("error", [DeviceAuthError("refused"), DeviceUnreachable("gone")])
async def test_a_device_that_cannot_be_used_ends_the_work(
    device: Device, store: LocalStore, spool: Spool, error: DeviceAuthError
) -> None:
    three_files(device)
    device.plans = [error]
    report = await extract(device, store, spool)
    assert report.failure is error
    assert report.errors == [error]
    assert len(device.fetched) == 1


async def test_a_store_that_does_not_answer_ends_the_work_and_keeps_the_body(
    device: Device, store: LocalStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_files(device)
    with monkeypatch.context() as patched:

        def away(*_: object, **__: object) -> None:
            raise ArchiveUnavailable("no answer")

        patched.setattr(LocalStore, "put_file", away)
        report = await extract(device, store, spool)
    assert isinstance(report.failure, ArchiveUnavailable)
    assert manifests(store) == []
    again = await extract(device, store, spool)
    assert again.count("held") == 3
    assert len(device.fetched) == 3  # the first body was not fetched twice


async def test_a_body_cut_short_is_fetched_again_and_settled_when_it_comes_alike(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    content = film(0, 102)
    device.add(0, 102, content)
    end = len(content) - 3000
    device.plans = [end, end]
    report = await extract(device, store, spool)
    assert report.count("held") == 1
    assert report.outcomes[0].received == 2 * end
    (manifest,) = manifests(store)
    assert manifest["notes"] == [f"short: listed {len(content)} bytes, received {end} twice alike"]
    assert (await extract(device, store, spool)).planned == []


async def test_fewer_bytes_another_way_each_time_are_kept_and_asked_for_again(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    content = film(0, 102)
    device.add(0, 102, content)
    device.plans = [-9000, -8000, -7000, -6000]
    assert (await extract(device, store, spool)).count("held") == 1
    report = await extract(device, store, spool)
    assert [chunk.held for chunk in report.planned] == [len(content) - 6000]
    assert report.count("held") == 1
    assert (await extract(device, store, spool)).planned == []
    assert len(manifests(store)) == 2  # two takes, which readers unite


async def test_without_a_size_an_end_that_came_elsewhere_each_time_is_asked_for_again(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    """Nothing but its footage tells that more of it is to be had."""
    content = film(0, 102)
    device.add(0, 102, content)
    device.rows[-1] = replace(device.rows[-1], size=None)
    device.plans = [-(len(content) // 2) - cut for cut in (900, 700, 500, 300)]
    report = await extract(device, store, spool)
    assert report.count("held") == 1
    assert "others in each try" in report.outcomes[0].reason
    (manifest,) = manifests(store)
    assert [note[:8] for note in manifest["notes"]] == ["cut off:"]
    report = await extract(device, store, spool)
    assert (len(report.planned), report.count("held")) == (1, 1)
    assert (await extract(device, store, spool)).planned == []
    assert len(manifests(store)) == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<?xml version='1.0'?><nothing/>" * 50, "neither MPEG-PS nor MP4"),
        (bytes(range(256)) * 40, "neither MPEG-PS nor MP4"),
        (film(0, 40)[:600], "no picture and no sound"),
    ],
)
async def test_what_cannot_be_decoded_is_kept_as_received(
    device: Device, store: LocalStore, spool: Spool, body: bytes, reason: str
) -> None:
    device.add(0, 102, body)
    report = await extract(device, store, spool)
    assert report.count("damaged") == 1
    assert reason in report.outcomes[0].reason
    (manifest,) = manifests(store)
    assert manifest["state"] == "damaged"
    raw = manifest["raw"]
    assert isinstance(raw, dict)
    assert raw_objects(store.url, {})[raw["key"]] == body
    assert (await extract(device, store, spool)).planned == []
    assert len((await extract(device, store, spool, repair=True)).planned) == 1


async def test_nothing_usable_another_way_each_time_is_no_damage_and_asked_for_again(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    content = film(0, 102)
    device.add(0, 102, content)
    device.plans = [-(len(content) - size) for size in (600, 500, 400, 300)]
    report = await extract(device, store, spool)
    assert (report.count("failed"), manifests(store)) == (1, [])
    assert "came another way each time" in report.outcomes[0].reason
    assert (await extract(device, store, spool)).count("held") == 1
    assert [manifest["state"] for manifest in manifests(store)] == ["held"]


async def test_a_dry_run_writes_nothing(device: Device, store: LocalStore, spool: Spool) -> None:
    three_files(device)
    report = await extract(device, store, spool, dry_run=True)
    assert len(report.planned) == 3
    assert report.planned_bytes == sum(map(len, device.bodies.values()))
    assert report.planned_hours == pytest.approx(306 / 3600)
    assert device.fetched == []
    assert not store.root.exists()
    assert not spool.folder.exists()


async def test_a_growing_recording_is_left_for_later(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    row = device.add(0, 102, film(0, 102))
    device.rows = [row.__class__(**{f: getattr(row, f) for f in row.__slots__} | {"growing": True})]
    report = await extract(device, store, spool)
    assert (report.growing, report.planned) == (1, [])


async def test_asked_to_stop_it_finishes_the_recording_at_hand(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    three_files(device)
    stop = asyncio.Event()

    class Stopping(Quiet):
        def received(self, job: CameraJob, chunk: PlannedChunk, size: int) -> None:
            stop.set()

    report = await extract(device, store, spool, stop=stop, progress=Stopping())
    assert (report.stopped, report.count("held"), len(device.fetched)) == (True, 1, 1)
    assert (await extract(device, store, spool)).count("held") == 2


async def test_progress_tells_every_byte_and_every_end(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    three_files(device)
    device.plans = [1000]
    said: list[object] = []

    class Telling(Quiet):
        def started(self, job: CameraJob, chunk: PlannedChunk) -> None:
            said.append("started")

        def received(self, job: CameraJob, chunk: PlannedChunk, size: int) -> None:
            said.append(size)

        def done(self, job: CameraJob, outcome: Outcome) -> None:
            said.append(outcome.state)

    await extract(device, store, spool, progress=Telling())
    assert said.count("started") == 4  # one of them for the second time
    assert said.count("held") == 3
    total = sum(map(len, device.bodies.values()))
    assert sum(each for each in said if isinstance(each, int)) == total + 1000


async def test_answers_are_kept_even_when_every_transfer_fails(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    device.add(0, 102, film(0, 102))
    device.plans = [TransferInterrupted("stalled")] * 4
    report = await extract(device, store, spool)
    assert report.count("failed") == 1
    answers = raw_objects(store.url, {})["log/answers/home/door/main/2026/11/20.json"]
    assert len(json.loads(answers)["rows"]) == 1
    assert list(spool.folder.iterdir()) == []


async def test_a_long_span_is_asked_a_day_at_a_time(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    day = 86_400 * NS
    await extract(device, store, spool, Span(BEGIN, BEGIN + 3 * day))
    assert [span.begin for span in device.asked[:4]] == [
        BEGIN,
        *(BEGIN // day * day + n * day for n in (1, 2, 3)),
    ]
    assert all(span.length <= day for span in device.asked)


async def test_a_clock_set_by_days_inside_a_recording_gives_a_manifest_for_each_day(
    device: Device, store: LocalStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = film(-3 * 86_400, 60)
    content = before + film(0, 60)
    device.add(0, 60, content)
    with monkeypatch.context() as patched:
        put, puts = LocalStore.put, []

        def away(self: LocalStore, key: str, data: bytes, *, content_type: str) -> None:
            puts.append(key)
            if sum("/manifests/" in each for each in puts) == 2:
                raise ArchiveUnavailable("no answer")
            put(self, key, data, content_type=content_type)

        patched.setattr(LocalStore, "put", away)
        await extract(device, store, spool)
    (first,) = manifests(store)
    assert first["notes"][0] == "part: 1 of 2"  # type: ignore[index]
    again = await extract(device, store, spool)  # the first part alone settles nothing
    assert again.count("held") == 1
    both = manifests(store)
    assert [str(each["begin"])[:10] for each in both] == ["2026-11-17", "2026-11-20"]
    assert (await extract(device, store, spool)).planned == []
    assert len(device.fetched) == 1


async def test_a_recording_listed_over_years_is_looked_for_at_its_ends_only(
    device: Device, store: LocalStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    years = 22 * 365 * 86_400
    device.add(-years, years + 60, film(-years, 60) + film(0, 60))
    assert (await extract(device, store, spool)).count("held") == 1
    lists: list[str] = []
    listing = LocalStore.list

    def counted(self: LocalStore, prefix: str, after: str = "") -> object:
        lists.append(prefix)
        return listing(self, prefix, after)

    monkeypatch.setattr(LocalStore, "list", counted)
    assert (await extract(device, store, spool)).planned == []
    assert len(lists) < 60
    assert len(manifests(store)) == 2


async def test_a_broken_manifest_stops_its_own_recording_alone(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    device.add(0, 102, film(0, 102))
    device.add(200, 102, film(200, 102))
    await extract(device, store, spool)
    first = min(key for key in raw_objects(store.url, {}) if key.startswith("v1/manifests/"))
    path = store.root / first
    path.write_bytes(path.read_bytes().replace(b"home", b"hole"))
    device.add(400, 102, film(400, 102))
    for more in (1, 0):  # the second run fetches nothing any more
        again = await extract(device, store, spool)
        assert len(again.planned) == more
        assert [type(error).__name__ for error in again.errors] == ["ArchiveCorrupt"]
        assert first in str(again.errors[0])
