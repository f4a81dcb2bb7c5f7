"""EverFocus recorders that come with hikcore, by name."""

from __future__ import annotations

from typing import Any, Final

_NOON: Final = "2026-11-20T12:00:00Z"
#: Groups begin off the whole second, so that milliseconds are seen to be kept.
_GATE: Final[dict[str, Any]] = {
    "main": {
        "channel": 1, "name": "Gate", "audio": "ulaw", "frame_ms": 200, "gop": 20, "phase_ms": 480,
    },
    "sub": {
        "channel": 1, "name": "Gate", "audio": "ulaw", "frame_ms": 500, "gop": 8, "phase_ms": 240,
        "height": 144,
    },
}  # fmt: skip
_YARD: Final[dict[str, Any]] = {
    "main": {
        "channel": 2, "name": "Yard", "codec": "h265", "frame_ms": 500, "gop": 16,
        "phase_ms": 3_260,
    },
    "address": "192.168.33.12",
    "mac": "00:11:14:00:00:02",
}  # fmt: skip
#: No channels 3 and 4: ids have gaps.
_STORE: Final[dict[str, Any]] = {
    "main": {
        "channel": 5, "name": "Store", "audio": "ulaw", "frame_ms": 1000, "gop": 12,
        "phase_ms": 7_120,
    },
    "address": "192.168.33.15",
    "mac": "00:11:14:00:00:05",
}  # fmt: skip
_OFF: Final[dict[str, Any]] = {
    "main": {"channel": 7, "name": "Nobody", "frame_ms": 1000, "gop": 12},
    "enabled": False, "online": False, "recording": False,
}  # fmt: skip

_DEFAULT: Final[dict[str, Any]] = {
    "name": "everfocus",
    "description": "an EverFocus NVR at UTC+8: channels 1, 2, 5 and a disabled 7, an hour, a hole",
    "clock": {"frozen": _NOON},
    "recorded": {
        "since": "now-1h",
        "holes": [{"begin": "now-34m10s", "end": "now-29m40s", "channels": [1, 2]}],
    },
    "cameras": [_GATE, _YARD, _STORE, _OFF],
    "events": [
        {"channel": 1, "begin": "now-20m", "end": "now-19m59s"},
        {"channel": 2, "begin": "now-12m", "end": "now-11m30s", "type": "InputAlarm",
         "comment": "InputAlarm-2"},
    ],
    "metas": [
        {"channel": 1, "type": "manualStart", "at": "now-15m", "data": "{ id: 1564741064}"},
        {"channel": 1, "type": "manualStop", "at": "now-14m", "data": "{ id: 1564741064}"},
        {"channel": 2, "type": "diEventStart", "at": "now-12m", "data": "active"},
        {"channel": 2, "type": "diEventStop", "at": "now-11m30s", "data": "inactive"},
    ],
    "logs": [
        {"type": "System", "description": "System Startup", "at": "now-1h"},
        {"type": "Alarm", "description": "Motion Start", "at": "now-20m", "channel": 1,
         "has_record": True},
        {"type": "Account", "description": "Modify User", "at": "now-5m", "user": "admin"},
    ],
}  # fmt: skip


def changed(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy in which some tables have other entries."""
    out = dict(base)
    for key, value in changes.items():
        old = out.get(key)
        out[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return out


_SMALL: Final = changed(
    _DEFAULT,
    name="everfocus-small",
    description="the same in minutes, for tests",
    recorded={"since": "now-10m", "holes": [{"begin": "now-6m10s", "end": "now-5m25s"}]},
    events=[
        {"channel": 1, "begin": "now-4m", "end": "now-3m59s"},
        {"channel": 2, "begin": "now-3m", "end": "now-2m30s", "type": "InputAlarm"},
    ],
)

BUILT_IN: Final[dict[str, dict[str, Any]]] = {
    data["name"]: data
    for data in (
        _DEFAULT,
        _SMALL,
        changed(
            _DEFAULT,
            name="everfocus-live",
            description="the same with a clock that runs, playing back at real time",
            clock={"frozen": None},
            playback={"pace": 1.0},
        ),
        changed(
            _SMALL,
            name="everfocus-clockstep",
            description="in minutes; its clock was set back by 40 s",
            recorded={"since": "now-10m", "holes": [],
                      "steps": [{"at": "now-2m", "by_ms": -40_000}]},
        ),
        changed(
            _SMALL,
            name="everfocus-exact",
            description="in minutes; playback and AVI begin exactly there or at the next picture",
            playback={"start": "exact"},
            backup={"start": "after"},
        ),
        changed(
            _SMALL,
            name="everfocus-odd",
            description="in minutes, and liberal in what it sends: split frames, garbage, texts",
            booleans="text",
            clips={"written": "text", "rows": "pieces", "order": "unsorted", "overlap_s": 2,
                   "clamped": False},
            maps={"echo": "asked", "misaligned": "down", "five": "first", "last_row": "filled"},
            sockets={"messages": "split", "unknown_every": 7, "garbage_every": 11,
                     "exceptions": "array", "repeats": 2, "inactive": False},
            backup={"kind": "no_index"},
        ),
    )
}  # fmt: skip
