"""Windows over a span, for sources that serve any span: which to ask about, and how wide. Pure.

Windows are laid only over what is neither held nor settled: unlike a listing of files, asking costs
a request for every one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from hikcore.archive.coverage import coverage
from hikcore.archive.documents import Answers, Manifest
from hikcore.extract.plan import TRAILING
from hikcore.instants import Span, union
from hikcore.sources.base import Windows

#: What a later request cannot better.
_ENDED = frozenset({"held", "excluded", "lost"})


def to_ask(
    span: Span,
    windows: Windows,
    manifests: Sequence[Manifest],
    answers: Answers,
    now: int,
    *,
    repair: bool = False,
) -> list[Span]:
    """The stretches of whole windows that a device is to be asked about.

    What it had nothing of is asked again while it is younger than `TRAILING`: clouds fill in late.

    Args:
        span: what is wanted; windows that meet it are taken whole.
        manifests, answers: of the stream, over all that these windows reach.
        now: UTC ns. Nothing that lies after it is asked.
        repair: ask again for what is kept as damaged.
    """
    aligned = [window for window in windows.aligned(span) if window.begin < now]
    if not aligned:
        return []
    whole = Span(aligned[0].begin, aligned[-1].end)
    wanting = [
        stretch.span
        for stretch in coverage(manifests, answers, whole, settle=windows.settle)
        if not _ended(stretch.state, stretch.span, now, repair=repair)
    ]
    return union(_touched(aligned, wanting))


def _ended(state: str, span: Span, now: int, *, repair: bool) -> bool:
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
