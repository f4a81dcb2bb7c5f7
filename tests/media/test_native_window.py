"""What parsers that are fed in pieces share: what they keep, and what comes without room for it."""

from __future__ import annotations

import importlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from hikcore.media.columns import SAMPLE
from hikcore.native.avi import AviCore
from tests.media.avi_reference import avi
from tests.media.test_avi import chunks

MEGABYTE = 1 << 20


@contextmanager
def room(size: int) -> Iterator[None]:
    """So many bytes of address space more than now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("name", ["Fed", "Window"])
def test_a_parser_that_reads_nothing_takes_all(name: str) -> None:
    parser = getattr(importlib.import_module("hikcore.native.window"), name)()
    for piece in (b"", b"abc", bytes(MEGABYTE)):
        assert parser.feed(piece) is None
    with pytest.raises(TypeError):
        parser.feed(None)


def test_no_room_for_what_is_kept_is_an_error_and_what_came_before_is_there() -> None:
    """A chunk of half a gigabyte, which the caller allowed, and a machine that has not so much."""
    core = AviCore(1 << 30, 1000, 1000)
    core.feed(avi(chunks(count=10), idx1="none"))
    core.feed(b"00dc" + (512 * MEGABYTE).to_bytes(4, "little"))
    taken = 0

    def feed_all() -> None:
        nonlocal taken
        block = bytes(MEGABYTE)
        while taken < 512:
            core.feed(block)
            taken += 1

    with room(96 * MEGABYTE):
        with pytest.raises(MemoryError, match="no room"):
            feed_all()
        with pytest.raises(MemoryError, match="no room"):
            core.feed(b"more")
    assert 8 < taken < 128
    columns = core.finish()
    assert core.pictures == 10
    assert len(np.frombuffer(columns["video"], SAMPLE)) == 10
