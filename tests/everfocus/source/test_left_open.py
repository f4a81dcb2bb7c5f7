"""What the vendor's guide leaves open, read the other way by the recorder: with the setting that
says so, or without any where the client can see it, every picture comes into the archive once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hikcore.instants import NS, Span
from hikcore.sim.everfocus.nvr import Nvr
from tests.everfocus.source.archive import clip, extract, profile, source, states

HOLE = {"holes": [{"begin": "now-520s", "end": "now-470s"}]}
BERLIN = "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M11.5.0/03:00:00"
#: What the recorder does; the archive's settings and the client's that it needs.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "frames-anywhere": (
        {"sockets": {"messages": "split", "unknown_every": 7, "garbage_every": 11}}, {}, {}
    ),
    "frames-together": ({"sockets": {"messages": "coalesced", "fragments": 3}}, {}, {}),
    "header-apart": ({"sockets": {"messages": "apart"}}, {}, {}),
    "datalen-whole": ({"sockets": {"datalen": "whole", "messages": "split"}}, {}, {}),
    "lengths": ({"sockets": {"payload": "lengths"}}, {}, {}),
    "sets-once": ({"sockets": {"sets": "first"}}, {}, {}),
    "local-frames": ({"sockets": {"times": "local"}}, {"frame_times": "local"}, {}),
    "begins-after": ({"playback": {"start": "after"}}, {}, {}),
    "stops-at-a-hole": ({"playback": {"gap": "stops"}, "recorded": HOLE}, {}, {}),
    "maps-cut": (
        {"maps": {"echo": "asked", "last_row": "filled", "misaligned": "down", "five": "first"},
         "recorded": HOLE}, {}, {},
    ),
    "maps-exclusive": ({"maps": {"inclusive": False}}, {}, {"ends_inclusive": False}),
    "maps-by-utc": ({"maps": {"days": "utc"}}, {}, {"map_day": "utc"}),
    "quarter-hours": ({"clock": {"zone": "CST-5:45:00"}}, {}, {}),
    "hours-by-utc": (
        {"clock": {"zone": "CST-5:45:00"}, "maps": {"hours": "utc"}}, {"map_hour": "utc"}, {}
    ),
    "dst-in-hours": (
        {"clock": {"zone": BERLIN, "dst_mode": "date", "dst_unit": "hours"}}, {},
        {"dst_offset_unit": "hours"},
    ),
    "zone-with-dst": (
        {"clock": {"zone": BERLIN, "zone_has_dst": True}}, {}, {"time_zone_has_dst": True}
    ),
    "clock-ahead": ({"clock": {"offset_ms": 180_000}}, {}, {}),
    "session-in-a-header": ({"login": {"place": "header"}}, {}, {"session_place": "header"}),
    "session-by-address": ({"login": {"place": "address", "refused": "page"}}, {}, {}),
    "h265": (
        {"cameras": [{"main": {"channel": 1, "codec": "h265", "frame_ms": 1000, "gop": 12,
                               "phase_ms": 70}}]}, {}, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
async def test_every_picture_comes_once(name: str, tmp_path: Path) -> None:
    device, archiving, client = CASES[name]
    async with Nvr(profile(since="now-10m", **device)) as nvr:
        now = nvr.now()
        wanted = Span(now - 560 * NS, now - 300 * NS)
        hasty = {"window_seconds": 100, "playback_idle": 1.0, **archiving}
        report = await extract(nvr, tmp_path, wanted, source(nvr, hasty, **client))
        assert report.errors == []
        shown = [at for at in clip(tmp_path, wanted) if wanted.begin <= at < wanted.end]
        assert shown == nvr.recorded(1, wanted)
        holes = {"held", "empty"} if "holes" in device.get("recorded", {}) else {"held"}
        assert set(states(tmp_path, wanted)) == holes
