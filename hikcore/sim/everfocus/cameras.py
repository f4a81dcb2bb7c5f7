"""What a simulated EverFocus recorder says of its cameras (2.3, 2.4, 2.8, 2.21)."""

from __future__ import annotations

from typing import Any, Final

from hikcore.sim.everfocus.profile import NvrCamera, NvrProfile
from hikcore.sim.everfocus.replies import Wrong, flag, whole

#: Of cameraDetail and others: the guide puts secrets into replies.
CAMERA_SECRET: Final = "camera-password-12345"  # noqa: S105  of no camera
_RESOLUTIONS: Final = (
    (1280, 720), (1280, 960), (1920, 1080), (2048, 1520), (2304, 1296), (2592, 1520), (2592, 1944),
)  # fmt: skip


def row(camera: NvrCamera, profile: NvrProfile) -> dict[str, Any]:
    """A row of cameraList."""
    return {
        "ChannelID": camera.main.channel,
        "Enable": flag(camera.enabled, profile.booleans),
        "DeviceName": camera.main.title,
        "IPAddress": camera.address,
        "Port": 80,
        "Manufacturer": camera.manufacturer,
        "FirmwareVersion": camera.firmware,
        "Model": camera.model,
        "MacAddress": camera.mac,
        "protocol": "onvif",
        "SubnetMask": "255.255.255.0",
        "ODSPosition": "",
    }


def detail(camera: NvrCamera, profile: NvrProfile) -> dict[str, Any]:
    """The reply of cameraDetail."""
    return row(camera, profile) | {
        "UserName": "camera-user",
        "Password": CAMERA_SECRET,
        "Schedule": "Record",
        "TimeSync": flag(True, profile.booleans),
    }


def status(profile: NvrProfile, *, manual: bool) -> list[dict[str, Any]]:
    """The reply of cameraStatus.

    Args:
        manual: over HTTP; the WebSocket's messages have no such key.
    """
    written = profile.booleans
    out = []
    for camera in profile.cameras:
        states = {
            "Online": camera.online, "Recording": camera.recording, "Event": camera.event,
        } | ({"Manual": camera.manual} if manual else {})  # fmt: skip
        flags = {name: flag(state, written) for name, state in states.items()}
        out.append({"ChannelID": camera.main.channel, **flags})
    return out


def encoders(asked: Any, profile: NvrProfile) -> dict[str, Any]:
    """The reply of GetVideoEncoderConfigurations: the guide's example, with what is true here.

    Raises:
        Wrong: it is answered with an Error.
    """
    if not isinstance(asked, list):
        raise Wrong("no array")
    return {"Result": [_encoder(each, profile) for each in asked], "Description": ""}


def _encoder(asked: Any, profile: NvrProfile) -> dict[str, Any]:
    if not isinstance(asked, dict):
        raise Wrong("no object")
    strict = profile.strict_types
    channel, stream = (whole(asked.get(name), name, strict=strict) for name in ("ch", "mainsub"))
    found = [camera for camera in profile.cameras if camera.main.channel == channel]
    film = (found[0].main, found[0].sub)[stream] if found and stream in (0, 1) else None
    if film is None:
        raise Wrong(f"no stream {stream} of channel {channel}")
    sizes = [{"Width": str(width), "Height": str(height)} for width, height in _RESOLUTIONS]
    name = film.codec.upper()
    return {
        "ch": channel,
        "mainsub": stream,
        "Configuration": {
            "$": {"token": f"VideoEncoderToken_{stream + 1}"},
            "Name": f"VideoEncoder_{stream + 1}",
            "UseCount": "1",
            "Encoding": name,
            "Resolution": {"Width": str(film.width), "Height": str(film.height)},
            "Quality": "5",
            "RateControl": {
                "FrameRateLimit": str(1000 // film.frame_ms),
                "EncodingInterval": "1",
                "BitrateLimit": "2048",
            },
            name: {"GovLength": str(film.gop), f"{name}Profile": "Main"},
            "Multicast": {
                "Address": {"Type": "IPv4", "IPv4Address": "0.0.0.0"},  # noqa: S104  the guide's
                "Port": "8860",
                "TTL": "128",
                "AutoStart": "false",
            },
            "SessionTimeout": "PT00H01M00S",
            "AudioEnabled": film.audio is not None,
            "AudioSupport": True,
        },
        "Options": {
            "QualityRange": {"Min": "0", "Max": "5"},
            "codecs": [
                {
                    "name": name,
                    "params": {
                        "ResolutionsAvailable": sizes,
                        "GovLengthRange": {"Min": "0", "Max": "100"},
                        "FrameRateRange": {"Min": "1", "Max": "30"},
                        "EncodingIntervalRange": {"Min": "1", "Max": "1"},
                        f"{name}ProfilesSupported": ["Baseline", "Main", "High"],
                        "BitrateRange": {"Min": "256", "Max": "8192"},
                    },
                }
            ],
        },
    }
