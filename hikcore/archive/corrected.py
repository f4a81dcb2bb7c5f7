"""Documents made with a clock profile that was found wrong, as they read with the right one. Pure.

Manifests and answers keep the device's own digits beside the UTC that was made of them, so the UTC
can be made again: of listings from their literal times, of runs from the reading of the device's
wall clock at their begin. What follows by media time (the rest of a run, its segments) moves along.

In the hour that a wall clock repeats, the digits alone do not say which pass they are of: that is
judged as it is when they are listed (`hikcore.passes`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hikcore import passes
from hikcore.archive.clocks import Clocks, Correction, clock_of
from hikcore.archive.documents import Manifest, RunRef
from hikcore.archive.said import Answers, Question, Row
from hikcore.deviceclock import DeviceClock
from hikcore.instants import Span, parse_instant, ticks_to_ns

_LITERAL: Final = re.compile(r"\s*(\d{4})-?(\d\d)-?(\d\d)[T ]?(\d\d):?(\d\d):?(\d\d)")


def corrected_manifests(manifests: Sequence[Manifest], clocks: Clocks) -> list[Manifest]:
    """The manifests in the same order, with all their instants as the profiles in force have them.
    `clock` still names the profile that each was made with.

    Args:
        manifests: of one camera and stream; neighbours help each other over a repeated hour.
    """
    if not clocks.reach():
        return list(manifests)
    listed = [_manifest_listed(each, clocks.correction(each.clock)) for each in manifests]
    spans = _spans(listed)
    return [
        _manifest(manifest, found, span)
        if (found := clocks.correction(manifest.clock)) is not None
        else manifest
        for manifest, span in zip(manifests, spans, strict=True)
    ]


def listed_begin(manifest: Manifest, clocks: Clocks) -> int:
    """UTC at which the device listed a recording (its begin, where a source writes no times)."""
    literal = _literals(manifest.chunk.literal_begin, manifest.chunk.literal_end)
    profile = clocks.profiles.get(clocks.standing(manifest.clock))
    if literal is None or profile is None:
        return manifest.begin
    return clock_of(profile).literal_to_utc(literal[0])


def corrected_answers(answers: Answers, clocks: Clocks) -> Answers:
    """What devices said of one camera and stream, with all instants as the profiles in force have
    them."""
    if not clocks.reach():
        return answers
    found = [clocks.correction(row.clock or clocks.sole(row.device)) for row in answers.rows]
    spans = _spans([_row_listed(row, each) for row, each in zip(answers.rows, found, strict=True)])
    rows = zip(answers.rows, found, spans, strict=True)
    questions = (_question(each, clocks) for each in answers.questions)
    return Answers(
        questions=tuple(each for each in questions if each is not None),
        rows=tuple(row if how is None else _row(row, how, span) for row, how, span in rows),
        schedules=answers.schedules,  # in words of the wall clock, which stays
    )


@dataclass(frozen=True, slots=True)
class _Listed:
    """A recording's digits, and by which clock they are read.

    Attributes:
        literal: begin and end as ns as if UTC; None where a source writes no times there.
        read: begin and end in UTC as they stand; right is None where they are right.
    """

    device: str
    name: str
    size: int | None
    literal: tuple[int, int] | None
    read: tuple[int, int]
    right: DeviceClock | None

    def readings(self) -> list[Span]:
        """What the digits can mean."""
        if self.right is None or self.literal is None:
            return [self.as_read]
        return passes.readings(self.right, self.digits)

    @property
    def as_read(self) -> Span:
        """Without any correction; a moment at least."""
        return Span(self.read[0], max(self.read[1], self.read[0] + 1))

    @property
    def digits(self) -> passes.Digits:
        """As they are judged."""
        return passes.Digits(*(self.literal or self.read), self.size, self.name)


def _manifest_listed(manifest: Manifest, found: Correction | None) -> _Listed:
    chunk = manifest.chunk
    return _Listed(
        manifest.device,
        chunk.name,
        chunk.size,
        _literals(chunk.literal_begin, chunk.literal_end),
        (manifest.begin, manifest.end),
        None if found is None else found.right,
    )


def _row_listed(row: Row, found: Correction | None) -> _Listed:
    return _Listed(
        row.device,
        row.name,
        row.size,
        _literals(row.literal_begin, row.literal_end),
        (row.begin, row.end),
        None if found is None else found.right,
    )


def _spans(listed: Sequence[_Listed]) -> list[Span]:
    """UTC of each: the recordings of one device help each other."""
    out = [each.as_read for each in listed]
    for device in {each.device for each in listed}:
        own = [number for number, each in enumerate(listed) if each.device == device]
        possible = [listed[number].readings() for number in own]
        found = passes.likeliest(possible, [listed[number].digits for number in own])
        for number, span in zip(own, found, strict=True):
            out[number] = span
    return out


def _manifest(manifest: Manifest, found: Correction, span: Span) -> Manifest:
    literal = _literals(manifest.chunk.literal_begin, manifest.chunk.literal_end)
    old = span.begin
    if literal is not None:
        old = _nearest(found.wrong.literal_readings(literal[0]), manifest.begin)
    if not manifest.runs:
        return manifest.model_copy(update={"begin": span.begin, "end": span.end})
    runs = _runs(manifest.runs, found, span.begin, span.begin - old)
    begin = min(run.begin for run in runs)
    end = max(run.begin + ticks_to_ns(run.pts_end - run.pts_begin) for run in runs)
    return manifest.model_copy(update={"begin": begin, "end": end, "runs": runs})


def _runs(runs: Sequence[RunRef], found: Correction, begin: int, shift: int) -> tuple[RunRef, ...]:
    """Each near where the one before ends, as the clock repeats an hour once a year; the first near
    the listed begin."""
    out: list[RunRef] = []
    near = begin
    for run in runs:
        if run.begin_local is not None:
            shift = found.right.wall_to_utc(run.begin_local, near) - run.begin
        out.append(_moved(run, shift))
        near = out[-1].begin + ticks_to_ns(run.pts_end - run.pts_begin)
    return tuple(out)


def _moved(run: RunRef, shift: int) -> RunRef:
    if not shift:
        return run
    segments = tuple(
        each.model_copy(update={"begin": each.begin + shift, "end": each.end + shift})
        for each in run.segments
    )
    return run.model_copy(update={"begin": run.begin + shift, "segments": segments})


def _row(row: Row, found: Correction, span: Span) -> Row:
    seen = {
        "first_seen": _read_again(found, row.first_seen),
        "last_seen": _read_again(found, row.last_seen),
    }
    return row.model_copy(update={"begin": span.begin, "end": span.end, **seen})


def _question(question: Question, clocks: Clocks) -> Question | None:
    """What was really asked: the device took the digits that the wrong profile made of the span for
    its own. Of what a change of the clock leaves open nothing is claimed; None where nothing is
    left, or where nobody knows what the question was made with."""
    name = question.clock or clocks.sole(question.device)
    if not name and any(
        clocks.correction(n) for n, p in clocks.profiles.items() if p.device == question.device
    ):
        return None
    found = clocks.correction(name)
    if found is None:
        return question
    begin, end = (found.wrong.utc_to_literal(at) for at in (question.begin, question.end))
    sure_from = max(found.right.literal_readings(begin))
    sure_to = min(found.right.literal_readings(end))
    if sure_from >= sure_to:
        return None
    moved = {"begin": sure_from, "end": sure_to, "asked": _read_again(found, question.asked)}
    if question.oldest is not None:
        literal = found.wrong.utc_to_literal(question.oldest)
        moved["oldest"] = min(found.right.literal_readings(literal))
    return question.model_copy(update=moved)


def _read_again(found: Correction, instant: int) -> int:
    """An instant that was read off the device's wall clock with the wrong zone."""
    if found.wrong.zone == found.right.zone:
        return instant
    return found.right.wall_to_utc(found.wrong.zone.utc_to_local(instant), instant)


def _literals(begin: str, end: str) -> tuple[int, int] | None:
    """The device's digits as ns as if UTC; None where a source writes no times there."""
    try:
        return _digits(begin), _digits(end)
    except ValueError:
        return None


def _digits(text: str) -> int:
    match = _LITERAL.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no time")
    return parse_instant("{}-{}-{}T{}:{}:{}Z".format(*match.groups()))


def _nearest(readings: Sequence[int], instant: int) -> int:
    return min(readings, key=lambda reading: abs(reading - instant))
