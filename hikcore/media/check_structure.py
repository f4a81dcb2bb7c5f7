"""Boxes, headers, hashes and reading by ranges (rules 14, 16, 17, 18)."""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from typing import Any

import numpy as np

from hikcore.errors import MediaError
from hikcore.media.check_file import Checked
from hikcore.media.mp4.boxes import children, find
from hikcore.media.mp4.movie import Track
from hikcore.media.mp4.read import index_mp4
from hikcore.media.table import ByteSource, Samples

_BLOCK = 1 << 20
#: What the walk to the tables may read besides them.
_SLACK = 192 << 10
#: What is read at once where a walk goes over fragments.
_EACH = 64 << 10


def check_structure(checked: Checked) -> None:
    """14 and 16, as far as the boxes tell them."""
    report = checked.report
    kinds = [kind for kind, _, _, _ in checked.boxes]
    end = checked.boxes[-1][3]
    if end != checked.size:
        report.fail(
            14, f"the boxes end at {end}, the file at {checked.size}", offset=checked.boxes[-1][1]
        )
    for kind in (b"moov", b"mdat", b"ftyp"):
        count = kinds.count(kind)
        if count != 1 and not (kind == b"mdat" and count and checked.movie.fragmented):
            where = [at for name, at, _, _ in checked.boxes if name == kind]
            report.fail(
                14, f"{count} boxes {kind.decode()} where there is to be one",
                offset=where[1] if len(where) > 1 else checked.size,
            )  # fmt: skip
    if b"mdat" in kinds and kinds.index(b"moov") > kinds.index(b"mdat"):
        report.fail(14, "moov lies behind mdat", offset=checked.boxes[kinds.index(b"moov")][1])
    inner = Counter(kind for kind, _, _ in children(checked.head, *checked.moov))
    if inner[b"mvhd"] != 1:
        report.fail(
            14, f"{inner[b'mvhd']} boxes mvhd where there is to be one", offset=checked.base
        )
    numbers = [track.identifier for _, track in checked.tracks]
    if len(set(numbers)) != len(numbers) or 0 in numbers:
        report.fail(14, f"the numbers of tracks are {numbers}", offset=checked.base)
    _check_headers(checked)


def _check_headers(checked: Checked) -> None:
    """Durations that agree, and no time of writing."""
    report = checked.report
    mvhd = find(checked.head, *checked.moov, b"mvhd")
    longest = 0
    by_number = {track.identifier: (name, track) for name, track in checked.tracks}
    for kind, payload, stop in children(checked.head, *checked.moov):
        if kind != b"trak":
            continue
        # A track that is read has both (`read_movie`); one that is not was named before.
        tkhd = find(checked.head, payload, stop, b"tkhd")
        mdhd = find(checked.head, payload, stop, b"mdia", b"mdhd")
        if tkhd is None or mdhd is None:
            continue
        at = tkhd[0] + (20 if checked.head[tkhd[0]] == 1 else 12)
        number = int.from_bytes(checked.head[at : at + 4], "big")
        if number not in by_number:
            continue
        name, track = by_number[number]
        edited = _edited(track, checked.movie.timescale)
        longest = max(longest, edited)
        for box, what, wanted in ((tkhd, "tkhd", edited), (mdhd, "mdhd", None)):
            created, duration = _times(checked.head, box[0], tkhd=what == "tkhd")
            if created:
                report.fail(
                    16, f"a time of writing in {what}", track=name, offset=checked.base + box[0]
                )
            if wanted is not None and not _says(checked, duration, wanted):
                reason = f"{what} says {duration} where the edit list says {wanted}"
                report.fail(14, reason, track=name, offset=checked.base + box[0])
            if what == "mdhd":
                _check_sum(checked, name, track, duration, box[0])
    if mvhd is not None:
        created, duration = _times(checked.head, mvhd[0])
        if created:
            report.fail(16, "a time of writing in mvhd", offset=checked.base + mvhd[0])
        if not _says(checked, duration, longest):
            report.fail(
                14,
                f"mvhd says {duration} where the longest track lasts {longest}",
                offset=checked.base + mvhd[0],
            )


