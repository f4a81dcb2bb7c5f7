"""The recorder itself: its name, clock, accounts and configuration (guide, 9.19, 10.5, 10.6, 10.11,
10.17)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator

from hikcore.sources.everfocus.calls.base import Calls
from hikcore.sources.everfocus.values import Flag, Millis, Number, Reply, Secret, Text


class SystemInfo(Reply):
    """What it is (10.17)."""

    analog_channels: Number = 0
    ip_channels: Number = Field(0, alias="ipcam_channels")
    name: Text = Field("", alias="device_name")
    device_id: Text = ""
    firmware: Text = Field("", alias="software_version")
    model: Text = ""
    serial: Text = ""


class DstChange(Reply):
    """When daylight saving time begins or ends, each year.

    Attributes:
        month: 0 to 11. date: 1 to 31 (`dst_mode` 0). day: 0 is Sunday, and week: 0 is the first,
            -1 the last (`dst_mode` 1). hour, minute: of the day; see `settings.dst_end_clock`.
    """

    month: Number = 0
    date: Number = 1
    day: Number = 0
    week: Number = 0
    hour: Number = 0
    minute: Number = 0


class TimeSettings(Reply):
    """Its clock (9.19).

    Attributes:
        time: UTC ns.
        local: its wall clock, as it writes it.
        zone: minutes east of UTC (`localtime` of the guide's example shows it).
        dst_mode: 0 by date, 1 by week. dst_offset: in `settings.dst_offset_unit`.
    """

    time: Millis
    local: Text = Field("", alias="localtime")
    date_format: Number = 0
    time_format: Number = 0
    ntp: Flag = Field(False, alias="ntp_enable")
    ntp_server: Text = ""
    zone: Number = Field(0, alias="time_zone")
    dst: Flag = Field(False, alias="dst_enable")
    dst_mode: Number = 1
    dst_offset: Number = 0
    dst_start: DstChange = DstChange()
    dst_end: DstChange = DstChange()

    @model_validator(mode="before")
    @classmethod
    def _changes(cls, document: Any) -> Any:
        if not isinstance(document, Mapping):
            return document
        out: dict[str, Any] = dict(document)
        for name in ("dst_start", "dst_end"):
            begin = f"{name}_"
            parts = {key[len(begin) :]: out[key] for key in document if key.startswith(begin)}
            out.setdefault(name, parts)
        return out


class Account(Reply):
    """An account of the list (10.5). `has_password`: what its `password` says there."""

    user_id: Text = Field(alias="userID")
    active: Flag = False
    username: Text = ""
    has_password: Flag | None = Field(None, alias="password")

    @field_validator("has_password", mode="before")
    @classmethod
    def _flag_alone(cls, value: Any) -> Any:
        """A firmware that sends the password itself is believed that there is one."""
        said = str(value).strip().lower()
        return value if value is None or said in ("true", "false", "0", "1", "") else True


class AccountDetail(Reply):
    """An account with its rights (10.6), whose values the guide does not spell out."""

    user_id: Text = Field(alias="userID")
    active: Flag = False
    username: Text = ""
    password: Secret = Field(default="", validate_default=True)
    permissions: Mapping[str, Any] = Field(default_factory=dict)


class System(Calls):
    """Calls about the recorder itself."""

    async def system_info(self) -> SystemInfo:
        """What it is (10.17)."""
        return await self._one(SystemInfo, "/system/getSystemInfo")

    async def time(self) -> TimeSettings:
        """Its clock (9.19)."""
        return await self._one(TimeSettings, "/system/getTime")

    async def accounts(self) -> tuple[Account, ...]:
        """Accounts (10.5); needs `inventory`."""
        return await self._rows(Account, "/account/userList")

    async def account(self, user_id: str) -> AccountDetail:
        """An account with its rights (10.6); needs `inventory`."""
        return await self._one(AccountDetail, "/account/getUser", {"userID": user_id})

    async def configuration(self) -> SecretStr:
        """Its configuration file (10.11): text, whose form nobody knows, with all its passwords;
        needs `inventory`."""
        data = await self.session.text("/system/backupConfig")
        return SecretStr(data.decode("utf-8", errors="replace"))
