"""Pictures of MP4 tracks cut to spans (compiled; native/cutting.pyx)."""

from hikcore.native.rows import Rows
from hikcore.native.stbl import Track

class Clip(Rows):
    """The pictures of a clip, cut by cut. Times are ticks of 90 kHz. Not safe for two threads at
    once."""

    def __init__(self) -> None: ...
    def add(self, track: Track, at: int, until: int, place: int, config: int) -> int:
        """The samples that show [at, until) of a track's media time, from the sync sample that they
        need; the first picture shown lies at `place`. 0, or why it is refused (stbl.pxd)."""

    begin: int
    """Clip time of the first picture shown of the last cut."""
    end: int
    """When its last picture ends, the end asked for at most."""
    shown: int
    """Media time of the first picture it shows."""
    skipped: int
    """Samples of its track before its first."""
    rounded: bool
    """A composition time does not fall on a tick."""

    def close(self) -> int:
        """Make the decoding times; 0, or why there can be no tables. What follows, and the tables,
        need it."""

    media_time: int
    """Ticks from the first decoding time to the first picture shown."""

    def sync_samples(self) -> list[tuple[int, int, int]]:
        """(number of the cut, offset, bytes) of every sample that is marked as sync."""

    def counts(self, begin: int, end: int) -> tuple[int, int, int, int]:
        """(pictures in [begin, end), the time of the first and of the last of them, the least time
        of all pictures)."""
