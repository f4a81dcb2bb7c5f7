"""From a device's section to a source that speaks to it."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from pydantic import SecretStr

from hikcore.archive.store import Store
from hikcore.config.model import DeviceSection
from hikcore.config.places import Site
from hikcore.extract.loginguard import ArchiveGuard, Guards
from hikcore.extract.notes import ArchiveNotes
from hikcore.folders import cache_folder, state_folder
from hikcore.sources.base import LoginGuard
from hikcore.sources.fileguard import FileGuard
from hikcore.sources.isapi.settings import Busy, Retries, Settings
from hikcore.sources.isapi.source import IsapiSource
from hikcore.sources.notes import TomlNotes, file_name
from hikcore.sources.timetable import Hours, Limit, Timetable


def isapi_source(site: Site, device: str, folder: Path | None, store: Store | None) -> IsapiSource:
    """A source; nothing is sent yet.

    Args:
        folder: of device files; None: the user's cache.
        store: of the archive, where refused logins are to be told there.

    Raises:
        ConfigurationError: no such device, or credentials that cannot be had.
    """
    section = site.device(device)
    username, secret = site.login(device)
    password = secret.resolve(f"sites.{site.id}.devices.{device}.password")
    port = section.port or (443 if section.scheme == "https" else 80)
    machine = FileGuard(state_folder() / "logins", section.host, port, username, password)
    return IsapiSource(
        section.host,
        username,
        password,
        port=port,
        scheme=section.scheme,
        tls=section.tls,
        device_time=section.device_time,
        name=f"{site.id}/{device}",
        settings=_settings(site, section),
        guard=_shared(machine, site.id, device, username, password, store),
        notes=TomlNotes((folder or cache_folder() / "devices") / file_name(site.id, device)),
        clock_notes=(
            ArchiveNotes(store, site.id, device)
            if store is not None
            else TomlNotes(cache_folder() / "clocks" / file_name(site.id, device))
        ),
    )


def _shared(
    machine: LoginGuard,
    site: str,
    device: str,
    username: str,
    password: SecretStr,
    store: Store | None,
) -> LoginGuard:
    """What this machine knows of a login, and what all know that fill the archive."""
    if store is None:
        return machine
    return Guards([machine, ArchiveGuard(store, site, device, username, password)])


def _settings(site: Site, section: DeviceSection) -> Settings:
    hours = Timetable(
        quiet=[Hours.parse(text) for text in section.quiet_hours],
        limits=[Limit.parse(text) for text in section.bandwidth],
        zone=site.zone or UTC,
    )
    return Settings(
        connect_timeout=section.connect_timeout,
        idle_timeout=section.idle_timeout,
        auth=section.auth,
        searches=section.searches,
        downloads=section.downloads,
        streams=section.streams,
        requests=section.requests_per_second,
        hours=hours,
        retries=Retries(attempts=section.attempts),
        busy=Busy(patience=section.busy_patience),
    )
