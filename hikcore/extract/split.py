"""From a sample table to the documents that commit it: pure, and the same for the same input.

A manifest is a function of the samples and their times, the chunk, the clock profile and the
writer's version. No time of work, host or worker is at hand here, so none can get in.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hikcore import __version__
from hikcore.archive.documents import (
    AudioFormat,
    Body,
    Chunk,
    Manifest,
    RawRef,
    RunRef,
    SegmentRef,
    VideoFormat,
)
from hikcore.archive.recognition import gops_document, units_document
from hikcore.archive.settled import CUT, PART, SHORT
from hikcore.extract.plan import PlannedChunk
from hikcore.extract.report import CameraJob
from hikcore.instants import DAY, NS, Span, ticks_to_ns
from hikcore.media.fingerprint import run_columns
from hikcore.media.runs import Run
from hikcore.media.segments import WrittenSegment
from hikcore.media.table import SampleTable
from hikcore.sources.base import ChunkKind

#: A listing may lie so far beside the first picture: pre-recording, rounding, a late flush (ns).
CONTRADICTION = 90 * NS
WRITER = f"hikcore {__version__}"
#: Faults of a body that are named one by one in its manifest; of more only the number is told.
_NAMED_FAULTS = 20


def unusable(table: SampleTable, kind: ChunkKind) -> str:
    """Why a table that could be built is of no use, so that its body is kept as received; '' if it
    is. A window without a key frame may lie within one long group: it continues its neighbour."""
    if table.encrypted:
        return "encrypted by the device"
    if table.video is None or not len(table.video):
        return "" if table.audio is not None and len(table.audio) else "no samples"
    if kind == "file" and not bool(table.video.sync.any()):
        return "no key frame"
    return ""


def segment_ref(key: str, written: WrittenSegment) -> SegmentRef:
    """A segment as its run names it."""
    return SegmentRef(
        key=key,
        size=written.size,
        sha256=written.sha256,
        head=written.head,
        begin=written.begin,
        end=written.end,
        pts=written.pts,
        frames=written.frames,
        units=written.units,
        headless=written.headless,
    )


def run_ref(
    table: SampleTable, run: Run, hashes: NDArray[np.uint64], segments: Sequence[SegmentRef]
) -> RunRef:
    """A run as the manifest holds it.

    Args:
        hashes: one for every video sample of the run.
    """
    columns = run_columns(table, run, hashes)
    return RunRef(
        begin=run.begin,
        begin_local=run.begin_local,
        origin=cast(Any, run.origin),
        uncertainty=run.uncertainty,
        reason=run.reason,
        pts_begin=run.pts_begin,
        pts_end=run.pts_end,
        video=_video(table, run),
        audio=_audio(table, run),
        gops=gops_document(columns),
        head=units_document(columns.head),
        first=units_document(columns.first),
        last=units_document(columns.last),
        lost=run.lost,
        segments=tuple(segments),
    )


def by_day(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs in their order, grouped so that each group lies within 24 hours (but for a single run
    that is longer)."""
    groups: list[list[Run]] = []
    for run in runs:
        group = [*groups[-1], run] if groups else [run]
        if groups and max(map(run_end, group)) - min(each.begin for each in group) <= DAY:
            groups[-1] = group
        else:
            groups.append([run])
    return groups


def run_end(run: Run) -> int:
    """UTC ns at which the last frame of a run ends."""
    return run.begin + ticks_to_ns(run.pts_end - run.pts_begin)


def held_manifest(
    job: CameraJob,
    chunk: PlannedChunk,
    clock: str,
    body: Body,
    table: SampleTable,
    runs: Sequence[RunRef],
    span: tuple[int, int],
    *,
    short: bool,
    settled: bool = True,
    lacks: Sequence[Span] = (),
    part: tuple[int, int] = (1, 1),
) -> Manifest:
    """The manifest of a chunk that was decoded.

    Args:
        span: UTC ns of its first frame's begin and its last one's end.
        short, settled: see `Body`.
        lacks: what was said to be in it and is in no run of it.
        part: which of how many manifests of the chunk; the last one commits it.
    """
    notes = [*_short_note(chunk, body.size, short, lacks), *table.notes, *_faults(table)]
    if not settled and chunk.recording.kind == "file" and chunk.recording.size is None:
        came = f"{body.size} bytes came, and others in each try: the next run fetches it again"
        notes.insert(0, f"{CUT}listed without a size, to {chunk.recording.literal_end}; {came}")
    notes += _contradiction(chunk, runs[0] if runs and part[0] == 1 else None)
    if part[0] < part[1]:
        notes.insert(0, f"{PART}{part[0]} of {part[1]}")
    return Manifest(
        **_common(job, chunk, clock),
        begin=span[0],
        end=span[1],
        state="held",
        body=body,
        runs=tuple(runs),
        notes=tuple(notes),
    )


