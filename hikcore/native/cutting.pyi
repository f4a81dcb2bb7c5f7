"""Samples of MP4 tracks cut to spans, and the tables of a clip (compiled; native/cutting.pyx)."""

from hikcore.native.stbl import Track

class Clip:
    """Rows of the samples of a clip, cut by cut. Times are ticks of 90 kHz; rows of boxes are
    big-endian bytes without header and count. Not safe for two threads at once."""

    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
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
        """Make the decoding times; 0, or why there can be no tables. What follows needs it."""

    media: int
    """Bytes of all samples."""
    duration: int
    """Ticks that all samples last."""
    media_time: int
    """Ticks from the first decoding time to the first picture shown."""

    def durations(self) -> bytes:
        """Rows of stts."""

    def compositions(self) -> tuple[bytes, bool] | None:
        """Rows of ctts, and whether any is negative; None where all are 0."""

    def syncs(self) -> bytes | None:
        """Rows of stss; None where every sample is sync."""

    def sizes(self) -> tuple[int, bytes]:
        """The size of every sample, or 0 and the rows of stsz."""

    def chunks(self, base: int) -> tuple[bytes, bytes]:
        """Rows of stsc and of co64, for media that begin at `base`."""

    def extents(self) -> list[tuple[int, int, int]]:
        """(number of the cut, offset, bytes) of the media in order, neighbours together."""

    def sync_samples(self) -> list[tuple[int, int, int]]:
        """The same of every sample that is marked as sync."""

    def counts(self, begin: int, end: int) -> tuple[int, int, int, int]:
        """(pictures in [begin, end), the time of the first and of the last of them, the least time
        of all pictures)."""
