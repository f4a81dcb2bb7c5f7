"""Which days a scheduled run asks again, besides the span that it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hikcore.archive.load import load_answers
from hikcore.archive.reader import Archive
from hikcore.archive.said import Question
from hikcore.archive.store import Store
from hikcore.extract.late import AFTER, due, late_spans
from hikcore.extract.report import CameraJob
from hikcore.extract.site import Part
from hikcore.instants import DAY, Span
from hikcore.sources.base import Source, SpanSource


def due_again(
    spans: Sequence[Span], questions: Sequence[Question], now: int, oldest: int | None
) -> list[Span]:
    """The UTC days with something in them that is `due`."""
    return [
        Span(each.begin // DAY * DAY, each.begin // DAY * DAY + DAY)
        for each in _by_day(due(spans, questions, now, oldest))
    ]


def _by_day(spans: Sequence[Span]) -> list[Span]:
    """For each UTC day that spans (in order) touch, from the first to the last of it."""
    found: dict[int, Span] = {}
    for part in (part for each in spans for part in each.days()):
        day = part.begin // DAY
        found[day] = Span(found[day].begin, part.end) if day in found else part
    return list(found.values())


def again_parts(
    store: Store,
    jobs: Sequence[CameraJob],
    now: int,
    span: Span,
    sources: Mapping[str, Source] | None = None,
) -> list[Part]:
    """The days of cameras that are due, as parts of a run over a span; blocking.

    Args:
        sources: by device: what is known of how far back they reach.

    Raises:
        ArchiveError: the archive cannot be read.
    """
    archive = Archive(store)
    # A day is asked about 30 days after its end, and for a day of grace where runs were missed.
    reach = Span(now // DAY * DAY - (AFTER[-1] + 2) * DAY, max(span.begin, now - AFTER[0] * DAY))
    out: list[Part] = []
    for job in jobs:
        answers = load_answers(store, job.site, job.camera, job.stream, reach)
        own = [q for q in answers.questions if q.device == job.device]
        if not own:
            continue
        late = late_spans(archive.coverage(job.site, job.camera, reach, job.stream))
        told = max((q for q in own if q.oldest is not None), key=lambda q: q.asked, default=None)
        oldest = None if told is None else told.oldest
        source = (sources or {}).get(job.device)
        if isinstance(source, SpanSource):
            # A listing costs the same for a day and an hour; of windows each one costs a request.
            found = _by_day(due(late, own, now, source.windows.oldest(now)))
        else:
            found = due_again(late, own, now, oldest)
        out += [Part(job, each, each.begin // DAY * DAY) for each in found]
    return [part for part in out if not part.span.meets(span)]
