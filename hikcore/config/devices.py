"""From a device's section to a source that speaks to it."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from pydantic import SecretStr

from hikcore.archive.store import Store
from hikcore.config.model import DeviceSection
from hikcore.config.places import Site
from hikcore.config.secrets import Secret
from hikcore.deviceclock import UTC_CLOCK, DeviceClock
from hikcore.errors import ConfigurationError
from hikcore.extract.loginguard import ArchiveGuard, Guards
from hikcore.extract.notes import ArchiveNotes
from hikcore.folders import cache_folder, state_folder
from hikcore.sources.base import LoginGuard
from hikcore.sources.fileguard import FileGuard
from hikcore.sources.hik_cloud.client import token_provider
from hikcore.sources.hik_cloud.settings import CloudSettings
from hikcore.sources.hik_cloud.source import HikCloudSource
from hikcore.sources.isapi.settings import Busy, Retries, Settings
from hikcore.sources.isapi.source import IsapiSource
from hikcore.sources.notes import TomlNotes, file_name
from hikcore.sources.timetable import Hours, Limit, Timetable
from hikcore.zonerule import rule_of


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


def _hours(site: Site, section: DeviceSection) -> Timetable:
    return Timetable(
        quiet=[Hours.parse(text) for text in section.quiet_hours],
        limits=[Limit.parse(text) for text in section.bandwidth],
        zone=site.zone or UTC,
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
        hours=_hours(site, section),
        retries=Retries(attempts=section.attempts),
        busy=Busy(patience=section.busy_patience),
    )


def hik_cloud_source(site: Site, device: str, store: Store | None) -> HikCloudSource:
    """A device of a cloud as a source; nothing is sent yet.

    Args:
        store: of the archive, where refused credentials are to be told there.

    Raises:
        ConfigurationError: no such device, credentials that cannot be had, or lengths that do not
            fit each other.
    """
    section = site.device(device)
    name = f"{site.id}/{device}"
    place = f"sites.{site.id}.devices.{device}.cloud"
    cloud, settings = section.cloud, cloud_settings(site, section)
    tokens = token_provider(
        settings,
        access_token=_resolved(cloud.access_token, f"{place}.access_token"),
        client_id=cloud.client_id,
        client_secret=_resolved(cloud.client_secret, f"{place}.client_secret"),
        name=name,
        guard=_account_guard(site, device, store),
    )
    named = {each.channel: each.name for each in site.named_cameras() if each.device == device}
    return HikCloudSource(
        section.serial,
        named,
        tokens,
        settings=settings,
        clock=_stream_clock(site, section),
        name=name,
        account=cloud.client_id or str(cloud.access_token),
    )


def _account_guard(site: Site, device: str, store: Store | None) -> LoginGuard | None:
    """Shares refused client credentials; a given token is nothing that can be locked."""
    section = site.device(device)
    cloud = section.cloud
    if cloud.access_token is not None or cloud.client_id is None or cloud.client_secret is None:
        return None
    secret = cloud.client_secret.resolve(f"sites.{site.id}.devices.{device}.cloud.client_secret")
    port = section.port or (443 if section.scheme == "https" else 80)
    machine = FileGuard(state_folder() / "logins", section.host, port, cloud.client_id, secret)
    return _shared(machine, site.id, device, cloud.client_id, secret, store)


def cloud_settings(site: Site, section: DeviceSection) -> CloudSettings:
    """How a device of a cloud is spoken to."""
    cloud = section.cloud
    return CloudSettings(
        base_url=cloud.base_url.rstrip("/"),
        download_path=cloud.download_path,
        token_path=cloud.token_path,
        devices_path=cloud.devices_path,
        channels_path=cloud.channels_path,
        list_channels=cloud.list_channels,
        success_codes=frozenset(map(str, cloud.success_codes)),
        classes=cloud.error_classes,
        chunk_seconds=cloud.chunk_seconds,
        window_seconds=cloud.window_seconds,
        margin_seconds=cloud.margin_seconds,
        settle_seconds=cloud.settle_seconds,
        retention_days=cloud.retention_days,
        timeout=section.idle_timeout,
        connect_timeout=section.connect_timeout,
        download_timeout=cloud.download_timeout,
        attempts=section.attempts,
        downloads=section.downloads,
        requests=section.requests_per_second,
        ca_file=cloud.ca_file,
        insecure_http=cloud.insecure_http,
        hours=_hours(site, section),
    )


def _stream_clock(site: Site, section: DeviceSection) -> DeviceClock:
    """The wall clock in program streams is the recorder's own: in the zone that `device_time`
    names, else in the site's. The cloud's own times are Unix time."""
    if section.device_time == "utc":
        return UTC_CLOCK
    named = section.device_time not in ("auto", "local")
    zone = section.device_time if named else site.section.zone or "UTC"
    try:
        return DeviceClock("utc", rule_of(zone), "setting")
    except ValueError as error:
        raise ConfigurationError(
            str(error), where=f"site {site.id}", hint='device_time = "Asia/Shanghai" sets another'
        ) from None


def _resolved(secret: Secret | None, where: str) -> SecretStr | None:
    return secret.resolve(where) if secret is not None else None
