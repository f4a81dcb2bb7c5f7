"""Clips of plain MP4 files: the tables by the native core, the media copied within the kernel.

Byte for byte what `hikcore.media.clip.write_clip` makes of the same span, in a tenth of the time:
no table of the whole file, no numpy to load, no picture read into this process. What is not plain
is None here and left to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hikcore.media.files import FileSource
from hikcore.media.formats import ByteSource, CodecConfig
from hikcore.media.mp4.clip_head import ClipTrack, clip_head
from hikcore.media.mp4.headers import TIMESCALE, Edit, Writable
from hikcore.media.mp4.keycheck import KeyCheck
from hikcore.media.mp4.plain import Heard, Plain, find_moov, open_plain
from hikcore.media.mp4.sound_entries import AAC_FRAME, sample_bytes
from hikcore.native.cutting import Clip
from hikcore.native.rows import Layout
from hikcore.native.sounding import Sound

#: Before and after any time that a file has.
ALWAYS = 1 << 50
_BLOCK = 512 * 1024
#: Sound lies within seconds of its pictures; what lies further away is read by itself.
_NEAR = 1 << 20
_ROUNDED = f"times of pictures rounded to 1/{TIMESCALE} s: off by half a tick at most"


class QuickClip(NamedTuple):
    """A clip before it is written. Times are ticks of 90 kHz from the first picture shown.

    Attributes:
        sources: where the media lie. head: ftyp, moov and the header of mdat.
        extents: (number of the source, offset, bytes) of the media in order.
        size: bytes of the file.
        begin: of the first picture shown, since the begin of its file.
        end: when the last picture ends. last: when it begins.
        lead_in: ticks of hidden video before the first.
        frames, hidden: pictures shown, and in the file without being shown.
        notes: what a reader of the result should know.
    """

    sources: tuple[ByteSource, ...]
    head: bytes
    extents: list[tuple[int, int, int]]
    size: int
    begin: int
    end: int
    last: int
    lead_in: int
    frames: int
    hidden: int
    notes: tuple[str, ...]

    def send(self, out: int) -> None:
        """Write it to where the descriptor `out` stands; its sources must be files.

        Raises:
            MediaDamaged: a source ends early.
        """
        view = memoryview(self.head)
        while view:
            view = view[os.write(out, view) :]
        for number, offset, size in self.extents:
            source = self.sources[number]
            assert isinstance(source, FileSource)
            source.send(offset, size, out)

    def write(self, out: Writable) -> None:
        """The same to anything that takes bytes, from any sources.

        Raises:
            MediaDamaged: a source ends early.
        """
        out.write(self.head)
        for number, offset, size in self.extents:
            for at in range(offset, offset + size, _BLOCK):
                out.write(self.sources[number].read_at(at, min(_BLOCK, offset + size - at)))


class _Chosen(NamedTuple):
    """The samples of a clip: its pictures, and what is heard with them."""

    pictures: Clip
    sound: Sound | None
    config: CodecConfig | None


def quick_cut(
    source: ByteSource,
    size: int,
    moov: bytes,
    at: int,
    until: int,
    window: Callable[[int, int], ByteSource] | None = None,
) -> QuickClip | None:
    """The clip of [at, until) of a file, in ticks from where it begins; None where the general way
    is needed.

    Args:
        size: bytes of the file. moov: its moov box, where there is one (`find_moov`).
        window: gives the source for the media, from its first argument to its second, where that
            is another than the tables'.

    Raises:
        MediaDamaged: a source ends early.
    """
    plain = open_plain(moov, size)
    if plain is None:
        return None
    clip = Clip()
    if clip.add(plain.track, plain.zero + at, plain.zero + until, 0, 0):
        return None
    # In one source pictures and sound that touch are copied together.
    chosen = _with_sound(clip, [(plain.sound, -clip.shown, 0 if window is None else 1)])
    if chosen is None:
        return None
    pictures, units = (source, source) if window is None else _windows(chosen, window)
    made = _finish(chosen, [pictures, units], [plain])
    return None if made is None else made._replace(begin=made.begin - plain.zero)


def _windows(
    chosen: _Chosen, window: Callable[[int, int], ByteSource]
) -> tuple[ByteSource, ByteSource]:
    """The sources of pictures and sound: the same, where they lie together."""
    begin, end = chosen.pictures.bounds()
    if chosen.sound is None:
        low, high = begin, end
    else:
        low, high = chosen.sound.bounds()
    if low < begin - _NEAR or high > end + _NEAR:
        return window(begin, end), window(low, high)
    both = window(min(begin, low), max(end, high))
    return both, both


def quick_join(sources: Sequence[FileSource]) -> QuickClip | None:
    """The clip of whole files, one behind the other; None where the general way is needed.

    Raises:
        MediaDamaged: a source ends early.
    """
    plains = []
    for source in sources:
        plain = open_plain(find_moov(source, source.size), source.size)
        if plain is None:
            return None
        plains.append(plain)
    clip = Clip()
    sounds = []
    for number, plain in enumerate(plains):
        place = clip.end if number else 0
        if plain.config != plains[0].config or clip.add(plain.track, -ALWAYS, ALWAYS, place, 0):
            return None
        if clip.skipped or plain.zero > clip.shown:
            return None
        sounds.append((plain.sound, place - clip.shown, number))
    chosen = _with_sound(clip, sounds)
    made = None if chosen is None else _finish(chosen, sources, plains)
    return None if made is None else made._replace(begin=0)


def _with_sound(clip: Clip, sounds: Sequence[tuple[Heard | None, int, int]]) -> _Chosen | None:
    """The pictures with what is heard of each (sound, ticks from its pictures' time to the clip's,
    number of the source)."""
    out: Sound | None = None
    config: CodecConfig | None = None
    for heard, shift, source in sounds:
        if heard is None:
            continue
        if out is None or config is None:
            config = heard.config
            out = Sound(config.rate, *_unit(config))
        if heard.config != config:
            return None  # the general writer says what it leaves out
        # An AAC decoder needs the unit before the first one that is heard.
        if out.add(heard.track, heard.late, shift, clip.end, source, config.codec == "aac"):
            return None
    if out is None or not len(out):
        return _Chosen(clip, None, None)
    return None if out.close(clip.end) else _Chosen(clip, out, config)


def _unit(config: CodecConfig) -> tuple[int, int]:
    """Samples that a unit decodes to, where all decode to as many; bytes of a sample of PCM."""
    if config.codec == "aac":
        return AAC_FRAME, 0
    return 0, config.channels * sample_bytes(config)


def _finish(
    chosen: _Chosen, sources: Sequence[ByteSource], plains: Sequence[Plain]
) -> QuickClip | None:
    """The clip of these samples, whose sync samples are held against their bytes; None where one is
    none, or has parameter sets of its own.

    Raises:
        MediaDamaged: a source ends early.
    """
    clip = chosen.pictures
    checks = [KeyCheck(plain.config) for plain in plains]
    for number, offset, size in clip.sync_samples():
        if not checks[number].holds(sources[number], offset, size):
            return None
    if clip.close():
        return None
    frames, _, last, least = clip.counts(0, clip.end)
    tracks = _tracks(chosen, plains[0].config)
    layout = Layout(*(track.samples for track in tracks))
    head = clip_head(tracks, layout)
    return QuickClip(
        sources=tuple(sources),
        head=head,
        extents=layout.extents,
        size=len(head) + sum(track.samples.media for track in tracks),
        begin=clip.shown,
        end=clip.end,
        last=last,
        lead_in=-least,
        frames=frames,
        hidden=len(clip) - frames,
        notes=(_ROUNDED,) if clip.rounded else (),
    )


def _tracks(chosen: _Chosen, config: CodecConfig) -> list[ClipTrack]:
    clip, sound = chosen.pictures, chosen.sound
    out = [ClipTrack(clip, config, TIMESCALE, (Edit(clip.end, clip.media_time),))]
    if sound is not None and chosen.config is not None:
        edits: tuple[Edit, ...] = (Edit(sound.until - sound.first, sound.media_time),)
        if sound.first:
            edits = (Edit(sound.first, -1), *edits)
        out.append(ClipTrack(sound, chosen.config, chosen.config.rate, edits))
    return out
