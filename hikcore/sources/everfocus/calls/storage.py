"""Disks of a recorder, and how long it keeps footage (guide, 9.1 to 9.6, 9.22)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hikcore.sources.everfocus.calls.base import Calls
from hikcore.sources.everfocus.masked import masked
from hikcore.sources.everfocus.values import Flag, Number, Reply, Text


class UsbStorage(Reply):
    """A USB disk (9.1); `size` in the recorder's words, as `32.5G`."""

    model: Text = ""
    size: Text = ""
    mountpoint: Text = ""
    fstype: Text = ""
    label: Text = ""


class DiskGroup(Reply):
    """Disks, and the channels that are recorded on them (9.3)."""

    name: Text
    storages: tuple[Text, ...] = ()
    channels: tuple[Number, ...] = Field((), alias="rec_channels")


class Storage(Reply):
    """A disk (9.4); `size` in the recorder's words, as `931.5G`."""

    active: Flag = False
    device: Text
    model: Text = ""
    serial: Text = ""
    size: Text = ""
    mountpoint: Text = ""
    fstype: Text = ""
    slot: Text = ""
    group: Number | None = None


class Overwrite(Reply):
    """After how many days footage is overwritten (9.22); 0: not by days."""

    days: Number = Field(alias="overwriteDays")


class Storages(Calls):
    """Calls about disks."""

    async def usb_storages(self) -> tuple[UsbStorage, ...]:
        """USB disks (9.1); needs `inventory`."""
        return await self._rows(UsbStorage, "/storage/getUSBStorages")

    async def disk_groups(self) -> tuple[DiskGroup, ...]:
        """Which channels are recorded where (9.3); needs `inventory`."""
        return await self._rows(DiskGroup, "/storage/getDiskGroups")

    async def storages(self) -> tuple[Storage, ...]:
        """Disks (9.4)."""
        return await self._rows(Storage, "/storage/getStorages")

    async def smart(self, device: str) -> Any:
        """S.M.A.R.T. of a disk (9.6), by its `device`. Its reply is not documented: a document, or
        text where it is none."""
        said = await self.session.document_or_text("/storage/smart", {"device": device})
        return masked(said)

    async def overwrite(self) -> Overwrite:
        """After how many days footage is overwritten (9.22)."""
        return await self._one(Overwrite, "/storage/getOverwrite")
