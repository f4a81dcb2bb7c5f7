"""An answer or body that trickles: no silence is ever long enough for an idle timeout."""

from __future__ import annotations

from hikcore.errors import TransferInterrupted


class Pace:
    """Ends what trickles. Only the time that the device takes counts, not that of a disk that is
    slow or full, nor that of our own limits.

    Args:
        slowest: bytes a second. window: seconds over which they are counted.
        where: device and request, for errors.
    """

    def __init__(self, slowest: float, window: float, where: str) -> None:
        self._slowest, self._window, self._where = slowest, window, where
        self._waited = 0.0
        self._bytes = 0

    def came(self, size: int, waited: float) -> None:
        """A block came after so many seconds.

        Raises:
            TransferInterrupted: over the last window less came than is bearable.
        """
        self._waited += waited
        self._bytes += size
        if self._waited < self._window:
            return
        if self._bytes < self._slowest * self._waited:
            raise TransferInterrupted(
                f"{self._bytes} bytes in {self._waited:.0f} s",
                where=self._where,
                hint="the device hardly sends; it is tried again",
            )
        self._waited, self._bytes = 0.0, 0
