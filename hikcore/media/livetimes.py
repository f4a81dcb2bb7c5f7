"""Times of live frames: the device's clock, but for its steps, which no time in a file should have.

What was recorded at once plays at once: where the clock jumps and the frames' arrival does not, the
clock was set, and media time goes on as it was received.
"""

from __future__ import annotations

from typing import Final

from hikcore.instants import NS

#: A clock that goes on by more than this without a frame: a pause, or it was set. Below, frames
#: that come in bursts, as from a recorder's buffer, look alike.
_JUMP: Final = 5 * NS
#: Between frames, where nothing tells.
_STEP: Final = NS // 25


class LiveClock:
    """Readings of the pictures' clock to ones that never go back.

    Attributes:
        steps: (reading at which it was found, by how much the clock was set), ns, at most 1000.
    """

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        self._shift = 0
        self._last = -1
        self._received = 0
        self._usual = _STEP

    def picture(self, time: int, received: int) -> int:
        """The media time (ns) of a picture.

        Args:
            time: of its header, UTC ns; -1: none. received: by our clock, ns.

        Returns:
            -1 where it has none, and others had.
        """
        if time < 0 and self._last >= 0:
            return -1
        if time < 0:
            time = received  # nothing tells more, until a reading does
        if self._last >= 0:
            step, arrived = time - self._last, max(received - self._received, 0)
            if step < 0 or (step > _JUMP and arrived < step // 2):
                true = arrived if arrived > NS else self._usual
                self._shift += true - step
                if len(self.steps) < 1000:
                    self.steps.append((time, step - true))
            elif 0 < step <= _JUMP:
                self._usual = step
        self._last, self._received = time, received
        return time + self._shift

    def beside(self, time: int) -> int:
        """The media time (ns) of sound, or of a picture that is shown earlier than it comes; -1
        where it has none."""
        return time + self._shift if time >= 0 else -1
