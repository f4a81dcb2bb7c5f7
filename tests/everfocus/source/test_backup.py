"""AVI of a window, its times from short playbacks at its ends; and when it is taken at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import DeviceError
from hikcore.instants import NS, Span
from hikcore.sim.everfocus.nvr import Nvr
from hikcore.sources.everfocus.backup import Pictures, told
from hikcore.sources.everfocus.way import Load, way
from tests.everfocus.source.archive import clip, extract, profile, source, span, states

HOW = {"window_seconds": 100, "way": "backup"}


def notes(folder: Path) -> list[str]:
    found = sorted((folder / "archive/v1/manifests").rglob("*.json"))
    return [note for path in found for note in json.loads(path.read_text())["notes"]]


@pytest.mark.parametrize("kind", ["whole", "no_index", "no_sizes"])
@pytest.mark.parametrize("start", ["key", "after"])
@pytest.mark.parametrize("playing", ["key", "exact"])
async def test_an_avi_is_placed_by_its_pictures(
    start: str, playing: str, kind: str, tmp_path: Path
) -> None:
    changes = {"backup": {"start": start, "kind": kind}, "playback": {"start": playing}}
    async with Nvr(profile(since="now-20m", **changes)) as nvr:
        wanted = span(900, 500)
        report = await extract(nvr, tmp_path, wanted, source(nvr, HOW))
        assert report.errors == []
        taken = [each for each in nvr.requests if "backupVideoClip" in each.target]
        assert len(taken) == 4
        there = nvr.recorded(1, wanted)
    inside = Span(wanted.begin + 13 * NS, wanted.end - 13 * NS)
    assert set(states(tmp_path, inside)) == {"held"}
    shown = [at for at in clip(tmp_path, inside) if at >= inside.begin]
    # Its pictures are laid evenly between two that are known: here, to the millisecond.
    wanted_ = [at for at in there if inside.begin <= at < inside.end]
    assert shown[2:-2] == [at for at in wanted_ if shown[2] <= at <= shown[-3]]
    assert len(shown) >= len(wanted_) - 2
    assert any("estimated" in note for note in notes(tmp_path))


async def test_an_error_in_place_of_an_avi(tmp_path: Path) -> None:
    async with Nvr(profile(since="now-20m")) as nvr:
        used = source(nvr, HOW)
        (row, *_) = (await used.recordings(1, "main", span(900, 800))).recordings

        async def write(block: bytes) -> None:
            raise AssertionError("an error is no footage")

        with pytest.raises(DeviceError, match="no stream"):
            await used.fetch(replace(row, channel=9), write)
        await used.aclose()


def test_unmatched_is_not_told() -> None:
    pictures = Pictures(3, [b"a", b"b", b"c"])
    pictures.last.extend(pictures.first)
    assert told(pictures, {}, {b"c": 5}) is None
    assert told(pictures, {b"x": 1}, {b"c": 5}) is None
    assert told(pictures, {b"a": 9}, {b"c": 5}) is None
    assert told(pictures, {b"a": 100}, {b"c": 300}) == Span(100, 400)
    assert told(pictures, {b"b": 200}, {b"c": 300}) == Span(100, 400)
    assert told(pictures, {b"a": 100}, {b"b": 200}) == Span(100, 400)


@given(
    st.integers(1, 64), st.floats(0, 1), st.integers(1, 16), st.sampled_from([1, 2, 4, 8, 16]),
    st.floats(0, 1e7), st.floats(1, 60),
)  # fmt: skip
def test_playback_where_it_keeps_up(
    streams: int, recorded: float, sessions: int, speed: int, backlog: float, days: float
) -> None:
    load = Load(streams, recorded, backlog, days, sessions=sessions, speed=speed)
    played = sessions * speed * 86_400 * 0.8
    needed = (streams * recorded * 86_400 + backlog / days) * 610 / 600
    assert way(load) == ("playback" if played >= needed else "backup")


def test_one_camera_on_motion_is_played_and_a_full_recorder_is_not() -> None:
    assert way(Load(1, 0.5)) == "playback"
    assert way(Load(1, 1.0)) == "backup"  # one session is not enough for a whole day
    assert way(Load(1, 1.0, sessions=2)) == "playback"
    assert way(Load(16, 1.0, sessions=2)) == "backup"
    assert way(Load(16, 1.0, sessions=2, speed=16)) == "playback"


async def test_auto_goes_by_the_arithmetic(tmp_path: Path) -> None:
    how = {"window_seconds": 100, "way": "auto"}
    async with Nvr(profile(since="now-20m")) as nvr:
        await extract(nvr, tmp_path / "one", span(900, 800), source(nvr, how))
        assert any("backupVideoClip" in each.target for each in nvr.requests)
        nvr.requests.clear()
        await extract(nvr, tmp_path / "two", span(900, 800), source(nvr, how, streams=2))
        assert not any("backupVideoClip" in each.target for each in nvr.requests)
