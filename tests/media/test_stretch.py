"""How many samples lie within so many bytes of a source, against the plain definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.native.gather import stretch

SAMPLES = st.lists(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60)), max_size=4),
    min_size=1, max_size=12,
)  # fmt: skip


def columns(samples: list[list[tuple[int, int]]]) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
    extents = [one for sample in samples for one in sample]
    return (
        np.array([o for o, _ in extents], np.uint64),
        np.array([s for _, s in extents], np.uint32),
        np.cumsum([0] + [len(sample) for sample in samples]).astype(np.int64),
        np.array([sum(s for _, s in sample) for sample in samples], np.uint32),
    )


@given(samples=SAMPLES, room=st.integers(0, 500), data=st.data())
def test_as_many_as_fit_and_at_least_one(
    samples: list[list[tuple[int, int]]], room: int, data: st.DataObject
) -> None:
    low = data.draw(st.integers(0, len(samples) - 1))
    high = data.draw(st.integers(low + 1, len(samples)))

    def needs(last: int) -> tuple[int, int]:
        extents = [one for sample in samples[low:last] for one in sample]
        ends = [offset + size for offset, size in extents]
        return min((o for o, _ in extents), default=0), max(ends, default=0)

    last = low + 1
    while last < high and needs(last + 1)[1] - needs(last + 1)[0] <= room:
        last += 1
    extents = [one for sample in samples[low:last] for one in sample]
    joined = all(a + s == b for (a, s), (b, _) in itertools.pairwise(extents))
    total = sum(size for _, size in extents)
    assert stretch(*columns(samples), low, high, room) == (last, *needs(last), total, joined)


def test_what_cannot_be_is_refused() -> None:
    offsets, sizes, first, expected = columns([[(0, 5)], [(5, 5)]])
    for low, high in ((0, 0), (0, 3), (-1, 1), (2, 2)):
        with pytest.raises(ValueError, match="no such samples"):
            stretch(offsets, sizes, first, expected, low, high, 10)
    with pytest.raises(ValueError, match="different lengths"):
        stretch(offsets, sizes[:1], first, expected, 0, 2, 10)
    for wrong in ([0, 1, 3], [0, -1, 2], [-1, 1, 2], [2, 1, 2]):
        with pytest.raises(ValueError, match="cannot be"):
            stretch(offsets, sizes, np.array(wrong, np.int64), expected, 0, 2, 10)
    far = np.array([0, 1 << 62], np.uint64)
    with pytest.raises(ValueError, match="sample 1 cannot be"):
        stretch(far, sizes, first, expected, 0, 2, 10)
