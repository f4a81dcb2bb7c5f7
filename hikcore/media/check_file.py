"""What is checked: a file taken apart, and the report about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged
from hikcore.media.check_fragments import Box, add_fragments
from hikcore.media.mp4.boxes import Faults, read_header
from hikcore.media.mp4.edits import Shown, present
from hikcore.media.mp4.movie import Movie, Track, read_movie
from hikcore.media.mp4.read import MAX_BOXES, MAX_MOOV
from hikcore.media.samples import FileSource

#: Failures of one rule that are told; the rest are counted.
_TOLD = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that does not hold.

    Attributes:
        invariant: its number. reason: how it fails.
        track: `video`, `audio` or empty. sample: index in decoding order. offset: in the file.
        field: of the JSON beside the clip, where it is that which is not so.
    """

    invariant: int
    reason: str
    track: str = ""
    sample: int | None = None
    offset: int | None = None
    field: str = ""

    def __str__(self) -> str:
        where = f" ({self.track} sample {self.sample})" if self.sample is not None else ""
        at = f" at byte {self.offset}" if self.offset is not None else ""
        said = f" (field {self.field} of the JSON)" if self.field else ""
        return f"{self.invariant}: {self.reason}{where}{at}{said}"


@dataclass(slots=True)
class Report:
    """What was found. `untold`: rules that could not be (wholly) checked, and why; `notes`: what is
    no fault, and worth to be known."""

    path: Path
    failures: list[Failure] = field(default_factory=list)
    untold: dict[int, str] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing that was checked failed."""
        return not self.failures

    @property
    def failed(self) -> list[int]:
        """Numbers of the rules that fail, in order."""
        return sorted(self.counts)

    def fail(
        self,
        invariant: int,
        reason: str,
        *,
        track: str = "",
        sample: int | None = None,
        offset: int | None = None,
        field: str = "",
    ) -> None:
        """Note a failure; of one rule the first twenty are told."""
        self.counts[invariant] = self.counts.get(invariant, 0) + 1
        if self.counts[invariant] <= _TOLD:
            self.failures.append(Failure(invariant, reason, track, sample, offset, field))


@dataclass(slots=True)
class Checked:
    """A file taken apart.

    Attributes:
        head: the moov box, which lies at `base`; `moov`: its payload in it.
        boxes: (kind, offset, payload offset, end) at the top of the file.
        shown: what the video's edit list shows.
    """

    report: Report
    source: FileSource
    size: int
    head: bytes
    base: int
    moov: tuple[int, int]
    boxes: list[Box]
    movie: Movie
    shown: list[Shown]

    @property
    def tracks(self) -> list[tuple[str, Track]]:
        """(`video` or `audio`, track) of those that are there and hold samples."""
        both = (("video", self.movie.video), ("audio", self.movie.audio))
        return [(name, t) for name, t in both if t is not None and len(t.samples)]

    @property
    def visible(self) -> NDArray[np.int64]:
        """Video samples that are shown, by time."""
        parts = [one.samples for one in self.shown]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def offset(self, track: Track, sample: int) -> int:
        """Byte offset of a sample."""
        return int(track.samples.extent_offset[sample])


def open_checked(source: FileSource, size: int, report: Report) -> Checked:
    """Take a file apart.

    Raises:
        MediaDamaged: no moov, or one that cannot be read.
        MediaUnsupported: a codec that is not read.
    """
    boxes: list[Box] = []
    moov = None
    at = 0
    while at + 8 <= size and len(boxes) < MAX_BOXES:
        header = source.read_at(at, min(16, size - at)).ljust(16, b"\0")
        kind, payload, stop = read_header(header, 0, max(size - at, 16))
        boxes.append((kind, at, at + payload, at + stop))
        if kind == b"moov" and moov is None:
            moov = boxes[-1]
        at += stop
    if moov is None or moov[3] > size or moov[3] - moov[1] > MAX_MOOV:
        raise MediaDamaged("no whole moov box", offset=moov[1] if moov else size)
    data = source.read_at(moov[1], moov[3] - moov[1])
    begin = moov[2] - moov[1]
    faults = Faults(moov[1])
    movie = read_movie(data, begin, len(data), faults, size)
    for damage in faults.found:
        report.fail(3, damage.reason, offset=damage.offset)
    for note in movie.notes:
        if note.startswith("track "):
            report.untold[14] = note  # of another kind, or a further one
        else:
            report.fail(14, note, offset=moov[1])
    if movie.fragmented:
        add_fragments(source, size, boxes, movie, report)
    video = movie.video
    held = video is not None and len(video.samples) > 0
    shown = present(video.samples, video.edits, movie.timescale) if video and held else []
    return Checked(report, source, size, data, moov[1], (begin, len(data)), boxes, movie, shown)
