"""One reading of the guide: how it goes over the wire, what is answered, what the client makes of
it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hikcore.instants import Span, parse_instant
from hikcore.sources.everfocus.client import EverFocusClient


def at(text: str) -> int:
    return parse_instant(text)


#: The span of the example in 4.5: 1584892800 to 1584979199, the last second included.
DAY = Span(1584892800 * 10**9, 1584979200 * 10**9)


@dataclass(frozen=True)
class Case:
    """
    Attributes:
        target: path and query, byte for byte.
        body: the JSON that is posted; None: nothing is.
        reply: what is answered. look: what must hold of the result.
    """

    section: str
    call: Callable[[EverFocusClient], Awaitable[Any]]
    method: str
    target: str
    reply: bytes
    look: Callable[[Any], bool]
    body: Any = None

    def __str__(self) -> str:
        return self.section
