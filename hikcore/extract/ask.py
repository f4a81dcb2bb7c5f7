"""Ask a device what it has, and keep what it said: absence is never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from hikcore.archive.answers import record
from hikcore.archive.clocks import put_profile
from hikcore.archive.keys import MANIFESTS, camera_prefix, parse_key
from hikcore.archive.said import Question, Row, Schedule
from hikcore.archive.store import Store
from hikcore.deviceclock import DeviceClock
from hikcore.extract.evidence import Evidence
from hikcore.extract.plan import identity
from hikcore.extract.report import CameraJob
from hikcore.instants import Span
from hikcore.sources.base import Answer, Recording, Source


async def ask(job: CameraJob, spans: Iterable[Span], source: Source) -> list[Answer]:
    """What the device lists for some spans, a UTC day at a time: some recorders fail on wide
    windows (500 deviceError), and an answer that breaks off then costs one day only.

    Raises:
        DeviceError: the device cannot be asked.
    """
    days = [day for span in spans for day in span.days()]
    return [await source.recordings(job.channel, job.stream, day) for day in days]


async def keep(
    job: CameraJob, answers: list[Answer], store: Store, clock: DeviceClock, evidence: Evidence
) -> None:
    """Record answers in the archive's log, with the clock by which they were read, and what the
    device tells of why it may have nothing.

    Raises:
        ArchiveError: the store refused or did not answer.
    """
    profile = await asyncio.to_thread(put_profile, store, job.site, job.device, clock)
    first = await asyncio.to_thread(_first_held, job, store)
    online = await evidence.online(job.channel)
    blocks = await evidence.schedule(job.channel)
    for answer in answers:
        question, rows = documents(job, answer, profile)
        told: dict[str, object] = {"online": online}
        if _may_be_older(answer, rows, first):
            told["oldest"] = await evidence.oldest(job.channel, job.stream, answer.asked)
        question = question.model_copy(update=told)
        schedule = None
        if blocks is not None:
            asked = answer.asked
            schedule = Schedule(device=job.device, blocks=blocks, first_seen=asked, last_seen=asked)
        await asyncio.to_thread(
            record, store, job.site, job.camera, job.stream, [question], rows, schedule
        )


def _may_be_older(answer: Answer, rows: list[Row], first: int | None) -> bool:
    """Whether the silence in an answer may be one from before the oldest recording. To look for
    that takes some ten searches, so only where nothing was found, or where what was found begins
    late and nothing older was ever held."""
    if not answer.complete or not rows:
        return answer.complete
    late = min(row.begin for row in rows) > answer.span.begin
    return late and (first is None or first >= answer.span.begin)


def _first_held(job: CameraJob, store: Store) -> int | None:
    """UTC ns at which the oldest chunk in the archive begins."""
    for info in store.list(camera_prefix(MANIFESTS, job.site, job.camera, job.stream)):
        told = parse_key(info.key)
        if told is not None:
            return told.span.begin
    return None


def documents(job: CameraJob, answer: Answer, clock: str) -> tuple[Question, list[Row]]:
    """An answer as the archive keeps it.

    Args:
        clock: SHA-256 of the profile of the clock by which it was read.
    """
    question = Question(
        begin=answer.span.begin,
        end=answer.span.end,
        asked=answer.asked,
        complete=answer.complete,
        device=job.device,
        clock=clock,
    )
    rows = [_row(job, each, answer.asked, clock) for each in answer.recordings]
    return question, [part for row in rows for part in _parts(*row)]


def _parts(row: Row, recording: Recording) -> list[Row]:
    """A row for each stretch that is told of a window; one for all of a recording else, and where
    it still grows."""
    if recording.growing or not recording.there:
        return [row]
    return [
        row.model_copy(update={"begin": each.begin, "end": each.end, "part": True})
        for each in recording.there
    ]


def _row(job: CameraJob, recording: Recording, asked: int, clock: str) -> tuple[Row, Recording]:
    row = Row(
        literal_begin=recording.literal_begin,
        literal_end=recording.literal_end,
        begin=recording.span.begin,
        end=recording.span.end,
        size=recording.size,
        name=recording.name,
        growing=recording.growing,
        chunk=identity(job.camera, recording),
        first_seen=asked,
        last_seen=asked,
        device=job.device,
        clock=clock,
    )
    return row, recording
