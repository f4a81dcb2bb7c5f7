"""How far an extraction is: bars on a terminal, a line a minute without one, or JSON lines."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from hikcore.cli.output import Output, console, count_text, length_text, size_text
from hikcore.errors import ConfigurationError
from hikcore.instants import NS

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from hikcore.extract.plan import PlannedChunk
    from hikcore.extract.report import CameraJob, Outcome

INTERVAL_VARIABLE: Final = "HIKCORE_PROGRESS_INTERVAL"
_LINES_EVERY: Final = 60.0
_JSON_EVERY: Final = 1.0


class Style(StrEnum):
    """What `--progress` takes."""

    AUTO = "auto"
    NONE = "none"
    BAR = "bar"
    LINES = "lines"
    JSON = "json"


@dataclass(slots=True)
class Tally:
    """Chunks and bytes of one device, or of all; `given_up`: of chunks that failed."""

    chunks: int = 0
    ended: int = 0
    failed: int = 0
    size: int = 0
    arrived: int = 0
    given_up: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.chunks + other.chunks,
            self.ended + other.ended,
            self.failed + other.failed,
            self.size + other.size,
            self.arrived + other.arrived,
            self.given_up + other.given_up,
        )


@dataclass(slots=True)
class Count:
    """Counts what an extraction tells (hikcore.extract.report.Progress).

    Bytes of a chunk are counted once, however often it is fetched: a failure takes the bar back.
    """

    devices: dict[str, Tally] = field(default_factory=dict)
    _open: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def total(self) -> Tally:
        """Over all devices."""
        return sum(self.devices.values(), Tally())

    def of(self, job: CameraJob) -> Tally:
        """The tally of a job's device."""
        return self.devices.setdefault(job.device, Tally())

    def planned(self, job: CameraJob, chunks: Sequence[PlannedChunk]) -> None:
        """More is to be done."""
        tally = self.of(job)
        tally.chunks += len(chunks)
        tally.size += sum(chunk.size for chunk in chunks)

    def started(self, job: CameraJob, chunk: PlannedChunk) -> None:
        """A chunk begins, perhaps anew."""
        self.of(job).arrived -= self._open.get((job.owner, chunk.id), 0)
        self._open[job.owner, chunk.id] = 0

    def received(self, job: CameraJob, chunk: PlannedChunk, size: int) -> None:
        """More bytes of it came."""
        self._open[job.owner, chunk.id] = self._open.get((job.owner, chunk.id), 0) + size
        self.of(job).arrived += size

    def done(self, job: CameraJob, outcome: Outcome) -> None:
        """It ended: its listed size counts, whatever came; of one that failed nothing does."""
        tally = self.of(job)
        arrived = self._open.pop((job.owner, outcome.chunk.id), 0)
        tally.ended += 1
        if outcome.state == "failed":
            tally.failed += 1
            tally.given_up += outcome.chunk.size
            tally.arrived -= arrived
        else:
            tally.arrived += outcome.chunk.size - arrived


class Watch:
    """Counts, and tells about it until left. An async context manager.

    Args:
        style: how.
        output: where lines and JSON go.
    """

    def __init__(self, style: Style, output: Output) -> None:
        self._count = Count()
        self._output = output
        self._style = chosen(style)
        self._began = time.monotonic()
        self._ticker: asyncio.Task[None] | None = None
        self._bars = _Bars(self._count) if self._style is Style.BAR else None

    async def __aenter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        elif self._style in (Style.LINES, Style.JSON):
            every = _interval(_LINES_EVERY if self._style is Style.LINES else _JSON_EVERY)
            self._ticker = asyncio.create_task(self._tick(every))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
        if self._ticker is not None:
            self._ticker.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticker
            self._tell()

    def planned(self, job: CameraJob, chunks: Sequence[PlannedChunk]) -> None:
        """See hikcore.extract.report.Progress."""
        self._count.planned(job, chunks)
        self._show(job)

    def started(self, job: CameraJob, chunk: PlannedChunk) -> None:
        """See hikcore.extract.report.Progress."""
        self._count.started(job, chunk)
        self._show(job)

    def received(self, job: CameraJob, chunk: PlannedChunk, size: int) -> None:
        """See hikcore.extract.report.Progress."""
        self._count.received(job, chunk, size)
        self._show(job)

    def done(self, job: CameraJob, outcome: Outcome) -> None:
        """See hikcore.extract.report.Progress."""
        self._count.done(job, outcome)
        self._show(job)

    def waiting(self, job: CameraJob, reason: str) -> None:
        """See hikcore.extract.report.Progress."""
        self._output.talk(f"waiting: {job}: {reason}")

    def _show(self, job: CameraJob) -> None:
        if self._bars is not None:
            self._bars.show(job.device)

    async def _tick(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            self._tell()

    def _tell(self) -> None:
        seconds = max(time.monotonic() - self._began, 1e-3)
        if self._style is Style.JSON:
            for device, tally in self._count.devices.items():
                self._output.progress(_fields(device, tally, seconds))
        else:
            total = self._count.total
            if total.chunks:
                self._output.talk(_sentence(total, seconds))


class _Bars:
    """One bar a device and, with several, one for all."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._rich: RichProgress | None = None
        self._tasks: dict[str, int] = {}

    def start(self) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._rich = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            console=console(stderr=True),
            expand=True,
        )
        self._rich.start()

    def stop(self) -> None:
        if self._rich is not None:
            self._rich.stop()

    def show(self, device: str) -> None:
        self._update(device, self._count.devices[device])
        if len(self._count.devices) > 1:
            self._update("total", self._count.total)

    def _update(self, name: str, tally: Tally) -> None:
        from rich.progress import TaskID

        if self._rich is None or not tally.chunks:
            return
        if name not in self._tasks:
            self._tasks[name] = self._rich.add_task(name)
        self._rich.update(
            TaskID(self._tasks[name]),
            description=f"{name} {tally.ended}/{tally.chunks}",
            total=tally.size,
            completed=min(tally.arrived, tally.size),
        )


def chosen(style: Style) -> Style:
    """What `auto` is here: bars on a terminal, lines elsewhere."""
    if style is not Style.AUTO:
        return style
    return Style.BAR if console(stderr=True).is_terminal else Style.LINES


def _interval(default: float) -> float:
    text = os.environ.get(INTERVAL_VARIABLE)
    if text is None:
        return default
    try:
        return max(float(text), 0.05)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is no number of seconds", where=f"environment {INTERVAL_VARIABLE}"
        ) from None


def _fields(device: str, tally: Tally, seconds: float) -> dict[str, object]:
    return {
        "device": device,
        "chunks": tally.chunks,
        "chunks_ended": tally.ended,
        "chunks_failed": tally.failed,
        "bytes": tally.size,
        "bytes_arrived": tally.arrived,
        "seconds": round(seconds, 1),
    }


def _sentence(tally: Tally, seconds: float) -> str:
    rate = tally.arrived / seconds
    left = tally.size - tally.arrived - tally.given_up
    remaining = f", {length_text(int(left / rate) * NS)} left" if rate > 0 and left > 0 else ""
    failed = f", {tally.failed} failed" if tally.failed else ""
    return (
        f"progress: {tally.ended} of {count_text(tally.chunks, 'chunk')}{failed}, "
        f"{size_text(tally.arrived)} of {size_text(tally.size)}, {size_text(rate)}/s{remaining}"
    )
