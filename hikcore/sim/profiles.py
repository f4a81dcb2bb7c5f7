"""Recorders that come with hikcore, by name."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from hikcore.errors import ConfigurationError
from hikcore.sim.devices import DEVICES
from hikcore.sim.profile import Profile, load_profile

_NOON = "2026-11-20T12:00:00Z"

#: Cheap to make, yet with everything that a recorder does: H.264 with A-law, H.265 with u-law, and
#: one camera whose groups of pictures last 25 minutes. Groups begin off the whole second, as on
#: real recorders: milliseconds that are 0 at every key picture look like a clock that has none.
_CAMERAS: list[dict[str, Any]] = [
    {"channel": 1, "name": "Gate", "codec": "h264", "audio": "alaw", "frame_ms": 200, "gop": 20,
     "file_ms": 720_000, "jitter_gops": 9, "phase_ms": 480},
    {"channel": 2, "name": "Yard", "codec": "h265", "audio": "ulaw", "frame_ms": 500, "gop": 16,
     "file_ms": 800_000, "jitter_gops": 5, "phase_ms": 3_260},
    {"channel": 4, "name": "Store room", "codec": "h264", "frame_ms": 1000, "gop": 1500,
     "file_ms": 1_500_000, "phase_ms": 1_027_120},
]  # fmt: skip

_DEFAULT: dict[str, Any] = {
    "name": "default",
    "description": "an NVR at UTC+5 whose Z means local time, with milliseconds in the stream",
    "clock": {"zone": "CST-5:00:00", "listing": "local", "frozen": _NOON},
    "recorded": {
        "since": "now-1h",
        "holes": [{"begin": "now-34m10s", "end": "now-29m40s", "channels": [1, 2]}],
    },
    "cameras": _CAMERAS,
}

#: Minutes instead of an hour, files of under two minutes: for tests.
_SMALL: dict[str, Any] = {
    **_DEFAULT,
    "name": "small",
    "description": "the default in minutes: made in a second or two, for tests",
    "recorded": {"since": "now-10m", "holes": [{"begin": "now-6m10s", "end": "now-5m25s"}]},
    "cameras": [
        {"channel": 1, "name": "Gate", "audio": "alaw", "frame_ms": 200, "gop": 20,
         "file_ms": 100_000, "jitter_gops": 3, "phase_ms": 480},
        {"channel": 2, "name": "Yard", "codec": "h265", "audio": "ulaw", "frame_ms": 500,
         "gop": 16, "file_ms": 120_000, "phase_ms": 3_260},
    ],
}  # fmt: skip


def _changed(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy in which some tables have other entries."""
    out = dict(base)
    for key, value in changes.items():
        old = out.get(key)
        out[key] = {**old, **value} if isinstance(old, dict) else value
    return out


_BUILT_IN: dict[str, dict[str, Any]] = {
    profile["name"]: profile
    for profile in (
        _DEFAULT,
        _SMALL,
        _changed(
            _DEFAULT,
            name="live",
            description="the default with a clock that runs: files grow while you watch",
            clock={"frozen": None},
        ),
        _changed(
            _SMALL,
            name="whole-seconds",
            description="no milliseconds in the stream's wall clock",
            mux={"milliseconds": False},
        ),
        _changed(
            _SMALL,
            name="utc",
            description="listings in true UTC, other spellings, larger packets, no CRC",
            clock={"listing": "utc"},
            dialect={
                "container": "trackList",
                "namespace": "http://www.isapi.org/ver20/XMLSchema",
                "matches": "total",
                "total": True,
                "download": ["POST body"],
                "page_cap": 64,
            },
            mux={"pes_size": 65_484, "crc": "zero", "frame_flags": False},
        ),
        _changed(
            _SMALL,
            name="dst",
            description="summer time of the EU at UTC+2; the clock stands after its end in autumn",
            clock={
                "zone": "CST-2:00:00DST01:00:00,M3.5.0/03:00:00,M10.5.0/04:00:00",
                "frozen": "2026-10-25T01:03:00Z",
            },
        ),
        _changed(
            _SMALL,
            name="three-over-one",
            description="each file goes on until the next but one begins: three over one instant",
            cameras=[
                {"channel": 1, "name": "Gate", "audio": "alaw", "frame_ms": 200, "gop": 20,
                 "file_ms": 60_000, "overlap_ms": [61_000, 63_000], "phase_ms": 480},
            ],
            recorded={"holes": []},
        ),
        _changed(
            _SMALL,
            name="file-in-file",
            description="a short file lies within a long one, and one begins inside a group",
            recorded={
                "extra": [
                    {"channel": 1, "begin": "now-9m", "end": "now-8m20s"},
                    {"channel": 1, "begin": "now-4m31s", "end": "now-3m57s", "headless": True},
                ],
                "holes": [],
            },
        ),
        _changed(
            _SMALL,
            name="static",
            description="a scene in which nothing moves: all groups of pictures are the same bytes",
            cameras=[
                {"channel": 1, "name": "Gate", "scene": "static", "audio": "alaw", "frame_ms": 200,
                 "gop": 10, "file_ms": 100_000, "phase_ms": 480},
            ],
        ),
        _changed(
            _SMALL,
            name="cut-tail",
            description="files end inside a picture, of which 99 bytes are missing",
            recorded={"cut_tail": 99},
        ),
        _changed(
            _SMALL,
            name="bulk",
            description="one file of some 1 GB made in seconds, of repeated and stuffed pictures",
            cameras=[
                {"channel": 1, "name": "Gate", "audio": "alaw", "frame_ms": 40, "gop": 50,
                 "bank": 30, "filler": 41_000, "file_ms": 1_000_000, "phase_ms": 480},
            ],
            mux={"pes_size": 65_484},
            recorded={"since": "now-40m", "holes": []},
        ),
    )
}  # fmt: skip


_BUILT_IN |= {data["name"]: data for data in DEVICES}


def built_in() -> dict[str, str]:
    """Names and what they are."""
    return {name: data["description"] for name, data in _BUILT_IN.items()}


def get_profile(name: str) -> Profile:
    """A built-in profile, or one from a `.toml` or `.json` file.

    Raises:
        ConfigurationError: neither.
    """
    if name in _BUILT_IN:
        return Profile.model_validate(_BUILT_IN[name])
    if name.endswith((".toml", ".json")):
        return load_profile(Path(name))
    near = difflib.get_close_matches(name, _BUILT_IN, 1)
    meant = f"{near[0]!r} is near it; " if near else ""
    raise ConfigurationError(
        f"no simulated recorder is called {name!r}",
        hint=f"{meant}`hikcore simulate --list` has all names; or give a .toml or .json file",
    )
