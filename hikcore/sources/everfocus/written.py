"""Which frames of a playback were written already: a recorder that is asked again begins at a key
picture, so part of what it sends was had before."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from typing import Final

from hikcore.instants import NS

#: Groups of pictures that are remembered: the last one, and the one before, as a recorder may begin
#: at the key picture before the second that it is asked for.
_GROUPS: Final = 2
#: Frames of them at most: five hours of a group of pictures and sound at 50 a second.
_MOST: Final = 1_000_000


class Written:
    """The frames of the last groups by their bytes, header and all."""

    def __init__(self) -> None:
        self._groups: deque[list[bytes]] = deque([[]])
        self._begins: deque[int] = deque([-1])
        self._again: Counter[bytes] = Counter()
        self._last = b""
        self._last_time = -1
        self._passed = True

    @property
    def resume(self) -> int:
        """Where to ask again: the time of the last key picture, else of the first frame; ns, -1
        before any frame."""
        return self._begins[-1]

    def again(self) -> None:
        """A new connection begins: what it repeats is known."""
        self._again = Counter(digest for group in self._groups for digest in group)
        self._passed = not self._last

    def fresh(
        self, frame: bytes | memoryview, time: int, *, key: bool, sound: bool = False
    ) -> bool:
        """Whether a frame was not written yet; it is from now on. One that is sent twice in a row
        counts once; but sound of which whole seconds alone are told, as silence is all alike.

        Until the last one written comes again, all is a repeat but for what lies inside the last
        group, which is remembered whole, and is not known: sound may come in another order.
        """
        digest = hashlib.blake2b(frame, digest_size=16).digest()
        if self._again[digest] > 0:
            self._again[digest] -= 1
            self._passed = self._passed or digest == self._last
            return False
        if digest == self._last and (not sound or time % NS):
            return False
        if not self._passed:
            if time < self._begins[-1]:
                return False
            if time <= self._last_time:
                self._groups[-1].append(digest)
                return True
            self._passed = True  # it goes on behind the last one without repeating that
        if key and self._groups[-1]:
            self._groups.append([])
            self._begins.append(time)
            if len(self._groups) > _GROUPS:
                self._groups.popleft()
                self._begins.popleft()
        elif key or self._begins[-1] < 0:
            self._begins[-1] = time
        if len(self._groups[-1]) < _MOST:
            self._groups[-1].append(digest)
        self._last, self._last_time = digest, time
        return True
