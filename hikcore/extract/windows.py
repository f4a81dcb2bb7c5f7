"""Windows over a span, for sources that serve any span: which to ask about, and how wide. Pure.

Windows are laid only over what is neither held nor settled: unlike a listing of files, asking costs
a request for every one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hikcore.archive.coverage import coverage
from hikcore.archive.documents import Manifest
from hikcore.archive.said import Answers
from hikcore.extract.late import due, late_spans
from hikcore.extract.plan import TRAILING
from hikcore.instants import Span, subtract, union
from hikcore.sources.base import Windows

#: What a later request cannot better.
_ENDED = frozenset({"held", "excluded", "lost"})


class Laid(NamedTuple):
    """Windows laid over a span, as stretches of whole ones.

    Attributes:
        ask: what the device is to be asked about.
        again: where a body that came short is to be fetched once more.
    """

    ask: list[Span]
    again: list[Span]


def to_ask(
    span: Span,
    windows: Windows,
    manifests: Sequence[Manifest],
    answers: Answers,
    now: int,
    *,
    device: str = "",
    repair: bool = False,
) -> Laid:
    """The stretches of whole windows that a device is to be asked about.

    What it had nothing of is asked again while it is younger than `TRAILING`, and then by the rule
    of `due`, as what came short is: clouds and recorders fill in late. What is older than it keeps
    is asked no more.

    Args:
        span: what is wanted; windows that meet it are taken whole.
        manifests, answers: of the stream, over all that these windows reach.
        now: UTC ns. Nothing that lies after it is asked.
        device: that is asked; what others said is no answer of its.
        repair: ask again for what is kept as damaged.
    """
    oldest = windows.oldest(now)
    aligned = [
        window
        for window in windows.aligned(span)
        if window.begin < now and (oldest is None or window.end > oldest)
    ]
    if not aligned:
        return Laid([], [])
    whole = Span(aligned[0].begin, aligned[-1].end)
    stretches = coverage(manifests, answers, whole, settle=windows.settle)
    questions = [q for q in answers.questions if q.device in ("", device)]
    late = due(late_spans(stretches), questions, now, oldest)
    wanting = [each.span for each in stretches if not _ended(each.state, each.span, now, repair)]
    short = subtract(late, [each.span for each in stretches if each.state == "empty"])
    return Laid(union(_touched(aligned, union([*wanting, *late]))), union(_touched(aligned, short)))


def _ended(state: str, span: Span, now: int, repair: bool) -> bool:
    if state == "damaged":
        return not repair
    if state == "empty":
        return span.end <= now - TRAILING
    return state in _ENDED


def _touched(windows: Sequence[Span], wanting: Sequence[Span]) -> list[Span]:
    """The windows that meet one of some spans; both in order."""
    found, at = [], 0
    for window in windows:
        while at < len(wanting) and wanting[at].end <= window.begin:
            at += 1
        if at < len(wanting) and wanting[at].meets(window):
            found.append(window)
    return found
