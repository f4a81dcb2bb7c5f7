"""When a recorder is set to record, to take pictures, and to tell people (guide, 6.3, 6.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hikcore.sources.everfocus.calls.base import Calls
from hikcore.sources.everfocus.values import Number, Reply, Text

Group = Literal["Record", "Snapshot", "Email", "FTP"]
#: Seven rows, Sunday first, of 48 half hours: `+` is scheduled. Empty where it is not told.
Week = tuple[str, ...]


class Schedule(Reply):
    """Half hours of a week in which something is done, by cause."""

    normal: Week = Field((), alias="Normal")
    motion: Week = Field((), alias="Motion")
    input_alarm: Week = Field((), alias="InputAlarm")
    intelligent: Week = Field((), alias="Intellegent")
    alarm: Week = Field((), alias="Alarm")
    ftp_upload: Week = Field((), alias="FtpUpload")

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, document: Any) -> Any:
        """The guide's name for one of them is a slip of the pen; a firmware may correct it."""
        if isinstance(document, dict) and "Intelligent" in document:
            return {"Intellegent": document["Intelligent"], **document}
        return document

    @field_validator("*", mode="before")
    @classmethod
    def _week(cls, value: Any) -> Any:
        rows = value.get("Map") if isinstance(value, dict) else value
        rows = () if rows is None else rows
        if len(rows) not in (0, 7) or any(set(str(row)) - set("+-") for row in rows):
            raise ValueError("no week of + and -")
        return tuple(str(row) for row in rows)


class ChannelSchedule(Reply):
    """The schedule of a channel and group (6.4)."""

    channel: Number
    group: Text = ""
    schedule: Schedule = Field(alias="schedules")


class Schedules(Calls):
    """Calls about schedules."""

    async def schedule(self, channel: int, group: Group = "Record") -> Schedule:
        """Of one channel (6.3)."""
        params = {"ChannelID": channel, "GroupID": group}
        return await self._one(Schedule, "/schedule/getSchedulesByGroup", params)

    async def schedules(
        self, channels: Iterable[int], group: Group | Literal["Alarm"] = "Record"
    ) -> tuple[ChannelSchedule, ...]:
        """Of several channels (6.4)."""
        params = {"ChannelID": ",".join(str(one) for one in channels), "GroupID": group}
        return await self._rows(
            ChannelSchedule, "/schedule/getSchedulesByGroupMultiChannels", params
        )