def _says(checked: Checked, duration: int, wanted: int) -> bool:
    """Whether a header has the duration that it must; before fragments 0 says that it is not told
    (14496-12 8.2.2)."""
    return duration == wanted or (checked.movie.fragmented and duration == 0)


def _check_sum(checked: Checked, name: str, track: Track, duration: int, at: int) -> None:
    samples = track.samples
    total = int(samples.dts[-1] - samples.dts[0]) + samples.last_duration
    if not _says(checked, duration, total):
        checked.report.fail(
            6,
            f"mdhd says {duration} ticks where the samples last {total}",
            track=name,
            offset=checked.base + at,
        )


def _edited(track: Track, movie: int) -> int:
    if track.edits:
        return sum(edit.duration for edit in track.edits)
    samples = track.samples
    media = int(samples.dts[-1] - samples.dts[0]) + samples.last_duration
    return -(-media * movie // samples.timescale)


def _times(data: bytes, at: int, *, tkhd: bool = False) -> tuple[bool, int]:
    """(whether a time of creation or change is set, duration) of mvhd, mdhd or tkhd."""
    wide = data[at] == 1
    word, size = ("Q", 8) if wide else ("I", 4)
    created, changed = struct.unpack_from(f">{word}{word}", data, at + 4)
    (duration,) = struct.unpack_from(f">{word}", data, at + 4 + 2 * size + (8 if tkhd else 4))
    return bool(created or changed), int(duration)


class _Counting:
    """A source that knows how much was read of it."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.total = 0

    def read_at(self, offset: int, size: int) -> bytes | memoryview:
        self.total += size
        return self._source.read_at(offset, size)


def check_reading(checked: Checked) -> None:
    """18: the table by ranged reads is the one in moov, and little more is read than it."""
    counting = _Counting(checked.source)
    try:
        table = index_mp4(counting, checked.size)
    except MediaError as error:
        checked.report.fail(
            18, f"it cannot be read by ranges: {error.message}", offset=error.offset
        )
        return
    for name, track in checked.tracks:
        other = table.video if name == "video" else table.audio
        if other is None or not _same(track.samples, other):
            checked.report.fail(18, "read by ranges its table is another", track=name)
    # Between fragments lie their media: a block each is read to find the next.
    heads = [end - at + _EACH for kind, at, _, end in checked.boxes if kind == b"moof"]
    tables = len(checked.head) + sum(heads)
    if counting.total > tables + _SLACK:
        checked.report.fail(
            18, f"{counting.total} bytes are read for tables of {tables}", offset=checked.base
        )


def _same(one: Samples, other: Samples) -> bool:
    """The same bytes in the same places, in the same order and distances."""
    return (
        len(one) == len(other)
        and np.array_equal(one.extent_offset, other.extent_offset)
        and np.array_equal(one.extent_size, other.extent_size)
        and np.array_equal(np.diff(one.pts), np.diff(other.pts))
        and np.array_equal(np.diff(one.dts), np.diff(other.dts))
        and np.array_equal(one.sync, other.sync)
    )


def check_sidecar_file(checked: Checked, document: dict[str, Any]) -> None:
    """16 and 17, as the JSON of the clip states them."""
    report = checked.report
    own = [one for one in document["files"] if one["name"] == report.path.name]
    if not own:
        report.fail(17, f"the JSON does not name {report.path.name}", field="files")
        return
    if own[0]["size"] != checked.size:
        report.fail(16, f"{checked.size} bytes where the JSON says {own[0]['size']}", field="size")
    found = _sha256(checked)
    if own[0]["sha256"] != found:
        report.fail(16, f"sha256 {found} where the JSON says {own[0]['sha256']}", field="sha256")
    state, missing = document["state"], document["missing"]
    if state not in ("complete", "partial"):
        report.fail(17, f"{state!r} is no state of a result", field="state")
    elif (state == "partial") != bool(missing):
        report.fail(17, f"it is {state} with {len(missing)} stretches missing", field="state")
    for number, one in enumerate(missing):
        if not one["state"]:
            report.fail(17, f"missing stretch {number} does not say why", field="missing")


def _sha256(checked: Checked) -> str:
    digest = hashlib.sha256()
    for at in range(0, checked.size, _BLOCK):
        digest.update(checked.source.read_at(at, min(_BLOCK, checked.size - at)))
    return digest.hexdigest()
