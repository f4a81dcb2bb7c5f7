"""deviceInfo and ContentMgmt/Storage: what a device is, and what it records on (facts 1.8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from xml.etree.ElementTree import Element

from hikcore.errors import DeviceProtocolError, DeviceRefused
from hikcore.sources.about import DeviceFacts, Disk
from hikcore.sources.isapi import xml

_INFO: Final = "/ISAPI/System/deviceInfo"
_PORTS: Final = "/ISAPI/Security/adminAccesses"
_STORAGE: Final = "/ISAPI/ContentMgmt/Storage"
#: What they call a megabyte: a disk sold as 8 TB (8 001 563 222 016 bytes) tells 7630885.
_MB: Final = 1 << 20


async def device_facts(get: Callable[[str], Awaitable[Element]], dialect: str) -> DeviceFacts:
    """What it says; a document that it refuses or spoils tells nothing.

    Args:
        get: the document that a GET answers.

    Raises:
        DeviceError: the device does not answer.
    """
    try:
        info = await get(_INFO)
        told = tuple(xml.text(info, n) for n in ("model", "firmwareVersion", "serialNumber"))
    except (DeviceRefused, DeviceProtocolError):
        told = ("", "", "")
    try:
        disks = parse_disks(await get(_STORAGE))
    except (DeviceRefused, DeviceProtocolError):
        disks = None
    model, firmware, serial = told
    return DeviceFacts(model, firmware, serial, dialect, disks)


async def rtsp_port(get: Callable[[str], Awaitable[Element]]) -> int | None:
    """Where it says that it streams; None where it does not say, or has that off.

    Raises:
        DeviceError: the device does not answer.
    """
    try:
        root = await get(_PORTS)
    except (DeviceRefused, DeviceProtocolError):
        return None
    for each in xml.descendants(root, "AdminAccessProtocol"):
        number = xml.text(each, "portNo")
        if xml.text(each, "protocol").upper() != "RTSP" or xml.text(each, "enabled") == "false":
            continue
        if number.isdecimal() and 0 < int(number[:6]) < 65536:
            return int(number)
    return None


def parse_disks(root: Element) -> tuple[Disk, ...]:
    """The disks that are in it, and the network storage that it records on. A bay that once held a
    disk stays listed as `notexist`, by the name of the disk that is gone.
    """
    found = [_disk(each, "") for each in xml.descendants(root, "hdd")]
    found += [_disk(each, "nas ") for each in xml.descendants(root, "nas")]
    return tuple(disk for disk in found if disk.status.lower() != "notexist")


def _disk(element: Element, kind: str) -> Disk:
    return Disk(
        xml.text(element, "hddName")
        or kind + (xml.text(element, "path") or xml.text(element, "id")),
        xml.text(element, "status"),
        _megabytes(xml.text(element, "capacity")),
        _megabytes(xml.text(element, "freeSpace")),
    )


def _megabytes(text: str) -> int:
    return int(text) * _MB if text.isdecimal() and len(text) < 13 else 0
