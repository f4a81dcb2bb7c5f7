"""Clips of segments of anything: cut anywhere, they show what was asked for.

An input is four bytes (where to cut) and the body of any container.
"""

from __future__ import annotations

import io
from functools import cache

import numpy as np

from hikcore.errors import MediaDamaged, MediaUnsupported, NoRecording
from hikcore.media.check import check_file
from hikcore.media.clip import ClipPart, write_clip
from hikcore.media.mp4.edits import present
from hikcore.media.mp4.read import read_edits, read_head
from tests.fuzz.files import as_file
from tests.fuzz.target import Target
from tests.fuzz.targets import trips
from tests.media.mp4_foreign import Bytes


@cache
def seeds() -> list[bytes]:
    """Cuts in the middle of small bodies."""
    return [bytes((40, 20 * n % 256, 90, n % 3)) + body for n, body in enumerate(trips.seeds())]


def check(body: bytes) -> None:
    """Of the first segments."""
    for number, (data, _) in enumerate(trips.written(body[4:])):
        if number >= 3:
            return
        one_cut(data, body[0] << 8 | body[1], body[2], body[3])


def one_cut(data: bytes, begin: int, length: int, how: int) -> None:
    """Cut a segment, and look at what is shown."""
    table = read_head(data)
    video = table.video
    if video is None or not video.sync[0] or (np.unique(video.pts).size < len(video)):
        return
    times = np.sort(video.pts)
    low = begin % len(times)
    high = min(low + 1 + length, len(times))
    asked, until = int(times[low]), int(times[high - 1]) + 1
    inside = np.flatnonzero((video.pts >= asked) & (video.pts < until))
    first = int(np.flatnonzero(video.sync[: int(inside.min()) + 1])[-1])
    units = len(table.audio) if table.audio is not None else 0
    part = ClipPart(Bytes(data), table, first, int(inside.max()) + 1, -asked, 0, units)
    out = io.BytesIO()
    try:
        report = write_clip(
            out, [part], show_from=0, show_to=until - asked,
            audio="none" if how & 1 else "copy", start="key" if how & 2 else "exact",
        )  # fmt: skip
    except (MediaUnsupported, MediaDamaged, NoRecording, ValueError):
        return
    clip = out.getvalue()
    failed = [str(f) for f in check_file(as_file(clip)).failures if f.invariant in trips.RULES]
    assert not failed, failed
    again, edits = read_head(clip).video, read_edits(clip)
    assert again is not None
    shown = np.concatenate([one.samples for one in present(again, edits.video, edits.timescale)])
    if not how & 2:
        wanted = times[low:high] - asked
        found = np.sort(again.pts[shown])
        assert (found - found[0]).tolist() == wanted.tolist()
        assert report.frames == len(wanted)


TARGET = Target("cuts", seeds, check, trips.GRAMMAR)
