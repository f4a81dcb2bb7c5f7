"""Files of others whose edit list hides a lead-in, as clips that a cloud cuts itself have it."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.instants import NS, ticks_to_ns
from hikcore.media.container import index_file
from hikcore.media.regular import excess
from hikcore.media.runs import find_runs
from hikcore.media.table import SampleTable
from tests.media.mp4_foreign import foreign, rebuilt

LISTED = 1_700_000_000 * NS
CLOCK = DeviceClock("utc", ZoneRule())
STEP = 3600


def table(tmp_path: Path, *edits: tuple[int, int], **options: str) -> SampleTable:
    """60 pictures of 40 ms with a list of (duration in 1/1000 s, media time in 1/12800 s)."""
    data = foreign(sound=None, bframes=0, **options)
    rows = b"".join(struct.pack(">IiI", *edit, 0x10000) for edit in edits)

    def change(path: str, _: bytes) -> bytes | None:
        if path == "moov/trak/edts":
            return struct.pack(">I4sII", 16 + len(rows), b"elst", 0, len(edits)) + rows
        return None

    (tmp_path / "a.mp4").write_bytes(rebuilt(data, change))
    return index_file(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("edits", "hidden", "end"),
    [
        ([(1000, 512 * 5)], 5 * STEP, 5 * STEP + 90_000),
        ([(1000, 512 * 5 + 128)], 5 * STEP + 900, 5 * STEP + 900 + 90_000),  # inside a picture
        ([(0, 512 * 7)], 7 * STEP, 60 * STEP),  # a last edit without a length: all the rest
        ([(9000, 512 * 7)], 7 * STEP, 60 * STEP),
        ([(3_600_000, -1), (1000, 512 * 5)], 5 * STEP, 5 * STEP + 90_000),
        ([(2400, 0)], 0, 60 * STEP),
        ([(400, 512 * 30), (400, 512 * 10)], 30 * STEP, 60 * STEP),
    ],
)
def test_what_is_listed_is_what_the_edit_list_shows(
    tmp_path: Path, edits: list[tuple[int, int]], hidden: int, end: int
) -> None:
    found = table(tmp_path, *edits)
    assert found.presented == (hidden, end)
    (run,) = find_runs(found, CLOCK, LISTED)
    assert len(run.pts) == 60
    assert run.begin == LISTED - ticks_to_ns(hidden)
    assert run.wall(hidden) == LISTED


@pytest.mark.parametrize("edits", [[(1000, -1)], [(1000, 512 * 80)], []])
def test_a_list_that_shows_nothing_hides_nothing(
    tmp_path: Path, edits: list[tuple[int, int]]
) -> None:
    found = table(tmp_path, *edits)
    assert found.presented is None
    (run,) = find_runs(found, CLOCK, LISTED)
    assert run.begin == LISTED


def test_hidden_pictures_are_not_too_many(tmp_path: Path) -> None:
    """A clip of 0.1 s that has 2.3 s before it is as long as it is said to be."""
    found = table(tmp_path, (100, 512 * 55))
    assert excess(found, NS // 10) == 0
    assert excess(replace(found, presented=None), NS // 10) > 2 * NS


def test_the_first_run_alone_has_a_lead_in(tmp_path: Path) -> None:
    """What follows a jump of times follows the run before it, wherever the list begins."""
    found = table(tmp_path, (1000, 512 * 5))
    video = found.video
    assert video is not None
    pts = video.pts.copy()
    pts[30:] += 90_000 * 60
    jumped = replace(found, video=replace(video, pts=pts, dts=pts))
    first, second = find_runs(jumped, CLOCK, LISTED)
    assert first.begin == LISTED - ticks_to_ns(5 * STEP)
    assert second.begin == first.wall(first.pts_end)
    late = replace(jumped, presented=(int(pts[40]), int(pts[-1])))
    first, second = find_runs(late, CLOCK, LISTED)
    assert second.begin == LISTED
