"""One playable MP4 of parts of several segments, cut to the frame without re-encoding.

The file starts at the sync sample before the asked begin; an edit list hides that lead-in, with
`media_time` exactly the composition time of the first frame shown, as libavformat drops a frame
that an edit begins inside of. Hidden frames are still in the file: a clip is no redaction. Time in
the clip runs like the wall: before a gap the last frame lasts until the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from hikcore.errors import MediaDamaged, MediaUnsupported, NoRecording
from hikcore.media.mp4.join import Stretch, StretchReader, join_video
from hikcore.media.mp4.sound import Sound, SoundKind, copy_sound
from hikcore.media.mp4.write import Edit, OutTrack, Writable, write_mp4
from hikcore.media.table import ByteSource, SampleTable

__all__ = ["ClipFile", "ClipPart", "ClipReport", "Gap", "SoundKind", "write_clip"]


@dataclass(frozen=True, slots=True)
class ClipPart:
    """Samples of one table, placed in the clip.

    Clip time is in 90 kHz ticks since the asked begin: pts + shift (negative in the lead-in). The
    first part begins at a sync sample; a following one at a sync sample, or with the sample that
    comes, in decoding order, after the last of the part before it.

    Attributes:
        source: where the bytes lie.
        table: with video and audio times on one timeline of 90 kHz (as `read_head` gives them).
        first, last: video samples, half-open.
        shift: ticks from the table's times to clip time.
        audio_first, audio_last: audio units, half-open.
    """

    source: ByteSource
    table: SampleTable
    first: int
    last: int
    shift: int
    audio_first: int = 0
    audio_last: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Clip time, half-open, in which no part holds a picture."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class ClipFile:
    """One file of a clip. Times are clip times (before any gap was closed).

    Attributes:
        codec: of the video. configurations: sample entries.
        size, sha256: of the file.
        begin, end: of what is shown. first, last: of the first and last frame shown.
        lead_in: ticks of hidden video before `begin`.
        frames: shown. hidden: in the file and not shown. units: samples of the audio track.
        audio: `alaw`, `ulaw`, `aac`, `flac`, or None.
    """

    codec: str
    configurations: int
    size: int
    sha256: str
    begin: int
    end: int
    first: int
    last: int
    lead_in: int
    hidden: int
    frames: int
    units: int
    audio: str | None


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What was written: the sum over its files, which see for the meaning of each number."""

    first: int
    last: int
    begin: int
    end: int
    lead_in: int
    frames: int
    gaps: tuple[Gap, ...]
    audio: str | None
    files: tuple[ClipFile, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Placed:
    """A part on the time of its file: `closed` ticks of gaps before it were taken out."""

    video: Stretch
    audio: Stretch | None
    begin: int
    end: int
    closed: int = 0


def write_clip(
    out: Writable,
    parts: Sequence[ClipPart],
    *,
    show_from: int,
    show_to: int,
    audio: SoundKind = "copy",
    gaps: Literal["keep", "cut"] = "keep",
    start: Literal["exact", "key"] = "exact",
    further: Callable[[int], Writable] | None = None,
) -> ClipReport:
    """Write a clip that shows every frame with clip time in [show_from, show_to), and no other.

    Args:
        out: the file, at its beginning.
        parts: in order of clip time.
        show_from: clip time of the first frame to show, exactly.
        show_to: where the last frame ends at the latest.
        audio: `copy` keeps the units bit for bit; `aac`, `flac` encode; `none` leaves it out.
        gaps: `keep`: the last frame before a gap lasts until the next; `cut`: gaps are closed.
        start: `exact` hides the lead-in; `key` begins openly at the sync sample.
        further: gives the stream of the n-th file (from 2), wanted where the video codec changes.
            The caller closes it.

    Raises:
        NoRecording: no picture in the span.
        MediaDamaged: a source does not hold what its table says.
        MediaUnsupported: the codec changes and there is no `further`, or a gap is too long to keep.
        ValueError: parts that overlap, or that do not begin as they must.
    """
    placed, found = _place(parts, show_to)
    if start == "key" and placed:
        show_from = int(placed[0].video.times[0])
    _check_begin(placed, show_from)
    files: list[ClipFile] = []
    notes: list[str] = []
    groups = _groups(placed)
    for number, group in enumerate(groups, 1):
        begin = show_from if number == 1 else group[0].begin
        end = min(show_to, group[-1].end)
        if number < len(groups) and not _is_gap(group[-1], groups[number][0]):
            end = min(show_to, groups[number][0].begin)
        if number > 1 and further is None:
            raise MediaUnsupported(
                "the video codec changes inside the clip, which one MP4 cannot hold",
                hint="give a place for further files, or ask for the span before the change",
            )
        target = out if number == 1 or further is None else further(number)
        files.append(_write_file(target, group, begin, end, audio, gaps, notes))
    return ClipReport(
        first=files[0].first,
        last=files[-1].last,
        begin=files[0].begin,
        end=files[-1].end,
        lead_in=files[0].lead_in,
        frames=sum(file.frames for file in files),
        gaps=tuple(Gap(max(g.begin, show_from), g.end) for g in found if g.end > show_from),
        audio=next((file.audio for file in files if file.audio), None),
        files=tuple(files),
        notes=tuple(dict.fromkeys(notes)),
    )


def _place(parts: Sequence[ClipPart], show_to: int) -> tuple[list[_Placed], list[Gap]]:
    """The parts that show something, cut after the last sample that is needed, and their gaps."""
    placed: list[_Placed] = []
    gaps: list[Gap] = []
    for part in parts:
        if part.table.video is None or part.first >= part.last:
            continue
        video = Stretch(part.source, part.table.video, part.first, part.last, part.shift)
        needed = np.flatnonzero(video.times < show_to)
        if not len(needed):
            break
        video = video.part(0, int(needed[-1]) + 1)
        sound = None
        if part.table.audio is not None and part.audio_first < part.audio_last:
            sound = Stretch(
                part.source, part.table.audio, part.audio_first, part.audio_last, part.shift
            )
        times = video.times
        one = _Placed(video, sound, int(times.min()), int(times.max()) + video.last_duration)
        if placed:
            _check_seam(placed[-1], one)
            if _is_gap(placed[-1], one):
                gaps.append(Gap(placed[-1].end, one.begin))
        placed.append(one)
    return placed, gaps


def _is_gap(before: _Placed, after: _Placed) -> bool:
    """Whether time for at least one more frame lies between the two (less is jitter)."""
    return after.begin - before.end > before.video.last_duration


def _check_begin(placed: Sequence[_Placed], show_from: int) -> None:
    if not placed:
        raise NoRecording("no picture lies in the span")
    first = placed[0].video
    if not first.samples.sync[first.first]:
        raise ValueError("the first part of a clip must begin at a sync sample")
    if not any((one.video.times == show_from).any() for one in placed):
        raise ValueError(f"no frame of the parts has the clip time {show_from} to begin at")


def _check_seam(before: _Placed, after: _Placed) -> None:
    if after.video.samples.sync[after.video.first]:
        last = int(before.video.times.max())
        if after.begin <= last:
            raise ValueError(
                f"a part begins at {after.begin}, before the last frame of the one ahead ({last})"
            )


def _groups(placed: Sequence[_Placed]) -> list[list[_Placed]]:
    """Neighbouring parts of one video codec."""
    out: list[list[_Placed]] = []
    for one in placed:
        if out and out[-1][-1].video.samples.configs[0].codec == _codec(one):
            out[-1].append(one)
        else:
            out.append([one])
    return out


def _codec(one: _Placed) -> str:
    return one.video.samples.configs[0].codec


def _write_file(
    out: Writable,
    group: list[_Placed],
    begin: int,
    end: int,
    audio: SoundKind,
    gaps: Literal["keep", "cut"],
    notes: list[str],
) -> ClipFile:
    times = np.concatenate([one.video.times for one in group])
    shown = (times >= begin) & (times < end)
    closed = _close(group, begin) if gaps == "cut" else 0
    stretches = [replace(one.video, shift=one.video.shift - one.closed) for one in group]
    video = join_video(stretches)
    media_time = begin - int(video.dts[0])
    if media_time < 0:
        raise MediaDamaged("the first frame to show comes before the first that is decoded")
    length = end - closed - begin
    tracks = [OutTrack(video, (Edit(length, media_time),))]
    sound: Sound | None = None
    if audio != "none":
        sound = _sound(_heard(group, gaps), begin, begin + length, audio, notes)
    readers: list[Callable[[int, int], bytes]] = [StretchReader(stretches).read]
    if sound is not None:
        tracks.append(sound.track)
        readers.append(sound.read)
    hashed = _Hashed(out)
    try:
        plan = write_mp4(hashed, tracks, lambda track, a, b: readers[track](a, b))
    finally:
        if sound is not None:
            sound.close()
    return ClipFile(
        codec=video.configs[0].codec,
        configurations=len(video.configs),
        size=plan.size,
        sha256=hashed.digest.hexdigest(),
        begin=begin,
        end=end,
        first=int(times[shown].min()),
        last=int(times[shown].max()),
        lead_in=begin - int(times.min()),
        hidden=int((~shown).sum()),
        frames=int(shown.sum()),
        units=len(sound.track.samples) if sound else 0,
        audio=sound.track.samples.configs[0].codec if sound else None,
    )


def _close(group: list[_Placed], begin: int) -> int:
    """Take the gaps after `begin` out of the parts' times; how many ticks in all."""
    closed = 0
    for before, after in pairwise(group):
        if _is_gap(before, after) and after.begin > begin:
            closed += after.begin - before.end
        after.closed = closed
    return closed


def _heard(group: list[_Placed], gaps: Literal["keep", "cut"]) -> list[Stretch]:
    """The audio of the parts on the file's time (gaps closed)."""
    stretches = []
    for index, one in enumerate(group):
        if one.audio is None:
            continue
        audio, times = one.audio, one.audio.times
        keep = np.ones(len(times), np.bool_)
        if gaps == "cut":  # at a closed gap only what begins while the part has pictures
            if index and _is_gap(group[index - 1], one):
                keep &= times >= one.begin
            if index + 1 < len(group) and _is_gap(one, group[index + 1]):
                keep &= times < one.end
        if keep.any():
            low, high = int(keep.argmax()), len(keep) - int(keep[::-1].argmax())
            stretches.append(replace(audio.part(low, high), shift=audio.shift - one.closed))
    return stretches


def _sound(
    stretches: list[Stretch],
    begin: int,
    end: int,
    kind: Literal["copy", "aac", "flac"],
    notes: list[str],
) -> Sound | None:
    if kind == "copy":
        return copy_sound(stretches, begin, end, notes)
    from hikcore.media.audio import encode_sound  # noqa: PLC0415  (PyAV is slow to import)

    return encode_sound(stretches, begin, end, kind, notes)


class _Hashed:
    """A stream that hashes what passes through."""

    def __init__(self, out: Writable) -> None:
        self._out = out
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._out.write(data)
