"""Cuts by ranges of what cannot be cut: spans that are none, files that end before they say."""

from __future__ import annotations

import io

import pytest

from hikcore.errors import MediaDamaged
from hikcore.media.ranged import cut_ranged
from tests.media.mp4_foreign import Bytes, foreign


def cut(data: bytes, size: int, begin: float, end: float) -> bytes:
    source, out = Bytes(data), io.BytesIO()
    cut_ranged(source, size, lambda low, high: source, out, begin, end)
    return out.getvalue()


@pytest.mark.parametrize(("begin", "end"), [(1.0, 1.0), (2.0, 1.0)])
def test_a_span_that_is_none(begin: float, end: float) -> None:
    data = foreign(sound=None)
    with pytest.raises(ValueError, match="is not before the end"):
        cut(data, len(data), begin, end)


@pytest.mark.parametrize("movflags", ["", "faststart"])
def test_a_file_that_ends_before_it_says(movflags: str) -> None:
    """Its size was told, and less of it comes: at any place an error, and nothing is written."""
    data = foreign(sound=None, movflags=movflags)
    whole = cut(data, len(data), 0.5, 1.0)
    assert len(whole) > 1000
    for left in range(0, len(data), len(data) // 40):
        try:
            found = cut(data[:left], len(data), 0.5, 1.0)
        except MediaDamaged:
            continue
        assert found == whole  # what the span needs was there
