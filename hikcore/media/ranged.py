"""Cuts of MP4 files that are far away: each read is a request, so there are few.

One read finds the moov (two, where it lies last), one more brings the media of the span. What goes
over the wire is moov and clip, and what a block of the first read brings besides.
"""

from __future__ import annotations

from collections.abc import Callable

from hikcore.errors import MediaDamaged
from hikcore.media.cut import Cut, told
from hikcore.media.formats import ByteSource
from hikcore.media.mp4.headers import TIMESCALE, Writable
from hikcore.media.mp4.plain import find_moov
from hikcore.media.mp4.quick import quick_cut
from hikcore.media.mp4.source import Ahead

#: The moov of half an hour and more.
BLOCK = 512 << 10


def cut_ranged(
    source: ByteSource,
    size: int,
    window: Callable[[int, int], ByteSource],
    out: Writable,
    begin: float,
    end: float,
) -> Cut:
    """Write what an MP4 shows from `begin` to `end` (seconds from its first picture), cut to the
    frame; of a file in fragments, the fragments of the span alone are looked for.

    Args:
        source: for headers and tables. size: bytes of the file.
        window: gives the source for the media, which lie from its first argument to its second:
            one read should bring all of them.

    Raises:
        NoRecording: no picture lies in the span.
        MediaUnsupported, MediaDamaged, MediaEncrypted: the file cannot be read.
    """
    if not begin < end:
        raise ValueError(f"the begin {begin} is not before the end {end}")
    at, until = round(begin * TIMESCALE), round(end * TIMESCALE)
    ahead = Ahead(source, size, BLOCK)
    tables = _Whole(ahead)
    moov = find_moov(tables, size)
    quick = quick_cut(tables, size, moov, at, until, window)
    if quick is not None:
        quick.write(out)
        return told(quick)
    from hikcore.media.whole import cut_ranges  # noqa: PLC0415  loads numpy and every table

    ahead.block = 0  # what is held is used again; the rest is read as that reader wants it
    return cut_ranges(tables, size, window, out, at, until, moov)


class _Whole:
    """Reads of exactly what is asked for, out of what is read ahead."""

    def __init__(self, ahead: Ahead) -> None:
        self._ahead = ahead

    def read_at(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes.

        Raises:
            MediaDamaged: the file ends before.
        """
        out = self._ahead.read_at(offset, size)
        if len(out) != size:
            raise MediaDamaged("the file ends early", offset=offset + len(out))
        return out
