"""Extract one camera over a span: ask, plan, then fetch, split and commit chunk after chunk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from hikcore.archive.load import load_manifests
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
from hikcore.extract.fetch import Body, Fetching, Patience, reuse
from hikcore.extract.plan import PlannedChunk, plan
from hikcore.extract.report import CameraJob, CameraReport, Outcome, Progress, Quiet
from hikcore.extract.spool import Finished, Spool
from hikcore.instants import Span
from hikcore.sources.base import Source

#: After these nothing else of the camera can succeed either, so the work ends.
_ENDING = (DeviceAuthError, DeviceUnreachable, ArchiveDenied, ArchiveUnavailable)


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

    Returns:
        What was done. An error of one chunk does not stop the others, and none is raised: see
        `CameraReport.errors` and `CameraReport.failure`.
    """
    work = _Work(job, span, source, store, spool, progress or Quiet(), patience or Patience())
    report = CameraReport(job, span)
    try:
        report.planned = await work.ask(report, dry_run, begins_from, repair)
    except HikcoreError as error:
        report.failure = error
        return report
    work.progress.planned(job, report.planned)
    if dry_run or not report.planned:
        return report
    try:
        commit = Commit(job, await source.clock(), store, spool)
    except HikcoreError as error:
        report.failure = error
        return report
    for chunk in report.planned:
        if stop is not None and stop.is_set():
            report.stopped = True
            break
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

    async def ask(
        self, report: CameraReport, dry_run: bool, begins_from: int | None, repair: bool
    ) -> list[PlannedChunk]:
        """Ask the device, keep the answers, and plan against what the archive holds."""
        job = self.job
        answers = await ask(job, self.span, self.source)
        if not dry_run:
            await keep(job, answers, self.store)
        rows = {row for answer in answers for row in answer.recordings}
        report.listed = len(rows)
        report.growing = sum(row.growing for row in rows)
        if not rows:
            return []
        reach = Span(min(row.span.begin for row in rows), max(row.span.end for row in rows))
        manifests = await asyncio.to_thread(
            load_manifests, self.store, job.site, job.camera, job.stream, reach
        )
        return plan(
            job.camera,
            rows,
            manifests,
            self.span,
            device=job.device,
            begins_from=begins_from,
            repair=repair,
        )

    async def chunk(self, chunk: PlannedChunk, commit: Commit) -> Outcome:
        """Fetch, split and commit one chunk; its error, if any, is in the outcome."""
        received = 0

        def told(size: int) -> None:
            nonlocal received
            received += size
            self.progress.received(self.job, chunk, size)

        try:
            committed = await self._commit(chunk, commit, told)
        except HikcoreError as error:
            return Outcome(chunk, "failed", received, reason=error.message, error=error)
        manifest = committed.manifest
        reason = manifest.raw.reason if manifest.raw is not None else "; ".join(manifest.notes)
        return Outcome(chunk, manifest.state, received, committed.stored, committed.key, reason)

    async def _commit(
        self, chunk: PlannedChunk, commit: Commit, told: Callable[[int], None]
    ) -> Committed:
        def began() -> None:
            self.progress.started(self.job, chunk)

        finished = await asyncio.to_thread(self.spool.finished, self.job.owner)
        spooled = finished.get(chunk.id)
        if spooled is not None:
            began()
            committed = await self._from_spool(chunk, spooled, commit)
            if committed is not None:
                return committed
        async with self.spool.room(chunk.recording.size) as room:
            fetching = Fetching(
                self.source, chunk, self.spool, room, self.job.owner, self.patience, began, told
            )
            body = await fetching.run()
            try:
                committed = await self._put(chunk, body, commit)
            finally:
                body.part.close()
        await asyncio.to_thread(self.spool.used, self.job.owner, chunk.id)
        return committed

    async def _from_spool(
        self, chunk: PlannedChunk, finished: Finished, commit: Commit
    ) -> Committed | None:
        """Commit what an interrupted run had fetched already; None if it cannot be used."""
        committed = None
        try:
            async with self.spool.room(finished.size):
                with self.spool.adopt(finished) as part:
                    body = await reuse(part, finished)
                    if body is not None:
                        committed = await self._put(chunk, body, commit)
        except FileNotFoundError:
            return None  # another process used it up meanwhile
        await asyncio.to_thread(self.spool.used, self.job.owner, chunk.id)
        return committed

    async def _put(self, chunk: PlannedChunk, body: Body, commit: Commit) -> Committed:
        return await asyncio.to_thread(commit.put, chunk, body)
