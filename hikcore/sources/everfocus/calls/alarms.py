"""What a recorder does at an alarm, and its pins (guide, 9.18, 9.24, 10.15, 10.19, 10.20, 10.25,
10.27). All but 9.18 need `inventory`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasPath, Field

from hikcore.sources.base import Stream
from hikcore.sources.everfocus.calls.base import Calls
from hikcore.sources.everfocus.streams import to_wire
from hikcore.sources.everfocus.values import Flag, Number, Real, Reply, Text, rows

AlarmType = Literal["Motion", "InputAlarm", "GPIO"]


class OutPin(Reply):
    """An output pin of a camera."""

    channel: Number
    pin: Number = Field(alias="outPin")


class AlarmOut(Reply):
    """Pins that an alarm sets. `time`: the guide does not name its unit."""

    pins: tuple[Number, ...] = Field((), alias="Pin")
    cameras: tuple[OutPin, ...] = Field((), alias="camOut")
    time: Real | None = Field(None, alias="Time")


class AlarmAction(Reply):
    """What an alarm does. `buzzer`: seconds. `pre_record`, `post_record`: seconds kept around it.

    `contact` is of GPIO alone: 1 normally open, 2 normally closed, 3 off.
    """

    switch: Flag | None = None
    contact: Number | None = Field(None, alias="alarmType")
    buzzer: Number = 0
    records: Flag = Field(False, validation_alias=AliasPath("recordChannel", "ON"))
    record_channels: tuple[Number, ...] = Field(
        (), validation_alias=AliasPath("recordChannel", "IP")
    )
    alarm_out: AlarmOut | None = Field(None, alias="alarmOut")
    pre_record: Number = Field(0, alias="preRecord")
    post_record: Number = Field(0, alias="postRecord")
    show_message: Flag = Field(False, alias="showMessage")
    send_email: Flag = Field(False, alias="sendEmail")
    full_screen: Flag = Field(False, alias="fullScreen")
    ftp_picture: Flag | None = Field(None, alias="ftpPicture")


class AlarmSetting(Reply):
    """Of a channel, or (GPIO) of the input pin `alarm_in`; the other one is None."""

    channel: Number | None = None
    alarm_in: Number | None = Field(None, alias="alarmIn")
    action: AlarmAction | None = Field(None, alias="setting")


class ExceptionAction(Reply):
    """What a fault of the recorder does."""

    enabled: Flag = Field(False, alias="ON")
    buzzer: Number = 0
    alarm_out: AlarmOut | None = Field(None, alias="alarmOut")
    show_message: Flag = Field(False, alias="showMessage")
    send_email: Flag = Field(False, alias="sendEmail")


class ExceptionAlarm(Reply):
    """What each fault does (9.24)."""

    disk_full: ExceptionAction | None = Field(None, alias="DiskFull")
    disk_error: ExceptionAction | None = Field(None, alias="DiskError")
    video_loss: ExceptionAction | None = Field(None, alias="VideoLoss")


class MotionSettings(Reply):
    """Where a camera looks for motion (10.15).

    Attributes:
        columns, rows: of the cells; None, as all that follows, where the camera cannot be set.
        sensitivity: 0 to 100.
        cells: hex, a bit a cell, from left to right and top to bottom; 1 is on.
        layout: `cellLayout` as it came.
    """

    channel: Number
    switch: Flag | None = None
    columns: Number | None = Field(None, validation_alias=AliasPath("cellLayout", "columns"))
    rows: Number | None = Field(None, validation_alias=AliasPath("cellLayout", "rows"))
    sensitivity: Number | None = None
    cells: Text | None = Field(None, alias="cellSettings")
    layout: Any = Field(None, alias="cellLayout")


class Gpio(Reply):
    """Pins (10.19) of the recorder (`channel` 0) or a camera."""

    channel: Number = Field(alias="ch")
    inputs: tuple[Number, ...] = Field((), alias="alarmIn")
    outputs: tuple[Number, ...] = Field((), alias="alarmOut")


class Pin(Reply):
    """A pin and its value now (10.20)."""

    number: Number = Field(alias="pinNum")
    value: Number = Field(alias="pinVal")


class Force(Reply):
    """An acceleration by axis."""

    x: Real | None = None
    y: Real | None = None
    z: Real | None = None


class DriveAction(Reply):
    """What an event of a drive does (10.25, 10.27)."""

    switch: Flag = False
    buzzer: Number = 0
    send_email: Flag = Field(False, alias="sendEmail")
    send_to_xfleet: Flag = Field(False, alias="sendToXfleet")
    alarm_out: AlarmOut | None = Field(None, alias="alarmOut")


class SpeedAction(DriveAction):
    """At a speed in `unit` (`kmph` or `mph`), or standing, for longer than `seconds`."""

    limit: Real | None = None
    unit: Text = ""
    seconds: Real | None = Field(None, alias="overTime")


class ForceAction(DriveAction):
    """At an acceleration beyond `limit`."""

    limit: Force | None = None


class GpsEvents(Reply):
    """Events by position (10.25)."""

    over_speed: SpeedAction | None = Field(None, alias="OverSpeed")
    low_speed: SpeedAction | None = Field(None, alias="LowSpeed")
    long_parking: SpeedAction | None = Field(None, alias="LongParking")


class GSensorEvents(Reply):
    """Events by acceleration (10.27)."""

    acceleration: ForceAction | None = Field(None, alias="RapidAcceleration")
    deceleration: ForceAction | None = Field(None, alias="RapidDeceleration")
    collision: ForceAction | None = Field(None, alias="Collision")
    sharp: ForceAction | None = Field(None, alias="Sharp")


class Alarms(Calls):
    """Calls about alarms and pins."""

    async def alarm_settings(self, type_: AlarmType) -> tuple[AlarmSetting, ...]:
        """What an alarm of a type does, by channel or pin (9.18)."""
        path = "/device/getAlarmSettings"
        said = await self.session.get(path, {"alarmType": type_})
        listed = said.get("settings", said) if isinstance(said, dict) else said
        return rows(AlarmSetting, listed, self._where(path))

    async def exception_alarm(self) -> ExceptionAlarm:
        """What faults of the recorder do (9.24)."""
        return await self._one(ExceptionAlarm, "/system/getExceptionAlarm")

    async def motion_settings(
        self, channel: int, stream: Stream = "main"
    ) -> tuple[MotionSettings, ...]:
        """Where a camera looks for motion (10.15)."""
        params = {"ChannelID": channel, "mainsub": to_wire("imaging", stream)}
        return await self._rows(MotionSettings, "/device/getAnalyticsMotionSettings", params)

    async def gpio(self) -> tuple[Gpio, ...]:
        """Which pins there are (10.19)."""
        return await self._rows(Gpio, "/dio/GetGPIOInfo")

    async def pins(self) -> tuple[Pin, ...]:
        """Their values now (10.20)."""
        path = "/dio/GetPinStatus"
        said = await self.session.get(path)
        listed = said.get("pin_value", said) if isinstance(said, dict) else said
        return rows(Pin, listed, self._where(path))

    async def gps_events(self) -> GpsEvents:
        """Events by position (10.25)."""
        return await self._one(GpsEvents, "/device/getGPSEventSettings")

    async def gsensor_events(self) -> GSensorEvents:
        """Events by acceleration (10.27)."""
        return await self._one(GSensorEvents, "/device/getGSensorEventSettings")
