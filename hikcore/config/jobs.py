"""From ids to work: which cameras a site has, and a source for each of their devices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from hikcore.archive.expected import proposed
from hikcore.archive.said import Expectation
from hikcore.archive.store import Store
from hikcore.config.places import Camera, Config
from hikcore.errors import ConfigurationError, HikcoreError
from hikcore.extract.evidence import Evidence
from hikcore.extract.report import CameraJob
from hikcore.sources.base import DeviceCamera, Source


@dataclass(slots=True)
class SiteJobs:
    """The cameras to work on, the sources that they need, and the devices that gave no list.

    Attributes:
        cameras: of the jobs, with the names people gave them.
        failures: by device: what kept it from listing its channels (`cameras = "all"`).
        unlisted: by device: channels that it has and that nobody decided on.
        evidence: by device: what it tells besides, shared by all its cameras.
    """

    site: str
    jobs: list[CameraJob] = field(default_factory=list)
    cameras: list[Camera] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    failures: dict[str, HikcoreError] = field(default_factory=dict)
    unlisted: dict[str, list[DeviceCamera]] = field(default_factory=dict)

    evidence: dict[str, Evidence] = field(default_factory=dict)
    expectations: dict[str, Expectation] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """A line for each device with channels that are not extracted, and not left out either."""
        return [
            f"{self.site}/{device} has channels that are not extracted: "
            + ", ".join(f"{each.channel} {each.name}".strip() for each in channels)
            + "; give them ids, or name them in `exclude`"
            for device, channels in self.unlisted.items()
            if channels
        ]


@asynccontextmanager
async def site_jobs(
    config: Config, site: str, camera: str | None = None, store: Store | None = None
) -> AsyncIterator[SiteJobs]:
    """The jobs of a site, or of one camera of it; sources are closed in the end.

    A device is asked for its channels only where the configuration leaves them to it; also for one
    camera: a recorder answers a search of a channel that it does not have with nothing found, and
    that must not be kept as an empty camera.

    Args:
        store: of the archive that is filled; see `Config.build_source`.

    Raises:
        ConfigurationError: no such site, camera or channel, no cameras, or a secret that cannot
            be had.
    """
    place = config.site(site)
    async with AsyncExitStack() as stack:
        found = SiteJobs(site)
        if camera is not None:
            found.cameras = [place.camera(camera)]
            devices = [found.cameras[0].device]
        else:
            devices = list(place.section.devices)
        for device in devices:
            found.sources[device] = config.build_source(site, device, store)
            found.evidence[device] = Evidence(found.sources[device])
            stack.push_async_callback(found.sources[device].aclose)
        if camera is None:
            await _list_cameras(config, site, found)
        elif camera not in place.section.cameras:
            await _find_channel(site, found)
        await _expect(found)
        found.jobs = [
            CameraJob(site, each.id, stream, each.device, each.channel)
            for each in found.cameras
            for stream in each.streams
        ]
        if not found.jobs and not found.failures:
            raise ConfigurationError(
                "no camera is configured",
                where=f"site {site}",
                hint=f'give a device cameras = "all", or add [sites.{site}.cameras.ID]',
            )
        yield found


async def _expect(found: SiteJobs) -> None:
    """What is to be expected of each camera: as set, else as its device's schedule says."""
    for camera in found.cameras:
        if camera.expectation is not None:
            found.expectations[camera.id] = Expectation(kind=camera.expectation, set=True)
        elif camera.device not in found.failures:
            blocks = await found.evidence[camera.device].schedule(camera.channel)
            if blocks is not None:
                found.expectations[camera.id] = proposed(blocks)


async def _list_cameras(config: Config, site: str, found: SiteJobs) -> None:
    """What all devices list, side by side: also those whose cameras all have ids of their own, as
    somebody may have added a channel."""
    place = config.site(site)

    async def one(device: str, evidence: Evidence) -> list[DeviceCamera]:
        try:
            channels = await evidence.cameras()
        except HikcoreError as error:
            if place.device(device).cameras == "all":
                # Its cameras with ids of their own are worked on all the same.
                found.failures[device] = error
            return []
        found.unlisted[device] = place.unlisted(device, channels)
        return channels

    listed = await asyncio.gather(*(one(*each) for each in found.evidence.items()))
    for device, channels in zip(found.sources, listed, strict=True):
        found.cameras += place.cameras_of(device, channels)


async def _find_channel(site: str, found: SiteJobs) -> None:
    """Take the one camera, named by its device's id and channel, from what the device lists."""
    (camera,), (evidence,) = found.cameras, found.evidence.values()
    try:
        names = {each.channel: each.name for each in await evidence.cameras()}
    except HikcoreError as error:
        found.cameras, found.failures[camera.device] = [], error
        return
    if camera.channel not in names:
        listed = ", ".join(f"{camera.device}-{channel:02d}" for channel in names)
        raise ConfigurationError(
            f"the device has no channel {camera.channel}",
            where=f"{site}/{camera.id}",
            hint=f"it has: {listed}" if listed else "it lists no channel at all",
        )
    found.cameras = [replace(camera, name=names[camera.channel])]


def publish(config: Config, found: SiteJobs, store: Store) -> None:
    """Tell the archive's readers the site's name, zone and cameras. Blocking.

    Raises:
        ArchiveError: it cannot be written.
    """
    from hikcore.archive.documents import Site, SiteCamera  # noqa: PLC0415  loads numpy
    from hikcore.archive.sites import publish_site, read_site  # noqa: PLC0415  likewise

    site = found.site
    place = config.site(site)
    before = read_site(store, site)
    known = before.cameras if before else ()
    named = {camera.id: camera.name for camera in known}
    # Where the device was not asked, what it said before stands; a setting that is gone does not.
    expected = {c.id: c.expectation for c in known if c.expectation and not c.expectation.set}
    cameras = tuple(
        SiteCamera(
            id=camera.id,
            # Where the device was not asked for names, the one known before stands.
            name=camera.name or named.get(camera.id, ""),
            device=camera.device,
            channel=camera.channel,
            streams=camera.streams,
            expectation=found.expectations.get(camera.id, expected.get(camera.id)),
        )
        for camera in found.cameras
    )
    publish_site(
        store,
        Site(site=site, name=place.section.name, zone=place.section.zone or "", cameras=cameras),
    )
