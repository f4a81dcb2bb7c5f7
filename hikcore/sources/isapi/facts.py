"""deviceInfo and ContentMgmt/Storage: what a device is, and what it records on (facts 1.8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from hikcore.errors import DeviceRefused
from hikcore.sources.about import DeviceFacts, Disk
from hikcore.sources.isapi import xml

_INFO: Final = "/ISAPI/System/deviceInfo"
_STORAGE: Final = "/ISAPI/ContentMgmt/Storage"
_MB: Final = 1_000_000


async def device_facts(get: Callable[[str], Awaitable[bytes]], dialect: str) -> DeviceFacts:
    """What it says; a document that it refuses or spoils tells nothing.

    Args:
        get: the answer of a GET.

    Raises:
        DeviceError: the device does not answer.
    """
    try:
        info = xml.parse(await get(_INFO))
        told = tuple(xml.text(info, n) for n in ("model", "firmwareVersion", "serialNumber"))
    except (DeviceRefused, ValueError):
        told = ("", "", "")
    try:
        disks = parse_disks(await get(_STORAGE))
    except (DeviceRefused, ValueError):
        disks = None
    model, firmware, serial = told
    return DeviceFacts(model, firmware, serial, dialect, disks)


def parse_disks(body: bytes) -> tuple[Disk, ...]:
    """The disks that are in it; capacities are decimal megabytes (facts 1.8).

    Raises:
        ValueError: not XML.
    """
    found = (
        Disk(
            xml.text(hdd, "hddName") or xml.text(hdd, "id"),
            xml.text(hdd, "status"),
            _megabytes(xml.text(hdd, "capacity")),
            _megabytes(xml.text(hdd, "freeSpace")),
        )
        for hdd in xml.descendants(xml.parse(body), "hdd")
    )
    return tuple(disk for disk in found if disk.status.lower() != "notexist")


def _megabytes(text: str) -> int:
    return int(text) * _MB if text.isdecimal() and len(text) < 13 else 0
