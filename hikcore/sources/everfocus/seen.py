"""What a playback brought, by the times of its frames: which stretches, and whether that is all
that the maps show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final

from hikcore.instants import NS, Span, subtract, union

#: Maps tell whole seconds: footage begins or ends up to so much beside them (ns).
DOUBT: Final = 2 * NS
#: Two minutes of a map of which each holds some footage may have such a hole between.
_COARSE: Final = 120 * NS
#: Frames further apart are two stretches of footage: so long, or so many of their own steps (the
#: rule of `hikcore.media.times` for the borders of runs, so that coverage says the same), at most.
_APART: Final = 5 * NS
_STEPS: Final = 10
_MOST_APART: Final = 3600 * NS
#: Steps and stretches that are remembered of one playback.
_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class Stretches:
    """Times of frames as stretches."""

    _found: list[list[int]] = field(default_factory=list)
    _steps: list[int] = field(default_factory=list)
    _last: int = -1

    def add(self, time: int) -> None:
        """A frame of that time (UTC ns)."""
        if self._last >= 0 and time > self._last and len(self._steps) < _REMEMBERED:
            self._steps.append(time - self._last)
        self._last = time
        last = self._found[-1] if self._found else None
        if last is not None and -_APART <= time - last[1] <= _APART:
            last[0], last[1] = min(last[0], time), max(last[1], time)
            return
        if len(self._found) >= _REMEMBERED:
            self._found = [[each.begin, each.end - 1] for each in self.spans()]
            del self._found[: -_REMEMBERED // 2]  # times that mean nothing
        self._found.append([time, time])

    def spans(self) -> list[Span]:
        """Without holes but those that are longer than a recorder's own pace explains."""
        usual = median_low(self._steps) if self._steps else 0
        apart = min(max(_APART, _STEPS * usual), _MOST_APART)
        out: list[Span] = []
        for each in union(Span(begin, end + 1) for begin, end in self._found):
            if out and each.begin - out[-1].end <= apart:
                out[-1] = Span(out[-1].begin, each.end)
            else:
                out.append(each)
        return out


@dataclass(slots=True)
class Seen:
    """What was written of a playback.

    Attributes:
        latest: time of a frame, UTC ns; -1 before one had any.
        key: a picture that decoding can begin at was among them. pictures: how many there were.
    """

    latest: int = -1
    key: bool = False
    pictures: int = 0
    _shown: Stretches = field(default_factory=Stretches)
    _heard: Stretches = field(default_factory=Stretches)

    def add(self, time: int, *, picture: bool, key: bool) -> None:
        """A frame; `time` below 0: it has none."""
        self.key = self.key or key
        self.pictures += picture
        if time < 0:
            return
        self.latest = max(self.latest, time)
        (self._shown if picture else self._heard).add(time)

    def is_whole(self, wanted: Sequence[Span], *, exact: bool) -> bool:
        """Whether it shows all that is wanted: of footage with pictures the pictures count.

        Args:
            wanted: where the maps show footage, in order.
            exact: to the second; else two minutes may have a hole between that no map shows.
        """
        if not wanted:
            return True
        stretches = (self._shown if self.pictures else self._heard).spans()
        shown = union(Span(each.begin - DOUBT, each.end + DOUBT) for each in stretches)
        holes = subtract(wanted, shown)
        first, last = wanted[0].begin, wanted[-1].end
        return not any(
            exact or hole.begin == first or hole.end == last or hole.length > _COARSE
            for hole in holes
        )
