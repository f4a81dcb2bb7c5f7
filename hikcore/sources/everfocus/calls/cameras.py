"""Cameras of a recorder: which there are, whether they record, how they encode (guide, 2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import AliasChoices, AliasPath, Field, model_validator

from hikcore.sources.base import Stream
from hikcore.sources.everfocus.calls.base import Calls
from hikcore.sources.everfocus.masked import masked
from hikcore.sources.everfocus.streams import from_wire, to_wire
from hikcore.sources.everfocus.values import (
    Flag,
    Number,
    Real,
    Reply,
    Secret,
    Text,
    one,
    rows,
)


class Camera(Reply):
    """A camera of the list (2.3)."""

    channel: Number = Field(alias="ChannelID")
    enabled: Flag = Field(True, alias="Enable")
    name: Text = Field("", alias="DeviceName")
    address: Text = Field("", alias="IPAddress")
    port: Text = Field("", alias="Port")
    manufacturer: Text = Field("", alias="Manufacturer")
    firmware: Text = Field("", alias="FirmwareVersion")
    model: Text = Field("", alias="Model")
    mac: Text = Field("", alias="MacAddress")
    protocol: Text = ""
    netmask: Text = Field("", alias="SubnetMask")
    position: Text = Field("", alias="ODSPosition")


class CameraDetail(Camera):
    """All settings of one camera (2.4). `schedule` and `time_sync` have no form in the guide."""

    username: Text = Field("", alias="UserName")
    password: Secret = Field(default="", alias="Password", validate_default=True)
    schedule: Any = Field(None, alias="Schedule")
    time_sync: Any = Field(None, alias="TimeSync")


class FoundCamera(Reply):
    """A camera that the recorder found in its network (2.1)."""

    name: Text = Field("", alias="DeviceName")
    address: Text = Field(alias="IPAddress")
    port: Text = Field("", alias="Port")
    manufacturer: Text = Field("", alias="Manufacturer")
    model: Text = Field("", alias="Model")
    mac: Text = Field("", alias="MacAddress")


class CameraStatus(Reply):
    """What a camera does now (2.8). `manual` is None where it is not told: over a WebSocket."""

    channel: Number = Field(alias="ChannelID")
    online: Flag = Field(alias="Online")
    recording: Flag = Field(alias="Recording")
    event: Flag = Field(False, alias="Event")
    manual: Flag | None = Field(None, alias="Manual")


class Preset(Reply):
    """A preset of a camera that moves (2.13, 2.16)."""

    name: Text = ""
    token: Text = Field("", alias="preset_token")


class EncoderConfiguration(Reply):
    """How a stream is encoded (2.21), where it says numbers as texts.

    Attributes:
        frame_rate: a second. gop: pictures from key to key. bitrate: kbit/s.
        configuration, options: all of it, as it came.
    """

    channel: Number = Field(alias="ch")
    stream: Stream = Field(alias="mainsub")
    encoding: Text = Field("", validation_alias=AliasPath("Configuration", "Encoding"))
    width: Number | None = Field(
        None, validation_alias=AliasPath("Configuration", "Resolution", "Width")
    )
    height: Number | None = Field(
        None, validation_alias=AliasPath("Configuration", "Resolution", "Height")
    )
    frame_rate: Real | None = Field(
        None, validation_alias=AliasPath("Configuration", "RateControl", "FrameRateLimit")
    )
    bitrate: Number | None = Field(
        None, validation_alias=AliasPath("Configuration", "RateControl", "BitrateLimit")
    )
    gop: Number | None = Field(
        None,
        validation_alias=AliasChoices(
            AliasPath("Configuration", "H264", "GovLength"),
            AliasPath("Configuration", "H265", "GovLength"),
            AliasPath("Configuration", "GovLength"),
        ),
    )
    audio: Flag | None = Field(None, validation_alias=AliasPath("Configuration", "AudioEnabled"))
    audio_supported: Flag | None = Field(
        None, validation_alias=AliasPath("Configuration", "AudioSupport")
    )
    configuration: Any = Field(None, alias="Configuration")
    options: Any = Field(None, alias="Options")

    @model_validator(mode="before")
    @classmethod
    def _stream(cls, document: Any) -> Any:
        if not isinstance(document, dict) or "mainsub" not in document:
            return document
        return {**masked(document), "mainsub": from_wire("encoder", document["mainsub"])[0]}


class Imaging(Reply):
    """Picture settings of a camera (9.8)."""

    brightness: Real | None = Field(None, alias="Brightness")
    saturation: Real | None = Field(None, alias="ColorSaturation")
    contrast: Real | None = Field(None, alias="Contrast")
    sharpness: Real | None = Field(None, alias="Sharpness")


class Limits(Reply):
    """From where to where a setting goes."""

    least: Real = Field(alias="Min")
    most: Real = Field(alias="Max")


class ImagingOptions(Reply):
    """What picture settings may be (9.9)."""

    brightness: Limits | None = Field(None, alias="Brightness")
    saturation: Limits | None = Field(None, alias="ColorSaturation")
    contrast: Limits | None = Field(None, alias="Contrast")
    sharpness: Limits | None = Field(None, alias="Sharpness")


class Cameras(Calls):
    """Calls about cameras."""

    async def cameras(self) -> tuple[Camera, ...]:
        """All that were added (2.3)."""
        return await self._rows(Camera, "/device/cameraList")

    async def camera(self, channel: int) -> CameraDetail:
        """One, with the account by which the recorder reaches it (2.4)."""
        return await self._one(CameraDetail, "/device/cameraDetail", {"ChannelID": channel})

    async def probe(self) -> tuple[FoundCamera, ...]:
        """Those that the recorder finds when it searches its network (2.1); needs `scans`."""
        return await self._rows(FoundCamera, "/device/probe")

    async def camera_status(self) -> tuple[CameraStatus, ...]:
        """What each does now (2.8)."""
        return await self._rows(CameraStatus, "/device/cameraStatus")

    async def presets(self, channel: int) -> tuple[Preset, ...]:
        """Presets of one that moves (2.13); needs `inventory`."""
        return await self._presets(channel, "get_presets")

    async def tour_presets(self, channel: int) -> tuple[Preset, ...]:
        """Presets of its tour (2.16); needs `inventory`."""
        return await self._presets(channel, "get_tour_presets")

    async def _presets(self, channel: int, command: str) -> tuple[Preset, ...]:
        path = "/device/ptzControl"
        said = await self.session.post(path, {"command": command}, {"ChannelID": channel})
        return rows(Preset, _inside(said, "presets", []), self._where(path))

    async def camera_network(self, channel: int) -> Any:
        """Network settings of a camera, as it tells them by ONVIF (2.17); needs `inventory`."""
        said = await self.session.post("/device/getNetworkInterfaces", None, {"ChannelID": channel})
        return masked(_inside(said, "Result", said))

    async def encoder_configurations(
        self, wanted: Iterable[tuple[int, Stream]]
    ) -> tuple[EncoderConfiguration, ...]:
        """How streams are encoded (2.21).

        Args:
            wanted: channel and stream of each.
        """
        path = "/device/GetVideoEncoderConfigurations"
        body = [
            {"ch": channel, "mainsub": to_wire("encoder", stream)} for channel, stream in wanted
        ]
        said = await self.session.post(path, body)
        return rows(EncoderConfiguration, _inside(said, "Result", said), self._where(path))

    async def imaging(self, channel: int, stream: Stream = "main") -> Imaging:
        """Picture settings (9.8); needs `inventory`."""
        path = "/device/GetImagingSettings"
        said = await self.session.get(path, _of(channel, stream))
        return one(Imaging, _inside(said, "ImagingSettings", said), self._where(path))

    async def imaging_options(self, channel: int, stream: Stream = "main") -> ImagingOptions:
        """What they may be (9.9); needs `inventory`."""
        path = "/device/GetImagingOptions"
        said = await self.session.get(path, _of(channel, stream))
        return one(ImagingOptions, _inside(said, "ImagingOptions", said), self._where(path))


def _of(channel: int, stream: Stream) -> dict[str, int | str]:
    return {"ChannelID": channel, "mainsub": to_wire("imaging", stream)}


def _inside(document: Any, name: str, otherwise: Any) -> Any:
    """What lies under a name, in replies that wrap it."""
    found = document.get(name) if isinstance(document, dict) else None
    return otherwise if found is None else found
