"""Clips in a browser: headless Chromium plays them, and the page reads what it shows.

Seen with Chromium 156 of Debian 12: see docs/clips.md. It has no H.265 (by software).
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from hikcore.instants import Span
from tests.media.browser import browser, play
from tests.media.cut_archive import Cameras
from tests.media.cut_bodies import body
from tests.media.cut_footage import Kind

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        browser() is None,
        reason="no Chromium: apt-get install chromium (CI: HIKCORE_TEST_CHROMIUM=1 .ci/run)",
    ),
]
_TYPES = {
    "h264": 'video/mp4; codecs="avc1.42c00b, mp4a.40.2"',
    "h265": 'video/mp4; codecs="hvc1.1.6.L30.90, mp4a.40.2"',
}
#: Pictures between the key picture and the asked begin, and pictures asked for.
_BEFORE, _ASKED = 6, 25


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("b_pictures", [False, True])
@pytest.mark.parametrize("start", ["exact", "key"])
def test_the_first_picture_shown_is_the_asked_one(
    tmp_path: Path, codec: str, b_pictures: bool, start: str
) -> None:
    cameras = Cameras(tmp_path)
    held = cameras.held(body("hikvision ps", Kind(codec, b_pictures, True, "constant")))
    made = held.body.footage
    first = made.keys[2] + _BEFORE
    assert first < made.keys[3]
    span = Span(made.instants[first], made.instants[first + _ASKED])
    cameras.clip(held, span, tmp_path / "clip.mp4", start=start, audio="aac")
    found = play(tmp_path / "clip.mp4", tmp_path, _TYPES[codec])
    if not found["support"]:
        pytest.skip(f"this Chromium has no {codec}")
    if start == "key":
        first -= _BEFORE
    marks = list(made.marks[first : made.keys[2] + _BEFORE + _ASKED])
    assert found["error"] == ""
    assert found["begin"] == 0
    assert found["first"][0] == marks[0]
    # Pictures may be left out where the machine is busy, but none comes that was not asked for,
    # and each at its time.
    for at, mark, _ in found["frames"]:
        assert marks[round(at * 25)] == mark
    numbers = [marks.index(mark) for _, mark, _ in found["frames"]]
    assert all(a < b for a, b in itertools.pairwise(numbers))
    assert len(numbers) > len(marks) // 2
    # A picture behind the end that B pictures refer to counts for Chromium, though it is not shown.
    assert found["duration"] == pytest.approx(len(marks) * 0.04, abs=0.05)
    assert found["end"] == pytest.approx(found["duration"], abs=0.03)
    assert found["audioBytes"] > 0
    assert found["sound"]["duration"] == pytest.approx(len(marks) * 0.04, abs=0.03)
    assert found["sound"]["loudest"] > 0.01
