"""Times of AAC frames where packets tell few of them, or none."""

from __future__ import annotations

import numpy as np
import pytest

from hikcore.media.aac import adts_config, sample_clock
from hikcore.media.times import WRAP

FRAME = 1920  # ticks of 1024 samples at 48 kHz


@pytest.mark.parametrize("near", [None, 0, 5_000_000])
def test_frames_without_any_time_follow_each_other(near: int | None) -> None:
    times, moved = sample_clock(np.full(5, -1, np.int64), 48_000, near)
    assert times.tolist() == [(near or 0) + n * FRAME for n in range(5)]
    assert moved == 0


def test_frames_before_the_first_time_count_back_from_it() -> None:
    raw = np.array([-1, -1, 9_000, -1, -1], np.int64)
    times, moved = sample_clock(raw, 48_000, None)
    assert times.tolist() == [9_000 + n * FRAME for n in range(-2, 3)]
    assert moved == 0


def test_none_lies_before_zero() -> None:
    """The clock of 33 bits passed zero just before the first time that is told."""
    times, _ = sample_clock(np.array([-1, -1, 100, -1], np.int64), 48_000, None)
    assert times.tolist() == [WRAP + 100 + n * FRAME for n in range(-2, 2)]
    times, _ = sample_clock(np.array([-1, -1, 100, -1], np.int64), 48_000, 0)
    assert times.tolist() == [100 + n * FRAME for n in range(-2, 2)]


def test_channels_that_the_frame_alone_tells_are_not_guessed() -> None:
    assert adts_config(1 << 7 | 3 << 3) is None
    found = adts_config(1 << 7 | 3 << 3 | 7)
    assert found is not None
    assert (found.rate, found.channels) == (48_000, 8)
