"""What a recorder tells of itself and its cameras, as all sources tell it."""

from __future__ import annotations

import logging
import re
from typing import Final

from hikcore.deviceclock import ZoneRule
from hikcore.errors import DeviceError
from hikcore.sources.about import DeviceFacts, Disk
from hikcore.sources.base import DeviceCamera
from hikcore.sources.everfocus.client import EverFocusClient

_LOG = logging.getLogger(__name__)
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])?", re.IGNORECASE)
_POWER: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


async def list_cameras(client: EverFocusClient) -> list[DeviceCamera]:
    """Every channel, by number; one that is switched off is not online."""
    cameras = await client.cameras()
    try:
        online = {each.channel: each.online for each in await client.camera_status()}
    except DeviceError as error:
        _LOG.info("no state of cameras: %s", error)
        online = {}
    found = [
        DeviceCamera(each.channel, each.name, online.get(each.channel) if each.enabled else False)
        for each in cameras
    ]
    return sorted(found, key=lambda camera: camera.channel)


async def describe(client: EverFocusClient, zone: ZoneRule) -> DeviceFacts:
    """Model, firmware, disks. How full these are it does not tell."""
    info = await client.system_info()
    disks: tuple[Disk, ...] | None = None
    try:
        storages = await client.storages()
        disks = tuple(Disk(s.device, "ok", size_of(s.size), 0) for s in storages if s.active)
    except DeviceError as error:
        _LOG.info("no list of disks: %s", error)
    return DeviceFacts(info.model, info.firmware, info.serial, disks=disks, zone=zone)


def size_of(text: str) -> int:
    """Bytes of a size as recorders write it (`931.5G`); 0 where it is none."""
    match = _SIZE.match(text.strip())
    if match is None:
        return 0
    return int(float(match[1]) * 1024 ** _POWER[(match[2] or "").upper()])
