"""From the spool to the archive: every object first, then the manifest that names them.

All of it blocks: it runs in one thread per chunk. One segment at a time lies in the spool.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hikcore.archive.clocks import put_profile
from hikcore.archive.documents import Manifest, RawRef, RunRef, SegmentRef
from hikcore.archive.keys import manifest_key, raw_key, segment_key
from hikcore.archive.settled import lacking
from hikcore.archive.store import Store
from hikcore.deviceclock import DeviceClock
from hikcore.errors import MediaError, TransferInterrupted
from hikcore.extract.intake import Body
from hikcore.extract.parts import Scratch, full
from hikcore.extract.plan import PlannedChunk
from hikcore.extract.report import CameraJob
from hikcore.extract.split import (
    body_document,
    by_day,
    damaged_manifest,
    held_manifest,
    run_end,
    run_ref,
    segment_ref,
    unusable,
)
from hikcore.extract.spool import Spool
from hikcore.instants import format_instant
from hikcore.media.avi import fit
from hikcore.media.regular import excess, irregularity
from hikcore.media.runs import Run, find_runs
from hikcore.media.samples import FileSource
from hikcore.media.segments import SegmentPlan, plan_segments, write_segment
from hikcore.media.sniff import sniff
from hikcore.media.table import SampleTable
from hikcore.sources.base import Recording

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Committed:
    """A chunk that is in the archive: its manifest, the manifest's key, bytes put."""

    manifest: Manifest
    key: str
    stored: int


