"""Samples that a track of a clip is made of, and its tables (compiled; native/rows.pyx)."""

class Rows:
    """Samples of one track. Rows of boxes are big-endian bytes without header and count."""

    def __len__(self) -> int: ...

    media: int
    """Bytes of all samples; known when the track is complete."""
    duration: int
    """Ticks that all samples last; likewise."""

    def durations(self) -> bytes:
        """Rows of stts."""

    def compositions(self) -> tuple[bytes, bool] | None:
        """Rows of ctts, and whether any is negative; None where all are 0."""

    def syncs(self) -> bytes | None:
        """Rows of stss; None where every sample is sync."""

    def sizes(self) -> tuple[int, bytes]:
        """The size of every sample, or 0 and the rows of stsz."""

    def bounds(self) -> tuple[int, int]:
        """First byte and end of the last in the source, where there is one source."""

class Layout:
    """Where the media of a clip lie in its file: chunks of a second, pictures before sound.

    Args:
        tracks: the pictures and, where there is any, the sound; complete.

    Raises:
        ValueError: a track without samples.
    """

    def __init__(self, *tracks: Rows) -> None: ...

    extents: list[tuple[int, int, int]]
    """(source, offset, bytes) of the media in the order of the file, neighbours together."""

    def chunks(self, track: int, base: int) -> tuple[bytes, bytes]:
        """Rows of stsc and of co64 of a track, for media that begin at `base`."""
