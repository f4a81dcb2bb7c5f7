"""The room that is taken for a body of which no size is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import SpoolFull
from hikcore.extract.sizes import MOST, Sizes
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span
from hikcore.sources.base import Recording

MIB = 1 << 20


def window(seconds: int, size: int | None = None) -> Recording:
    return Recording(
        1, "main", "window", "a", "b", Span(0, seconds * NS), size, "", False, "somewhere"
    )


def test_what_is_told_is_believed() -> None:
    sizes = Sizes()
    sizes.came(1 << 40, 60 * NS)
    assert sizes.expected(window(60, 17)) == 17


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(1, 7200))), st.integers(1, 86_400))
def test_enough_for_the_fastest_so_far_and_never_more_than_a_file(
    came: list[tuple[int, int]], seconds: int
) -> None:
    sizes = Sizes()
    for size, length in came:
        sizes.came(size, length * NS)
    expected = sizes.expected(window(seconds))
    fastest = max((size / length for size, length in came if length >= 5), default=0)
    assert 0 < expected <= MOST
    assert expected >= min(fastest * seconds, MOST) - 1


async def test_a_spool_of_a_gigabyte_has_room_for_many_windows(tmp_path: Path) -> None:
    """Each took what a recorder's largest file takes, twice."""
    spool, sizes = Spool(tmp_path, 1 << 30, poll=0.001), Sizes()
    sizes.came(30 * MIB, 60 * NS)
    entered = [spool.room(sizes.expected(window(60)), guessed=True) for _ in range(8)]
    async with asyncio.timeout(5):
        for each in entered:
            await each.__aenter__()
    for each in entered:
        await each.__aexit__(None, None, None)


async def test_a_guess_never_keeps_a_small_spool_from_working(tmp_path: Path) -> None:
    async with Spool(tmp_path, 20 * MIB).room(Sizes().expected(window(3600)), guessed=True) as room:
        room.use(7 * MIB)
        with pytest.raises(SpoolFull, match="longer than listed"):
            room.use(7 * MIB)
