"""The audio track of a clip: which units it needs, and the edits that place them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hikcore.media.mp4.join import Stretch, StretchReader, join_audio
from hikcore.media.mp4.sound_entries import AAC_FRAME, PCM, sample_bytes
from hikcore.media.mp4.write import TIMESCALE, Edit, OutTrack
from hikcore.media.table import CodecConfig, Samples

SoundKind = Literal["copy", "aac", "flac", "none"]


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio track to write; `read(first, last)` gives the bytes of its samples until `close`."""

    track: OutTrack
    read: Callable[[int, int], bytes | memoryview]
    close: Callable[[], None] = lambda: None


def one_format(stretches: Sequence[Stretch], notes: list[str]) -> list[Stretch]:
    """The stretches whose audio is of the first one's format: a track has one codec and rate."""
    out: list[Stretch] = []
    for stretch in stretches:
        config = config_of(stretch)
        if not config.rate or not config.channels:
            notes.append(f"audio left out: the rate of its {config.codec} is not known")
            continue
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


def unit_samples(stretch: Stretch) -> NDArray[np.int64]:
    """How many samples each unit decodes to (in each channel)."""
    config = config_of(stretch)
    samples = stretch.samples
    sizes = samples.size[stretch.first : stretch.last].astype(np.int64)
    if config.codec == "aac":
        return np.full(len(sizes), AAC_FRAME, np.int64)
    if config.codec in PCM:
        return sizes // (config.channels * sample_bytes(config))
    # FLAC and Opus say it inside their units; where the next begins says it as well.
    times = stretch.samples.dts[stretch.first : stretch.last]
    steps = np.diff(times, append=times[-1:] + stretch.last_duration)
    out: NDArray[np.int64] = (2 * steps * config.rate + samples.timescale) // (
        2 * samples.timescale
    )
    return np.maximum(out, 1)


def last_unit(samples: Samples) -> int:
    """Ticks of the track that its last unit sounds, by its own bytes where they say it."""
    config = samples.configs[int(samples.config[-1])]
    count = 0
    if config.codec == "aac":
        count = AAC_FRAME
    elif config.codec in PCM:
        count = int(samples.size[-1]) // max(config.channels * sample_bytes(config), 1)
    if count and config.rate:
        return count * samples.timescale // config.rate
    return samples.last_duration


def to_samples(ticks: NDArray[np.int64], rate: int) -> NDArray[np.int64]:
    """Ticks of 90 kHz on the sample clock, to the nearest sample."""
    return (2 * ticks * rate + TIMESCALE) // (2 * TIMESCALE)


def overlapping(stretch: Stretch, begin: int, end: int, before: int = 0) -> Stretch | None:
    """The units that sound in [begin, end), and so many before them; None where there are none."""
    times, rate = stretch.times, config_of(stretch).rate
    sounding = -(-unit_samples(stretch) * TIMESCALE // rate)
    hit = np.flatnonzero((times + sounding > begin) & (times < end))
    if not len(hit):
        return None
    return stretch.part(max(int(hit[0]) - before, 0), int(hit[-1]) + 1)


def copy_sound(
    stretches: Sequence[Stretch], begin: int, end: int, notes: list[str]
) -> Sound | None:
    """The units that sound in [begin, end), bit for bit, trimmed by edits; None without any.

    The track runs on the sample clock: an edit that begins inside of a unit is read right only so
    (libavformat takes ticks for samples there), and a unit's time moves by half a sample at most.
    """
    needed: list[Stretch] = []
    for stretch in one_format(stretches, notes):
        # An AAC decoder needs the unit before the first one that is heard.
        priming = 1 if config_of(stretch).codec == "aac" and not needed else 0
        part = overlapping(stretch, begin, end, priming)
        if part is not None:
            needed.append(part)
    if not needed:
        return None
    rate, last = config_of(needed[0]).rate, int(unit_samples(needed[-1])[-1])
    ticks = join_audio(needed)
    times = to_samples(ticks.pts - begin, rate)
    samples = replace(ticks, timescale=rate, dts=times, pts=times, last_duration=last)
    first = max(int(ticks.pts[0]) - begin, 0)
    until = min(end, int(ticks.pts[-1]) + -(-last * TIMESCALE // rate)) - begin
    edits: tuple[Edit, ...] = (Edit(until - first, max(-int(times[0]), 0)),)
    if first:
        edits = (Edit(first, -1), *edits)
    return Sound(OutTrack(samples, edits), StretchReader(needed).read)
