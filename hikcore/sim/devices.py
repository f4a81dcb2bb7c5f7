"""Ten recorders and cameras as they were seen, each from one real source.

The source is named beside each: a public repository whose author runs that device, or a capture of
it. What the source does not tell is the default of the field, and said to be assumed where a client
could stumble over it. None of these profiles was compared with the device itself.
"""

from __future__ import annotations

from typing import Any

_NOON = "2026-11-20T12:00:00Z"
_ISAPI = "http://www.isapi.org/ver20/XMLSchema"
_HIK10 = "http://www.hikvision.com/ver10/XMLSchema"
_NO_ANALOGUE = "/ISAPI/System/Video/inputs/channels"
_NO_PROXY = "/ISAPI/ContentMgmt/InputProxy/.*"
_US_WEST = "CST+8:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00"
_US_EAST = "CST+5:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00"
_EET = "CST-2:00:00DST01:00:00,M3.5.0/03:00:00,M10.5.0/04:00:00"

#: Minutes of footage, cheap to make; real files last 17 to 360 minutes.
_GATE: dict[str, Any] = {
    "channel": 1, "name": "Gate", "audio": "alaw", "frame_ms": 200, "gop": 20,
    "file_ms": 100_000, "jitter_gops": 3, "phase_ms": 480,
}  # fmt: skip
_YARD: dict[str, Any] = {
    "channel": 2, "name": "Yard", "codec": "h265", "audio": "ulaw", "frame_ms": 500, "gop": 16,
    "file_ms": 120_000, "phase_ms": 3_260,
}  # fmt: skip
_MINUTES = {"since": "now-10m", "holes": [{"begin": "now-6m10s", "end": "now-5m25s"}]}

_IPC_55_UTC: dict[str, Any] = {
    "name": "ipc-5.5-utc",
    "description": "camera DS-2CD2185FWD-I V5.6.3 with a card: true UTC, HTML 401, blank matchList",
    # cfryanr/hikvision-download-assistant (README, Model.java); MissiaL/hikvision-client cassettes.
    "identity": {
        "name": "IP CAMERA", "model": "DS-2CD2185FWD-I",
        "serial": "DS-2CD2185FWD-I20190101AAWRD00000001", "firmware": "V5.6.3",
        "device_type": "IPCamera", "server": "App-webs/", "keep_alive": "timeout=10, max=99",
    },
    "auth": {"style": "ipc", "refusal": "html", "realm": "IP Camera(83813)"},
    "clock": {"zone": _US_WEST, "listing": "utc", "frozen": _NOON},
    "dialect": {
        "position": "both", "search_id": "any", "page_cap": 50, "empty": "blank", "names": "ipc",
        "download": ["GET body"], "absent": [_NO_ANALOGUE, _NO_PROXY], "version": "1.0",
    },
    "recorded": _MINUTES,
    "cameras": [{**_GATE, "name": "Camera 01", "sub": True}],
}  # fmt: skip

_NVR_461_UTC: dict[str, Any] = {
    "name": "nvr-4.61-utc-overlap3",
    "description": "NVR DS-8632N-I8 V4.61.030: true UTC, overlaps of 3 s, a future end",
    # kou147258's table of 12 devices, number 64; channel ids have gaps, the list's size is 6 off.
    "identity": {"model": "DS-8632N-I8", "serial": "DS-8632N-I80820190101CCRRD00000064WCVU",
                 "firmware": "V4.61.030"},
    "clock": {"zone": "CST-8:00:00", "listing": "utc", "frozen": _NOON},
    "dialect": {"input_size": 6, "namespaces": {"Time": _HIK10, "CMSearchResult": _ISAPI}},
    "recorded": {**_MINUTES, "planned_ms": 17 * 60_000},
    "cameras": [
        {**_GATE, "overlap_ms": [3_000, 3_000]},
        {**_YARD, "channel": 5, "overlap_ms": [3_000, 3_000]},
    ],
}  # fmt: skip

