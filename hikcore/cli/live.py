"""`hikcore live`: a camera as it is now, into a file or as a line that says that it is there."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, Literal

import typer

from hikcore.cli import interrupt
from hikcore.cli.arguments import ConfigFile, Debug, Json, Set, load_config, parse_target
from hikcore.cli.output import Output, count_text, length_text, size_text
from hikcore.errors import ConfigurationError
from hikcore.instants import NS, format_instant

if TYPE_CHECKING:
    from hikcore.config import Config, Site
    from hikcore.media.recording import LiveWriter, RecordingReport
    from hikcore.sources.base import Source
    from hikcore.sources.live import Live, LiveCounts, LiveFrame, LiveGap

_STOPPING: Final = "ending; once more stops now"
#: Frames that wait for a slow disk: 20 s of pictures and sound; then the recorder waits.
_WAITING: Final = 1000
#: Seconds between lines where there is no terminal.
_LINES: Final = 10.0


def live(
    target: Annotated[str, typer.Argument(metavar="SITE/CAMERA", help="Which camera.")],
    out: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE.mp4",
            help="Record to it; - is standard output.",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0.1, help="End after so long; else at Ctrl-C."),
    ] = None,
    stream: Annotated[str, typer.Option("--stream", help="main or sub.")] = "main",
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show that a camera is there (pictures a second, rate, time of the last), or record it.

    The recording is not re-encoded and plays at any moment, also if this command is killed.
    Ctrl-C ends it.
    """
    output = Output(json=json)
    where = parse_target(target, camera=True)
    kind = _kind(stream)
    if out == "-" and json:
        raise ConfigurationError("-o - and --json cannot both have standard output")
    settings = load_config(config, set_)
    site = settings.site(where.site)
    files = None if out is None else Files(out)

    async def work(stop: asyncio.Event) -> RecordingReport | None:
        source, live_ = _open(settings, site, where.camera or "", kind)
        try:
            return await watch(live_, output, files, str(where), stop, seconds)
        finally:
            await source.aclose()

    try:
        interrupt.run(work, output, first=_STOPPING)
    finally:
        if files is not None:
            files.close()


def _kind(text: str) -> Literal["main", "sub"]:
    kinds: dict[str, Literal["main", "sub"]] = {"main": "main", "sub": "sub"}
    if text not in kinds:
        raise ConfigurationError(f"--stream {text}: it is main or sub")
    return kinds[text]


def _open(
    config: Config, site: Site, camera: str, kind: Literal["main", "sub"]
) -> tuple[Source, Live[Any]]:
    """The camera's recorder, and its live stream.

    Raises:
        ConfigurationError: its kind has none.
    """
    from hikcore.sources.live import ShowsLive
    from hikcore.sources.reconnect import Reconnect

    place = site.camera(camera)
    source = config.build_source(site.id, place.device)
    if not isinstance(source, ShowsLive):
        device = site.device(place.device).kind
        raise ConfigurationError(
            f"devices of kind {device} have no live video here", where=f"{site.id}/{camera}"
        )
    # A recorder that cannot be reached at first is an error; later it may come back.
    return source, source.live(place.channel, kind, reconnect=Reconnect(attempts=1))


class Files:
    """The files of a recording: FILE.mp4, FILE-2.mp4, …; or standard output, which is one.

    Raises:
        ConfigurationError: no name of an MP4, or it is there already.
    """

    def __init__(self, out: str) -> None:
        self.paths: list[Path] = []
        self._out = out
        self._open: list[BinaryIO] = []
        if out != "-":
            path = Path(out)
            if path.suffix.lower() != ".mp4" or path.is_dir():
                raise ConfigurationError(
                    f"{out} is no name of an MP4 file", hint="write -o live.mp4, or -o -"
                )
            if path.exists():
                raise ConfigurationError(f"{out} is there already", hint="give another name")

    def open(self, number: int) -> BinaryIO | None:
        """The n-th file."""
        if self._out == "-":
            return sys.stdout.buffer if number == 1 else None
        path = Path(self._out)
        if number > 1:
            path = path.with_name(f"{path.stem}-{number}{path.suffix}")
        self._open.append(path.open("xb"))
        self.paths.append(path)
        return self._open[-1]

    def close(self) -> None:
        """Close them."""
        for file in self._open:
            file.close()


async def watch(
    stream: Live[Any],
    output: Output,
    files: Files | None,
    name: str,
    stop: asyncio.Event,
    seconds: float | None,
) -> RecordingReport | None:
    """Read until `stop`, or so many seconds after the first frame; say how it goes, and what came
    of it."""
    from hikcore.media.recording import LiveWriter

    writer = LiveWriter(files.open) if files is not None else None
    status = Status(stream, name, output)
    queue: asyncio.Queue[LiveFrame] = asyncio.Queue(_WAITING)
    first = asyncio.Event()
    tasks = [
        asyncio.create_task(_read(stream, queue, writer, status, first)),
        asyncio.create_task(_tell(status)),
        asyncio.create_task(stop.wait()),
        asyncio.create_task(_after(first, seconds)),
    ]
    if writer is not None:
        tasks.append(asyncio.create_task(_write(writer, queue)))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        report = await asyncio.to_thread(_finish, writer, queue) if writer is not None else None
        status.clear()
    for task in done:
        task.result()  # an error of the recorder or of the disk
    tell(output, name, stream.counts, report, files)
    return report


