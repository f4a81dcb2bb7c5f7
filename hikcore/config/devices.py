"""From a recorder's section to an ISAPI source that speaks to it."""

from __future__ import annotations

from pathlib import Path

from hikcore.archive.store import Store
from hikcore.config.device_parts import hours_of, login_guard, port_of
from hikcore.config.model import DeviceSection
from hikcore.config.places import Site
from hikcore.extract.notes import ArchiveNotes
from hikcore.folders import cache_folder
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.source import IsapiSource
from hikcore.sources.notes import TomlNotes, file_name
from hikcore.sources.patience import Busy, Retries


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
    return IsapiSource(
        section.host,
        username,
        password,
        port=port_of(section),
        scheme=section.scheme,
        tls=section.tls,
        device_time=section.device_time,
        name=f"{site.id}/{device}",
        settings=_settings(site, section),
        guard=login_guard(site, device, username, password, store),
        notes=TomlNotes((folder or cache_folder() / "devices") / file_name(site.id, device)),
        clock_notes=(
            ArchiveNotes(store, site.id, device)
            if store is not None
            else TomlNotes(cache_folder() / "clocks" / file_name(site.id, device))
        ),
    )


def _settings(site: Site, section: DeviceSection) -> Settings:
    return Settings(
        connect_timeout=section.connect_timeout,
        idle_timeout=section.idle_timeout,
        auth=section.auth,
        searches=section.searches,
        downloads=section.downloads,
        streams=section.streams,
        requests=section.requests_per_second,
        hours=hours_of(site, section),
        retries=Retries(attempts=section.attempts),
        busy=Busy(patience=section.busy_patience),
        playback=section.playback,
        rtsp_port=section.rtsp_port,
        quiet=section.playback_quiet,
    )
