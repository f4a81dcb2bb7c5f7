"""Whether a body holds all that was said of it, and what two bodies are compared by. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np

from hikcore.archive.settled import LENGTH_DOUBT
from hikcore.errors import MediaDamaged
from hikcore.extract.intake import Body
from hikcore.instants import NS
from hikcore.media.table import SampleTable
from hikcore.sources.base import Recording

#: By how much a file without a size may end before its listing: rows overlap by up to 3 s, and a
#: motion clip is listed with 5 s before it.
_FILE_DOUBT: Final = LENGTH_DOUBT + 5 * NS


def holds_all(body: Body, recording: Recording) -> bool:
    """Of a file by its bytes, or where no size is listed (old DVRs) by its footage: a body that
    ends with its connection may have been cut off anywhere. Of a window by the length of the
    footage in it, where that can be told (a source that says nothing of a window's inside is
    believed). What cannot be read may have lost its end on the way, with an MP4's index in it. What
    a growing file holds is what comes."""
    if recording.kind == "tail":
        return body.table is not None or not isinstance(body.fault, MediaDamaged)
    if recording.kind != "window" and recording.size is not None:
        return body.size >= recording.size
    if body.table is None:
        return not isinstance(body.fault, MediaDamaged)
    if recording.kind != "window":
        reached = max(length(body.table), _reach(body.table))
        return reached >= recording.span.length - _FILE_DOUBT
    said = sum(each.length for each in recording.there or (recording.span,))
    return length(body.table) >= said - LENGTH_DOUBT


def length(table: SampleTable) -> int:
    """Nanoseconds that the pictures of a table last, holes in their times not counted; of sound
    alone the units' own."""
    track = table.video if table.video is not None and len(table.video) else table.audio
    if track is None or not len(track):
        return 0
    steps = np.diff(track.dts)
    usual = int(np.median(steps)) if len(steps) else track.last_duration
    # A picture lasts until the next one; past ten of the usual length it is a hole.
    shown = int(np.minimum(np.maximum(steps, 0), 10 * max(usual, 1)).sum()) + track.last_duration
    return shown * NS // track.timescale


def _reach(table: SampleTable) -> int:
    """Nanoseconds from the first picture to the end of the last, holes and all: what a file lacks
    inside was never there."""
    track = table.video if table.video is not None and len(table.video) else table.audio
    if track is None or not len(track):
        return 0
    return (int(track.dts[-1] - track.dts[0]) + track.last_duration) * NS // track.timescale


def footage(table: SampleTable) -> tuple[int, str]:
    """What is the same for the same pictures in whatever container: how many, and a hash of their
    sizes and distances."""
    digest = hashlib.sha256()
    tracks = [track for track in (table.video, table.audio) if track is not None]
    for track in tracks:
        digest.update(np.ascontiguousarray(track.size).tobytes())
        digest.update((np.diff(track.pts) * 90_000 // track.timescale).tobytes())
    return sum(map(len, tracks)), digest.hexdigest()
