"""From an EverFocus recorder's section to a source that speaks to it."""

from __future__ import annotations

from pathlib import Path

from hikcore.archive.store import Store
from hikcore.config.device_parts import hours_of, login_guard, port_of
from hikcore.config.places import Site
from hikcore.folders import cache_folder
from hikcore.sources.everfocus.session import Session
from hikcore.sources.everfocus.source import EverFocusSource
from hikcore.sources.notes import TomlNotes, file_name
from hikcore.sources.patience import Busy, Retries


def everfocus_source(
    site: Site, device: str, folder: Path | None, store: Store | None
) -> EverFocusSource:
    """A source; nothing is sent yet.

    Args:
        folder: of device files; None: the user's cache.
        store: of the archive, where refused logins are to be told there.

    Raises:
        ConfigurationError: no such device, credentials that cannot be had, or numbers that do not
            fit each other.
    """
    section = site.device(device)
    username, secret = site.login(device)
    password = secret.resolve(f"sites.{site.id}.devices.{device}.password")
    name = f"{site.id}/{device}"
    session = Session(
        section.host,
        username,
        password,
        port=port_of(section),
        scheme=section.scheme,
        tls=section.tls,
        settings=section.everfocus.settings(
            connect_timeout=section.connect_timeout,
            idle_timeout=section.idle_timeout,
            retries=Retries(attempts=section.attempts),
            busy=Busy(patience=section.busy_patience),
            searches=section.searches,
            downloads=section.downloads,
            streams=section.streams,
            requests=section.requests_per_second,
            hours=hours_of(site, section),
        ),
        name=name,
        guard=login_guard(site, device, username, password, store),
    )
    channels = [each.channel for each in site.named_cameras() if each.device == device]
    archiving = section.everfocus.archiving()
    notes = TomlNotes((folder or cache_folder() / "devices") / file_name(site.id, device))
    return EverFocusSource(session, archiving=archiving, channels=channels, name=name, notes=notes)
