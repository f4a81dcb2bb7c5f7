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
from hikcore.extract.holder import Holder
from hikcore.extract.leases import Leases, Seen, Taken
from hikcore.extract.report import CameraJob, CameraReport, Left, Progress, Quiet
from hikcore.extract.spool import Spool
from hikcore.instants import DAY, Span
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

    def days(self) -> dict[int, Span]:
        """The pieces of its span by the UTC day (ns of its begin) in which they lie."""
        return {piece.begin // DAY * DAY: piece for piece in self.span.days()}

    def day_of(self, begin: int) -> int:
        """The day to which a recording belongs: to the first also what began before it."""
        first, *_, last = [*self.days(), *self.days()]
        return min(max(begin // DAY * DAY, first), last)


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
        leases: of camera-days, so that two processes do not do the same; those of the archive,
            unless said. A dry run takes none.
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
        leases: Leases | None = None,
    ) -> None:
        self._sources = sources
        self._store = store
        self._spool = spool
        self._progress = progress or Quiet()
        self._leases = leases or Leases(store)
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
        not tried again: its other parts end with the same error. Days on which another process is
        at work are left to it."""
        expired: dict[int, Seen] = {}
        left: dict[int, Holder] = {}
        while True:
            async with self._turns:
                if part.job.device in self._gone:
                    failure = self._gone[part.job.device]
                    return CameraReport(part.job, part.span, failure=failure)
                if self._stopped():
                    return CameraReport(part.job, part.span, stopped=True)
                if self._dry_run:
                    return await self._extract(part, Taken({}, {}), left)
                days = [day for day in part.days() if day not in left]
                async with self._leases.take(part.job, days, expired) as taken:
                    if not taken.seen:
                        return await self._extract(part, taken, left)
            # Not in its turn: others work meanwhile.
            expired = taken.seen
            left |= await self._watch(part, taken.seen)

    async def _watch(self, part: Part, seen: dict[int, Seen]) -> dict[int, Holder]:
        """By day, who lives of those that hold it."""
        holders = sorted({str(each.holder) for each in seen.values()})
        self._progress.waiting(
            part.job,
            f"{' and '.join(holders)} has it in hand: looking for up to "
            f"{self._leases.term:g} s whether that is still at work",
        )
        found = await asyncio.gather(
            *(self._leases.watch(each, self._stopped) for each in seen.values())
        )
        return {day: each for day, each in zip(seen, found, strict=True) if each is not None}

    def _stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    async def _extract(self, part: Part, taken: Taken, left: dict[int, Holder]) -> CameraReport:
        """Extract what is ours of a part; the rest is left to others."""

        def others() -> dict[int, Holder]:
            return left | taken.lost()

        if len(others()) == len(part.days()):
            report = CameraReport(part.job, part.span)
        else:
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
                elsewhere=lambda begin: part.day_of(begin) in others(),
            )
        report.left = [Left(part.days()[day], str(who)) for day, who in sorted(others().items())]
        if isinstance(report.failure, DeviceAuthError | DeviceUnreachable | QuietHours):
            self._gone.setdefault(part.job.device, report.failure)
        return report

    async def extract_all(self, parts: Sequence[Part]) -> list[CameraReport]:
        """Extract many parts; the reports in the same order."""
        return list(await asyncio.gather(*(self.extract(part) for part in parts)))
