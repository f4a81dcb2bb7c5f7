"""Indexes of program streams in native buffers: the columns of their tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.media.columns import SAMPLE
from hikcore.media.container import index_file
from hikcore.media.ps_index import PsIndex, index_stream
from hikcore.media.ps_times import median_step, video_times
from hikcore.media.times import WRAP
from hikcore.native.pictures import Pictures
from hikcore.sim.psmux import MuxProfile
from tests.media.ps_bodies import muxed


def indexed(body: bytes, folder: Path) -> PsIndex:
    path = folder / "a.ps"
    path.write_bytes(body)
    return index_stream(path)


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("mux", [MuxProfile(), MuxProfile(pes_size=300, junk=4)])
def test_the_same_as_the_table(mux: MuxProfile, b_frames: int, tmp_path: Path) -> None:
    found = indexed(muxed(mux, b_frames=b_frames, audio=None, seconds=5).body, tmp_path)
    truth = index_file(tmp_path / "a.ps")
    table = found.table()
    assert found.pictures is not None
    assert table.video is not None
    assert truth.video is not None
    for each in (found.pictures, table.video):
        assert list(each.pts) == truth.video.pts.tolist()
        assert list(each.dts) == truth.video.dts.tolist()
    sizes = np.frombuffer(found.pictures.sizes()[1], ">u4")
    assert sizes.tolist() == truth.video.size.tolist()
    assert found.config == truth.video.configs[0]
    assert table.notes == truth.notes
    assert table.damage == truth.damage


def test_sound_and_times_that_need_repair_have_a_table_only(tmp_path: Path) -> None:
    found = indexed(muxed().body, tmp_path)
    assert found.pictures is None
    assert found.table().audio is not None


STEPS = st.lists(st.integers(-9000, 450_001) | st.just(3600), min_size=1, max_size=40)


@given(STEPS, st.integers(0, WRAP - 1))
def test_times_are_those_of_the_general_way(steps: list[int], first: int) -> None:
    """Wrapped, reordered, far apart: the same, or refused."""
    records = np.zeros(len(steps), SAMPLE)
    records["pts"] = (first + np.cumsum(steps)) % WRAP
    records["lead"] = 0xFFFFFFFF
    records["size"] = 1
    pictures = Pictures()
    if pictures.fill(records.tobytes()):
        assert any(abs(step) > 450_000 for step in steps[1:])
        return
    pts, dts, notes = video_times(records, [None] * len(steps))
    assert not notes
    assert list(pictures.pts) == pts.tolist()
    assert list(pictures.dts) == dts.tolist()
    assert pictures.begin == pts.min()
    assert pictures.end - pts.max() == median_step(pts)
    assert pictures.first == dts[0]


@pytest.mark.parametrize(("column", "value"), [("pts", -1), ("lead", 0)])
def test_what_needs_the_general_way_is_refused(column: str, value: int) -> None:
    records = np.zeros(3, SAMPLE)
    records["pts"] = [0, 3600, 7200]
    records["lead"] = 0xFFFFFFFF
    assert Pictures().fill(records.tobytes()) == 0
    records[column][1] = value
    assert Pictures().fill(records.tobytes()) != 0
    assert Pictures().fill(b"") != 0
