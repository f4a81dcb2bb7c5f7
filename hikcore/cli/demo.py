"""`hikcore demo`: the whole job with no device at hand, for real but for the devices."""

from __future__ import annotations

import asyncio
import shlex
import time
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hikcore.cli.arguments import Debug, Json
from hikcore.cli.output import Output, console
from hikcore.cli.progress import Style, Watch, chosen
from hikcore.errors import ConfigurationError
from hikcore.instants import NS, Span, format_instant

if TYPE_CHECKING:
    from hikcore.archive.clip import ClipReport
    from hikcore.cli.demo_devices import Devices
    from hikcore.extract.report import CameraReport

SITE: Final = "demo"
CLIP_CAMERA: Final = "gate"
#: Of the two other vendors: the same span of them too.
OTHERS: Final = ("till", "ramp")
#: By the frozen clock: over a border of two recordings, begun and ended between key frames.
CLIP_FROM: Final = -(48 * 60 + 43) * NS - 600_000_000
CLIP_TO: Final = -(46 * 60 + 58) * NS


@dataclass(frozen=True, slots=True)
class Done:
    """What the devices' part of the demo leaves: the hour that was extracted, and the reports."""

    span: Span
    reports: list[CameraReport]


def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where to put it all.")] = Path("demo"),
    progress: Annotated[
        Style,
        typer.Option(
            "--progress",
            metavar="HOW",
            help="bar, lines, json, none or auto: bars on a terminal, else lines.",
        ),
    ] = Style.AUTO,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the whole job against simulated devices into a folder: extract, coverage, clip.

    There is one of each vendor. They are simulated, their video is real; all else is what runs
    against real ones.
    """
    from hikcore.cli import interrupt

    output = Output(json=json)
    began = time.monotonic()
    home = _home(folder)
    done = interrupt.run(lambda stop: _extract(home, output, progress, stop), output)
    if any(report.stopped for report in done.reports):
        raise KeyboardInterrupt
    for error in (error for report in done.reports for error in report.errors):
        raise error
    report = _read_back(home, done.span, output)
    seconds = round(time.monotonic() - began, 1)
    _what_next(output, home, report, seconds)


def _home(folder: Path) -> Path:
    """The folder, made; one that is something else already is left alone."""
    home = folder.absolute()
    if home.exists() and not (home.is_dir() and _ours(home)):
        raise ConfigurationError(
            "is there already and was not made by `hikcore demo`",
            where=str(home),
            hint="name another: hikcore demo --folder FOLDER",
        )
    home.mkdir(parents=True, exist_ok=True)
    return home


def _ours(home: Path) -> bool:
    """Whether a folder is empty, or was made here; also by one who was interrupted early."""
    names = {path.name for path in home.iterdir()}
    return "hikcore.toml" in names or names <= {"footage-cache", "password", "client-secret"}


async def _extract(home: Path, output: Output, style: Style, stop: asyncio.Event) -> Done:
    from hikcore.cli.demo_devices import configured, devices
    from hikcore.cli.extract import summary_text, work_on
    from hikcore.config.jobs import site_jobs

    output.talk(
        "1. Three simulated devices: a Hikvision recorder with three cameras, a camera in\n"
        "   the Hik Cloud, an EverFocus recorder. An hour of footage with holes."
    )
    async with devices(home / "footage-cache") as made:
        await _film(made, style)
        config, span = configured(home, made), made.hour
        output.talk(
            f"\n2. Extract {format_instant(span.begin, 0)} to {format_instant(span.end, 0)}."
        )
        async with site_jobs(config, SITE) as jobs, Watch(style, output) as watch:
            reports = await work_on(config, jobs, span, watch, stop)
    output.talk(f"   {summary_text(reports, dry_run=False)}")
    return Done(span, reports)


async def _film(made: Devices, style: Style) -> None:
    """Make the footage, with a bar where there are bars."""
    if chosen(style) is not Style.BAR:
        await made.film()
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("filming"), BarColumn(bar_width=None), TaskProgressColumn())
    with Progress(*columns, console=console(stderr=True), expand=True) as bars:
        task = bars.add_task("", total=1.0)
        await made.film(lambda part: bars.update(task, completed=part))


def _read_back(home: Path, span: Span, output: Output) -> ClipReport:
    """Coverage and a clip, by the archive alone."""
    from hikcore.archive.reader import open_archive
    from hikcore.cli.clipping import tell as tell_clip
    from hikcore.cli.coverage import tell as tell_coverage

    archive = open_archive(str(home / "archive"))
    found = {camera: archive.coverage(SITE, camera, span) for camera in archive.cameras(SITE)}
    output.talk("\n3. What the archive has of that hour, and why it has no more.\n")
    tell_coverage(output, SITE, found, span, archive.zone(SITE) or UTC)
    asked = Span(span.end + CLIP_FROM, span.end + CLIP_TO)
    output.talk(
        f"\n4. A clip from {format_instant(asked.begin)} to {format_instant(asked.end)},\n"
        "   over the border of two recordings, to the frame, nothing re-encoded."
    )
    report = archive.clip(SITE, CLIP_CAMERA, asked, _short(home / f"{CLIP_CAMERA}.mp4"))
    tell_clip(output, report)
    output.talk("   And the same span from the cloud and from the EverFocus recorder:")
    for camera in OTHERS:
        tell_clip(output, archive.clip(SITE, camera, asked, _short(home / f"{camera}.mp4")))
    return report


def _what_next(output: Output, home: Path, report: ClipReport, seconds: float) -> None:
    """What to try next."""
    archive = shlex.quote(str(_short(home / "archive")))
    config = shlex.quote(str(_short(home / "hikcore.toml")))
    begin, end = (format_instant(ns, 0) for ns in (report.document.begin, report.document.end))
    output.talk(f"\nDone in {seconds:.0f} s. To try next (`. .venv/bin/activate` first):")
    for command in (
        "hikcore demo     # again: nothing is fetched twice",
        f"hikcore coverage {SITE} 2026-11-20 2026-11-20 --archive {archive}",
        f"hikcore clip {SITE}/yard {begin} {end} \\",
        f"    -o yard.mp4 --audio aac --archive {archive}",
        f"less {config}     # and how to run these devices beside it",
    ):
        output.talk(f"  {command}")
    output.document(
        "demo",
        folder=str(home),
        archive=str(home / "archive"),
        clip=str(report.path.absolute()),
        bytes=sum(file.size for file in report.document.files),
        seconds=seconds,
    )


def _short(path: Path) -> Path:
    """As a person here would write it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
