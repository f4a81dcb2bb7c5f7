"""Extract all cameras of a site: side by side, with one source per device."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hikcore.archive.store import Store
from hikcore.errors import DeviceAuthError, DeviceUnreachable, HikcoreError
from hikcore.extract.camera import extract_camera
from hikcore.extract.evidence import Evidence
from hikcore.extract.fetch import Patience
from hikcore.extract.report import CameraJob, CameraReport, Progress
from hikcore.extract.spool import Spool
from hikcore.instants import Span
from hikcore.sources.base import QuietHours, Source

#: Cameras worked on at once in one process: enough to cut one while another is fetched. How much is
#: asked of a device at once is its source's own limit.
CAMERAS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Part:
    """A camera and the piece of a span that is extracted in one go.

    Attributes:
        begins_from: recordings that begin before belong to the part of the day before; None in a
            span's first part, which takes those too.
    """

    job: CameraJob
    span: Span
    begins_from: int | None = None


def camera_days(jobs: Sequence[CameraJob], span: Span) -> list[Part]:
    """A part per camera and UTC day: together they fetch every recording that touches the span, and
    none twice. The oldest day comes first for all cameras: it is lost first."""
    days = span.days()
    return [
        Part(job, day, None if number == 0 else day.begin)
        for number, day in enumerate(days)
        for job in jobs
    ]


class SiteWork:
    """What the parts of one site share: sources, archive, spool, and what is known of its devices.

    Args:
        sources: by device; owned by the caller, who closes them.
        evidence: by device, where the caller has asked some of it already.
        cameras_at_once: parts worked on at the same time.
        tails: also play what lies in recordings that are still being written.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        spool: Spool,
        *,
        progress: Progress | None = None,
        dry_run: bool = False,
        stop: asyncio.Event | None = None,
        repair: bool = False,
        patience: Patience | None = None,
        evidence: Mapping[str, Evidence] | None = None,
        cameras_at_once: int = CAMERAS_AT_ONCE,
        tails: bool = False,
    ) -> None:
        self._sources = sources
        self._store = store
        self._spool = spool
        self._progress = progress
        self._dry_run = dry_run
        self._stop = stop
        self._repair = repair
        self._tails = tails
        self._patience = patience
        self._turns = asyncio.Semaphore(cameras_at_once)
        self._gone: dict[str, HikcoreError] = {}
        self._evidence = {device: Evidence(each) for device, each in sources.items()}
        self._evidence |= evidence or {}

    async def extract(self, part: Part) -> CameraReport:
        """Extract one part, in its turn. A device that refused the login or could not be reached is
        not tried again: its other parts end with the same error."""
        async with self._turns:
            if part.job.device in self._gone:
                failure = self._gone[part.job.device]
                return CameraReport(part.job, part.span, failure=failure)
            if self._stop is not None and self._stop.is_set():
                return CameraReport(part.job, part.span, stopped=True)
            report = await extract_camera(
                part.job,
                part.span,
                source=self._sources[part.job.device],
                store=self._store,
                spool=self._spool,
                progress=self._progress,
                dry_run=self._dry_run,
                stop=self._stop,
                begins_from=part.begins_from,
                repair=self._repair,
                patience=self._patience,
                evidence=self._evidence[part.job.device],
                tails=self._tails,
            )
        if isinstance(report.failure, DeviceAuthError | DeviceUnreachable | QuietHours):
            self._gone.setdefault(part.job.device, report.failure)
        return report

    async def extract_all(self, parts: Sequence[Part]) -> list[CameraReport]:
        """Extract many parts; the reports in the same order."""
        return list(await asyncio.gather(*(self.extract(part) for part in parts)))
