"""The 57 ways to change a recorder that the SDK guide lists: here they change nothing, and tell.

Several are plain GETs. Whoever only reads must touch none of them; a test run in which one was
touched fails.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from hikcore.sim.http import Request

#: Section of the guide, method, path, `command` in the body where one path has several uses.
TRAPS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("2.2", "POST", "/device/addCamera", ""),
    ("2.5", "GET", "/device/deleteCamera", ""),
    ("2.6", "POST", "/device/updateCamera", ""),
    ("2.7", "POST", "/device/setCamera", ""),
    ("2.9", "POST", "/device/ptzControl", ""),
    ("2.10", "POST", "/device/ptzControl", "set_preset"),
    ("2.11", "POST", "/device/ptzControl", "remove_preset"),
    ("2.12", "POST", "/device/ptzControl", "goto_preset"),
    ("2.14", "POST", "/device/ptzControl", "start_tour"),
    ("2.15", "POST", "/device/ptzControl", "stop_tour"),
    ("2.18", "POST", "/device/setNetworkInterfaces", ""),
    ("2.19", "POST", "/device/setDNS", ""),
    ("2.20", "POST", "/device/setNTP", ""),
    ("2.22", "POST", "/device/SetVideoEncoderConfiguration", ""),
    ("3.2", "WS", "/audioBackchannel", ""),
    ("3.8", "POST", "/device/deleteSnapshot", ""),
    ("4.1", "POST", "/meta/addEvent", ""),
    ("4.3", "POST", "/meta/addMeta", ""),
    ("6.1", "POST", "/schedule/setScheduleByGroup", ""),
    ("6.2", "POST", "/schedule/setScheduleByGroupMultiChannels", ""),
    ("7.3", "GET", "/network/forgetWifi", ""),
    ("7.6", "POST", "/network/setNetwork", ""),
    ("7.8", "POST", "/network/setDDNS", ""),
    ("7.10", "POST", "/network/setPort", ""),
    ("7.12", "POST", "/network/testEMail", ""),
    ("7.13", "POST", "/network/setEMail", ""),
    ("8.2", "POST", "/https/generateCertificate", ""),
    ("8.3", "POST", "/https/uploadCertificate", ""),
    ("9.2", "POST", "/storage/setDiskGroups", ""),
    ("9.5", "POST", "/storage/setStorages", ""),
    ("9.7", "GET", "/storage/format", ""),
    ("9.10", "POST", "/device/SetImagingSettings", ""),
    ("9.13", "POST", "/device/setSnapshotSettings", ""),
    ("9.15", "POST", "/device/setRecordSettings", ""),
    ("9.17", "POST", "/device/setAlarmSettings", ""),
    ("9.20", "POST", "/system/setTime", ""),
    ("9.21", "POST", "/storage/setOverwrite", ""),
    ("9.23", "POST", "/system/setExceptionAlarm", ""),
    ("9.26", "POST", "/system/addLogs", ""),
    ("9.27", "POST", "/record/manualRecord", ""),
    ("9.28", "POST", "/record/manualAlarm", ""),
    ("10.4", "POST", "/admin/setAdminAccount", ""),
    ("10.7", "POST", "/account/setUser", ""),
    ("10.8", "GET", "/system/shutdown", ""),
    ("10.9", "GET", "/system/reboot", ""),
    ("10.10", "POST", "/system/loadDefault", ""),
    ("10.12", "POST", "/system/restoreConfig", ""),
    ("10.16", "POST", "/device/setAnalyticsMotionSettings", ""),
    ("10.18", "POST", "/system/setSystemInfo", ""),
    ("10.21", "POST", "/dio/pinManualSetting", ""),
    ("10.23", "POST", "/ttxnet/setConfig", ""),
    ("10.24", "POST", "/device/setGPSEventSettings", ""),
    ("10.26", "POST", "/device/setGSensorEventSettings", ""),
    ("10.28", "POST", "/network/setFTP", ""),
    ("10.30", "POST", "/network/testFTP", ""),
    ("10.31", "POST", "/network/setIPFilter", ""),
    ("10.33", "GET", "/system/callBuzzer", ""),
)  # fmt: skip
_PTZ: Final = "/device/ptzcontrol"
#: What that path reads (2.13, 2.16).
_PTZ_READS: Final = ("get_presets", "get_tour_presets")


@dataclass(frozen=True)
class Trapped:
    """A management request that came.

    Attributes:
        section: of the guide.
    """

    section: str
    method: str
    target: str

    def __str__(self) -> str:
        return f"{self.method} {self.target} (section {self.section})"


def trap(request: Request) -> Trapped | None:
    """What a request would have changed; None: nothing. Any method and spelling of a path counts:
    a recorder may be as liberal."""
    path = request.path.rstrip("/").lower()
    command = _command(request.body) if path == _PTZ else ""
    if path == _PTZ and command in _PTZ_READS:
        return None
    rows = [row for row in TRAPS if row[2].lower() == path]
    if not rows:
        return None
    section = next((row[0] for row in rows if row[3] == command), rows[0][0])
    return Trapped(section, request.method, request.target)


def _command(body: bytes) -> str:
    try:
        given = json.loads(body)
    except ValueError:
        return ""
    return str(given.get("command", "")) if isinstance(given, dict) else ""
