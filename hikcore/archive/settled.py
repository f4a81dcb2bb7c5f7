"""When a recording leaves nothing to fetch: one rule for planning and for coverage."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from hikcore.archive.documents import Manifest, RunRef
from hikcore.instants import NS, Span, subtract, ticks_to_ns, union

#: What a manifest's note begins with where two fetches alike brought less than was listed.
SHORT: Final = "short: "
#: What it begins with in all manifests but the last of a recording that reaches over more than a
#: day: the last one commits the recording.
PART: Final = "part: "

#: What it begins with where a file that is listed without a size ended early, elsewhere each time:
#: of such a file nothing else tells that more is to be had.
CUT: Final = "cut off: "

#: Lengths and borders that a source tells in whole seconds are rounded at both ends (ns).
LENGTH_DOUBT: Final = 2 * NS

_DIGITS: Final = re.compile(r"\D")


def is_short(take: Manifest) -> bool:
    """Whether two fetches brought alike less than was listed, so that no more is to be had."""
    return any(note.startswith(SHORT) for note in take.notes)


def short_note(take: Manifest) -> str:
    """What a take says of that, "" if it is not short."""
    return next((note for note in take.notes if note.startswith(SHORT)), "")


def unsettled(take: Manifest) -> str:
    """Why a take of a file is not the last word on it, in words; "" where it is."""
    cut = next((note for note in take.notes if note.startswith(CUT)), "")
    if cut:
        return cut.removeprefix(CUT)
    listed = take.chunk.size
    if take.chunk.kind != "file" or take.state != "held" or listed is None or is_short(take):
        return ""
    if take.body.size >= listed or any(note.startswith(PART) for note in take.notes):
        return ""
    came = f"{take.body.size} of {listed} bytes came, and others in each try"
    return f"{came}: the next run fetches it again"


def run_span(run: RunRef) -> Span:
    """What a run shows, by its manifest's clock."""
    return Span(run.begin, run.begin + max(ticks_to_ns(run.pts_end - run.pts_begin), 1))


def lacking(there: Iterable[Span], runs: Iterable[RunRef]) -> list[Span]:
    """What a device said to have, to the second, and no run shows: both sides are rounded."""
    shown = [
        Span(whole.begin - doubt, whole.end + doubt)
        for run in runs
        for whole, doubt in [(run_span(run), LENGTH_DOUBT + run.uncertainty)]
    ]
    return subtract(union(there), union(shown))


def settles(
    take: Manifest,
    *,
    literal_end: str,
    begin: int,
    end: int,
    size: int | None,
    there: Sequence[Span] = (),
) -> bool:
    """Whether a take of a recording leaves nothing to fetch of what is listed of it now. A tail is
    of a recording that was not finished, and never does.

    Args:
        take: one of `takes_of` that recording.
        literal_end, begin, end, size: the recording as listed, `begin` and `end` in UTC; of a
            window what is said to be in it, which may grow at both ends (clouds fill in late).
        there: stretches that are said to be in a window, where that is told to the second.
    """
    if take.chunk.kind == "tail" or any(note.startswith((PART, CUT)) for note in take.notes):
        return False
    if take.chunk.kind == "window":
        doubt = LENGTH_DOUBT + max((run.uncertainty for run in take.runs), default=0)
        if is_short(take):
            return True
        if there and take.state == "held":
            return not lacking(there, take.runs)
        return take.begin <= begin + doubt and take.end >= end - doubt
    reaches = take.end >= end or digits(take.chunk.literal_end) >= digits(literal_end)
    if size is None or not reaches:
        return reaches
    return take.body.size >= size or (is_short(take) and (take.chunk.size or 0) >= size)


def takes_of(
    manifests: Iterable[Manifest],
    *,
    chunk: str,
    literal_begin: str,
    device: str,
    listed: Collection[str],
) -> list[Manifest]:
    """The takes of a recording, whatever end and size it was listed with when they were made.

    Two rows of one answer with the same begin are two recordings (the clock was set back), not one
    relisted: a take whose own chunk is still listed beside is of the other.

    Args:
        manifests: of its camera and stream.
        chunk, literal_begin: of the recording.
        device: that listed it, "" where that is not known.
        listed: the chunks listed in the same answers.
    """
    return [
        take
        for take in manifests
        if take.chunk.id == chunk
        or (
            take.chunk.kind != "tail"
            and take.chunk.literal_begin == literal_begin
            and (not device or take.device == device)
            and take.chunk.id not in listed
        )
    ]


def digits(literal: str) -> str:
    """A literal time without its punctuation: comparable between two spellings of one device."""
    return _DIGITS.sub("", literal)
