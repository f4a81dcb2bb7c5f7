"""Extract one camera over a span: ask, plan, then fetch, split and commit chunk after chunk.

What an interrupted run had fetched already is committed first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from hikcore.archive.clocks import load_clocks, profile_of
from hikcore.archive.documents import Manifest
from hikcore.archive.load import load_answers, load_footage, load_manifests
from hikcore.archive.settled import unsettled
from hikcore.archive.store import Store
from hikcore.errors import (
    ArchiveDenied,
    ArchiveUnavailable,
    DeviceAuthError,
    DeviceUnreachable,
    HikcoreError,
)
from hikcore.extract.ask import ask, keep
from hikcore.extract.commit import Commit, Committed
from hikcore.extract.evidence import Evidence
from hikcore.extract.fetch import Fetching, Patience
from hikcore.extract.halves import doubt, flagged, in_halves, put_parts
from hikcore.extract.intake import Body
from hikcore.extract.plan import PlannedChunk, plan
from hikcore.extract.recover import commit_left_over, left_over, row_bytes
from hikcore.extract.report import CameraJob, CameraReport, Outcome, Progress, Quiet
from hikcore.extract.sizes import Sizes
from hikcore.extract.spool import Room, Spool
from hikcore.extract.tail import tails
from hikcore.extract.windows import to_ask
from hikcore.instants import DAY, Span, union
from hikcore.sources.base import QuietHours, ReadsAsTold, Recording, Source, SpanSource

_LOG = logging.getLogger(__name__)
#: After these nothing else of the camera can succeed either, so the work ends.
_ENDING = (DeviceAuthError, DeviceUnreachable, QuietHours, ArchiveDenied, ArchiveUnavailable)


async def extract_camera(
    job: CameraJob,
    span: Span,
    *,
    source: Source,
    store: Store,
    spool: Spool,
    progress: Progress | None = None,
    dry_run: bool = False,
    stop: asyncio.Event | None = None,
    begins_from: int | None = None,
    repair: bool = False,
    patience: Patience | None = None,
    now: Callable[[], int] = time.time_ns,
    evidence: Evidence | None = None,
    tails: bool = False,
    elsewhere: Callable[[int], bool] = lambda begin: False,
) -> CameraReport:
    """Bring everything that a camera's device has of a span, and that is not settled, into the
    archive. Recordings are taken whole, also what of them lies outside the span.

    Args:
        span: what is asked; see `plan.trailing` for scheduled runs.
        source: of the camera's device, shared by all its cameras.
        store: of the archive.
        spool: where bodies lie until they are committed.
        progress: told what happens.
        dry_run: ask and plan only; nothing is written, the log of answers included.
        stop: once set, the chunk at hand is finished and no other begun.
        begins_from: recordings that begin before are left to whoever extracts the day before.
        repair: fetch again what is kept as damaged.
        patience: how often a transfer is tried.
        now: our clock, ns UTC.
        evidence: what the device tells besides, where its cameras share it.
        tails: also play what lies in recordings that are still being written.
        elsewhere: whether another process works on recordings that begin at an instant (UTC ns):
            they are left to it. Asked again before each.

    Returns:
        What was done. An error of one chunk does not stop the others, and none is raised: see
        `CameraReport.errors` and `CameraReport.failure`.
    """
    work = _Work(
        job,
        span,
        source,
        store,
        spool,
        progress or Quiet(),
        patience or Patience(),
        now,
        evidence or Evidence(source),
        tails,
    )
    report = CameraReport(job, span)
    try:
        await work.read_as_corrected()
        if not dry_run:
            await work.recover(report)
        tried = {chunk.id for chunk in report.planned}
        planned = await work.ask(report, dry_run, begins_from, repair)
        planned = [
            chunk
            for chunk in planned
            if chunk.id not in tried and not elsewhere(chunk.recording.span.begin)
        ]
        report.planned += planned
        work.progress.planned(job, planned)
        if dry_run or not planned:
            return report
        commit = Commit(job, await source.clock(), store, spool)
    except HikcoreError as error:
        report.failure = error
        return report
    for chunk in planned:
        if stop is not None and stop.is_set():
            report.stopped = True
            break
        if elsewhere(chunk.recording.span.begin):
            report.planned.remove(chunk)
            continue
        outcome = await work.chunk(chunk, commit)
        report.outcomes.append(outcome)
        work.progress.done(job, outcome)
        if isinstance(outcome.error, _ENDING):
            report.failure = outcome.error
            break
    return report


@dataclass(slots=True)
class _Work:
    job: CameraJob
    span: Span
    source: Source
    store: Store
    spool: Spool
    progress: Progress
    patience: Patience
    now: Callable[[], int]
    evidence: Evidence
    tails: bool = False
    again: list[Span] = field(default_factory=list)
    sizes: Sizes = field(default_factory=Sizes)

    async def read_as_corrected(self) -> None:
        """Read the device's times as the archive says where it has put the profile right that the
        device was found to have."""
        if not isinstance(self.source, ReadsAsTold):
            return
        clock = await self.source.clock()
        job = self.job
        clocks = await asyncio.to_thread(load_clocks, self.store, job.site, job.device)
        name, _ = profile_of(job.site, job.device, clock)
        found = clocks.correction(name)
        if found is not None:
            self.source.read_as(replace(found.right, source="correction"))

    async def ask(
        self, report: CameraReport, dry_run: bool, begins_from: int | None, repair: bool
    ) -> list[PlannedChunk]:
        """Ask the device, keep the answers, and plan against what the archive holds."""
        job = self.job
        answers = await ask(job, await self._spans(repair), self.source)
        if not dry_run:
            await keep(job, answers, self.store, await self.source.clock(), self.evidence)
        rows = {row for answer in answers for row in answer.recordings}
        report.listed = len(rows)
        report.growing = sum(row.growing for row in rows)
        report.warnings = list(dict.fromkeys(line for a in answers for line in a.warnings))
        report.faults += [failure for answer in answers for failure in answer.failures]
        manifests: list[Manifest] = []
        broken: dict[str, HikcoreError] = {}
        for reach in _reaches(rows):
            found = await asyncio.to_thread(
                load_footage, self.store, job.site, job.camera, job.stream, reach
            )
            manifests += found.manifests
            broken |= {fault.key.chunk: fault.error for fault in found.faults}
        report.faults += broken.values()
        planned = plan(
            job.camera,
            rows,
            manifests,
            self.span,
            device=job.device,
            begins_from=begins_from,
            repair=repair,
            again=self.again,
        )
        if self.tails:
            planned += await tails(
                job, self.source, rows, manifests, self.span, self.now(), report.faults
            )
        # What is under a broken manifest would be fetched at every run: the same manifest would be
        # put under the same key, where it is taken to be there already.
        return [chunk for chunk in planned if chunk.id not in broken]

    async def _spans(self, repair: bool) -> list[Span]:
        """What to ask the device about: all of the span, or of a source of windows those alone that
        are neither held nor settled."""
        source, job = self.source, self.job
        if not isinstance(source, SpanSource):
            return [self.span]
        aligned = source.windows.aligned(self.span)
        whole = Span(aligned[0].begin, aligned[-1].end)
        # Answers before manifests: see `hikcore.archive.load`.
        answers = await asyncio.to_thread(
            load_answers, self.store, job.site, job.camera, job.stream, whole
        )
        manifests = await asyncio.to_thread(
            load_manifests, self.store, job.site, job.camera, job.stream, whole
        )
        laid = to_ask(
            self.span, source.windows, manifests, answers, self.now(),
            device=job.device, repair=repair,
        )  # fmt: skip
        self.again = laid.again
        return laid.ask

    def _asked_for(self, chunk: PlannedChunk) -> PlannedChunk:
        """A window with its margins; a file as it is."""
        row, source = chunk.recording, self.source
        if row.kind != "window" or not isinstance(source, SpanSource):
            return chunk
        return replace(chunk, recording=source.asking(row, self._request(chunk)))

    def _request(self, chunk: PlannedChunk) -> Span:
        """What is asked for a window, margins included."""
        assert isinstance(self.source, SpanSource)
        windows = self.source.windows
        window = windows.aligned(chunk.recording.span)[0]
        return windows.request(window, self.now() - windows.settle)

    def _fetching(
        self,
        wanted: PlannedChunk,
        chunk: PlannedChunk,
        room: Room,
        told: Callable[[int], None],
        keep: Callable[[PlannedChunk, Body], bool],
    ) -> Fetching:
        """The transfer of what is wanted for a chunk."""
        return Fetching(
            self.source,
            wanted,
            self.spool,
            room,
            self.job.owner,
            lambda recording: row_bytes(self.job, recording),
            self.patience,
            lambda: self.progress.started(self.job, chunk),
            told,
            keep,
        )

    async def chunk(self, chunk: PlannedChunk, commit: Commit) -> Outcome:
        """Fetch, split and commit one chunk; its error, if any, is in the outcome."""
        received = 0

        def told(size: int) -> None:
            nonlocal received
            received += size
            self.progress.received(self.job, chunk, size)

        outcome = await self._outcome(chunk, self._commit(chunk, commit, told))
        return replace(outcome, received=received)

    async def _outcome(
        self, chunk: PlannedChunk, committing: Coroutine[Any, Any, Committed | None]
    ) -> Outcome:
        """What comes of a chunk, errors included."""
        try:
            committed = await committing
        except HikcoreError as error:
            return Outcome(chunk, "failed", reason=error.message, error=error)
        except Exception as error:
            # A fault of ours, in the way of one strange recording: it must not keep a schedule
            # from all the others, for ever.
            _LOG.exception("%s: recording of %s", self.job, chunk.recording.literal_begin)
            fault = HikcoreError(
                f"{type(error).__name__}: {error}",
                where=f"{self.job}, recording of {chunk.recording.literal_begin}",
                hint="a fault of hikcore: please report it with the log",
            )
            return Outcome(chunk, "failed", reason=fault.message, error=fault)
        if committed is None:
            return Outcome(chunk, "failed", reason="not what it was")
        manifest = committed.manifest
        reason = manifest.raw.reason if manifest.raw is not None else "; ".join(manifest.notes)
        reason = reason or unsettled(manifest)
        return Outcome(chunk, manifest.state, 0, committed.stored, committed.key, reason)

    async def _commit(
        self, chunk: PlannedChunk, commit: Commit, told: Callable[[int], None]
    ) -> Committed:
        asked = self._asked_for(chunk)
        size, guessed = self.sizes.expected(asked.recording), asked.recording.size is None
        async with self.spool.room(size, guessed=guessed) as room, AsyncExitStack() as parts:

            async def fetched(
                wanted: PlannedChunk, keep: Callable[[PlannedChunk, Body], bool]
            ) -> tuple[PlannedChunk, Body]:
                fetching = self._fetching(wanted, chunk, room, told, keep)
                body = await fetching.run()
                self.sizes.came(body.size, wanted.recording.span.length)
                parts.callback(body.part.close)
                return fetching.chunk, body

            # What may yet be asked for in halves is not kept: a kill in between must not commit it.
            whole, body = await fetched(asked, lambda each, arrived: not doubt(each, arrived))
            reason = doubt(whole, body)
            if reason and isinstance(self.source, SpanSource):
                halved = await in_halves(chunk, self.source, self._request(chunk), fetched)
                if halved:
                    return await asyncio.to_thread(put_parts, commit, halved, reason)
                flagged(body, reason)
            committed = await asyncio.to_thread(commit.put, whole, body)
        if body.finished is not None:
            await asyncio.to_thread(body.finished.remove)
        return committed

    async def recover(self, report: CameraReport) -> None:
        """Commit what an interrupted run had fetched already. What cannot be committed stays in the
        spool and is not fetched again."""
        left = await left_over(self.job, self.spool, self.store)
        if not left:
            return
        commit = Commit(self.job, await self.source.clock(), self.store, self.spool)
        for chunk, body in left:
            committing = commit_left_over(chunk, body, self.spool, commit)
            outcome = await self._outcome(chunk, committing)
            if outcome.manifest or outcome.error is not None:
                report.planned.append(chunk)
                report.outcomes.append(outcome)


def _reaches(rows: Iterable[Recording]) -> list[Span]:
    """Where manifests of recordings can lie: none is longer than a day. A recording may be listed
    with years between begin and end, where the clock was set inside it."""
    ends = []
    for row in rows:
        begin, end = row.span.begin, row.span.end
        ends.append(Span(begin, min(end, begin + DAY)))
        ends.append(Span(max(begin, end - DAY), end))
    return union(ends)
