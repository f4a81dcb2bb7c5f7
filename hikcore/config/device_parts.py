"""What the sources of all vendors are built with: who knows of a login, hours of the site."""

from __future__ import annotations

from datetime import UTC

from pydantic import SecretStr

from hikcore.archive.store import Store
from hikcore.config.model import DeviceSection
from hikcore.config.places import Site
from hikcore.extract.loginguard import ArchiveGuard, Guards
from hikcore.folders import state_folder
from hikcore.sources.base import LoginGuard
from hikcore.sources.fileguard import FileGuard
from hikcore.sources.timetable import Hours, Limit, Timetable


def port_of(section: DeviceSection) -> int:
    """As set, else of its scheme."""
    return section.port or (443 if section.scheme == "https" else 80)


def login_guard(
    site: Site, device: str, username: str, password: SecretStr, store: Store | None
) -> LoginGuard:
    """What this machine knows of a login, and what all know that fill the archive."""
    section = site.device(device)
    folder = state_folder() / "logins"
    machine = FileGuard(folder, section.host, port_of(section), username, password)
    if store is None:
        return machine
    return Guards([machine, ArchiveGuard(store, site.id, device, username, password)])


def hours_of(site: Site, section: DeviceSection) -> Timetable:
    """When a device is left alone, and what it may give."""
    return Timetable(
        quiet=[Hours.parse(text) for text in section.quiet_hours],
        limits=[Limit.parse(text) for text in section.bandwidth],
        zone=site.zone or UTC,
    )
