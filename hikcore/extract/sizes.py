"""How many bytes a body may have of which a source tells no size: what room is taken for it.

Sources of windows list none. Each would reserve what a recorder's largest file takes, so that two
cameras filled a spool which has room for fifty. So it is reckoned by the span, at the highest rate
that came from this camera; before the first body at one that few cameras reach. A body that is
longer takes more room on its way (`spool.Room.use`), so a wrong guess loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hikcore.instants import NS
from hikcore.sources.base import Recording

#: Bytes a second, before anything came: 16 Mbit/s, twice what recorders are set to for 4K.
_FIRST: Final = 2_000_000
#: Scenes change: what came so far, times this.
_MORE: Final = 1.5
#: Bytes that a body has besides: headers, a group of pictures that hangs over.
_BESIDES: Final = 4 << 20
#: Spans shorter than this tell nothing of a rate (ns).
_TELLING: Final = 5 * NS
#: Bytes of a recorder's file at most, as far as is known (facts: 1.063 to 1.067 GB).
MOST: Final = 1_100_000_000


@dataclass(slots=True)
class Sizes:
    """Of one camera and stream.

    Attributes:
        rate: bytes a second, the highest that came; 0 before.
    """

    rate: float = 0.0

    def came(self, size: int, span: int) -> None:
        """A body of that size held so many ns."""
        if span >= _TELLING:
            self.rate = max(self.rate, size / span * NS)

    def expected(self, recording: Recording) -> int:
        """Bytes to take room for."""
        if recording.size is not None:
            return recording.size
        rate = self.rate * _MORE if self.rate else _FIRST
        return min(int(rate * recording.span.length / NS) + _BESIDES, MOST)
