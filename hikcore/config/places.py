"""Sites, devices and cameras by their ids, and what is built of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from hikcore.config.aside import Aside
from hikcore.config.model import DeviceSection, Settings, SiteSection, StreamName
from hikcore.config.secrets import Secret
from hikcore.errors import ConfigurationError

if TYPE_CHECKING:
    from hikcore.archive.reader import Archive
    from hikcore.archive.store import Store
    from hikcore.sources.base import DeviceCamera, Source


#: So many ids are named where one is not known: of two hundred nobody reads the list.
_NAMED = 12


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera and where it is: its id, its device's id, its channel there, its streams."""

    id: str
    device: str
    channel: int
    streams: tuple[StreamName, ...]
    name: str = ""
    expectation: Literal["continuous", "schedule", "motion"] | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A site by its id."""

    id: str
    section: SiteSection

    @property
    def name(self) -> str:
        """For people; the id where none is set."""
        return self.section.name or self.id

    @property
    def zone(self) -> ZoneInfo | None:
        """What times without a zone are read in."""
        return ZoneInfo(self.section.zone) if self.section.zone else None

    def device(self, id_: str) -> DeviceSection:
        """A device.

        Raises:
            ConfigurationError: there is none of that id.
        """
        if id_ not in self.section.devices:
            raise _unknown("device", id_, self.section.devices, f"site {self.id}")
        return self.section.devices[id_]

    def login(self, device: str) -> tuple[str, Secret]:
        """User name and password of a device.

        Raises:
            ConfigurationError: one of them is set nowhere.
        """
        section = self.device(device)
        if section.kind == "hik_cloud":
            return self._account(device)
        if section.username is None or section.password is None:
            missing = "username" if section.username is None else "password"
            raise ConfigurationError(
                "not set, there or in [defaults]",
                where=f"sites.{self.id}.devices.{device}.{missing}",
            )
        return section.username, section.password

    def _account(self, device: str) -> tuple[str, Secret]:
        """Of a device of a cloud: the token, or the client's id and secret."""
        cloud = self.device(device).cloud
        if cloud.access_token is not None:
            return "access_token", cloud.access_token
        if cloud.client_id is not None and cloud.client_secret is not None:
            return cloud.client_id, cloud.client_secret
        raise ConfigurationError(
            "neither access_token nor client_id and client_secret are set",
            where=f"sites.{self.id}.devices.{device}.cloud",
        )

    def named_cameras(self) -> list[Camera]:
        """The cameras that the configuration gives an id."""
        return [
            Camera(
                id_,
                camera.device,
                camera.channel,
                camera.streams,
                camera.name,
                camera.expectation,
            )
            for id_, camera in self.section.cameras.items()
        ]

    def cameras_of(self, device: str, channels: list[DeviceCamera]) -> list[Camera]:
        """The cameras of a device, of which these are the channels: those with an id of their own,
        and with `cameras = "all"` the rest as DEVICE-01, DEVICE-02 …, but for those that `include`
        and `exclude` leave out."""
        section = self.device(device)
        found = [camera for camera in self.named_cameras() if camera.device == device]
        if section.cameras == "all":
            taken = {camera.channel for camera in found}
            found += [
                Camera(f"{device}-{each.channel:02d}", device, each.channel, ("main",), each.name)
                for each in channels
                if each.channel not in taken and is_wanted(section, each)
            ]
        return sorted(found, key=lambda camera: camera.channel)

    def unlisted(self, device: str, channels: list[DeviceCamera]) -> list[DeviceCamera]:
        """Channels that a device has and nobody decided on: no camera, and not left out."""
        known = {camera.channel for camera in self.cameras_of(device, channels)}
        section = self.device(device)
        return [
            each for each in channels if each.channel not in known and not _excluded(section, each)
        ]

    def camera(self, id_: str) -> Camera:
        """A camera, without asking its device.

        Raises:
            ConfigurationError: there is none of that id.
        """
        named = {camera.id: camera for camera in self.named_cameras()}
        if id_ in named:
            return named[id_]
        match = re.fullmatch(r"(.+)-(\d{2,4})", id_)
        device = self.section.devices.get(match.group(1)) if match else None
        if match is None or device is None or device.cameras != "all":
            error = _unknown("camera", id_, named, f"site {self.id}")
            if any(each.cameras == "all" for each in self.section.devices.values()):
                error.hint += f"; `hikcore cameras {self.id}` lists all that its devices have"
            raise error
        channel = int(match.group(2))
        for camera in named.values():
            if (camera.device, camera.channel) == (match.group(1), channel):
                raise ConfigurationError(
                    f"channel {channel} of {camera.device} is camera {camera.id!r}",
                    where=f"site {self.id}, camera {id_}",
                    hint=f"write {self.id}/{camera.id}",
                )
        return Camera(id_, match.group(1), channel, ("main",))


