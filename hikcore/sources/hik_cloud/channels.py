"""The account's own lists of devices and channels: shapes of the platform's other document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hikcore.errors import DeviceProtocolError, DeviceRefused
from hikcore.sources.base import DeviceCamera
from hikcore.sources.hik_cloud.client import CloudClient

#: Rows of a page: the platform's most.
_PAGE: Final = 500
#: 10300 is video; 10302 an alarm input.
_VIDEO: Final = frozenset({"", "10300"})
_MOST_PAGES: Final = 1000


async def list_channels(
    client: CloudClient, serial: str, named: Mapping[int, str]
) -> list[DeviceCamera]:
    """The video channels of a device, by number; configured names come first.

    Raises:
        DeviceRefused: the account has no such device.
        DeviceError: the lists cannot be had.
    """
    settings = client.settings
    devices = await _rows(client, settings.devices_path, {})
    ids = [str(row.get("deviceId")) for row in devices if row.get("deviceSerial") == serial]
    if not ids:
        raise DeviceRefused(
            "the account has no such device", where=f"{client.where} {serial}",
            hint="check the serial, and whose account it is",
        )  # fmt: skip
    found: dict[int, DeviceCamera] = {}
    for row in await _rows(client, settings.channels_path, {"deviceId": ids[0]}):
        number = str(row.get("channelNo", ""))
        if str(row.get("channelType", "")) not in _VIDEO or not number.isdecimal():
            continue
        channel = int(number)
        name = named.get(channel) or str(row.get("channelName") or "")
        # -1: not reported, or no camera.
        online = {"0": False, "1": True}.get(str(row.get("channelStatus")))
        found[channel] = DeviceCamera(channel, name, online)
    return [found[channel] for channel in sorted(found)]


async def list_devices(client: CloudClient) -> list[tuple[str, str]]:
    """Serial and name of every device of the account.

    Raises:
        DeviceError: the list cannot be had.
    """
    rows = await _rows(client, client.settings.devices_path, {})
    found = {str(row.get("deviceSerial") or ""): str(row.get("deviceName") or "") for row in rows}
    return sorted((serial, name) for serial, name in found.items() if serial)


async def _rows(client: CloudClient, path: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """All pages of a list."""
    where = f"{client.where} {path}"
    rows: list[dict[str, Any]] = []
    for page in range(1, _MOST_PAGES + 1):
        paging = {"pageNo": str(page), "pageSize": str(_PAGE)}
        data = await client.ask("GET", path, where, query={**query, **paging})
        if not isinstance(data, dict) or not isinstance(data.get("rows"), list):
            raise DeviceProtocolError("a list without rows", where=where)
        rows += [row for row in data["rows"] if isinstance(row, dict)]
        if not data["rows"] or not data.get("hasNextPage"):
            return rows
    raise DeviceProtocolError(f"more than {_MOST_PAGES} pages", where=where)
