"""How a recorder records, warns and lets in: schedules and settings as the SDK guide shows them."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs

from hikcore.sim.everfocus.inventory import SECRET
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.everfocus.replies import Wrong

#: The guide's example: Friday and Saturday; 48 half hours a day, Sunday first.
_NEVER: Final = "-" * 48
_FRIDAY: Final = "+" * 21 + "-" + "+" * 26
_MAP: Final = {"Map": [_NEVER] * 5 + [_FRIDAY, "+" * 48]}
_GROUPS: Final = {
    "Record": ("Normal", "Motion", "InputAlarm", "Intellegent"),
    "Snapshot": ("Normal", "Motion", "InputAlarm"),
    "Email": ("Motion", "InputAlarm", "Intellegent"),
    "FTP": ("Normal", "Motion", "InputAlarm", "Intellegent"),
}
_MORE: Final = _GROUPS | {"Alarm": ("Alarm", "FtpUpload")}
_PERMISSIONS: Final = (
    "live_on", "live", "playback_on", "playback", "ptz_on", "ptz_control", "copy_on", "copy",
    "log_search", "parameter", "system_maintenance", "manual_record", "manage_disk",
    "remote_login", "sequence_control", "manual_snapshot",
)  # fmt: skip
_OUT: Final[dict[str, Any]] = {"Pin": [1], "Time": 5}
_WARNED: Final[dict[str, Any]] = {
    "ON": 1, "buzzer": 0, "alarmOut": _OUT, "showMessage": 1, "sendEmail": 0,
}  # fmt: skip
_VEHICLE: Final[dict[str, Any]] = {
    "buzzer": 0, "sendEmail": 0, "sendToXfleet": 1, "alarmOut": _OUT,
}  # fmt: skip
_LIMIT: Final = {"x": 0.5, "y": 0.5, "z": 0.5}
_RANGE: Final = {"Min": 0.0, "Max": 100.0}
_PICTURE: Final = ("Brightness", "ColorSaturation", "Contrast", "Sharpness")


class Settings:
    """Tells them, channel by channel where the guide does."""

    def __init__(self, profile: NvrProfile) -> None:
        self._profile = profile
        self.told: dict[str, Any] = {
            "/schedule/getSchedulesByGroup": self._schedule,
            "/schedule/getSchedulesByGroupMultiChannels": self._schedules,
            "/device/GetImagingSettings": lambda query: self._channel(
                query, {"ImagingSettings": dict.fromkeys(_PICTURE, 50.0)}
            ),
            "/device/GetImagingOptions": lambda query: self._channel(
                query, {"ImagingOptions": dict.fromkeys(_PICTURE, _RANGE)}
            ),
            "/device/getSnapshotSettings": lambda _: self._each(
                "snapshotSettings",
                {"Auto": 1, "streamType": 0, "Normal": {"period": 60}, "Alarm": {"period": 5}},
            ),
            # Here numbers are texts.
            "/device/getRecordSettings": self._recording,
            "/device/getAlarmSettings": self._alarms,
            "/system/getExceptionAlarm": lambda _: dict.fromkeys(
                ("DiskFull", "DiskError", "VideoLoss"), _WARNED
            ),
            "/device/getAnalyticsMotionSettings": self._motion,
            "/device/getGPSEventSettings": lambda _: {
                "OverSpeed": {"switch": True, "limit": 90, "unit": "kmph", "overTime": 5}
                | _VEHICLE,
                "LowSpeed": {"switch": False, "limit": 10, "unit": "kmph", "overTime": 5}
                | _VEHICLE,
                "LongParking": {"switch": False, "overTime": 600} | _VEHICLE,
            },
            "/device/getGSensorEventSettings": lambda _: {
                name: {"switch": False, "limit": _LIMIT} | _VEHICLE
                for name in ("RapidAcceleration", "RapidDeceleration", "Collision", "Sharp")
            },
            "/account/userList": lambda _: [
                {"userID": 1, "active": True, "username": profile.login.username,
                 "password": True}
            ],
            "/account/getUser": self._user,
        }  # fmt: skip

    def answer(self, path: str, query: str) -> Any:
        """The reply to a GET; None: there is no such path.

        Raises:
            Wrong: it is answered with an Error.
        """
        found = self.told.get(path)
        return None if found is None else found(_texts(query))

    def _schedule(self, query: dict[str, str]) -> dict[str, Any]:
        names = _GROUPS.get(query.get("GroupID", ""))
        if names is None:
            raise Wrong("GroupID")
        return dict(self._channel(query, dict.fromkeys(names, _MAP)))

    def _schedules(self, query: dict[str, str]) -> list[dict[str, Any]]:
        group = query.get("GroupID", "")
        if group not in _MORE:
            raise Wrong("GroupID")
        schedules = dict.fromkeys(_MORE[group], _MAP)
        channels = query.get("ChannelID", "").split(",")
        for channel in channels:
            self._channel({"ChannelID": channel}, None)
        return [
            {"channel": int(channel), "group": group, "schedules": schedules}
            for channel in channels
        ]

    def _recording(self, _: dict[str, str]) -> dict[str, Any]:
        out = []
        for camera in self._profile.cameras:
            both = "0" if camera.sub is None else "2"
            setting = {
                "enable": str(int(camera.recording)), "streamType": both, "enablePreRecord": "1",
            }  # fmt: skip
            out.append({"channel": str(camera.main.channel), "setting": setting})
        return {"settings": out}

    def _alarms(self, query: dict[str, str]) -> dict[str, Any]:
        kind = query.get("alarmType")
        if kind not in ("Motion", "InputAlarm", "GPIO"):
            raise Wrong("alarmType")
        setting: dict[str, Any] = {
            "buzzer": 0,
            "recordChannel": {"ON": 1, "IP": [1]},
            "alarmOut": _OUT
            | {"camOut": [{"channel": 2, "outPin": 1}, {"channel": 2, "outPin": 2}]},
            "preRecord": 10,
            "postRecord": 30,
            "showMessage": 1,
            "sendEmail": 0,
            "fullScreen": 0,
        }
        if kind == "GPIO":
            return {"settings": [{"alarmIn": 1, "setting": {"alarmType": 1} | setting}]}
        setting["ftpPicture"] = False
        switch = {"switch": True} if kind == "Motion" else {}
        return self._each("setting", switch | setting)

    def _motion(self, query: dict[str, str]) -> list[dict[str, Any]]:
        layout = {
            "columns": 22, "rows": 18,
            "transformation": {"translate": {"x": -1, "y": -1}, "scale": {"x": 0.09, "y": 0.11}},
        }  # fmt: skip
        more = {"cellLayout": layout, "sensitivity": 50, "cellSettings": "f" * 100}
        channel = int(query.get("ChannelID", "0") or 0)
        # Channel 2 does not support the module: then the guide has these two keys alone.
        told = {"channel": channel, "switch": True} | ({} if channel == 2 else more)
        return [dict(self._channel(query, told))]

    def _user(self, query: dict[str, str]) -> dict[str, Any]:
        if query.get("userID") != "1":
            raise Wrong("userID")
        return {
            "userID": 1, "active": True, "username": self._profile.login.username,
            "password": SECRET, "permissions": dict.fromkeys(_PERMISSIONS, True),
        }  # fmt: skip

    def _each(self, name: str, value: Any) -> dict[str, Any]:
        rows = [{"channel": each.main.channel, name: value} for each in self._profile.cameras]
        return {"settings": rows}

    def _channel(self, query: dict[str, str], value: Any) -> Any:
        """The value, where the channel is there."""
        known = {str(each.main.channel) for each in self._profile.cameras}
        if query.get("ChannelID") not in known:
            raise Wrong("no such channel")
        return value


def _texts(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


#: 10.11: a text with secrets in it.
CONFIG: Final = f"[account]\nusername=admin\npassword={SECRET}\n"
