"""Sound of MP4 tracks cut to spans (compiled; native/sounding.pyx)."""

from hikcore.native.rows import Rows
from hikcore.native.stbl import Track

class Sound(Rows):
    """The units of a clip's sound, cut by cut. Not safe for two threads at once.

    Args:
        rate: samples a second: what the track counts its time in.
        unit: samples that every unit decodes to; 0 where its size or its time says it.
        frame: bytes of one sample of all channels (PCM); else 0.

    Raises:
        ValueError: a number that no sound has.
    """

    def __init__(self, rate: int, unit: int, frame: int) -> None: ...
    def add(self, track: Track, late: int, shift: int, end: int, source: int, priming: bool) -> int:
        """The units of a track that are heard in [0, end) of clip time (90 kHz); `late`: ticks of
        the track from its media time to that of the pictures; `shift`: ticks of 90 kHz from there
        to clip time; `priming`: with the unit before the first. 0, or why it is refused
        (stbl.pxd)."""

    def close(self, end: int) -> int:
        """Bring the times to the clock of samples, in a clip that ends at `end`; 0, or why there
        can be no tables. What follows, and the tables, need it."""

    first: int
    """When the first unit is heard, clip time (90 kHz)."""
    until: int
    """To when the last one is."""
    media_time: int
    """Samples of the first unit that are not heard."""
