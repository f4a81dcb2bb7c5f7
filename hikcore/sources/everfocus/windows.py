"""What is asked for a window, and how it is written into a recording's locator."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hikcore.instants import NS, Span
from hikcore.sources.everfocus.maps import Seconds

_SIZE: Final = re.compile(r"([\d.]+)\s*([KMGT])?", re.IGNORECASE)
_POWER: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in whole seconds, and where the maps show footage in its window."""

    begin: int
    end: int
    there: tuple[Seconds, ...] = ()

    @classmethod
    def read(cls, text: str) -> Asked:
        """Of a locator."""
        first, _, rest = text.partition(";")
        begin, end = map(int, first.split())
        pairs = [part.split("-") for part in rest.split(",") if part]
        return cls(begin, end, tuple((int(low), int(high)) for low, high in pairs))

    def __str__(self) -> str:
        there = ",".join(f"{begin}-{end}" for begin, end in self.there)
        return f"{self.begin} {self.end};{there}"

    @property
    def span(self) -> Span:
        """The request."""
        return Span(self.begin * NS, self.end * NS)

    def request(self, window: int, back: int = 0) -> Span:
        """What a playback is asked for. It begins where footage does, if that is inside the window:
        some recorders fall silent when they are asked for a hole.

        Args:
            window: its begin. back: seconds before it that are asked for besides.
        """
        begin = self.begin
        if not back and self.there and self.there[0][0] > window:
            begin = max(begin, self.there[0][0])
        return Span((begin - back) * NS, self.end * NS)


def hull(spans: Sequence[Seconds]) -> Span:
    """From the first to the last second of spans in order."""
    return Span(spans[0][0] * NS, spans[-1][1] * NS)


def size_of(text: str) -> int:
    """Bytes of a size as recorders write it (`931.5G`); 0 where it is none."""
    match = _SIZE.match(text.strip())
    if match is None:
        return 0
    try:
        return int(float(match[1]) * 1024 ** _POWER[(match[2] or "").upper()])
    except ValueError:
        return 0