@dataclass(slots=True)
class Commit:
    """Puts the chunks of one camera into the archive. Blocking."""

    job: CameraJob
    clock: DeviceClock
    store: Store
    spool: Spool

    def put(self, chunk: PlannedChunk, body: Body) -> Committed:
        """Split a body, put what it gives, then the manifest.

        Raises:
            ArchiveError: the store refused or did not answer.
            SpoolFull: no disk left for a segment.
            TransferInterrupted: a file that came shorter than listed, another way each time, and
                of which nothing can be shown: that says something of the way here, not of what
                the recorder has. Kept as damaged it would count as settled.
        """
        profile = put_profile(self.store, self.job.site, self.job.device, self.clock)
        table = body.table
        if table is not None and table.container == "avi" and chunk.recording.kind == "window":
            # It has no times, but what it spans was told; the header's rate is a wish.
            table = fit(table, chunk.recording.span.length)
        reason = (
            str(body.fault or "no index")
            if table is None
            else unusable(table, chunk.recording.kind)
        )
        if table is not None and not reason:
            try:
                return self._segments(chunk, body, profile, table)
            except MediaError as error:  # its segments so far are orphans, which are swept
                reason = str(error)
        if chunk.recording.kind == "file" and not body.settled:
            raise TransferInterrupted(
                f"the body came another way each time, and its last {body.size} bytes cannot be "
                f"used: {reason}",
                where=f"recording of {chunk.recording.literal_begin}",
                hint="the next run asks for it again",
            )
        return self._raw(chunk, body, profile, reason)

    def _segments(
        self, chunk: PlannedChunk, body: Body, profile: str, table: SampleTable
    ) -> Committed:
        """One manifest; where the clock was set by more than a day inside the recording, several,
        as readers look for footage no further than a day before it."""
        groups = by_day(self._runs(chunk.recording, table))
        stored = 0
        every: list[RunRef] = []
        prefix = f"{self.job.owner}.{chunk.id}.segment"
        with (
            FileSource(body.part.path) as source,
            Scratch(lambda: self.spool.part(prefix)) as scratch,
        ):
            for number, group in enumerate(groups, 1):
                begin = min(run.begin for run in group)
                refs = [self._run(chunk, table, run, source, scratch, begin) for run in group]
                every += refs
                last = number == len(groups)
                manifest = held_manifest(
                    self.job,
                    chunk,
                    profile,
                    body_document(chunk, body.size, body.sha256, table, ""),
                    table,
                    refs,
                    (begin, max(run_end(run) for run in group)),
                    short=body.short,
                    settled=body.settled,
                    lacks=lacking(chunk.recording.there, every) if last and body.settled else (),
                    part=(number, len(groups)),
                )
                stored += sum(segment.size for ref in refs for segment in ref.segments)
                committed = self._manifest(manifest, stored)
                stored = committed.stored
        return committed

    def _runs(self, row: Recording, table: SampleTable) -> list[Run]:
        """Of a span that a source serves or plays it also says how long it lasts: times that fit
        are true, and what is too long may be so at either end."""
        if row.kind == "file":
            return find_runs(table, self.clock, row.span.begin)
        if irregularity(table, row.span.length):
            return find_runs(table, self.clock, row.span.begin)
        doubt = excess(table, row.span.length) // 2
        begin = row.span.begin - doubt
        return find_runs(table, self.clock, begin, holes=True, doubt=doubt)

    def _run(
        self, chunk: PlannedChunk, table: SampleTable, run: Run, source: FileSource,
        scratch: Scratch, begin: int,
    ) -> RunRef:  # fmt: skip
        hashes = np.zeros(run.last - run.first, np.uint64)
        refs: list[SegmentRef] = []
        for plan in plan_segments(table, run):
            ref, found = self._segment(chunk, table, run, plan, source, scratch, begin)
            hashes[plan.first - run.first : plan.last - run.first] = found
            refs.append(ref)
        return run_ref(table, run, hashes, refs)

    def _segment(
        self, chunk: PlannedChunk, table: SampleTable, run: Run, plan: SegmentPlan,
        source: FileSource, scratch: Scratch, begin: int,
    ) -> tuple[SegmentRef, np.ndarray]:  # fmt: skip
        """Write a segment beside the body, and put it."""
        part = scratch.next()
        try:
            written = write_segment(part.file, source, table, run, plan)
            part.cut()
        except OSError as error:
            raise full(error, part.path.parent) from error
        key = segment_key(
            self.job.site,
            self.job.camera,
            self.job.stream,
            begin,
            written.begin,
            written.end,
            chunk.id,
            written.sha256,
        )
        metadata = {
            "begin": format_instant(written.begin, 9),
            "end": format_instant(written.end, 9),
            "codec": written.codec,
            "sha256": written.sha256,
        }
        self.store.put_file(key, part.path, content_type="video/mp4", metadata=metadata, given=True)
        return segment_ref(key, written), written.hashes

    def _raw(self, chunk: PlannedChunk, body: Body, profile: str, reason: str) -> Committed:
        """Keep a body as received."""
        span = chunk.recording.span
        job = self.job
        key = raw_key(job.site, job.camera, job.stream, span.begin, span.end, chunk.id, body.sha256)
        metadata = {
            "begin": format_instant(span.begin, 9),
            "end": format_instant(span.end, 9),
            "sha256": body.sha256,
        }
        self.store.put_file(
            key, body.part.path, content_type="application/octet-stream", metadata=metadata,
            given=True,
        )  # fmt: skip
        raw = RawRef(key=key, size=body.size, sha256=body.sha256, reason=reason)
        document = body_document(
            chunk, body.size, body.sha256, body.table, _container(body.part.path)
        )
        manifest = damaged_manifest(job, chunk, profile, document, raw, short=body.short)
        return self._manifest(manifest, body.size)

    def _manifest(self, manifest: Manifest, stored: int) -> Committed:
        """The commit: from here on the chunk is visible."""
        data = manifest.to_bytes()
        key = manifest_key(
            manifest.site,
            manifest.camera,
            manifest.stream,
            manifest.begin,
            manifest.end,
            manifest.chunk.id,
            hashlib.sha256(data).hexdigest(),
        )
        self.store.put(key, data, content_type=_JSON)
        return Committed(manifest, key, stored + len(data))


def _container(path: Path) -> str:
    with path.open("rb") as file:
        return sniff(file.read(64))