def _contradiction(chunk: PlannedChunk, first: RunRef | None) -> list[str]:
    """Where the wall clock inside a recording tells another time than its listing: one of them is
    read wrongly, or the device's listing is wrong. The clock inside is what counts."""
    if first is None or first.origin != "stream":
        return []
    off = first.begin - chunk.recording.span.begin
    if abs(off) <= CONTRADICTION:
        return []
    side = "after" if off > 0 else "before"
    return [
        f"its own clock begins {abs(off) // NS} s {side} its listing: what the device's times mean "
        "is in doubt (hikcore clock show)"
    ]


def damaged_manifest(
    job: CameraJob, chunk: PlannedChunk, clock: str, body: Body, raw: RawRef, *, short: bool
) -> Manifest:
    """The manifest of a body kept as received; its times are the listing's, as it has none."""
    return Manifest(
        **_common(job, chunk, clock),
        begin=chunk.recording.span.begin,
        end=chunk.recording.span.end,
        state="damaged",
        body=body,
        raw=raw,
        notes=tuple(_short_note(chunk, body.size, short)),
    )


def body_document(
    chunk: PlannedChunk, size: int, sha256: str, table: SampleTable | None, container: str
) -> Body:
    """The body as received. Its hash stands there for files alone: only they come again alike."""
    return Body(
        container=table.container if table is not None else container,
        size=size,
        sha256=sha256 if chunk.recording.kind == "file" else None,
        cut_off=table.cut_off if table is not None else 0,
    )


def _common(job: CameraJob, chunk: PlannedChunk, clock: str) -> dict[str, Any]:
    row = chunk.recording
    return {
        "writer": WRITER,
        "site": job.site,
        "camera": job.camera,
        "stream": job.stream,
        "device": job.device,
        "clock": clock,
        "chunk": Chunk(
            id=chunk.id,
            kind=row.kind,
            literal_begin=row.literal_begin,
            literal_end=row.literal_end,
            size=row.size,
            name=row.name,
        ),
    }


def _short_note(
    chunk: PlannedChunk, received: int, short: bool, lacks: Sequence[Span] = ()
) -> list[str]:
    if lacks:
        first, more = lacks[0], f" and {len(lacks) - 1} more" if len(lacks) > 1 else ""
        return [f"{SHORT}the device says that it has {first}{more}, and did not give it"]
    if not short:
        return []
    listed, told = chunk.recording.size, chunk.recording.span
    promised = f"listed without a size, to {chunk.recording.literal_end}"
    if chunk.recording.kind == "window":
        promised = f"said to hold {told}"
    elif listed is not None:
        promised = f"listed {listed} bytes"
    return [f"{SHORT}{promised}, received {received} twice alike"]


def _faults(table: SampleTable) -> list[str]:
    named = [f"damage at byte {fault.offset}: {fault.reason}" for fault in table.damage]
    if len(named) > _NAMED_FAULTS:
        left = len(named) - _NAMED_FAULTS
        return [*named[:_NAMED_FAULTS], f"damage at {left} more places"]
    return named


def _video(table: SampleTable, run: Run) -> VideoFormat | None:
    if table.video is None or run.first == run.last:
        return None
    config = table.video.configs[int(table.video.config[run.first])]
    return VideoFormat(
        codec=cast(Any, config.codec),
        width=config.width,
        height=config.height,
        record=base64.b64encode(config.record).decode(),
    )


def _audio(table: SampleTable, run: Run) -> AudioFormat | None:
    if table.audio is None or run.audio_first == run.audio_last:
        return None
    config = table.audio.configs[int(table.audio.config[run.audio_first])]
    return AudioFormat(
        codec=cast(Any, config.codec),
        rate=config.rate,
        channels=config.channels,
        record=base64.b64encode(config.record).decode(),
    )
