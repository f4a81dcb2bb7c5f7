"""Cuts of files at hand: a span of any container that is read, as an MP4 cut to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, NamedTuple

from hikcore.media.files import FileSource, new_file
from hikcore.media.mp4.headers import TIMESCALE
from hikcore.media.mp4.plain import find_moov
from hikcore.media.mp4.quick import QuickClip, quick_cut, quick_join

#: Seconds, a century: past the end of any file.
FOREVER = 3.2e9


class Cut(NamedTuple):
    """What a cut file holds; times in ticks of 90 kHz.

    Attributes:
        begin: of the first picture shown, in the time of the (first) file, whose first picture is
            at 0. end: when the last one shown ends.
        lead_in: hidden video before it. frames, hidden: pictures shown, and in the file unseen.
        size: bytes.
        notes: what was left out.
    """

    begin: int
    end: int
    lead_in: int
    frames: int
    hidden: int
    size: int
    notes: tuple[str, ...] = ()


def cut_file(
    path: Path, out: Path, begin: float, end: float, *, start: Literal["exact", "key"] = "exact",
    strip_parameter_sets: bool = False,
) -> Cut:  # fmt: skip
    """Write what a file shows from `begin` to `end`, in seconds from its first picture, as MP4.

    Shown are the picture that covers the begin and every later one that begins before the end.
    Nothing is re-encoded; what lies between the key picture before and the begin is in the file and
    hidden by an edit list (`exact`), or the clip openly begins there (`key`). With
    `strip_parameter_sets` copies of the sample entry's sets are left out of the pictures.

    Raises:
        NoRecording: no picture lies in the span.
        MediaUnsupported, MediaDamaged, MediaEncrypted: the file cannot be read.
        ValueError: the begin is not before the end.
    """
    if not begin < end:
        raise ValueError(f"the begin {begin} is not before the end {end}")
    at, until = round(begin * TIMESCALE), round(end * TIMESCALE)
    with FileSource(path) as source:
        if start == "exact" and not strip_parameter_sets:
            moov = find_moov(source, source.size)
            quick = quick_cut(source, source.size, moov, at, until)
            if quick is not None:
                with new_file(out) as descriptor:
                    quick.send(descriptor)
                return told(quick)
    with new_file(out) as descriptor:
        if at <= 0 and end >= FOREVER and not strip_parameter_sets:
            from hikcore.media.remux import write_stream  # noqa: PLC0415

            done = write_stream(path, descriptor, clip=True)
            if done is not None:
                return Cut(0, done.lasts, 0, done.pictures, 0, done.size, done.notes)
        from hikcore.media.whole import cut_table  # noqa: PLC0415  loads numpy and every table

        return cut_table(path, descriptor, at, until, start, strip=strip_parameter_sets)


def join_files(paths: Sequence[Path], out: Path) -> Cut:
    """Write whole files one behind the other as one MP4: what each shows, without a pause between.

    Raises:
        MediaUnsupported: they change their codec, or one must begin in the middle of a group.
        MediaDamaged, MediaEncrypted: one cannot be read.
    """
    with ExitStack() as stack:
        sources = [stack.enter_context(FileSource(path)) for path in paths]
        quick = quick_join(sources)
        if quick is not None:
            with new_file(out) as descriptor:
                quick.send(descriptor)
            return told(quick)
    from hikcore.media.whole import join_tables  # noqa: PLC0415  loads numpy and every table

    with new_file(out) as descriptor:
        return join_tables(paths, descriptor)


def told(clip: QuickClip) -> Cut:
    """What a clip by the quick way holds."""
    return Cut(
        clip.begin, clip.begin + clip.end, clip.lead_in, clip.frames, clip.hidden, clip.size,
        clip.notes,
    )  # fmt: skip
