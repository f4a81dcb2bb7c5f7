"""Edit lists: read, and what they show (ISO/IEC 14496-12 8.6.5, 8.6.6).

A table keeps all samples, hidden ones too, on one timeline; `present` says which are shown, when.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hikcore.media.mp4.boxes import Faults, find
from hikcore.media.mp4.headers import FURTHEST
from hikcore.media.mp4.write import Edit
from hikcore.media.table import Samples

#: Entries that are read: a list of any real file has a handful.
MAX_EDITS = 100_000
_FURTHEST = 1 << 60
_NORMAL = 0x10000


@dataclass(frozen=True, slots=True)
class Shown:
    """What one entry of an edit list shows.

    Attributes:
        begin, end: of the presentation, in seconds, exact.
        samples: indices of the samples shown, by composition time; the first may begin before the
            edit does (then it is shown from the edit's begin).
        dwell: one picture stands still all the time (rate 0).
    """

    begin: Fraction
    end: Fraction
    samples: NDArray[np.int64]
    dwell: bool = False


def read_edits_of(data: bytes, begin: int, end: int, faults: Faults) -> tuple[Edit, ...]:
    """The edit list of a trak whose payload is data[begin:end]; empty where it has none."""
    at = find(data, begin, end, b"edts", b"elst")
    if at is None:
        return ()
    payload, stop = at
    if stop - payload < 8:
        faults.add(payload, "an edit list is cut off")
        return ()
    (count,) = struct.unpack_from(">I", data, payload + 4)
    form = ">QqI" if data[payload] else ">IiI"
    width = struct.calcsize(form)
    whole = (stop - payload - 8) // width
    if count > whole:
        faults.add(payload, f"an edit list is cut off: {whole} entries of {count}")
    count = min(count, whole)
    if count > MAX_EDITS:
        faults.add(payload, f"an edit list of {count} entries: the first {MAX_EDITS} are read")
        count = MAX_EDITS
    out: list[Edit] = []
    total = 0
    for duration, media_time, rate in struct.iter_unpack(
        form, data[payload + 8 : payload + 8 + count * width]
    ):
        total += duration
        if total > _FURTHEST or not -1 <= media_time <= _FURTHEST:
            faults.add(payload, "an edit list with times that cannot be")
            break
        if rate not in (0, _NORMAL):
            faults.add(payload, f"an edit at the rate {rate / _NORMAL:g}: read as 1")
            rate = _NORMAL  # noqa: PLW2901
        out.append(Edit(duration, media_time, rate))
    return tuple(out)


def origin(edits: Sequence[Edit], timescale: int, movie: int) -> int:
    """When media time 0 is presented by the first edit that shows media, in ticks of the track; 0,
    where that would be centuries away."""
    empty = 0
    for edit in edits:
        if edit.media_time >= 0:
            out = empty * timescale // movie - edit.media_time
            return out if abs(out) // timescale < FURTHEST else 0
        empty += edit.duration
    return 0


def presented(samples: Samples, edits: Sequence[Edit], movie: int) -> tuple[int, int] | None:
    """Ticks of the track from which the first edit shows its pictures, and to which it does (of
    several edits: the end of the media); None without a list, or with one that shows nothing. An
    empty edit before them is the delay against another track, or what a muxer made of times that
    do not begin at 0.

    Args:
        samples, edits, movie: as of `present`.
    """
    media = [edit for edit in edits if edit.media_time >= 0]
    if not media or not present(samples, media[:1], movie):
        return None
    first = media[0]
    end = int(samples.pts.max()) + samples.last_duration
    if len(media) == 1 and first.duration and first.rate:
        end = min(end, first.media_time - (-first.duration * samples.timescale // movie))
    return first.media_time, end


def present(samples: Samples, edits: Sequence[Edit], movie: int) -> list[Shown]:
    """What is shown of a track, edit by edit; empty edits, and edits past the end of the media,
    show nothing and take their time.

    Args:
        samples: on the media's own timeline (its first dts is 0).
        edits: of the track; without any all is shown from media time 0 on.
        movie: ticks a second of `Edit.duration`.
    """
    order = np.argsort(samples.pts, kind="stable")
    times = samples.pts[order]
    scale = samples.timescale
    if not len(times):
        return []
    media_end = int(times[-1]) + samples.last_duration
    if not edits:
        begin = Fraction(max(int(times[0]), 0), scale)
        return [Shown(begin, Fraction(media_end, scale), order)]
    out = []
    at = 0
    for index, edit in enumerate(edits):
        begin = Fraction(at, movie)
        at += edit.duration
        end = Fraction(at, movie)
        if edit.media_time < 0 or edit.media_time >= media_end:
            continue
        first = max(int(np.searchsorted(times, edit.media_time, side="right")) - 1, 0)
        if edit.rate == 0:
            out.append(Shown(begin, end, order[first : first + 1], dwell=True))
            continue
        if edit.duration == 0 and index == len(edits) - 1:
            # A last edit of no length, as fragmented files have it: all the rest.
            until, end = media_end, begin + Fraction(media_end - edit.media_time, scale)
        else:
            until = edit.media_time - (-edit.duration * scale // movie)
        last = int(np.searchsorted(times, until, side="left"))
        if last > first:
            out.append(Shown(begin, end, order[first:last]))
    return out
