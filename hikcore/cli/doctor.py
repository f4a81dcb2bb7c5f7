"""`hikcore doctor`: is all in order, and if not, what is the next step."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import typer

from hikcore.cli import findings
from hikcore.cli.arguments import ConfigFile, Debug, Json, Set, Sites, load_config, sites_named
from hikcore.cli.output import Output, console
from hikcore.cli.together import AT_ONCE, CONNECTING, FEW, names_side_by_side

if TYPE_CHECKING:
    from hikcore.config import Config, Site
    from hikcore.doctor.device import Subject
    from hikcore.doctor.finding import Report
    from hikcore.sources.base import DeviceCamera


def doctor(
    site: Sites = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Look at the archive and at every device: each line is ok, warn or fail, with the next step.

    Of one recording of each device ten seconds are fetched and cut. Nothing is changed.
    Of more than eight devices it shows what is not well, when it has looked at all of them;
    `doctor SITE` shows all of one site.
    """
    from hikcore.doctor.finding import exit_code

    logging.getLogger("hikcore").addHandler(logging.NullHandler())  # findings say all of it
    output = Output(json=json)
    settings = load_config(config, set_)
    sites = sites_named(settings, site)
    many = sum(len(each.section.devices) for each in sites) > FEW
    reports = asyncio.run(_examine(settings, sites, output, many=many))
    devices = [report for report in reports if report.subject != "archive"]
    reports += _aside(settings) if site is None else []
    for report in reports[len(devices) + 1 :]:
        _tell(output, report, many=many)
    if many and not output.json:
        findings.show_many(reports[1:])
        output.data(f"\n{findings.devices_text(devices)}")
    counts = {
        verdict: sum(f.verdict == verdict for report in reports for f in report.findings)
        for verdict in ("ok", "warn", "fail")
    }
    code = exit_code(reports)
    output.data(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    failed = sum(bool(report.failures) for report in devices)
    output.document("summary", **counts, devices=len(devices), devices_failed=failed, code=code)
    raise typer.Exit(code)


def _tell(output: Output, report: Report, *, many: bool) -> None:
    findings.document(output, report)
    if not output.json and not (many and report.subject != "archive"):
        findings.show(report)


def _aside(config: Config) -> list[Report]:
    """The files whose sites are not looked at, as something in them is wrong."""
    from hikcore.doctor.finding import Report, failure

    return [
        Report(f"{each.file.parent.name}/{each.file.name}", "", (failure("settings", each.error),))
        for each in config.aside
    ]


async def _examine(
    config: Config, sites: list[Site], output: Output, *, many: bool
) -> list[Report]:
    from hikcore.doctor.device import examine_device

    reports = [await _archive(config)]
    _tell(output, reports[0], many=many)
    # Where there is no archive yet, nothing is written into it, not even a note about a login.
    usable = all(finding.verdict == "ok" for finding in reports[0].findings[:1])
    names_side_by_side()
    turns, connecting = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(CONNECTING)
    folder = config.settings.spool.folder

    async def one(subject: Subject) -> Report:
        async with connecting:
            try:
                return await examine_device(subject, now=time.time_ns, folder=folder, turns=turns)
            finally:
                if subject.source is not None:
                    await subject.source.aclose()

    subjects = [s async for s in _subjects(config, sites, shared=usable)]
    screen = console(stderr=True)
    with screen.status("") if many and screen.is_terminal else nullcontext() as status:
        for done in asyncio.as_completed([one(subject) for subject in subjects]):
            reports.append(await done)
            _tell(output, reports[-1], many=many)
            if status is not None:
                status.update(f"looked at {len(reports) - 1} of {len(subjects)} devices")
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
                section.connect_timeout,
            )


def _decided(site: Site, device: str, channels: list[DeviceCamera]) -> tuple[list[int], list[int]]:
    """Of what a device lists: the channels that are extracted, and those nobody decided on."""
    wanted = [camera.channel for camera in site.cameras_of(device, channels)]
    return wanted, [each.channel for each in site.unlisted(device, channels)]
