"""From the section of a device of a Hik Cloud to a source that speaks to the cloud."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from hikcore.archive.store import Store
from hikcore.config.device_parts import hours_of, login_guard
from hikcore.config.model import DeviceSection
from hikcore.config.places import Site
from hikcore.config.secrets import Secret
from hikcore.deviceclock import UTC_CLOCK, DeviceClock
from hikcore.errors import ConfigurationError
from hikcore.sources.base import LoginGuard
from hikcore.sources.hik_cloud.client import token_provider
from hikcore.sources.hik_cloud.settings import CloudSettings
from hikcore.sources.hik_cloud.source import HikCloudSource
from hikcore.zonerule import rule_of


def hik_cloud_source(
    site: Site, device: str, folder: Path | None, store: Store | None
) -> HikCloudSource:
    """A device of a cloud as a source; nothing is sent yet.

    Args:
        folder: of device files; nothing is kept of this kind.
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
    return login_guard(site, device, cloud.client_id, secret, store)


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
        hours=hours_of(site, section),
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
