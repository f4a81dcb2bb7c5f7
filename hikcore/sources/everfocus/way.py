"""Which way footage comes: by playback, which carries the time of every frame but takes as long as
the footage lasts; or as AVI, which comes faster and carries none. Arithmetic alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Way = Literal["playback", "backup"]
_DAY: Final = 86_400
#: Part of the time in which sessions play: the rest goes to opening, waiting and what breaks.
_USED: Final = 0.8


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be brought in, and by how much at once.

    Attributes:
        streams: recorded streams of the recorder that are worked on.
        recorded: part of the day that is recorded of each, 0 to 1.
        backlog, days: seconds of older footage of all streams together, and in how many days they
            have to be in (before they are overwritten).
        window, margin: seconds of a chunk, and what is played besides on each side.
        sessions: playbacks at once. speed: of each.
        hours: seconds of a day in which the recorder may be asked.
    """

    streams: int
    recorded: float = 1.0
    backlog: float = 0.0
    days: float = 1.0
    window: float = 600.0
    margin: float = 5.0
    sessions: int = 1
    speed: float = 1.0
    hours: float = _DAY

    @property
    def wanted(self) -> float:
        """Seconds to be played a day."""
        daily = self.streams * self.recorded * _DAY + self.backlog / max(self.days, 1e-9)
        return daily * (self.window + 2 * self.margin) / self.window

    @property
    def possible(self) -> float:
        """Seconds that can be played a day."""
        return self.sessions * self.speed * self.hours * _USED


def way(load: Load) -> Way:
    """Playback where it keeps up."""
    return "playback" if load.possible >= load.wanted else "backup"
