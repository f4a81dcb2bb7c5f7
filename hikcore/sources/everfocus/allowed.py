"""The last gate before the wire: what of the recorder's interface may leave the process.

Deleting a camera, formatting a disk and rebooting are plain GETs here, and one path moves a camera
or reads its presets as its body says. So a request passes only if its method, path, every parameter
and every field of its body are on this list; nothing above, not even a redirect, gets around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from hikcore.errors import DeviceRefused
from hikcore.sources.everfocus.settings import EverFocusSettings

Method = Literal["GET", "POST", "WS"]
#: The setting without which a reading is refused.
Needs = Literal["", "inventory", "snapshots", "scans"]

#: What a client may say to a playback (3.4); none of it outlives the playback.
COMMANDS: Final = frozenset(
    {
        "stop", "play", "pause", "forward", "backward", "fast_forward", "fast_backward",
        "slow_forward", "slow_backward", "step_forward", "step_backward", "seek",
    }
)  # fmt: skip
_CONTROL: Final = ("command", "time", "speed")
_MAP: Final = ("ChannelIDs", "StartTime", "EndTime", "mainsub")
_IMAGE: Final = ("ChannelID", "mainsub")
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f]")
#: Of a query as our own encoder writes it: nothing at which some parser might split otherwise.
_QUERY: Final = re.compile(r"[A-Za-z0-9_.~%=&,-]*")


@dataclass(frozen=True, slots=True)
class Reading:
    """A request that changes nothing.

    Attributes:
        section: of the guide.
        path: a pattern, matched against all of the path as it goes over the wire.
        params: of the query; exactly these may be there.
        fields: of the JSON body: of the object, or of each object of an array.
        values: what a field may hold, where that decides what the request does.
        needs: see `Needs`.
    """

    section: str
    method: Method
    path: str
    params: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    needs: Needs = ""


READINGS: Final = (
    Reading("2.1", "GET", "/device/probe", needs="scans"),
    Reading("2.3", "GET", "/device/cameraList"),
    Reading("2.4", "GET", "/device/cameraDetail", ("ChannelID",)),
    Reading("2.8", "GET", "/device/cameraStatus"),
    Reading("2.8", "WS", "/device/cameraStatus"),
    Reading(
        "2.13", "POST", "/device/ptzControl", ("ChannelID",), ("command",),
        {"command": frozenset({"get_presets", "get_tour_presets"})}, "inventory",
    ),
    Reading("2.17", "POST", "/device/getNetworkInterfaces", ("ChannelID",), needs="inventory"),
    Reading("2.21", "POST", "/device/GetVideoEncoderConfigurations", (), ("ch", "mainsub")),
    Reading("3.1", "WS", r"/live/[0-9]{1,4}/[01]"),
    Reading(
        "3.3", "WS", r"/playback/[0-9]{1,4}/[01]", ("time", "session"), _CONTROL,
        {"command": COMMANDS},
    ),
    Reading(
        "3.5", "POST", "/device/playbackControl", ("session",), _CONTROL, {"command": COMMANDS}
    ),
    Reading("3.6", "GET", "/device/getSnapshot", ("ChannelID",), needs="snapshots"),
    Reading(
        "3.7", "POST", "/device/searchSnapshotPath", (),
        ("channels", "types", "startTime", "endTime"),
    ),
    Reading("3.9", "GET", "/device/download/", ("snapshot",)),
    Reading("4.2", "WS", "/meta/eventHook"),
    Reading("4.4", "WS", "/meta/metaHook"),
    Reading(
        "4.5", "POST", "/record/eventSearch", (),
        ("ChannelID", "StartTime", "EndTime", "Type", "Stream"),
    ),
    Reading("4.6", "POST", "/record/metaSearch", (), ("ChannelID", "Type", "StartTime", "EndTime")),
    Reading("5.1", "POST", "/record/getMapByDay", (), _MAP),
    Reading("5.2", "POST", "/record/getMapByMinute", (), _MAP),
    Reading("5.3", "POST", "/record/getMapBySecond", (), _MAP),
    Reading("6.3", "GET", "/schedule/getSchedulesByGroup", ("ChannelID", "GroupID")),
    Reading("6.4", "GET", "/schedule/getSchedulesByGroupMultiChannels", ("ChannelID", "GroupID")),
    Reading("7.1", "GET", "/network/getNetwork", needs="inventory"),
    Reading("7.2", "GET", "/network/scanWifiDevices", needs="scans"),
    Reading("7.4", "GET", "/network/gsmBitrate", needs="inventory"),
    Reading("7.5", "GET", "/network/getPOEStates", needs="inventory"),
    Reading("7.7", "GET", "/network/getDDNS", needs="inventory"),
    Reading("7.9", "GET", "/network/getPort"),
    Reading("7.11", "GET", "/network/getEMail", needs="inventory"),
    Reading("8.1", "GET", "/https/getCertificateInfo", needs="inventory"),
    Reading("9.1", "GET", "/storage/getUSBStorages", needs="inventory"),
    Reading("9.3", "GET", "/storage/getDiskGroups", needs="inventory"),
    Reading("9.4", "GET", "/storage/getStorages"),
    Reading("9.6", "GET", "/storage/smart", ("device",)),
    Reading("9.8", "GET", "/device/GetImagingSettings", _IMAGE, needs="inventory"),
    Reading("9.9", "GET", "/device/GetImagingOptions", _IMAGE, needs="inventory"),
    Reading("9.11", "POST", "/record/requestVideoClips", ("ChannelID",), ("startTime", "endTime")),
    Reading(
        "9.12", "GET", "/record/backupVideoClip", ("ChannelID", "stream", "startTime", "endTime")
    ),
    Reading("9.14", "GET", "/device/getSnapshotSettings"),
    Reading("9.16", "GET", "/device/getRecordSettings"),
    Reading("9.18", "GET", "/device/getAlarmSettings", ("alarmType",)),
    Reading("9.19", "GET", "/system/getTime"),
    Reading("9.22", "GET", "/storage/getOverwrite"),
    Reading("9.24", "GET", "/system/getExceptionAlarm", needs="inventory"),
    Reading("9.25", "POST", "/system/searchLogs", (), ("type", "startTime", "endTime")),
    Reading("10.1", "GET", "/admin/login"),
    Reading("10.2", "POST", "/admin/login", (), ("username", "nc", "cnonce", "response")),
    Reading("10.3", "GET", "/admin/logout"),
    Reading("10.5", "GET", "/account/userList", needs="inventory"),
    Reading("10.6", "GET", "/account/getUser", ("userID",), needs="inventory"),
    Reading("10.11", "GET", "/system/backupConfig", needs="inventory"),
    Reading("10.13", "WS", "/system/exceptionListen"),
    Reading("10.14", "WS", "/system/messageListen"),
    Reading("10.15", "GET", "/device/getAnalyticsMotionSettings", _IMAGE, needs="inventory"),
    Reading("10.17", "GET", "/system/getSystemInfo"),
    Reading("10.19", "GET", "/dio/GetGPIOInfo", needs="inventory"),
    Reading("10.20", "GET", "/dio/GetPinStatus", needs="inventory"),
    Reading("10.22", "GET", "/ttxnet/getConfig", needs="inventory"),
    Reading("10.25", "GET", "/device/getGPSEventSettings", needs="inventory"),
    Reading("10.27", "GET", "/device/getGSensorEventSettings", needs="inventory"),
    Reading("10.29", "GET", "/network/getFTP", needs="inventory"),
    Reading("10.32", "GET", "/network/getIPFilter", needs="inventory"),
)  # fmt: skip


def reading(method: str, target: str, settings: EverFocusSettings, where: str = "") -> Reading:
    """The entry that allows a request, by its method (`WS` for a WebSocket) and its target: path
    and query as they go over the wire.

    Raises:
        DeviceRefused: there is none, or a setting that is off stands before it.
    """
    path, _, query = target.partition("?")
    for entry in READINGS:
        if entry.method == method and re.fullmatch(entry.path, path):
            break
    else:
        raise _refused(f"{method} {_shown(path)}", "is not on the list of requests", where)
    if entry.needs and not getattr(settings, entry.needs):
        raise DeviceRefused(
            f"{method} {path} was not sent: it is off",
            where=where,
            hint=f"{entry.needs} = true allows it",
        )
    pairs = parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in pairs]
    strange = set(names) - set(entry.params)
    if strange or len(names) != len(set(names)) or not _QUERY.fullmatch(query):
        raise _refused(f"{method} {path}", f"with the parameters {names} is not on the list", where)
    if any(_CONTROL_CHARACTERS.search(value) for _, value in pairs):
        raise _refused(f"{method} {path}", "with a control character is not on the list", where)
    return entry


def check_body(entry: Reading, body: bytes, where: str = "") -> None:
    """Pass for a body that may go with a request; none may always.

    Raises:
        DeviceRefused: for any other.
    """
    if not body:
        if entry.values and entry.method == "POST":
            raise _refused(f"{entry.method} {entry.path}", "without its command is not", where)
        return
    try:
        document = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        document = None
    rows = document if isinstance(document, list) else [document]
    if not all(_fits(entry, row) for row in rows):
        raise _refused(f"{entry.method} {entry.path}", "with this body is not on the list", where)


def _fits(entry: Reading, row: Any) -> bool:
    if not isinstance(row, dict) or not set(row) <= set(entry.fields) or not entry.fields:
        return False
    return all(str(row.get(name)) in allowed for name, allowed in entry.values.items())


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, no field of which is there twice: others may take the one that we do not see."""
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a field that is there twice")
    return document


def _refused(what: str, why: str, where: str) -> DeviceRefused:
    return DeviceRefused(f"{what} {why} that change nothing, so it was not sent", where=where)


def _shown(path: str) -> str:
    return _CONTROL_CHARACTERS.sub("?", path[:200])
