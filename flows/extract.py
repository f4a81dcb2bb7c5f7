"""The flow of a site: what is still missing of a span goes into the archive.

A flow run is one site; its tasks are camera-days; chunks are plain Python inside them (a server
digests some 100 task runs a second and drops states in bursts). All that is decided is decided in
`hikcore.extract`, and all that is known is in the archive: Prefect shows the work and starts it.

Parameters name a site and a span, nothing secret: the worker reads the configuration that
HIKCORE_CONFIG names, and resolves credentials itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import AwareDatetime

from hikcore.archive.store import Store
from hikcore.config import Config, load
from hikcore.config.jobs import SiteJobs, publish, site_jobs
from hikcore.errors import HikcoreError
from hikcore.extract.again import again_parts
from hikcore.extract.overview import coverage_rows
from hikcore.extract.plan import trailing
from hikcore.extract.report import CameraJob, CameraReport, Quiet
from hikcore.extract.site import Part, SiteWork, camera_days
from hikcore.extract.spool import Spool
from hikcore.instants import Span, format_instant, from_datetime

from .limits import shared

#: The state of a camera-day on which another run is at work.
LEFT: Final = "LeftToAnother"
Work = Callable[[], Awaitable[CameraReport]]


@dataclass(frozen=True, slots=True)
class Done:
    """What a run came to.

    Attributes:
        count: camera-days. failures: a line for each that failed, and for each device that cannot
            be asked. left: camera-days on which another run is at work.
    """

    count: int
    failures: Sequence[str] = ()
    left: int = 0


class _Logged(Quiet):
    """Tells a run's log what it waits for."""

    def __init__(self) -> None:
        self._logger = get_run_logger()

    def waiting(self, job: CameraJob, reason: str) -> None:
        """See `hikcore.extract.report.Progress`."""
        self._logger.info("%s: %s", job, reason)


def _run_name() -> str:
    """`home, last 48 h` or `home, 2026-11-20T00:00Z to …`: what the list of runs shows."""
    given: dict[str, Any] = flow_run.parameters
    begin, end = given.get("begin"), given.get("end")
    if begin is None and end is None:
        return f"{given['site']}, last 48 h"
    return f"{given['site']}, {_short(begin)} to {_short(end)}"


@flow(name="extract-site", flow_run_name=_run_name, persist_result=False)
async def extract_site(
    site: str, begin: AwareDatetime | None = None, end: AwareDatetime | None = None
) -> State[Any]:
    """Bring everything that a site's recorders have of a span, and that is not there yet, into the
    archive.

    Args:
        site: its id in the configuration.
        begin: with a zone; without it 48 hours before `end`: recorders fill in late.
        end: with a zone, not included; now without it.

    Returns:
        Completed; `PartiallyComplete` where some camera-days failed (the next run takes up what
        they left); Failed where all did.
    """
    config = load(lenient=True)  # another site's fault is no reason to miss this one's footage
    span = _span(begin, end)
    get_run_logger().info("extracting %s over %s", site, span)
    store = await asyncio.to_thread(config.build_store, create=True)
    async with site_jobs(config, site, store=store) as jobs:
        await asyncio.to_thread(publish, config, jobs, store)
        for note in jobs.notes():
            get_run_logger().warning("%s", note)
        again = time.time_ns() if begin is None and end is None else None
        with shared(config, site, jobs.sources):
            done = await _extract(config, jobs, span, store, again)
    await _coverage(jobs, span, store)
    return _verdict(done)


@task(name="extract-camera-day", task_run_name="{camera} {day}", cache_policy=NO_CACHE)
async def extract_camera_day(camera: str, day: str, work: Work) -> State[Any]:
    """The recordings of one camera that begin in one UTC day (in the first day of a span also those
    that begin before and reach into it).

    It has no tags: for one that has, the server is asked before it may begin, and one that is
    restarting at that moment would end it.
    """
    return _told(camera, day, await work())