async def _read(
    stream: Live[Any],
    queue: asyncio.Queue[LiveFrame],
    writer: LiveWriter | None,
    status: Status,
    first: asyncio.Event,
) -> None:
    from hikcore.sources.live import LiveFrame

    async with aclosing(stream.frames()) as items:
        async for item in items:
            if isinstance(item, LiveFrame):
                first.set()
                status.frame(item)
                if writer is not None:
                    writer.law, writer.reorders = stream.law, stream.reorders
                    await queue.put(item)
            else:
                status.gap(item)


async def _after(first: asyncio.Event, seconds: float | None) -> None:
    await first.wait()
    await asyncio.sleep(seconds if seconds is not None else 10.0**9)


async def _tell(status: Status) -> None:
    while True:
        await asyncio.sleep(1)
        status.second()


async def _write(writer: LiveWriter, queue: asyncio.Queue[LiveFrame]) -> None:
    """Frames to the file, in a thread, as many at once as have come."""
    while True:
        batch = [await queue.get()]
        while not queue.empty():
            batch.append(queue.get_nowait())
        work = asyncio.ensure_future(asyncio.to_thread(_add, writer, batch))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            # A thread cannot be called off: what it has is written before anybody goes on.
            await asyncio.wait({work})
            raise


def _add(writer: LiveWriter, batch: list[LiveFrame]) -> None:
    for frame in batch:
        writer.add(frame.kind, frame.time, frame.payload, frame.received)


def _finish(writer: LiveWriter, queue: asyncio.Queue[LiveFrame]) -> RecordingReport:
    rest = []
    while not queue.empty():
        rest.append(queue.get_nowait())
    _add(writer, rest)
    return writer.close()


class Status:
    """The line that says how it goes: replaced on a terminal, else one every ten seconds."""

    def __init__(
        self,
        stream: Live[Any],
        name: str,
        output: Output,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream, self._name, self._output, self._now = stream, name, output, now
        self._terminal = sys.stderr.isatty()
        self._begin = self._told = self._at = now()
        self._pictures = self._bytes = 0
        self._last = -1
        self._shown = False

    def frame(self, frame: LiveFrame) -> None:
        """One more."""
        self._pictures += frame.kind != 16
        self._bytes += frame.size
        self._last = frame.time if frame.time >= 0 else self._last

    def gap(self, gap: LiveGap) -> None:
        """Frames are missing."""
        self.clear()
        begin, end = (format_instant(t) if t >= 0 else None for t in (gap.begin, gap.end))
        self._output.talk(
            f"gap: {self._name}: nothing from {begin or '?'} to {end or '?'}: {gap.reason}"
        )
        self._output.document(
            "live_gap", camera=self._name, begin=begin, end=end, reason=gap.reason,
            waited=gap.waited,
        )  # fmt: skip

    def second(self) -> None:
        """Another second has passed."""
        now = self._now()
        if not self._terminal and now - self._told < _LINES:
            return
        text = self._text(now - self._at)
        self._pictures = self._bytes = 0
        self._at = self._told = now
        if not self._terminal:
            self._output.talk(text)
            return
        print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)
        self._shown = True

    def clear(self) -> None:
        """Take the line away, for others."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False

    def _text(self, seconds: float) -> str:
        if self._stream.broken or not self._pictures:
            why = self._stream.broken or "no picture"
            return f"{self._name}: waiting ({why})"
        rate, bits = self._pictures / seconds, self._bytes * 8 / seconds / 1000
        last = format_instant(self._last) if self._last >= 0 else "no time"
        length = length_text(int(self._now() - self._begin) * NS)
        return f"{self._name}: {rate:.1f} pictures/s, {bits:,.0f} kbit/s, {last}, {length}"


def tell(
    output: Output,
    name: str,
    counts: LiveCounts,
    report: RecordingReport | None,
    files: Files | None,
) -> None:
    """What came of it."""
    paths = [str(path) for path in files.paths] if files is not None else []
    for path in paths:
        output.data(path)
    size = report.bytes if report is not None else counts.bytes
    output.talk(
        f"  {count_text(counts.frames, 'frame')}, {size_text(size)}, "
        f"{count_text(counts.gaps, 'gap')}, {count_text(counts.connections, 'connection')}"
    )
    if report is not None:
        if report.begin >= 0:
            output.talk(f"  first {format_instant(report.begin)}")
            output.talk(f"  last  {format_instant(report.end)}")
        for at, by in report.steps:
            output.talk(f"warning: its clock was set by {by / NS:+.3f} s at {format_instant(at)}")
        for why, count in report.lost.items():
            output.talk(f"warning: {count} left out: {why}")
    for why, count in counts.passed.items():
        output.talk(f"warning: {count} passed over: {why}")
    output.document(
        "live",
        camera=name,
        paths=paths,
        frames=counts.frames,
        bytes=size,
        gaps=counts.gaps,
        connections=counts.connections,
        waited=counts.waited,
        repeated=counts.repeated,
        passed=dict(counts.passed),
        begin=format_instant(report.begin) if report is not None and report.begin >= 0 else None,
        end=format_instant(report.end) if report is not None and report.end >= 0 else None,
        pictures=report.frames if report is not None else None,
        units=report.units if report is not None else None,
        lost=dict(report.lost) if report is not None else {},
        clock_steps=[
            {"at": format_instant(at), "seconds": by / NS}
            for at, by in (report.steps if report is not None else ())
        ],
    )
