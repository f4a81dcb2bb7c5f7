"""`hikcore cameras`: what a site's recorders have, and the id that each camera has here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from hikcore.cli.arguments import ConfigFile, Debug, Json, Set, load_config
from hikcore.cli.output import Output

if TYPE_CHECKING:
    from hikcore.config import Camera, Config
    from hikcore.errors import HikcoreError
    from hikcore.sources.base import DeviceCamera

PARTLY = 3


@dataclass(slots=True)
class Listing:
    """One device: its channels, or why they cannot be had."""

    device: str
    channels: list[DeviceCamera]
    ids: dict[int, Camera]
    error: HikcoreError | None = None


def cameras(
    site: Annotated[
        str | None, typer.Argument(metavar="[SITE]", help="One site; all without.")
    ] = None,
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
    sites = [settings.site(site)] if site else settings.sites
    listings: list[tuple[str, Listing]] = []
    for each in sites:
        found = asyncio.run(_list(settings, each.id))
        listings += [(each.id, listing) for listing in found]
    raise typer.Exit(_tell(output, listings))


async def _list(config: Config, site: str) -> list[Listing]:
    place = config.site(site)
    sources = {device: config.build_source(site, device) for device in place.section.devices}

    async def one(device: str) -> Listing:
        from hikcore.errors import HikcoreError

        try:
            channels = await sources[device].cameras()
        except HikcoreError as error:
            return Listing(device, [], {}, error)
        finally:
            await sources[device].aclose()
        ids = {camera.channel: camera for camera in place.cameras_of(device, channels)}
        return Listing(device, channels, ids)

    return list(await asyncio.gather(*(one(device) for device in sources)))


def _tell(output: Output, listings: list[tuple[str, Listing]]) -> int:
    from rich.table import Table

    table = Table("camera", "device", "channel", "name", "online", "streams", box=None)
    rows = 0
    for site, listing in listings:
        for channel in listing.channels:
            camera = listing.ids.get(channel.channel)
            rows += 1
            table.add_row(
                f"{site}/{camera.id}" if camera else "-",
                listing.device,
                str(channel.channel),
                (camera.name if camera and camera.name else channel.name),
                {True: "yes", False: "no", None: "?"}[channel.online],
                " ".join(camera.streams) if camera else "",
            )
            output.document(
                "camera",
                site=site,
                camera=camera.id if camera else None,
                device=listing.device,
                channel=channel.channel,
                name=channel.name,
                online=channel.online,
                streams=list(camera.streams) if camera else [],
            )
    if rows:
        output.table(table)
    failed = [(site, listing) for site, listing in listings if listing.error is not None]
    for site, listing in failed:
        place, said = f"{site}/{listing.device}", str(listing.error)
        output.talk(f"error: {said if said.startswith(place) else f'{place}: {said}'}")
    codes = {listing.error.exit_code for _, listing in failed if listing.error is not None}
    code = 0 if not failed else PARTLY if rows else codes.pop() if len(codes) == 1 else 1
    output.document("summary", cameras=rows, devices_failed=len(failed), code=code)
    return code
