"""Ten seconds of a recording: fetched, cut, and checked as `hikcore check` does. Blocking but for
the fetch."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from hikcore.deviceclock import DeviceClock
from hikcore.errors import MediaUnsupported
from hikcore.instants import NS, Span
from hikcore.media.check import check_file
from hikcore.media.clip import ClipPart, write_clip
from hikcore.media.container import index_file
from hikcore.media.mp4.read import read_head
from hikcore.media.runs import find_runs
from hikcore.media.samples import FileSource
from hikcore.media.segments import plan_segments, write_segment
from hikcore.media.sniff import sniff
from hikcore.media.table import SampleTable
from hikcore.sources.base import Recording, Source

SECONDS: Final = 10
_TICKS: Final = SECONDS * 90_000
#: A body without an index at its begin is of use only when it is whole: up to this size.
_WHOLE: Final = 64 << 20
#: Beyond the ten seconds by the average: pictures differ in size, key pictures come late.
_SPARE: Final = 4 << 20
_LEAST: Final = 2 << 20


class _EnoughError(Exception):
    """Ends a fetch of which no more is wanted."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was fetched and cut: bytes received, the container, and rules that the clip breaks."""

    received: int
    container: str
    codec: str
    frames: int
    broken: tuple[str, ...]


async def fetch_beginning(source: Source, recording: Recording, path: Path) -> int:
    """The beginning of a recording, enough for ten seconds, into a file; its bytes.

    Raises:
        DeviceError: it cannot be had.
        MediaUnsupported: only the whole of it would be of use, and it is too large for a look.
    """
    size = recording.size or 0
    share = size * SECONDS * 1_000_000_000 // recording.span.length
    enough = max(_LEAST, 2 * share + _SPARE)
    # Where recordings are played, ten seconds take ten.
    until = min(recording.span.end, recording.span.begin + 2 * SECONDS * NS)
    asked = replace(recording, span=Span(recording.span.begin, until))
    kind = ""
    received = 0
    with path.open("wb") as file:

        async def write(block: bytes) -> None:
            nonlocal kind, received
            kind = kind or sniff(block[:64])
            if kind in ("mp4", "avi") and size > _WHOLE:
                raise MediaUnsupported(f"a {kind} of {size} bytes is of use only when it is whole")
            file.write(block)
            received += len(block)
            if received >= enough and kind not in ("mp4", "avi"):
                raise _EnoughError

        with suppress(_EnoughError):
            await source.fetch(asked, write)
    return received


def cut_and_check(body: Path, folder: Path, recording: Recording, clock: DeviceClock) -> Sample:
    """Make a segment of it, cut ten seconds of that as every clip is cut, and hold both against the
    rules.

    Args:
        folder: for the two files.

    Raises:
        MediaError: the body cannot be read.
    """
    table = index_file(body)
    segment, clip = folder / "segment.mp4", folder / "clip.mp4"
    _write_segment(body, table, segment, recording, clock)
    frames = _write_clip(segment, clip)
    broken = [
        f"{path.stem}: {failure}"
        for path, source in ((segment, body), (clip, segment))
        for failure in check_file(path, source=source, decode=True).failures
    ]
    assert table.video is not None
    codec = table.video.configs[int(table.video.config[0])].codec
    return Sample(body.stat().st_size, table.container, codec, frames, tuple(broken))


def _write_segment(
    body: Path, table: SampleTable, out: Path, recording: Recording, clock: DeviceClock
) -> None:
    """The longest one of the beginning that begins with a key picture."""
    plans = [
        (run, plan)
        for run in find_runs(table, clock, recording.span.begin)
        for plan in plan_segments(table, run)
        if plan.first < plan.last and not plan.headless
    ]
    if not plans:
        raise MediaUnsupported("no key picture in its beginning")
    run, plan = max(plans, key=lambda found: found[1].last - found[1].first)
    with FileSource(body) as source, out.open("wb") as file:
        write_segment(file, source, table, run, plan)


def _write_clip(segment: Path, out: Path) -> int:
    """Ten seconds from the segment's first picture on; the pictures shown."""
    table = read_head(segment.read_bytes())
    video = table.video
    assert video is not None
    begin = int(video.pts[0])
    late = np.flatnonzero((video.pts - begin >= _TICKS) & video.sync)
    last = int(late[0]) if len(late) else len(video)
    sound = (0, 0)
    if table.audio is not None:
        edges = np.searchsorted(table.audio.pts, (begin, begin + _TICKS))
        sound = int(edges[0]), int(edges[1])
    with FileSource(segment) as source, out.open("wb") as file:
        part = ClipPart(source, table, 0, last, -begin, *sound)
        return write_clip(file, [part], show_from=0, show_to=_TICKS).frames
