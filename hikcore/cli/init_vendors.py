"""What `hikcore init` asks a device or an account of each vendor: one login, and what a site's file
needs. All give one shape, and one place writes it (hikcore.config.starter)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hikcore.cli.output import count_text

if TYPE_CHECKING:
    from pydantic import SecretStr

    from hikcore.config.starter import NewDevice, NewSite


class Vendor(StrEnum):
    """What `--vendor` takes."""

    ISAPI = "isapi"
    EVERFOCUS = "everfocus"
    HIK_CLOUD = "hik-cloud"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device listens, and how far its certificate is trusted."""

    host: str
    port: int
    scheme: str
    tls: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what: ids to be, an account, and where its password is kept."""

    site: str
    device: str
    username: str
    password: SecretStr
    reference: str


async def ask_isapi(place: Place, asked: Asked) -> NewSite:
    """A recorder that speaks ISAPI."""
    from hikcore.config.starter import NewSite, camera_ids, zones_of
    from hikcore.sources.isapi.source import IsapiSource

    more: dict[str, Any] = {"scheme": place.scheme, "tls": place.tls, "guard": _guard(place, asked)}
    source = IsapiSource(
        place.host,
        asked.username,
        asked.password,
        port=place.port,
        # The zone is wanted alone; what Z means is measured when there is something to extract.
        device_time="local",
        name=place.host,
        **more,
    )
    try:
        zone = (await source.clock()).zone
        facts = await source.facts()
        channels = await source.cameras()
        streams = await source.rtsp_port()
    finally:
        await source.aclose()
    settings = _address(place) | _login(asked)
    if streams not in (None, 554):
        settings["rtsp_port"] = streams
    return NewSite(
        site=asked.site,
        about=" ".join(part for part in (facts.model, facts.firmware) if part),
        zones=zones_of(zone, _here()),
        devices=[_device(asked.device, settings, camera_ids(asked.device, channels))],
    )


async def ask_everfocus(place: Place, asked: Asked) -> NewSite:
    """An EverFocus recorder. Where it streams it is asked at each run."""
    from hikcore.config.starter import NewSite, camera_ids, zones_of
    from hikcore.sources.everfocus import EverFocusClient, Session
    from hikcore.sources.everfocus.clock import RecorderClock
    from hikcore.sources.everfocus.facts import describe, list_cameras

    more: dict[str, Any] = {"scheme": place.scheme, "tls": place.tls, "guard": _guard(place, asked)}
    session = Session(
        place.host, asked.username, asked.password, port=place.port, name=place.host, **more
    )
    try:
        client = EverFocusClient(session)
        zone = (await RecorderClock(session).read()).zone
        facts = await describe(client, zone)
        channels = await list_cameras(client)
    finally:
        await session.aclose()
    settings = {"kind": "everfocus"} | _address(place) | _login(asked)
    return NewSite(
        site=asked.site,
        about=" ".join(part for part in (facts.model, facts.firmware) if part),
        zones=zones_of(zone, _here()),
        devices=[_device(asked.device, settings, camera_ids(asked.device, channels))],
    )


async def ask_hik_cloud(base_url: str, asked: Asked) -> NewSite:
    """Every device of an account, with its channels. What zone they are in the cloud does not
    tell."""
    from hikcore.config.starter import NewSite, camera_ids, slug
    from hikcore.sources.hik_cloud.channels import list_channels, list_devices
    from hikcore.sources.hik_cloud.client import CloudClient, token_provider
    from hikcore.sources.hik_cloud.settings import BASE_URL, CloudSettings

    plain = base_url.startswith("http://")
    settings = CloudSettings(base_url=base_url, insecure_http=plain)
    account: dict[str, str | bool] = {} if base_url == BASE_URL else {"base_url": base_url}
    account |= {"insecure_http": True} if plain else {}
    account |= {"client_id": asked.username, "client_secret": asked.reference}
    tokens = token_provider(
        settings,
        access_token=None,
        client_id=asked.username,
        client_secret=asked.password,
        name=base_url,
    )
    client = CloudClient(tokens, settings, account=asked.username)
    found: list[NewDevice] = []
    taken: set[str] = set()
    try:
        await client.token()
        for serial, name in await list_devices(client):
            id_ = slug(name) or slug(serial)
            id_ = id_ if id_ not in {each.id for each in found} else f"{id_[:40]}-{slug(serial)}"
            cameras = camera_ids(id_, await list_channels(client, serial, {}), taken)
            taken |= {each for each, _ in cameras}
            lines = {"kind": "hik_cloud", "serial": serial, "cloud": account}
            found.append(_device(id_, lines, cameras))
    finally:
        await client.aclose()
    about = f"{count_text(len(found), 'device')} of an account"
    return NewSite(asked.site, about, [], found)


def _device(id_: str, settings: dict[str, Any], cameras: list[Any]) -> NewDevice:
    from hikcore.config.starter import NewDevice

    return NewDevice(id_, settings, cameras)


def _address(place: Place) -> dict[str, Any]:
    settings: dict[str, Any] = {"host": place.host}
    if place.scheme != "http":
        settings["scheme"] = place.scheme
    if place.port != {"http": 80, "https": 443}[place.scheme]:
        settings["port"] = place.port
    if place.tls != "verify":
        settings["tls"] = place.tls
    return settings


def _login(asked: Asked) -> dict[str, Any]:
    return {"username": asked.username, "password": asked.reference}


def _guard(place: Place, asked: Asked) -> Any:
    from hikcore.folders import state_folder
    from hikcore.sources.fileguard import FileGuard

    folder = state_folder() / "logins"
    return FileGuard(folder, place.host, place.port, asked.username, asked.password)


def _here() -> str:
    """The zone of this machine, where it says it by name."""
    told = os.environ.get("TZ", "")
    if not told and Path("/etc/localtime").is_symlink():
        told = str(Path("/etc/localtime").readlink()).partition("zoneinfo/")[2]
    return told.lstrip(":")
