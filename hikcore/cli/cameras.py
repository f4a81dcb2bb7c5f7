"""`hikcore cameras`: what a site's recorders have, and the id that each camera has here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from hikcore.cli.arguments import ConfigFile, Debug, Json, Set, Sites, load_config, sites_named
from hikcore.cli.output import Output, count_text
from hikcore.cli.together import FEW, ask_all, tell_errors

if TYPE_CHECKING:
    from hikcore.cli.together import Asked
    from hikcore.sources.base import DeviceCamera

CONFIGURATION = 2
PARTLY = 3


def cameras(
    site: Sites = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the channels of the recorders and the camera ids that they have in the archive.

    A channel without an id is not extracted: give it one, or its device cameras = "all".
    """
    output = Output(json=json)
    settings = load_config(config, set_)
    sites = sites_named(settings, site)
    asked = asyncio.run(ask_all(settings, sites, lambda source: source.cameras()))
    aside = len(settings.aside) if site is None else 0
    raise typer.Exit(_tell(output, asked, aside))


def _tell(output: Output, asked: list[Asked[list[DeviceCamera]]], aside: int) -> int:
    """What was found; the exit code. `aside`: files whose sites were not asked."""
    from rich.table import Table

    table = Table("camera", "device", "channel", "name", "online", "streams", box=None)
    for column in table.columns[:2]:
        column.overflow = "fold"  # an id cut short cannot be copied
    rows = 0
    for each in asked:
        channels = each.answer or []
        ids = {camera.channel: camera for camera in each.site.cameras_of(each.device, channels)}
        for channel in channels:
            camera = ids.get(channel.channel)
            rows += 1
            table.add_row(
                f"{each.site.id}/{camera.id}" if camera else f"{each.site.id}/-",
                each.device,
                str(channel.channel),
                (camera.name if camera and camera.name else channel.name),
                {True: "yes", False: "no", None: "?"}[channel.online],
                " ".join(camera.streams) if camera else "",
            )
            output.document(
                "camera",
                site=each.site.id,
                camera=camera.id if camera else None,
                device=each.device,
                channel=channel.channel,
                name=channel.name,
                online=channel.online,
                streams=list(camera.streams) if camera else [],
            )
    if rows:
        output.table(table)
    tell_errors(output, asked)
    errors = [each.error for each in asked if each.error is not None]
    if len(asked) > FEW:
        failed = f"; {len(errors)} failed" if errors else ""
        output.talk(f"{count_text(rows, 'channel')} of {count_text(len(asked), 'device')}{failed}")
    codes = {error.exit_code for error in errors} | ({CONFIGURATION} if aside else set())
    code = 0 if not codes else PARTLY if rows else codes.pop() if len(codes) == 1 else 1
    output.document("summary", cameras=rows, devices_failed=len(errors), code=code)
    return code
