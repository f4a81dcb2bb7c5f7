"""`hikcore doctor`: is all in order, and if not, what is the next step."""

from __future__ import annotations

import asyncio
import shutil
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hikcore.cli.arguments import ConfigFile, Debug, Json, Set, load_config
from hikcore.cli.output import Output, console

if TYPE_CHECKING:
    from hikcore.config import Config, Site
    from hikcore.doctor.device import Subject
    from hikcore.doctor.finding import Report
    from hikcore.sources.base import DeviceCamera

#: Devices looked at side by side; of one device one thing at a time.
_AT_ONCE: Final = 16
_STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_CHECK: Final = 16


def doctor(
    site: Annotated[
        str | None, typer.Argument(metavar="[SITE]", help="One site; all without.")
    ] = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Look at the archive and at every device: each line is ok, warn or fail, with the next step.

    Of one recording of each device ten seconds are fetched and cut. Nothing is changed.
    """
    from hikcore.doctor.finding import exit_code

    output = Output(json=json)
    settings = load_config(config, set_)
    sites = [settings.site(site)] if site else settings.sites
    reports = asyncio.run(_examine(settings, sites, lambda report: tell(output, report)))
    counts = {
        verdict: sum(f.verdict == verdict for report in reports for f in report.findings)
        for verdict in ("ok", "warn", "fail")
    }
    code = exit_code(reports)
    output.data(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    output.document("summary", **counts, code=code)
    raise typer.Exit(code)


async def _examine(
    config: Config, sites: list[Site], told: Callable[[Report], None]
) -> list[Report]:
    from hikcore.doctor.device import examine_device

    reports = [await _archive(config)]
    told(reports[0])
    # Where there is no archive yet, nothing is written into it, not even a note about a login.
    usable = all(finding.verdict == "ok" for finding in reports[0].findings[:1])
    turns = asyncio.Semaphore(_AT_ONCE)
    folder = config.settings.spool.folder

    async def one(subject: Subject) -> Report:
        async with turns:
            try:
                return await examine_device(subject, now=time.time_ns, folder=folder)
            finally:
                if subject.source is not None:
                    await subject.source.aclose()

    subjects = [s async for s in _subjects(config, sites, shared=usable)]
    for done in asyncio.as_completed([one(subject) for subject in subjects]):
        report = await done
        told(report)
        reports.append(report)
    return reports


async def _archive(config: Config) -> Report:
    from hikcore.doctor.archive import examine_archive
    from hikcore.doctor.finding import Report, failure
    from hikcore.errors import HikcoreError

    try:
        store = config.build_store()
    except HikcoreError as error:
        return Report("archive", config.settings.archive.url, (failure("settings", error),))
    return await examine_archive(store, now=time.time_ns)


async def _subjects(config: Config, sites: list[Site], *, shared: bool) -> AsyncIterator[Subject]:
    """Every device; `shared`: the archive can say which logins were refused to other machines."""
    from hikcore.doctor.device import Subject
    from hikcore.errors import HikcoreError

    store = config.build_store() if shared else None
    for site in sites:
        for device, section in site.section.devices.items():
            source = refused = None
            try:
                source = config.build_source(site.id, device, store)
            except HikcoreError as error:
                refused = error
            yield Subject(
                f"{site.id}/{device}",
                section.host,
                section.port or (443 if section.scheme == "https" else 80),
                source,
                [each.channel for each in site.named_cameras() if each.device == device],
                partial(_decided, site, device),
                site.zone,
                refused,
            )


def _decided(site: Site, device: str, channels: list[DeviceCamera]) -> tuple[list[int], list[int]]:
    """Of what a device lists: the channels that are extracted, and those nobody decided on."""
    wanted = [camera.channel for camera in site.cameras_of(device, channels)]
    return wanted, [each.channel for each in site.unlisted(device, channels)]


def tell(output: Output, report: Report) -> None:
    """One thing: a heading, and a line for each finding, no wider than the terminal."""
    for finding in report.findings:
        output.document(
            "finding",
            subject=report.subject,
            title=report.title,
            check=finding.check,
            verdict=finding.verdict,
            text=finding.text,
            hint=finding.hint,
            code=finding.code,
        )
    if output.json:
        return
    from rich.text import Text

    screen = console()
    width = max(min(shutil.get_terminal_size((100, 24)).columns, 100), 40)
    screen.print(Text.assemble((report.subject, "bold"), f"  {report.title}"), soft_wrap=True)
    indent = " " * (8 + _CHECK)
    for finding in report.findings:
        lines = textwrap.wrap(finding.text, width - len(indent)) or [""]
        if finding.hint:
            lines += textwrap.wrap(
                finding.hint, width - len(indent), initial_indent="> ", subsequent_indent="  "
            )
        head = f"  {finding.verdict:<5} {finding.check:<{_CHECK}}"
        text = Text.assemble(
            (head[:8], _STYLES[finding.verdict]), head[8:], ("\n" + indent).join(lines)
        )
        screen.print(text, soft_wrap=True)
    screen.print()
