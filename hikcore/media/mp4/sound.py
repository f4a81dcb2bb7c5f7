"""The audio track of a clip: which units it needs, and the edits that place them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hikcore.media.mp4.join import Stretch, StretchReader, join_audio
from hikcore.media.mp4.write import TIMESCALE, Edit, OutTrack
from hikcore.media.table import CodecConfig

SoundKind = Literal["copy", "aac", "flac", "none"]
#: Samples that one AAC access unit decodes to (ISO 14496-3, frameLengthFlag 0).
AAC_FRAME = 1024


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio track to write; `read(first, last)` gives the bytes of its samples until `close`."""

    track: OutTrack
    read: Callable[[int, int], bytes]
    close: Callable[[], None] = lambda: None


def one_format(stretches: Sequence[Stretch], notes: list[str]) -> list[Stretch]:
    """The stretches whose audio is of the first one's format: a track has one codec and rate."""
    out: list[Stretch] = []
    for stretch in stretches:
        config = config_of(stretch)
        if out and config != config_of(out[0]):
            notes.append(
                f"audio left out where it changes to {config.codec} {config.rate} Hz "
                f"{config.channels} channels"
            )
            continue
        out.append(stretch)
    return out


def config_of(stretch: Stretch) -> CodecConfig:
    """The configuration of a stretch's first unit."""
    return stretch.samples.configs[int(stretch.samples.config[stretch.first])]


def unit_ticks(stretch: Stretch) -> NDArray[np.int64]:
    """How long each unit sounds (not: until when the next begins), in ticks, rounded up."""
    config = config_of(stretch)
    sizes = stretch.samples.size[stretch.first : stretch.last].astype(np.int64)
    samples = np.full(len(sizes), AAC_FRAME) if config.codec == "aac" else sizes
    if config.codec != "aac":
        samples = sizes // max(config.channels, 1)
    return -(-samples * TIMESCALE // max(config.rate, 1))


def overlapping(stretch: Stretch, begin: int, end: int, before: int = 0) -> Stretch | None:
    """The units that sound in [begin, end), and so many before them; None where there are none."""
    times = stretch.times
    hit = np.flatnonzero((times + unit_ticks(stretch) > begin) & (times < end))
    if not len(hit):
        return None
    return stretch.part(max(int(hit[0]) - before, 0), int(hit[-1]) + 1)


def copy_sound(
    stretches: Sequence[Stretch], begin: int, end: int, notes: list[str]
) -> Sound | None:
    """The units that sound in [begin, end), bit for bit, trimmed by edits; None without any."""
    needed: list[Stretch] = []
    for stretch in one_format(stretches, notes):
        # An AAC decoder needs the unit before the first one that is heard.
        priming = 1 if config_of(stretch).codec == "aac" and not needed else 0
        part = overlapping(stretch, begin, end, priming)
        if part is not None:
            needed.append(part)
    if not needed:
        return None
    last = int(unit_ticks(needed[-1])[-1])
    samples = join_audio(needed, last)
    first = int(samples.pts[0])
    until = min(end, int(samples.pts[-1]) + last)
    edits: tuple[Edit, ...] = (Edit(until - max(first, begin), max(begin - first, 0)),)
    if first > begin:
        edits = (Edit(first - begin, -1), *edits)
    return Sound(OutTrack(samples, edits), StretchReader(needed).read)
