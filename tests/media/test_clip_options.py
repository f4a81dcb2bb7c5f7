"""Every combination of a clip's options, held against the checker and a decoder."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from hikcore.media.check import check_file
from hikcore.media.clip import ClipReport
from hikcore.media.mp4.strip import strip
from tests.media.mp4_footage import decode_video, packets
from tests.media.random_cuts import _sets_inside
from tests.media.test_clip import HOLE, cut, world

OPTIONS = list(
    itertools.product(
        ("exact", "key"), ("keep", "cut"), (False, True), ("copy", "aac", "flac", "none")
    )
)


def clip(codec: str, bframes: int, start: str, gaps: str, stripped: bool, audio: str
         ) -> tuple[bytes, ClipReport]:  # fmt: skip
    """From the middle of a group, over a seam and a hole of 40 s, into the middle of another."""
    segments = world(codec, bframes)
    begin, end = segments[0].pictures()[33][0], segments[2].pictures()[30][0]
    data, report, _ = cut(
        segments, begin, end, start=start, gaps=gaps, strip_parameter_sets=stripped, audio=audio
    )
    return data, report


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("bframes", [0, 2])
def test_every_combination_keeps_the_rules(tmp_path: Path, codec: str, bframes: int) -> None:
    path = tmp_path / "clip.mp4"
    for start, gaps, stripped, audio in OPTIONS:
        data, report = clip(codec, bframes, start, gaps, stripped, audio)
        path.write_bytes(data)
        said = (start, gaps, stripped, audio)
        assert check_file(path, decode=True).failures == [], said
        shown = decode_video(data)
        # Pictures 33 to 60 + 60 + 30; with the key before, 20 to them.
        first = 20 if start == "key" else 33
        assert [number for _, number in shown] == list(range(first, 150)), said
        assert (report.lead_in == 0) == (start == "key"), said
        assert report.files[0].hidden == (0 if start == "key" else 13), said
        pause = max(b - a for (a, _), (b, _) in itertools.pairwise(shown))
        assert (pause >= HOLE) == (gaps == "keep"), said
        assert _sets_inside(path) != stripped, said
        assert report.files[0].stripped == (7 if stripped else 0), said
        assert bool(report.audio) == (audio != "none"), said


def test_only_copies_are_taken_out() -> None:
    """What is left are the same NAL units in the same order."""
    data, _ = clip("h264", 2, "exact", "keep", False, "none")
    less, _ = clip("h264", 2, "exact", "keep", True, "none")
    for (at, whole), (when, left) in zip(
        packets(data, "video"), packets(less, "video"), strict=True
    ):
        assert at == when
        kept = [nal for nal in _nals(whole) if nal[4] & 31 not in (7, 8)]
        assert b"".join(kept) == left
    assert len(less) < len(data)


def _nals(sample: bytes) -> list[bytes]:
    out, at = [], 0
    while at < len(sample):
        end = at + 4 + int.from_bytes(sample[at : at + 4], "big")
        out.append(sample[at:end])
        at = end
    return out


def test_other_sets_stay_and_no_sample_is_left_empty() -> None:
    sps, other, picture = b"\x67abc", b"\x67abd", b"\x65zzzz"
    one = b"".join(len(nal).to_bytes(4, "big") + nal for nal in (sps, other, picture))
    assert b"".join(strip(one, frozenset([sps]))) == one[8:]
    alone = len(sps).to_bytes(4, "big") + sps
    assert b"".join(strip(alone, frozenset([sps]))) == alone