_NVR_484_UTC: dict[str, Any] = {
    "name": "nvr-4.84-utc-clockstep",
    "description": "NVR DS-7804N-R2 V4.84.031: true UTC, no overlap, its clock was set back 10 min",
    # kou147258, number 17: neighbours touch; a track out of range is 200 and ignored.
    "identity": {"model": "DS-7804N-R2", "serial": "DS-7804N-R20420230101CCWR00000017WCVU",
                 "firmware": "V4.84.031"},
    "clock": {"zone": "CST-8:00:00", "listing": "utc", "frozen": _NOON},
    "dialect": {"namespace": _ISAPI, "bad_track": "ignored", "row_extras": True},
    "recorded": {
        "since": "now-16m", "planned_ms": 17 * 60_000,
        "steps": [{"at": "now-3m20s", "by_ms": -600_000}],
    },
    "cameras": [{**_GATE, "overlap_ms": [0, 0]}, {**_YARD, "overlap_ms": [0, 0]}],
}  # fmt: skip

_NVR_484101_LOCAL: dict[str, Any] = {
    "name": "nvr-4.84.101-local-dst",
    "description": "NVR DS-7616NXI-K2(D) V4.84.101: Z is local time, just after summer time ended",
    # A client's list of known quirks: GUIDs alone, pages of 64, at most 4000 items, GET with body.
    "identity": {"model": "DS-7616NXI-K2(D)", "firmware": "V4.84.101",
                 "serial": "DS-7616NXI-K2(D)1620230101CCRRK00000001WCVU"},
    "clock": {"zone": _EET, "listing": "local", "frozen": "2026-10-25T01:03:00Z",
              "suffix": "standard"},
    "dialect": {
        "page_cap": 64, "query_cap": 4000, "namespace": _ISAPI, "row_extras": True,
        "download": ["GET body"], "total": True,
    },
    "recorded": _MINUTES,
    "cameras": [_GATE, _YARD],
}  # fmt: skip

_NVR_440_CAP40: dict[str, Any] = {
    "name": "nvr-4.40-cap40",
    "description": "NVR V4.40.015: pages of 40, POST alone, 1.4 MB/s, slow to describe old footage",
    # techmarkai/hikvision-nvr-ha (isapi.py, docs). Assumed: UTC+3, and that Z is local time.
    "identity": {"model": "DS-7608NI-K2", "firmware": "V4.40.015"},
    "clock": {"zone": "CST-3:00:00", "listing": "local", "frozen": _NOON, "suffix": "none"},
    "dialect": {"page_cap": 40, "download": ["POST body"], "unrecorded": "empty"},
    "limits": {"rate": 1_400_000, "downloads": 2},
    "rtsp": {"describe_s": 2.5, "old_describe_s": 14.9},
    "recorded": _MINUTES,
    "cameras": [{**_GATE, "sub": True}, {**_YARD, "sub": True}],
}  # fmt: skip

_NVR_461_WIDE500: dict[str, Any] = {
    "name": "nvr-4.61-wide500",
    "description": "NVR DS-7716NI-I4 V4.61.030: Z is local time, wide spans fail every other time",
    # DVRTool's notes on four sites: 500 and "Tag 13 is invalid" on wide or early spans, at random;
    # numOfMatches counts all; dailyDistribution always works.
    "identity": {"model": "DS-7716NI-I4", "firmware": "V4.61.030",
                 "serial": "DS-7716NI-I41620190101CCRRD00000001WCVU"},
    "clock": {"zone": _US_EAST, "listing": "local", "frozen": _NOON},
    "dialect": {
        "widest_days": 31, "wide_fails": 0.5, "earliest": "2023-01-01T00:00:00Z",
        "query_cap": 4000, "matches": "total", "total": True,
    },
    "recorded": _MINUTES,
    "cameras": [_GATE, _YARD],
}  # fmt: skip

