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
from typing import Literal

import numpy as np

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.mp4.join import Stretch, StretchReader, join_video
from hikcore.media.mp4.place import (
    ClipPart,
    Gap,
    Placed,
    check_begin,
    close,
    end_with_shown,
    groups,
    heard,
    is_gap,
    place,
)
from hikcore.media.mp4.sound import Sound, SoundKind, copy_sound
from hikcore.media.mp4.strip import Stripper
from hikcore.media.mp4.write import TIMESCALE, Edit, OutTrack, Writable, write_mp4

__all__ = ["ClipFile", "ClipPart", "ClipReport", "Gap", "SoundKind", "write_clip"]


@dataclass(frozen=True, slots=True)
class ClipFile:
    """One file of a clip. Times are clip times (before any gap was closed).

    Attributes:
        codec: of the video. configurations: sample entries.
        size, sha256: of the file ("" where it was not wanted).
        begin, end: of what is shown. first, last: of the first and last frame shown.
        lead_in: ticks of hidden video before `begin`.
        frames: shown. hidden: in the file and not shown. units: samples of the audio track.
        audio: `alaw`, `ulaw`, `aac`, `flac`, or None.
        stripped: samples that copies of parameter sets were taken out of.
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
    stripped: int = 0


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
    strip_parameter_sets: bool = False,
    hashed: bool = True,
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
        further: gives the stream of the n-th file (from 2), wanted where the video codec changes or
            a part has a lead-in of its own. The caller closes it.
        strip_parameter_sets: leave out parameter sets in the samples that equal those of the sample
            entry (see hikcore.media.mp4.strip): the media is read twice.
        hashed: with the SHA-256 of each file, which costs as much as all the rest.

    Raises:
        NoRecording: no picture in the span.
        MediaDamaged: a source does not hold what its table says.
        MediaUnsupported: a further file is needed without `further`, or a gap is too long to keep.
        ValueError: parts that overlap, or that do not begin as they must.
    """
    placed, found = place(parts, show_to)
    if start == "key" and placed:
        show_from = int(placed[0].video.times[0])
    check_begin(placed, show_from, show_to)
    end_with_shown(placed[-1], show_from)
    files: list[ClipFile] = []
    notes: list[str] = []
    files_of = groups(placed)
    if len(files_of) > 1 and further is None:
        raise _needs_further(files_of[1][0])
    for number, group in enumerate(files_of, 1):
        begin = show_from if number == 1 else group[0].begin
        end = min(show_to, group[-1].end)
        if number < len(files_of) and not is_gap(group[-1], files_of[number][0]):
            end = min(show_to, files_of[number][0].begin)
        target = out if number == 1 or further is None else further(number)
        into = _Hashed(target) if hashed else target
        options = (audio, gaps, strip_parameter_sets)
        files.append(_write_file(into, group, begin, end, options, notes))
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


def _needs_further(one: Placed) -> MediaUnsupported:
    what = "has footage to hide" if one.breaks else "changes its video codec"
    return MediaUnsupported(
        f"the clip {what} {one.begin / TIMESCALE:.3f} s after its begin: one MP4 cannot do it",
        hint="give a place for further files, or ask for the span before and after",
    )


def _write_file(
    out: Writable,
    group: list[Placed],
    begin: int,
    end: int,
    options: tuple[SoundKind, Literal["keep", "cut"], bool],
    notes: list[str],
) -> ClipFile:
    audio, gaps, strip = options
    times = np.concatenate([one.video.times for one in group])
    shown = (times >= begin) & (times < end)
    closed = close(group, begin) if gaps == "cut" else 0
    stretches = [replace(one.video, shift=one.video.shift - one.closed) for one in group]
    video = join_video(stretches)
    media_time = begin - int(video.dts[0])
    if media_time < 0:
        raise MediaDamaged("the first frame to show comes before the first that is decoded")
    length = end - closed - begin
    read: Callable[[int, int], bytes | memoryview] = StretchReader(stretches).read
    stripped = 0
    if strip:
        stripper = Stripper(video, read)
        video, read, stripped = stripper.samples, stripper.read, stripper.stripped
    tracks = [OutTrack(video, (Edit(length, media_time),))]
    sound: Sound | None = None
    if audio != "none":
        sound = _sound(heard(group, gaps), begin, begin + length, audio, notes)
    readers = [read]
    if sound is not None:
        tracks.append(sound.track)
        readers.append(sound.read)
    try:
        plan = write_mp4(out, tracks, lambda track, a, b: readers[track](a, b))
    finally:
        if sound is not None:
            sound.close()
    return ClipFile(
        codec=video.configs[0].codec,
        configurations=len(video.configs),
        size=plan.size,
        sha256=out.digest.hexdigest() if isinstance(out, _Hashed) else "",
        begin=begin,
        end=end,
        first=int(times[shown].min()),
        last=int(times[shown].max()),
        lead_in=begin - int(times.min()),
        hidden=int((~shown).sum()),
        frames=int(shown.sum()),
        units=len(sound.track.samples) if sound else 0,
        audio=sound.track.samples.configs[0].codec if sound else None,
        stripped=stripped,
    )


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

    def write(self, data: bytes | memoryview) -> int:
        self.digest.update(data)
        return self._out.write(data)