def _told(camera: str, day: str, report: CameraReport) -> State[Any]:
    """What became of a camera-day, in the log and as a state."""
    logger = get_run_logger()
    for line in report.warnings:
        logger.warning("%s %s: %s", camera, day, line)
    for error in report.errors:
        logger.error("%s %s: %s", camera, day, error)
    message = (
        f"{report.count('held')} held, {report.count('damaged')} damaged, "
        f"{report.count('failed')} failed of {len(report.planned)} recordings; "
        f"{report.growing} still being written; {report.received} bytes fetched"
    )
    if report.left:
        holders = " and ".join(sorted({left.holder for left in report.left}))
        message = f"left to {holders}, which is at work on it; {message}"
    logger.info("%s %s: %s", camera, day, message)
    if report.whole:
        return Completed(name=LEFT if report.left else None, message=message)
    return Failed(message=f"{message}; {report.errors[-1]}")


async def _extract(
    config: Config, jobs: SiteJobs, span: Span, store: Store, again: int | None
) -> Done:
    """All camera-days.

    Args:
        again: now, UTC ns, in a scheduled run: days that were found empty may be due again.
    """
    spool = Spool(config.settings.spool.folder, config.settings.spool.limit)
    site = SiteWork(jobs.sources, store, spool, progress=_Logged(), evidence=jobs.evidence)

    async def run(part: Part) -> State[Any]:
        camera, day = part.job.camera, format_instant(part.span.begin, 0)[:10]
        label = f"{camera}/{part.job.stream}" if part.job.stream != "main" else camera
        reports: list[CameraReport] = []

        async def work() -> CameraReport:
            reports.append(await site.extract(part))
            return reports[0]

        try:
            # Prefect's types leave out that the call of an async task is awaited.
            running: Any = extract_camera_day(label, day, work, return_state=True)
            state: State[Any] = await running
        except Exception as error:
            # Prefect only shows the work: where it cannot, the work is done all the same.
            get_run_logger().warning("%s %s is not shown as a task: %s", label, day, error)
            state = _told(label, day, reports[0] if reports else await work())
        return state.model_copy(update={"message": f"{label} {day}: {state.message}"})

    parts = camera_days(jobs.jobs, span)
    if again is not None:
        parts += await asyncio.to_thread(again_parts, store, jobs.jobs, again, span, jobs.sources)
    states = await asyncio.gather(*(run(part) for part in parts))
    failures = [f"{device}: {error}" for device, error in jobs.failures.items()]
    failures += [str(state.message) for state in states if state.is_failed()]
    return Done(len(parts), failures, sum(state.name == LEFT for state in states))


async def _coverage(jobs: SiteJobs, span: Span, store: Store) -> None:
    """What the archive holds of the span now, as a table in Prefect's interface."""
    rows = await asyncio.to_thread(coverage_rows, store, jobs.jobs, span)
    if not rows:
        return
    site = jobs.jobs[0].site
    try:
        await acreate_table_artifact(
            rows,
            key=f"coverage-{site.replace('_', '-')}",  # keys of artifacts have no underscore
            description=f"Coverage of {site} over {span}, hours by state",
        )
    except Exception as error:  # a server that is away does not undo what was done
        get_run_logger().warning("no table of the coverage: %s", error)


def _verdict(done: Done) -> State[Any]:
    left = f", {done.left} of them left to another run, which is at work on them"
    count = f"{done.count} camera-days{left if done.left else ''}"
    if not done.failures:
        return Completed(message=count)
    text = "; ".join(done.failures[:5]) + (" …" if len(done.failures) > 5 else "")
    message = f"{len(done.failures)} failures in {count}: {text}"
    if len(done.failures) < done.count:
        return Completed(name="PartiallyComplete", message=message)
    return Failed(message=message)


def _span(begin: datetime | None, end: datetime | None) -> Span:
    to = from_datetime(end) if end is not None else time.time_ns()
    try:
        return Span(from_datetime(begin), to) if begin is not None else trailing(to)
    except ValueError as error:
        raise HikcoreError(str(error), where="parameters begin and end") from None


def _short(value: datetime | str | None) -> str:
    if value is None:
        return "now"
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return format_instant(from_datetime(at), 0)
