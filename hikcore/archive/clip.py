"""Clips: any span of a camera as one MP4 cut to the frame, by ranged reads of the segments.

Which frame is shown when is the resolver's to say. Per segment one ranged read of the head and one
of the samples that are needed (more only where they exceed a block). Shown are the frame that
covers the asked begin and every later one whose instant lies before the asked end.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from hikcore.archive.clip_document import ClipDocument, clip_document
from hikcore.archive.placing import Placed, place
from hikcore.errors import NoRecording
from hikcore.instants import Span
from hikcore.media.clip import SoundKind, write_clip

if TYPE_CHECKING:
    from hikcore.archive.reader import Archive


@dataclass(frozen=True, slots=True)
class ClipReport:
    """A clip on disk.

    Attributes:
        path: the MP4. paths: it and, where the codec changes inside, further ones.
        sidecar: the JSON beside it.
        document: what stands in the JSON.
    """

    path: Path
    paths: tuple[Path, ...]
    sidecar: Path
    document: ClipDocument


def cut_clip(
    archive: Archive,
    site: str,
    camera: str,
    span: Span,
    out: Path,
    *,
    stream: str = "main",
    audio: SoundKind = "copy",
    gaps: Literal["keep", "cut"] = "keep",
    start: Literal["exact", "key"] = "exact",
    take: int = 1,
    strip_parameter_sets: bool = False,
) -> ClipReport:
    """Write a span as one MP4 and a JSON beside it (`NAME.mp4` and `NAME.json`).

    The same archive and span give the same bytes. Nothing half-written is ever visible under `out`.

    Args:
        span: asked; nothing outside is shown but the rest of the frame that covers its begin.
        audio: `copy` keeps the recorder's units bit for bit, `aac` and `flac` encode, `none`.
        gaps: `keep`: time in the clip runs like the wall; `cut`: gaps are closed.
        start: `exact` hides what lies between the key frame and the begin by an edit list (it is in
            the file all the same: no redaction); `key` begins openly at the key frame.
        take: 2 and above: other footage of the same wall time, as after a clock was set back.
        strip_parameter_sets: leave out the copies of parameter sets that a recorder puts before its
            key pictures, where they equal those of the sample entry: for players that refuse them.

    Raises:
        NoRecording: no frame of the span is held in this take.
        ArchiveNotFound: no such site or camera.
        ArchiveCorrupt: what is read is not what its manifest says, or a manifest is not what its
            key says.
    """
    look = archive.look(site, camera, span, stream)
    footage, timeline, stretches = look.footage, look.timeline, look.stretches
    for fault in footage.faults:
        if fault.key.span.meets(span):
            raise fault.error  # nobody knows what it would have shown there
    taken = timeline.take(take)
    placed = place(archive.store, footage, taken, span, open_lead_in=start == "key")
    where = f"{site}/{camera} {span}"
    if placed is None:
        states = sorted({f"{s.state}: {s.reason}" if s.reason else s.state for s in stretches})
        takes = max((piece.take for piece in timeline.pieces), default=0)
        if _only_sound(archive, site, camera, span, stream):
            raise NoRecording(
                "only sound is held in the span, and no picture: a clip needs pictures",
                where=where,
                hint="the archive's segments there hold the sound; ask for a wider span",
            )
        raise NoRecording(
            f"nothing to show in take {take}; the span is {', '.join(states)}",
            where=where,
            hint=f"there are {takes} takes"
            if take > takes > 0
            else f"`hikcore coverage {site}/{camera} BEGIN END` says what is held around it",
        )
    with _Files(out) as files:
        report = write_clip(
            files.open(1),
            placed.parts,
            show_from=placed.show_from,
            show_to=placed.show_to,
            audio=audio,
            gaps=gaps,
            start=start,
            further=files.open,
            strip_parameter_sets=strip_parameter_sets,
        )
        names = [path.name for path in files.paths]
        document = clip_document(
            (site, camera, stream), take, span, placed, report, names, stretches, start,
            stripped=strip_parameter_sets,
        )  # fmt: skip
        sidecar = files.finish(document.to_bytes())
    return ClipReport(files.paths[0], tuple(files.paths), sidecar, document)


def _only_sound(archive: Archive, site: str, camera: str, span: Span, stream: str) -> bool:
    """Whether what is held of a span is sound without pictures."""
    held = archive.segments(site, camera, span, stream)
    return bool(held) and not any(segment.frames for segment in held)


class _Files:
    """The files of a clip under temporary names, given their own when all are whole."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._stack = ExitStack()
        self._open: list[tuple[Path, Path, BinaryIO]] = []

    @property
    def paths(self) -> list[Path]:
        """Final names."""
        return [final for _, final, _ in self._open]

    def open(self, number: int) -> BinaryIO:
        """The n-th file: `NAME.mp4`, `NAME-2.mp4`, …"""
        final = self._out
        if number > 1:
            final = final.with_name(f"{final.stem}-{number}{final.suffix}")
        part = final.with_name(f".{final.name}.{os.getpid()}.part")
        final.parent.mkdir(parents=True, exist_ok=True)
        handle: BinaryIO = self._stack.enter_context(part.open("wb"))
        self._open.append((part, final, handle))
        return handle

    def finish(self, sidecar: bytes) -> Path:
        """Give everything its name, the JSON last."""
        for _, _, handle in self._open:
            handle.flush()
            os.fsync(handle.fileno())
        beside = self._out.with_suffix(".json")
        part = beside.with_name(f".{beside.name}.{os.getpid()}.part")
        part.write_bytes(sidecar + b"\n")
        for temporary, final, _ in self._open:
            temporary.replace(final)
        part.replace(beside)
        return beside

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
        for part, _, _ in self._open:
            part.unlink(missing_ok=True)


__all__ = ["ClipReport", "Placed", "cut_clip"]
