"""The way from an EverFocus recorder into an archive and back, over HTTP and WebSocket, read from
the pixels."""

from __future__ import annotations

from pathlib import Path

import pytest

from hikcore.instants import NS, Span
from hikcore.sim.everfocus.nvr import Nvr
from tests.everfocus.source.archive import NOW, clip, extract, profile, source, span, states


def exact(folder: Path, nvr: Nvr, inside: Span) -> None:
    """The archive shows every picture that the recorder has of a span, once, and no other."""
    there = nvr.recorded(1, inside)
    shown = [at for at in clip(folder, inside) if at >= inside.begin]
    assert shown == [at for at in there if inside.begin <= at < inside.end]


@pytest.mark.parametrize("start", ["exact", "key"])
@pytest.mark.parametrize("gop", [1, 12, 900])
async def test_no_instant_is_damaged_and_none_doubled(gop: int, start: str, tmp_path: Path) -> None:
    async with Nvr(profile({"gop": gop}, playback={"start": start})) as nvr:
        first = nvr.recorded(1, Span(0, NOW))[0]
        wanted = Span(first, NOW - 900 * NS)
        report = await extract(nvr, tmp_path, wanted, source(nvr, {"window_seconds": 300}))
        assert report.errors == []
        inside = Span(wanted.begin + NS, wanted.end - 2 * NS)
        assert set(states(tmp_path, inside)) == {"held"}
        exact(tmp_path, nvr, inside)
        asked = len(nvr.requests)
        again = await extract(nvr, tmp_path, wanted, source(nvr, {"window_seconds": 300}))
        assert again.planned == []
        assert not [each for each in nvr.requests[asked:] if "/playback/" in each.target]


@pytest.mark.parametrize("hole", ["jumps", "silent"])
@pytest.mark.parametrize("at_end", ["silent", "closes"])
async def test_a_hole_is_empty_and_what_lies_around_it_is_whole(
    hole: str, at_end: str, tmp_path: Path
) -> None:
    """One hole inside a window, one over the border of two, and one that windows lie within."""
    holes = [
        {"begin": "now-1110s", "end": "now-1060s"},
        {"begin": "now-930s", "end": "now-880s"},
        {"begin": "now-820s", "end": "now-500s"},
    ]
    made = profile(since="now-20m", recorded={"holes": holes},
                   playback={"hole": hole, "at_end": at_end})  # fmt: skip
    async with Nvr(made) as nvr:
        wanted = span(1200, 300)
        report = await extract(nvr, tmp_path, wanted, source(nvr, {"window_seconds": 100}))
        assert report.errors == []
        assert all(not outcome.reason for outcome in report.outcomes)
        exact(tmp_path, nvr, wanted)
        found = states(tmp_path, Span(wanted.begin, wanted.end - 2 * NS))
        assert set(found) == {"held", "empty"}
        empty = sum(part.length for part in found["empty"])
        # Footage begins and ends with whole groups, which the holes do not.
        assert 420 * NS - 4 * 13 * NS <= empty <= 420 * NS + 4 * 13 * NS
        asked = len(nvr.requests)
        await extract(nvr, tmp_path, wanted, source(nvr, {"window_seconds": 100}))
        assert not [each for each in nvr.requests[asked:] if "/playback/" in each.target]
