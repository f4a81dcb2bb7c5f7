"""Clips where only one of picture and sound has footage."""

from __future__ import annotations

from pathlib import Path

import pytest

from hikcore.deviceclock import ZoneRule
from hikcore.errors import NoRecording
from hikcore.instants import NS, Span
from hikcore.media.check import check_file
from hikcore.sim.camera import CameraProfile
from hikcore.sim.psmux import Muxer, MuxProfile
from hikcore.sim.sound import sound
from tests.media.cut_archive import Cameras, Held
from tests.media.cut_bodies import body
from tests.media.cut_footage import T0_MS, Kind
from tests.timecode import read_instants

T0 = T0_MS * 1_000_000


def heard(begin_ms: int, end_ms: int) -> bytes:
    """A program stream of sound alone, as a recorder writes it whose camera lost its picture."""
    camera = CameraProfile(channel=3, width=320, height=144, audio="alaw")
    muxer = Muxer(camera, MuxProfile(), ZoneRule())
    units = (muxer.audio(ms, sound("alaw", ms, ms + 40, 3)) for ms in range(begin_ms, end_ms, 40))
    return muxer.head() + b"".join(units)


@pytest.fixture
def cameras(tmp_path: Path) -> Cameras:
    return Cameras(tmp_path)


def test_sound_without_a_picture_is_named(cameras: Cameras, tmp_path: Path) -> None:
    cameras.commit("door", heard(T0_MS, T0_MS + 4000), T0, T0 + 4 * NS)
    (manifest,) = cameras.archive.manifests("cuts", "door", Span(T0, T0 + 4 * NS))
    assert [(s.frames, s.units) for run in manifest.runs for s in run.segments] == [(0, 100)]
    with pytest.raises(NoRecording, match="only sound is held") as error:
        cameras.archive.clip("cuts", "door", Span(T0 + NS, T0 + 2 * NS), tmp_path / "a.mp4")
    assert "wider span" in error.value.hint
    assert not list(tmp_path.glob("*.mp4"))


def test_sound_alone_before_pictures_is_left_out(cameras: Cameras, tmp_path: Path) -> None:
    made = body("hikvision ps", Kind("h264", False, True, "constant"))
    first = made.footage.instants[0]
    cameras.commit("door", heard(T0_MS - 4000, T0_MS), first - 4 * NS, first)
    cameras.commit("door", made.data, first, made.footage.end)
    out = tmp_path / "a.mp4"
    span = Span(first - 2 * NS, first + NS)
    document = cameras.archive.clip("cuts", "door", span, out).document
    assert read_instants(str(out)) == list(made.footage.instants[:25])
    assert document.audio == "alaw"
    assert document.first == first
    assert check_file(out, decode=True).failures == []


def test_pictures_without_sound_are_a_clip(cameras: Cameras, tmp_path: Path) -> None:
    held: Held = cameras.held(body("hikvision ps", Kind("h264", False, False, "constant")))
    instants = held.body.footage.instants
    for audio in ("copy", "aac", "flac", "none"):
        out = tmp_path / "a.mp4"
        document = cameras.clip(held, Span(instants[3], instants[20]), out, audio=audio)
        assert (document.audio, document.frames) == (None, 17)
        assert check_file(out, source=held.path, decode=True).failures == []