def is_wanted(section: DeviceSection, channel: DeviceCamera) -> bool:
    """Whether `include` and `exclude` let a channel through."""
    included = section.include is None or _matches(section.include, channel)
    return included and not _excluded(section, channel)


def _excluded(section: DeviceSection, channel: DeviceCamera) -> bool:
    return _matches(section.exclude, channel)


def _matches(patterns: Sequence[str], channel: DeviceCamera) -> bool:
    """By name, whatever its case, or by number."""
    names = (channel.name.casefold(), str(channel.channel))
    return any(fnmatchcase(name, pattern.casefold()) for pattern in patterns for name in names)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings, the file they came from (None: no file), the origin of every key set, and what
    of `sites.d` was set aside as it is wrong."""

    settings: Settings
    path: Path | None
    origins: Mapping[str, str]
    aside: tuple[Aside, ...] = ()

    @property
    def sites(self) -> list[Site]:
        """All that can be used, in the file's order."""
        return [Site(id_, section) for id_, section in self.settings.sites.items()]

    def site(self, id_: str) -> Site:
        """A site.

        Raises:
            ConfigurationError: there is none of that id, or it was set aside: then its fault.
        """
        if id_ not in self.settings.sites:
            for each in self.aside:
                if id_ in each.sites:
                    raise each.error
            raise _unknown("site", id_, self.settings.sites, str(self.path or "the environment"))
        return Site(id_, self.settings.sites[id_])

    def build_store(self, *, create: bool = False) -> Store:
        """Open the archive's store, its secrets resolved now.

        Args:
            create: make the folder or bucket where it is not there.

        Raises:
            ConfigurationError: a secret that cannot be had, or a URL of no known kind.
            ArchiveError: the store cannot be opened.
        """
        from hikcore.archive.open import open_store  # noqa: PLC0415  loads the S3 SDK

        archive = self.settings.archive
        access, secret = (
            value.resolve(f"archive.{key}") if value else None
            for key, value in (
                ("access_key", archive.access_key),
                ("secret_key", archive.secret_key),
            )
        )
        return open_store(
            archive.url, access_key=access, secret_key=secret, region=archive.region, create=create
        )

    def open_archive(self) -> Archive:
        """Open the archive for reading.

        Raises:
            ConfigurationError: a secret that cannot be had, or a URL of no known kind.
            ArchiveError: it is not there, or refuses the keys.
        """
        from hikcore.archive.reader import Archive  # noqa: PLC0415  loads numpy

        return Archive(self.build_store()).check()

    def build_source(self, site: str, device: str, store: Store | None = None) -> Source:
        """A source that speaks to a device; nothing is sent yet.

        Args:
            store: of the archive that is filled: a refused login is told to every machine that
                fills it, not only to the processes of this one.

        Raises:
            ConfigurationError: no such site or device, or credentials that cannot be had.
        """
        from hikcore.config.vendors import SOURCES  # noqa: PLC0415  loads httpx

        place = self.site(site)
        folder = self.settings.device_files.folder
        if folder is None and self.path is not None:
            folder = self.path.parent / "devices"
        return SOURCES[place.device(device).kind](place, device, folder, store)


def _unknown(what: str, id_: str, known: Mapping[str, object], where: str) -> ConfigurationError:
    near = get_close_matches(id_, known, n=1)
    listed = ", ".join(list(known)[:_NAMED]) or "none has a section of its own"
    listed += f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    hint = f"did you mean {near[0]!r}?" if near else f"known: {listed}"
    return ConfigurationError(f"there is no {what} {id_!r}", where=where, hint=hint)
