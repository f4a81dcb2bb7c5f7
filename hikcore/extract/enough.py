"""Whether a body holds all that was said of it, and what two bodies are compared by. Pure."""

from __future__ import annotations

import hashlib

import numpy as np

from hikcore.archive.settled import LENGTH_DOUBT
from hikcore.errors import MediaDamaged
from hikcore.extract.intake import Body
from hikcore.instants import NS
from hikcore.media.table import SampleTable
from hikcore.sources.base import Recording


def holds_all(body: Body, recording: Recording) -> bool:
    """Of a file by its bytes; of a window by the length of the footage in it, where that can be
    told (a source that says nothing of a window's inside is believed). A window that cannot be
    read may have lost its end on the way, with an MP4's index in it. What a growing file holds is
    what comes."""
    if recording.kind == "tail":
        return body.table is not None or not isinstance(body.fault, MediaDamaged)
    if recording.kind != "window":
        return recording.size is None or body.size >= recording.size
    if body.table is None:
        return not isinstance(body.fault, MediaDamaged)
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


def footage(table: SampleTable) -> tuple[int, str]:
    """What is the same for the same pictures in whatever container: how many, and a hash of their
    sizes and distances."""
    digest = hashlib.sha256()
    tracks = [track for track in (table.video, table.audio) if track is not None]
    for track in tracks:
        digest.update(np.ascontiguousarray(track.size).tobytes())
        digest.update((np.diff(track.pts) * 90_000 // track.timescale).tobytes())
    return sum(map(len, tracks)), digest.hexdigest()
