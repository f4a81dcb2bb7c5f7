"""Bodies that an interrupted run left in the spool: committed without asking their device.

So a recording that was fetched is not lost when the recorder overwrites it before the next run, or
when the next run asks another span.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from hikcore.archive.load import load_manifests
from hikcore.archive.store import Store
from hikcore.extract.commit import Commit, Committed
from hikcore.extract.intake import reuse
from hikcore.extract.parts import Finished
from hikcore.extract.plan import PlannedChunk, identity, plan
from hikcore.extract.report import CameraJob
from hikcore.extract.spool import Spool
from hikcore.sources.base import Recording


@dataclass(frozen=True, slots=True)
class Kept:
    """What lies beside a finished body: the recording that it is of, and who gave it."""

    device: str
    recording: Recording


_KEPT = TypeAdapter(Kept)


def row_bytes(job: CameraJob, recording: Recording) -> bytes:
    """What is to be kept beside a body."""
    return _KEPT.dump_json(Kept(job.device, recording))


async def left_over(
    job: CameraJob, spool: Spool, store: Store
) -> list[tuple[PlannedChunk, Finished]]:
    """Bodies of a camera that nobody works on and that are not in the archive yet. What is of no
    use (committed already, of another device, with no recording beside it) is removed.

    Raises:
        ArchiveError: the archive cannot be read.
    """
    found = []
    for body in await asyncio.to_thread(_unused, spool, job.owner):
        chunk = _chunk(job, body)
        if chunk is not None and await asyncio.to_thread(_unsettled, job, chunk, store):
            found.append((chunk, body))
        else:
            await asyncio.to_thread(body.remove)
    return found


async def commit_left_over(
    chunk: PlannedChunk, body: Finished, spool: Spool, commit: Commit
) -> Committed | None:
    """Commit such a body; None if it is not what its name says, or somebody else used it up.

    Raises:
        ArchiveError, SpoolFull: as for a chunk that was fetched.
    """
    committed = None
    try:
        async with spool.room(body.size):
            with spool.adopt(body) as part:
                found = await reuse(part, body)
                if found is not None:
                    committed = await asyncio.to_thread(commit.put, chunk, found)
    except FileNotFoundError:
        return None
    await asyncio.to_thread(body.remove)
    return committed


def _unused(spool: Spool, owner: str) -> list[Finished]:
    return [body for body in spool.finished(owner) if not body.in_use()]


def _chunk(job: CameraJob, body: Finished) -> PlannedChunk | None:
    try:
        kept = _KEPT.validate_json(body.row() or b"")
    except ValidationError:
        return None
    chunk = PlannedChunk(body.chunk, kept.recording)
    same = kept.device == job.device and identity(job.camera, kept.recording) == body.chunk
    return chunk if same else None


def _unsettled(job: CameraJob, chunk: PlannedChunk, store: Store) -> bool:
    row = chunk.recording
    manifests = load_manifests(store, job.site, job.camera, job.stream, row.span)
    return bool(plan(job.camera, [row], manifests, row.span, device=job.device, repair=True))
