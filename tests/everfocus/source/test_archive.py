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
        wanted = Span(first, NOW - 400 * NS)
        report = await extract(nvr, tmp_path, wanted)
        assert report.errors == []
        inside = Span(wanted.begin + NS, wanted.end - 2 * NS)
        assert set(states(tmp_path, inside)) == {"held"}
        exact(tmp_path, nvr, inside)
        asked = len(nvr.requests)
        again = await extract(nvr, tmp_path, wanted)
        assert again.planned == []
        assert not [each for each in nvr.requests[asked:] if "/playback/" in each.target]
