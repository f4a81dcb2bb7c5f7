"""`hikcore extract`: bring what recorders have of a span into the archive."""

from __future__ import annotations

import asyncio
import shlex
import time
from typing import TYPE_CHECKING, Annotated

import typer

from hikcore.cli.arguments import (
    TIME_HELP,
    ConfigFile,
    Debug,
    Json,
    Set,
    Tz,
    echo_span,
    load_config,
    parse_span,
    parse_target,
    zone_named,
)
from hikcore.cli.output import Output, count_text, length_text, size_text
from hikcore.cli.progress import Style, Watch
from hikcore.instants import DAY, NS, Span, format_instant

if TYPE_CHECKING:
    from hikcore.config import Config
    from hikcore.config.jobs import SiteJobs
    from hikcore.errors import HikcoreError
    from hikcore.extract.report import CameraReport

PARTLY = 3
NOTHING_TO_DO = 4
LEFT_TO_OTHERS = 11
INTERRUPTED = 130


def extract(
    target: Annotated[str, typer.Argument(metavar="SITE[/CAMERA]", help="What to extract.")],
    begin: Annotated[
        str | None, typer.Option("--from", help=f"{TIME_HELP}. Default: 48 hours before --to.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", help="The same; not included, but a date is all of its day. Or now."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask and plan; write and fetch nothing.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Fetch again what is kept as damaged.")
    ] = False,
    tails: Annotated[
        bool,
        typer.Option("--now", help="Also play, over RTSP, what lies in files still being written."),
    ] = False,
    fail_if_empty: Annotated[
        bool, typer.Option("--fail-if-empty", help="Exit with 4 when there was nothing to do.")
    ] = False,
    progress: Annotated[
        Style,
        typer.Option(
            "--progress",
            metavar="HOW",
            help="bar, lines, json, none or auto: bars on a terminal, else a line a minute.",
        ),
    ] = Style.AUTO,
    tz: Tz = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Bring what the recorders have of a span into the archive, each recording once.

    Run it again after any interruption: it goes on where it was.
    Ctrl-C once finishes the recording at hand, twice stops.
    """
    from hikcore.cli import interrupt

    output = Output(json=json)
    where = parse_target(target)
    settings = load_config(config, set_)
    zone = zone_named(tz) or settings.site(where.site).zone
    if where.camera is not None:
        settings.site(where.site).camera(where.camera)
    now = format_instant(time.time_ns(), 0)  # whole seconds: a person may type them again
    if begin is not None:
        span = parse_span(begin, end or now, zone)
    else:
        to = parse_span("1970-01-01T00:00:00Z", end or now, zone).end
        span = Span(to - 2 * DAY, to)
    echo_span(output, span)
    if not dry_run:
        output.talk(f"resume: {_resume_command(str(where), span, config, set_, tails, repair)}")
    reports, jobs = interrupt.run(
        lambda stop: _work(
            settings,
            where.site,
            where.camera,
            span,
            output,
            progress,
            stop,
            dry_run,
            repair,
            # A run without a span is one of a schedule: it also looks after what was empty.
            time.time_ns() if begin is None and end is None else None,
            tails,
        ),
        output,
    )
    raise typer.Exit(_conclude(output, span, reports, jobs, dry_run, fail_if_empty))


async def _work(
    config: Config,
    site: str,
    camera: str | None,
    span: Span,
    output: Output,
    style: Style,
    stop: asyncio.Event,
    dry_run: bool,
    repair: bool,
    again: int | None,
    tails: bool,
) -> tuple[list[CameraReport], SiteJobs]:
    from hikcore.config.jobs import site_jobs

    # A dry run writes nothing, also no note of who logs in.
    store = None if dry_run else await asyncio.to_thread(config.build_store, create=True)
    async with site_jobs(config, site, camera, store) as jobs, Watch(style, output) as watch:
        reports = await work_on(
            config,
            jobs,
            span,
            watch,
            stop,
            dry_run=dry_run,
            repair=repair,
            again=again,
            tails=tails,
        )
    return reports, jobs


async def work_on(
    config: Config,
    jobs: SiteJobs,
    span: Span,
    watch: Watch,
    stop: asyncio.Event,
    *,
    dry_run: bool = False,
    repair: bool = False,
    again: int | None = None,
    tails: bool = False,
) -> list[CameraReport]:
    """Extract all jobs over a span.

    Args:
        again: now, UTC ns: also ask the days again that were found empty and are due.
        tails: also play what lies in recordings that are still being written.

    Raises:
        HikcoreError: the archive or the spool cannot be used at all.
    """
    from hikcore.config.jobs import publish
    from hikcore.extract.again import again_parts
    from hikcore.extract.site import Part, SiteWork, camera_days
    from hikcore.extract.spool import Spool

    store = await asyncio.to_thread(config.build_store, create=not dry_run)
    spool = Spool(config.settings.spool.folder, config.settings.spool.limit)
    if not dry_run:
        await asyncio.to_thread(spool.sweep)
        await asyncio.to_thread(publish, config, jobs, store)
    site = SiteWork(
        jobs.sources,
        store,
        spool,
        progress=watch,
        dry_run=dry_run,
        stop=stop,
        repair=repair,
        evidence=jobs.evidence,
        tails=tails,
    )
    # A long span goes by days, so that the oldest day of every camera comes first: a recorder
    # overwrites it first. A short one is planned at once, so that the bars know their whole.
    if span.length > 2 * DAY and not dry_run:
        parts = camera_days(jobs.jobs, span)
    else:
        parts = [Part(job, span) for job in jobs.jobs]
    if again is not None and not dry_run:
        parts += await asyncio.to_thread(again_parts, store, jobs.jobs, again, span, jobs.sources)
    return await site.extract_all(parts)


def _resume_command(
    target: str,
    span: Span,
    config: object | None,
    overrides: list[str] | None,
    tails: bool,
    repair: bool,
) -> str:
    words = ["hikcore", "extract", target]
    words += ["--from", format_instant(span.begin, 9 if span.begin % NS else 0)]
    words += ["--to", format_instant(span.end, 9 if span.end % NS else 0)]
    words += ["--now"] if tails else []
    words += ["--repair"] if repair else []
    if config is not None:
        words += ["--config", str(config)]
    for item in overrides or ():
        words += ["--set", item]
    return shlex.join(words)


def _conclude(
    output: Output,
    span: Span,
    reports: list[CameraReport],
    jobs: SiteJobs,
    dry_run: bool,
    fail_if_empty: bool,
) -> int:
    """Tell what was done, and the exit code of it."""
    for report in reports:
        output.document("camera", **camera_fields(report))
    _tell_faults(output, reports)
    for note in jobs.notes():
        output.talk(f"note: {note}")
    failures = jobs.failures
    for device, error in failures.items():
        output.talk(f"error: {device}: its cameras cannot be listed: {error}")
    errors = [error for report in reports for error in report.errors] + list(failures.values())
    stopped = any(report.stopped for report in reports)
    planned = sum(len(report.planned) for report in reports)
    code = _code(errors, reports, stopped)
    left = sum(len(report.left) for report in reports)
    if code == 0 and not planned and fail_if_empty:
        code = NOTHING_TO_DO
    output.data(summary_text(reports, dry_run=dry_run, failed=bool(errors) or stopped))
    output.document(
        "summary",
        begin=format_instant(span.begin),
        end=format_instant(span.end),
        dry_run=dry_run,
        chunks=planned,
        held=sum(report.count("held") for report in reports),
        damaged=sum(report.count("damaged") for report in reports),
        failed=sum(report.count("failed") for report in reports),
        growing=sum(report.growing for report in reports),
        bytes_planned=sum(report.planned_bytes for report in reports),
        hours_planned=round(sum(report.planned_hours for report in reports), 4),
        bytes_received=sum(report.received for report in reports),
        bytes_stored=sum(report.stored for report in reports),
        devices_failed={device: error.message for device, error in failures.items()},
        channels_new={
            device: [each.channel for each in channels]
            for device, channels in jobs.unlisted.items()
            if channels
        },
        left=left,
        stopped=stopped,
        code=code,
    )
    return code


def _code(errors: list[HikcoreError], reports: list[CameraReport], stopped: bool) -> int:
    if stopped:
        return INTERRUPTED
    if not errors:
        # What could not be decoded is kept, and is no reason to try again; but not all is well.
        if any(report.count("damaged") for report in reports):
            return PARTLY
        # Nothing failed, but nobody may take what was asked for to be in the archive.
        return LEFT_TO_OTHERS if any(report.left for report in reports) else 0
    done = any(report.count("held") or report.count("damaged") for report in reports)
    if done or any(report.whole for report in reports):
        return PARTLY
    codes = {error.exit_code for error in errors}
    return codes.pop() if len(codes) == 1 else 1


def _tell_faults(output: Output, reports: list[CameraReport]) -> None:
    """What is damaged or short, and every error once with the cameras that it kept from being
    whole."""
    struck: dict[str, list[str]] = {}
    for report in reports:
        for line in report.warnings:
            output.talk(f"warning: {report.job}: {line}")
        for outcome in report.outcomes:
            if outcome.state == "damaged" or (outcome.state == "held" and outcome.reason):
                kind = "damaged" if outcome.state == "damaged" else "warning"
                begin = format_instant(outcome.chunk.recording.span.begin)
                output.talk(f"{kind}: {report.job} {begin}: {outcome.reason}")
        for left in report.left:
            output.talk(f"left: {report.job} {left.span}: being worked on by {left.holder}")
        for error in report.errors:
            jobs = struck.setdefault(str(error), [])
            if str(report.job) not in jobs:
                jobs.append(str(report.job))
    for text, jobs in struck.items():
        more = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
        output.talk(f"error: {jobs[0]}{more}: {text}")


def camera_fields(report: CameraReport) -> dict[str, object]:
    """A report as the JSON line `camera` has it."""
    return {
        "site": report.job.site,
        "camera": report.job.camera,
        "stream": report.job.stream,
        "device": report.job.device,
        "channel": report.job.channel,
        "listed": report.listed,
        "growing": report.growing,
        "chunks": [
            {
                "id": chunk.id,
                "begin": format_instant(chunk.recording.span.begin),
                "end": format_instant(chunk.recording.span.end),
                "bytes": chunk.size,
            }
            for chunk in report.planned
        ],
        "held": report.count("held"),
        "damaged": report.count("damaged"),
        "failed": report.count("failed"),
        "bytes_received": report.received,
        "bytes_stored": report.stored,
        "warnings": report.warnings,
        "left": [
            {
                "begin": format_instant(left.span.begin),
                "end": format_instant(left.span.end),
                "holder": left.holder,
            }
            for left in report.left
        ],
        "errors": [
            {"error": type(error).__name__, "message": error.message, "where": error.where}
            for error in report.errors
        ],
    }


def summary_text(reports: list[CameraReport], *, dry_run: bool, failed: bool = False) -> str:
    """One sentence about all of it. `failed`: not all could be asked for what they have."""
    chunks = sum(len(report.planned) for report in reports)
    size = sum(report.planned_bytes for report in reports)
    length = int(sum(report.planned_hours for report in reports) * 3600) * NS
    growing = sum(report.growing for report in reports)
    later = f"; {growing} still being written, for a later run" if growing else ""
    others = sum(len(report.left) for report in reports)
    if others:
        later += f"; {others} camera-days left to another process"
    if not chunks:
        failed = failed or any(report.failure is not None for report in reports)
        nothing = "nothing was fetched" if failed or others else "nothing to fetch"
        return nothing if failed else f"{nothing}{later}"
    if dry_run:
        what = count_text(chunks, "chunk")
        return f"would fetch {what}, {size_text(size)}, {length_text(length)}{later}"
    counts = [
        f"{count} {state}"
        for state in ("held", "damaged", "failed")
        if (count := sum(report.count(state) for report in reports))
    ]
    received = size_text(sum(report.received for report in reports))
    done = ", ".join(counts) or "none done"
    return f"{count_text(chunks, 'chunk')}: {done}; {received} received{later}"
