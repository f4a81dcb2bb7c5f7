"""The JSON beside a clip: what was asked, what is shown, what is missing, how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from hikcore.archive.coverage import Stretch
from hikcore.archive.document import Document, Instant
from hikcore.archive.placing import Placed
from hikcore.instants import Span, ticks_to_ns
from hikcore.media.clip import ClipReport


class Missing(Document):
    """A part of the asked span that is not held: why (see coverage)."""

    begin: Instant
    end: Instant
    state: str
    reason: str = ""


class File(Document):
    """One MP4. frames: shown; hidden: in the file, but not shown (lead-in); stripped: samples that
    copies of parameter sets were taken out of."""

    name: str
    size: int
    sha256: str
    codec: str
    configurations: int
    frames: int
    hidden: int
    audio: str | None = None
    stripped: int = 0


class ClipDocument(Document):
    """What a clip is.

    Attributes:
        begin, end: asked. first, last: instants of the first and last frame shown; shown_end: when
            the last one ends, at the latest the asked end.
        lead_in_ms: hidden video before the first frame: it is in the file.
        parameter_sets: `kept` in the samples, as the recorder put them there, or `stripped` where
            they equal those of the sample entry.
        uncertainty_ms: half-width of what the instants are worth.
        state: `complete`, or `partial` where something of the span is not held.
        missing: what is not held. ambiguous: footage that may appear twice at a seam.
        segments: the archive's objects that it was made of.
    """

    schema_: Literal["hikcore/clip/1"] = Field("hikcore/clip/1", alias="schema")
    site: str
    camera: str
    stream: str
    take: int
    begin: Instant
    end: Instant
    first: Instant
    last: Instant
    shown_end: Instant
    start: Literal["exact", "key"]
    lead_in_ms: float
    uncertainty_ms: float
    state: Literal["complete", "partial"]
    missing: tuple[Missing, ...]
    ambiguous: bool
    frames: int
    audio: str | None = None
    parameter_sets: Literal["kept", "stripped"] = "kept"
    files: tuple[File, ...]
    segments: tuple[str, ...]
    notes: tuple[str, ...] = ()


def clip_document(
    camera: tuple[str, str, str],
    take: int,
    span: Span,
    placed: Placed,
    report: ClipReport,
    names: Sequence[str],
    stretches: Sequence[Stretch],
    start: Literal["exact", "key"],
    *,
    stripped: bool = False,
) -> ClipDocument:
    """Say what was written.

    Args:
        camera: site, camera, stream. names: of the files, in order.
        stretches: the coverage of the span.
        stripped: copies of parameter sets were to be left out.
    """
    missing = tuple(
        Missing(begin=s.span.begin, end=s.span.end, state=s.state, reason=s.reason)
        for s in stretches
        if s.state != "held"
    )
    return ClipDocument(
        site=camera[0],
        camera=camera[1],
        stream=camera[2],
        take=take,
        begin=span.begin,
        end=span.end,
        first=placed.first,
        last=placed.last,
        shown_end=placed.end,
        start=start,
        lead_in_ms=ticks_to_ns(report.lead_in) / 1e6,
        uncertainty_ms=placed.uncertainty / 1e6,
        state="partial" if missing else "complete",
        missing=missing,
        ambiguous=placed.ambiguous,
        frames=report.frames,
        audio=report.audio,
        parameter_sets="stripped" if stripped else "kept",
        files=tuple(
            File(
                name=name,
                size=file.size,
                sha256=file.sha256,
                codec=file.codec,
                configurations=file.configurations,
                frames=file.frames,
                hidden=file.hidden,
                audio=file.audio,
                stripped=file.stripped,
            )
            for name, file in zip(names, report.files, strict=True)
        ),
        segments=placed.segments,
        notes=report.notes,
    )