_DVR_471_LOCAL: dict[str, Any] = {
    "name": "dvr-4.71-local",
    "description": "DVR-208G-M1 V4.71.410: Z is local time, analogue channels, clips on motion",
    # LucianaPrat/tu-seguridad-back: the right spelling of the position is rejected.
    "identity": {"model": "DVR-208G-M1", "firmware": "V4.71.410", "device_type": "DVR",
                 "serial": "DVR-208G-M10820220101CCWRG00000001WCVU"},
    "clock": {"zone": "CST+3:00:00", "listing": "local", "frozen": _NOON},
    "dialect": {"wrong_position": "refused", "absent": [_NO_PROXY]},
    "recorded": {"since": "now-10m"},
    "cameras": [
        {**_GATE, "schedule": [
            {"day": day, "mode": "MOTION"} for day in
            ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
        ]},
        {**_YARD, "codec": "h264"},
        {**_GATE, "channel": 3, "name": "Nobody", "online": False, "schedule": [
            {"day": "Monday", "begin": "00:00", "end": "00:01"},
        ]},
    ],
}  # fmt: skip

_NVR_4118_EMPTY: dict[str, Any] = {
    "name": "nvr-4.1.18-empty-deadrtc",
    "description": "NVR DS-7708N-I4 V4.1.18 that says DVR: nothing recorded, its clock is in 2004",
    # kou147258, number 65: NO MATCHES, Streaming/channels 403, alerts dated 2004-05-05.
    "identity": {"model": "DS-7708N-I4", "firmware": "V4.1.18", "device_type": "DVR",
                 "serial": "DS-7708N-I40820140101CCRR00000065WCVU"},
    "clock": {"zone": "CST-8:00:00", "listing": "utc", "frozen": "2004-05-05T06:00:00Z"},
    "dialect": {
        "bad_track": "refused", "absent": [_NO_ANALOGUE, "/ISAPI/Streaming/channels",
                                           "/ISAPI/ContentMgmt/search/profile"],
        "input_size": 9,
    },
    "recorded": {"since": "now+1d"},
    "disks": [],
    "cameras": [_GATE, _YARD],
}  # fmt: skip

_NXI_484_STRICT: dict[str, Any] = {
    "name": "nxi-4.84-strict-xml",
    "description": "NVR DS-7616NXI V4.84: trackList, {GUID}, version and no namespace, POST alone",
    # Notes of a client's author. Assumed: UTC+2, and that Z is local time.
    "identity": {"model": "DS-7616NXI-K2", "firmware": "V4.84.000",
                 "serial": "DS-7616NXI-K21620230101CCRRK00000002WCVU"},
    "clock": {"zone": "CST-2:00:00", "listing": "local", "frozen": _NOON},
    "dialect": {
        "container": "trackList", "search_id": "braces", "declaration": "refused",
        "xmlns": "refused", "root_version": "required", "download": ["POST body"],
        "namespace": _ISAPI, "page_cap": 64,
    },
    "recorded": _MINUTES,
    "cameras": [_GATE, _YARD],
}  # fmt: skip

_BASIC_522: dict[str, Any] = {
    "name": "basic-only-5.2.2",
    "description": "device DS-FB2127 V5.2.2: Basic alone, Digest is never taken",
    # kou147258, number 18: Digest was 401 on 7 of 7 paths. Assumed: a camera, true UTC.
    "identity": {"model": "DS-FB2127", "firmware": "V5.2.2", "device_type": "IPCamera",
                 "serial": "DS-FB212720140101CCRR00000018", "server": "App-webs/"},
    "auth": {"scheme": "basic", "realm": "DS-FB2127", "refusal": "html"},
    "clock": {"zone": "CST-8:00:00", "listing": "utc", "frozen": _NOON},
    "dialect": {"absent": [_NO_ANALOGUE, _NO_PROXY], "names": "ipc"},
    "recorded": _MINUTES,
    "cameras": [_GATE],
}  # fmt: skip

#: All of them.
DEVICES: tuple[dict[str, Any], ...] = (
    _IPC_55_UTC, _NVR_461_UTC, _NVR_484_UTC, _NVR_484101_LOCAL, _NVR_440_CAP40, _NVR_461_WIDE500,
    _DVR_471_LOCAL, _NVR_4118_EMPTY, _NXI_484_STRICT, _BASIC_522,
)  # fmt: skip
