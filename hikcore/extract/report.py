"""What an extraction tells while it works, and what it has done in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from hikcore.errors import HikcoreError
from hikcore.extract.plan import PlannedChunk
from hikcore.instants import NS, Span
from hikcore.sources.base import Stream


@dataclass(frozen=True, slots=True)
class CameraJob:
    """A camera of the archive, and where its footage comes from."""

    site: str
    camera: str
    stream: Stream
    device: str
    channel: int

    @property
    def owner(self) -> str:
        """`<site>.<camera>.<stream>`: in names of spool files (ids hold no dot)."""
        return f"{self.site}.{self.camera}.{self.stream}"

    def __str__(self) -> str:
        return f"{self.site}/{self.camera}/{self.stream}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one chunk.

    Attributes:
        state: `held`, `damaged` (kept as received), `failed`.
        received: bytes taken from the device, all attempts together; 0 where the spool had it.
        stored: bytes put into the archive.
        reason: why it is damaged, short or failed.
    """

    chunk: PlannedChunk
    state: Literal["held", "damaged", "failed"]
    received: int = 0
    stored: int = 0
    manifest: str = ""
    reason: str = ""
    error: HikcoreError | None = None


class Progress(Protocol):
    """Told what happens, on the event loop; must return at once."""

    def planned(self, job: CameraJob, chunks: Sequence[PlannedChunk]) -> None:
        """The chunks that will be fetched, in order."""

    def started(self, job: CameraJob, chunk: PlannedChunk) -> None:
        """A chunk begins; also again when it is fetched anew after a failure."""

    def received(self, job: CameraJob, chunk: PlannedChunk, size: int) -> None:
        """That many more bytes came from the device."""

    def done(self, job: CameraJob, outcome: Outcome) -> None:
        """A chunk is committed, or failed."""

    def waiting(self, job: CameraJob, reason: str) -> None:
        """Nothing is done for a camera yet, and why."""


class Quiet:
    """Progress that nobody looks at."""

    def planned(self, job: CameraJob, chunks: Sequence[PlannedChunk]) -> None:
        """Nothing."""

    def started(self, job: CameraJob, chunk: PlannedChunk) -> None:
        """Nothing."""

    def received(self, job: CameraJob, chunk: PlannedChunk, size: int) -> None:
        """Nothing."""

    def done(self, job: CameraJob, outcome: Outcome) -> None:
        """Nothing."""

    def waiting(self, job: CameraJob, reason: str) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Left:
    """A piece of a span that another process was at work on: it was left to that one.

    Attributes:
        holder: who, for people.
    """

    span: Span
    holder: str


@dataclass(slots=True)
class CameraReport:
    """What was done for one camera and span.

    Attributes:
        planned: what was to be fetched; with a dry run that is all there is.
        growing: recordings of the span that are still being written.
        listed: rows that the device gave.
        outcomes: one a chunk that was begun, in order.
        warnings: what was odd about what the device listed, without repeats.
        failure: what ended the work early (device unreachable, login refused, archive away).
        stopped: ended early because it was asked to.
        faults: manifests that cannot be read (what lies under them is left as it is), and what
            kept the device from being asked about parts of the span.
        left: to others; no error, but what is there may not be in the archive yet.
    """

    job: CameraJob
    span: Span
    planned: list[PlannedChunk] = field(default_factory=list)
    growing: int = 0
    listed: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    failure: HikcoreError | None = None
    stopped: bool = False
    faults: list[HikcoreError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    @property
    def errors(self) -> list[HikcoreError]:
        """Every error, the one that ended the work last."""
        found = list(self.faults)
        found += [outcome.error for outcome in self.outcomes if outcome.error is not None]
        if self.failure is not None and self.failure not in found:
            found.append(self.failure)
        return found

    @property
    def whole(self) -> bool:
        """Whether all that was planned is in the archive (nothing was of what is `left`)."""
        return not self.errors and not self.stopped

    def count(self, state: str) -> int:
        """Chunks that ended so."""
        return sum(outcome.state == state for outcome in self.outcomes)

    @property
    def received(self) -> int:
        """Bytes taken from the device."""
        return sum(outcome.received for outcome in self.outcomes)

    @property
    def stored(self) -> int:
        """Bytes put into the archive."""
        return sum(outcome.stored for outcome in self.outcomes)

    @property
    def planned_bytes(self) -> int:
        """Bytes as listed of all that was to be fetched."""
        return sum(chunk.size for chunk in self.planned)

    @property
    def planned_hours(self) -> float:
        """Hours of recording of all that was to be fetched."""
        return sum(chunk.recording.span.length for chunk in self.planned) / (3600 * NS)
