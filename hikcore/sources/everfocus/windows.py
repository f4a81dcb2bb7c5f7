"""What is asked for a window, and how it is written into a recording's locator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hikcore.instants import NS, Span
from hikcore.sources.everfocus.maps import Seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in whole seconds, and where the maps show footage in its window.

    Attributes:
        exact: they tell it to the second; else two minutes may have a hole between them.
    """

    begin: int
    end: int
    there: tuple[Seconds, ...] = ()
    exact: bool = False

    @classmethod
    def read(cls, text: str) -> Asked:
        """Of a locator."""
        first, _, rest = text.partition(";")
        exact, rest = rest.startswith("="), rest.removeprefix("=")
        begin, end = map(int, first.split())
        pairs = [part.split("-") for part in rest.split(",") if part]
        return cls(begin, end, tuple((int(low), int(high)) for low, high in pairs), exact)

    def __str__(self) -> str:
        there = ",".join(f"{begin}-{end}" for begin, end in self.there)
        return f"{self.begin} {self.end};{'=' if self.exact else ''}{there}"

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
