"""The wall clock inside a recording, from its first bytes."""

from __future__ import annotations

from hikcore.errors import MediaError
from hikcore.instants import ticks_to_ns
from hikcore.media.ps import PsIndexer
from hikcore.media.sniff import sniff


def first_wall(beginning: bytes) -> int | None:
    """The device's wall clock at the first picture (local ns), None where the stream tells none.

    Args:
        beginning: of the file; enough to hold its first picture.
    """
    if sniff(beginning[:64]) != "ps":
        return None
    indexer = PsIndexer()
    try:
        indexer.feed(beginning)
        table = indexer.finish()
    except MediaError:
        return None
    if table.video is None or table.anchors is None or not len(table.anchors.wall):
        return None
    since = int(table.video.pts[int(table.anchors.sample[0])] - table.video.pts[0])
    return int(table.anchors.wall[0]) - ticks_to_ns(since)
