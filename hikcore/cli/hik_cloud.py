"""`hikcore hik-cloud`: recordings of a Hik Cloud account as plain files."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hikcore.cli.arguments import Debug, Json
from hikcore.cli.output import Output

if TYPE_CHECKING:
    import asyncio

    from hikcore.hik_cloud_download.config import Stage
    from hikcore.hik_cloud_download.manifest import Row
    from hikcore.hik_cloud_download.stage import Summary

PARTLY = 3
REFUSED = 7
INTERRUPTED = 130
app = typer.Typer(help="Recordings of a Hik Cloud account as plain files.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command()
def download(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The YAML file.")],
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Ask for addresses, write the manifest, download nothing."),
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Download the time ranges of a YAML file as MP4 files, with a manifest beside them.

    It has nothing to do with the archive. Run it again: what is there is not downloaded twice.
    """
    from hikcore.cli import interrupt
    from hikcore.hik_cloud_download.config import load_stage

    output = Output(json=json)
    stage = load_stage(config)
    for warning in stage.warnings:
        output.talk(f"warning: {warning}")
    if stage.unused:
        output.talk(f"not used yet: {', '.join(stage.unused)}")
    if stage.mode == "local":
        output.talk("source.mode is local: there is nothing to download")
        output.document("summary", mode="local", rows={}, skipped=0, code=0)
        return
    summary = interrupt.run(lambda stop: _work(stage, output, dry_run, stop), output)
    raise typer.Exit(_tell(output, summary))


async def _work(stage: Stage, output: Output, dry_run: bool, stop: asyncio.Event) -> Summary:
    from hikcore.hik_cloud_download.stage import Downloads

    downloads = Downloads(stage, told=lambda row: _told(output, row), now=time.time_ns)
    return await downloads.run(dry_run=dry_run, stop=stop)


def _told(output: Output, row: Row) -> None:
    span = f"{row.requested_begin} to {row.requested_end}"
    line = f"{row.device_serial} channel {row.channel_no}, {span}: {row.status}"
    output.talk(f"{line} ({row.last_error})" if row.last_error else line)
    output.document("chunk", **asdict(row))


def _tell(output: Output, summary: Summary) -> int:
    if summary.account:
        output.talk(f"error: the token is the cause of all that follows: {summary.account}")
    if summary.insecure:
        output.talk("warning: footage came without TLS: require_https: true refuses that")
    total = sum(summary.counts.values()) + summary.skipped
    code = INTERRUPTED if summary.stopped else 0
    if summary.failed and not summary.stopped:
        code = REFUSED if summary.account else PARTLY if summary.failed < total else 1
    said = ", ".join(f"{count} {status}" for status, count in sorted(summary.counts.items()))
    output.data(f"{said or 'nothing to do'}; {summary.skipped} were there already")
    output.document(
        "summary", mode="hik_cloud", rows=dict(summary.counts), skipped=summary.skipped, code=code
    )
    return code
