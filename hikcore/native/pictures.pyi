"""Pictures of a program stream whose times need no repair (compiled; native/pictures.pyx)."""

from typing_extensions import Buffer

from hikcore.native.rows import Rows

class Pictures(Rows):
    """Rows in ticks of 90 kHz, unwrapped, one behind the other in the media."""

    begin: int
    """Of the picture shown first."""
    end: int
    """When the one shown last ends."""
    key: bool
    """Whether decoding can begin at the first one, and it is the one shown first."""
    first: int
    """When the first one is decoded."""
    pts: memoryview
    """int64 of each picture."""
    dts: memoryview

    def fill(self, records: Buffer) -> int:
        """The pictures of SAMPLE records; 0, or why they are refused."""
