"""What the configuration allows at each device, with a name by which all processes know it.

Recorders count connections, not sites: two entries of one address, or of one cloud account, are one
device here, under the name of the first, and the smallest of their limits holds.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from hikcore.config.device_parts import port_of
from hikcore.config.model import DeviceSection
from hikcore.config.places import Config
from hikcore.sources.base import Transfer

#: Prefect refuses `/` in the name of a limit; no id has a colon.
_NAME: Final = "hikcore:{site}:{device}:{kind}"


@dataclass(frozen=True, slots=True)
class DeviceLimit:
    """How many transfers of a kind a device may be asked for at once, by everybody together."""

    name: str
    site: str
    device: str
    kind: Transfer
    limit: int


def device_limits(config: Config) -> list[DeviceLimit]:
    """A limit for each device and kind of transfer."""
    first: dict[Hashable, tuple[str, str]] = {}
    least: dict[tuple[str, Transfer], int] = {}
    entries: list[tuple[str, str, Transfer, str]] = []
    for site in sorted(config.sites, key=lambda each: each.id):
        for device in sorted(site.section.devices):
            section = site.device(device)
            owner = first.setdefault(_place(section), (site.id, device))
            for kind, limit in _limits(section):
                name = _NAME.format(site=owner[0], device=owner[1], kind=kind)
                entries.append((site.id, device, kind, name))
                least[name, kind] = min(limit, least.get((name, kind), limit))
    return [
        DeviceLimit(name, site_id, device, kind, least[name, kind])
        for site_id, device, kind, name in entries
    ]


def _limits(section: DeviceSection) -> list[tuple[Transfer, int]]:
    downloads: list[tuple[Transfer, int]] = [("downloads", section.downloads)]
    return downloads if section.kind == "hik_cloud" else [*downloads, ("streams", section.streams)]


def _place(section: DeviceSection) -> Hashable:
    if section.kind == "hik_cloud":
        cloud = section.cloud
        return ("cloud", cloud.base_url.rstrip("/"), cloud.client_id or str(cloud.access_token))
    return (section.host.casefold(), port_of(section))
