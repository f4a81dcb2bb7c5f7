"""Places the parts of a clip on its time: what each shows, the gaps between them, and which of them
one MP4 can hold together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from hikcore.errors import NoRecording
from hikcore.media.mp4.join import Stretch
from hikcore.media.table import ByteSource, SampleTable


@dataclass(frozen=True, slots=True)
class ClipPart:
    """Samples of one table, placed in the clip.

    Clip time is in 90 kHz ticks since the asked begin: pts + shift (negative in the lead-in). The
    first part begins at a sync sample; a following one at a sync sample, or with the sample that
    comes, in decoding order, after the last of the part before it. A part that needs a lead-in of
    its own begins a further file: no edit list hides frames in mid-file (libavformat then warns,
    and shows pictures with B-frames a frame early).

    Attributes:
        source: where the bytes lie.
        table: with video and audio times on one timeline of 90 kHz (as `read_head` gives them).
        first, last: video samples, half-open.
        shift: ticks from the table's times to clip time.
        audio_first, audio_last: audio units, half-open.
        show_from: clip time before which frames of this part (not the first) are its lead-in.
    """

    source: ByteSource
    table: SampleTable
    first: int
    last: int
    shift: int
    audio_first: int = 0
    audio_last: int = 0
    show_from: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Clip time, half-open, in which no part holds a picture."""

    begin: int
    end: int


@dataclass(slots=True)
class Placed:
    """A part with when it shows (`begin` to `end`, lead-in left out).

    `breaks`: it begins a further file, as something around its begin must be hidden. On the time of
    its file it lies `closed` ticks earlier: gaps before it were taken out.
    """

    video: Stretch
    audio: Stretch | None
    begin: int
    end: int
    breaks: bool
    closed: int = 0


def place(parts: Sequence[ClipPart], show_to: int) -> tuple[list[Placed], list[Gap]]:
    """The parts that show something, cut after the last sample that is needed, and their gaps."""
    placed: list[Placed] = []
    gaps: list[Gap] = []
    for part in parts:
        if part.table.video is None or part.first >= part.last:
            continue
        video = Stretch(part.source, part.table.video, part.first, part.last, part.shift)
        needed = np.flatnonzero(video.times < show_to)
        if not len(needed) or (part.show_from is not None and part.show_from >= show_to):
            break
        video = video.part(0, int(needed[-1]) + 1)
        sound = None
        if part.table.audio is not None and part.audio_first < part.audio_last:
            sound = Stretch(
                part.source, part.table.audio, part.audio_first, part.audio_last, part.shift
            )
        times = video.times
        begin, end = int(times.min()), int(times.max()) + video.last_duration
        hides = bool(placed) and part.show_from is not None and part.show_from > begin
        if hides:
            if not video.samples.sync[video.first]:
                raise ValueError("a part with a lead-in of its own must begin at a sync sample")
            if not (times == part.show_from).any():
                raise ValueError(f"no frame of the part has the clip time {part.show_from}")
            begin = part.show_from or 0
        one = Placed(video, sound, begin, end, hides)
        if placed:
            one.breaks |= _overlaps(placed[-1], one)
            if is_gap(placed[-1], one):
                gaps.append(Gap(placed[-1].end, one.begin))
        placed.append(one)
    return placed, gaps


def end_with_shown(last: Placed, show_from: int) -> None:
    """Leave out B pictures at the clip's end that are decoded after the last one shown, and would
    be shown before the first."""
    shown = np.flatnonzero(last.video.times >= show_from)
    if len(shown):
        last.video = last.video.part(0, int(shown[-1]) + 1)


def is_gap(before: Placed, after: Placed) -> bool:
    """Whether time for at least one more frame lies between the two (less is jitter)."""
    return after.begin - before.end > before.video.last_duration


def check_begin(placed: Sequence[Placed], show_from: int, show_to: int) -> None:
    """Whether a clip can begin there.

    Raises:
        NoRecording: no picture lies in the span.
        ValueError: no frame begins there, or the first part has no sync sample to begin with.
    """
    if show_from >= show_to:
        raise ValueError(f"the clip's begin {show_from} is not before its end {show_to}")
    if not placed:
        raise NoRecording("no picture lies in the span")
    first = placed[0].video
    if not first.samples.sync[first.first]:
        raise ValueError("the first part of a clip must begin at a sync sample")
    if not any((one.video.times == show_from).any() for one in placed):
        raise ValueError(f"no frame of the parts has the clip time {show_from} to begin at")


def _overlaps(before: Placed, after: Placed) -> bool:
    """Whether frames of a part lie beyond the begin of the next, which does not continue it: other
    frames refer to them. Only the edit list of a file's end can hide them."""
    if not after.video.samples.sync[after.video.first]:
        return False
    if after.begin <= before.begin:
        raise ValueError(f"the part at {after.begin} does not begin after the one before it")
    return after.begin <= int(before.video.times.max())


def groups(placed: Sequence[Placed]) -> list[list[Placed]]:
    """The parts of each file: neighbours of one video codec, without a lead-in in the middle."""
    out: list[list[Placed]] = []
    for one in placed:
        if out and not one.breaks and _codec(out[-1][-1]) == _codec(one):
            out[-1].append(one)
        else:
            out.append([one])
    return out


def _codec(one: Placed) -> str:
    return one.video.samples.configs[0].codec


def close(group: list[Placed], begin: int) -> int:
    """Take the gaps after `begin` out of the parts' times; how many ticks in all."""
    closed = 0
    for before, after in pairwise(group):
        if is_gap(before, after) and after.begin > begin:
            closed += after.begin - before.end
        after.closed = closed
    return closed


def heard(group: list[Placed], gaps: Literal["keep", "cut"]) -> list[Stretch]:
    """The audio of the parts on the file's time (gaps closed)."""
    stretches = []
    for index, one in enumerate(group):
        if one.audio is None:
            continue
        audio, times = one.audio, one.audio.times
        keep = np.ones(len(times), np.bool_)
        if gaps == "cut":  # at a closed gap only what begins while the part has pictures
            if index and is_gap(group[index - 1], one):
                keep &= times >= one.begin
            if index + 1 < len(group) and is_gap(one, group[index + 1]):
                keep &= times < one.end
        if keep.any():
            low, high = int(keep.argmax()), len(keep) - int(keep[::-1].argmax())
            stretches.append(replace(audio.part(low, high), shift=audio.shift - one.closed))
    return stretches
