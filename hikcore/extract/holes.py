"""Stretches in which a recorder was not listened to: found, and gathered into questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hikcore.archive.events import Event
from hikcore.instants import NS, Span, subtract, union

#: Holes that lie nearer together are asked for in one question.
_NEAR: Final = 3600 * NS
#: Of a hole that waits until its endpoint is heard again: before, nobody can be asked.
NEVER: Final = 1 << 62


@dataclass(slots=True)
class Hole:
    """A stretch (our clock) in which an endpoint was not heard.

    Attributes:
        due: when it is to be asked for (our clock).
    """

    via: str
    begin: int
    end: int
    reason: str
    due: int


def left_open(events: Sequence[Event], vias: Iterable[str], due: int = NEVER) -> list[Hole]:
    """Holes between the first and the last moment that an endpoint was listened to of which no gap
    tells: a process was killed before it had asked for them. Pure.

    Args:
        events: of one device, as read.
        vias: the endpoints.
        due: see `Hole`.
    """
    out = []
    for via in vias:
        told = [e for e in events if e.via == via and e.kind in ("watch", "gap")]
        heard = [_ours(e) for e in told if e.kind == "watch"]
        if not heard:
            continue
        whole = Span(min(h.begin for h in heard), max(h.end for h in heard))
        for hole in subtract([whole], map(_ours, told)):
            out.append(Hole(via, hole.begin, hole.end, "the listener was killed", due))
    return out


def questions(holes: Iterable[Hole], offset: int, slack: int) -> list[Span]:
    """What to ask of the recorder to fill some holes (by its clock), with a margin. Pure.

    Args:
        offset: its clock less ours, ns.
        slack: the margin, ns.
    """
    near = union(Span(each.begin, each.end + _NEAR) for each in widened(holes, offset, slack))
    return [Span(each.begin, each.end - _NEAR) for each in near]


def widened(holes: Iterable[Hole], offset: int, slack: int) -> list[Span]:
    """The holes themselves, by the recorder's clock and with that margin; see `questions`."""
    return union(Span(h.begin + offset - slack, h.end + offset + slack) for h in holes)


def _ours(event: Event) -> Span:
    """When it was by the listener's clock."""
    return Span(event.span.begin - (event.deviation or 0), event.span.end - (event.deviation or 0))
