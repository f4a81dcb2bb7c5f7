"""Program streams made MP4 of in one reading, against the index and a second reading."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from hikcore.errors import MediaError
from hikcore.media.mp4.plain import find_moov
from hikcore.media.mp4.read import index_mp4, read_edits
from hikcore.media.remux import write_once, write_twice
from hikcore.media.samples import read_samples
from hikcore.media.sniff import SNIFF_BYTES, sniff
from tests.fuzz.files import as_file
from tests.fuzz.target import Target, pieces
from tests.fuzz.targets import ps
from tests.media.mp4_foreign import Bytes


@cache
def _memory() -> int:
    return os.memfd_create("remux", os.MFD_CLOEXEC)


def _written(write: Callable[[int], object]) -> tuple[bytes | None, str]:
    """The file, None where it cannot be had this way; or why there is none."""
    os.ftruncate(_memory(), 0)
    os.lseek(_memory(), 0, os.SEEK_SET)
    try:
        table = write(_memory())
    except MediaError as error:
        return None, str(error)
    size = os.fstat(_memory()).st_size
    return os.pread(_memory(), size, 0) if table is not None else None, ""


def once(path: Path, block: int) -> tuple[bytes | None, str]:
    """What one reading in pieces of this size makes of a file."""
    with path.open("rb", buffering=0) as body:
        return _written(lambda out: write_once(body, out, block))


def twice(path: Path) -> tuple[bytes | None, str]:
    """What its index and a second reading make of it."""
    return _written(lambda out: write_twice(path, out))


def same_movie(one: bytes, two: bytes) -> None:
    """The same tracks: times, sizes, configurations, edit lists, and the bytes of every sample."""
    tables = [index_mp4(Bytes(data), len(data), verify=True) for data in (one, two)]
    told = [[each.reason for each in table.damage] for table in tables]
    assert told[0] == told[1]
    for name in ("video", "audio"):
        a, b = (getattr(table, name) for table in tables)
        assert (a is None) == (b is None), name
        if a is None or b is None:
            continue
        for column in ("dts", "pts", "size", "sync", "config"):
            assert getattr(a, column).tolist() == getattr(b, column).tolist(), (name, column)
        for value in ("configs", "timescale", "last_duration", "framing"):
            assert getattr(a, value) == getattr(b, value), (name, value)
        held = [read_samples(Bytes(d), t, 0, len(t)) for d, t in ((one, a), (two, b))]
        assert held[0] == held[1], name
    edits = [read_edits(find_moov(Bytes(data), len(data))) for data in (one, two)]
    assert edits[0] == edits[1]


def check(body: bytes, block: int | None = None) -> bool:
    """See the module; whether one reading was enough. (Others than program streams have none.)"""
    if sniff(body[:SNIFF_BYTES]) != "ps":
        return False
    path = as_file(body)
    two, reason = twice(path)
    one, early = once(path, block or max(pieces(body)))
    if one is None and not early:
        return False
    assert early == reason
    if one is not None:
        assert two is not None
        same_movie(one, two)
    return True


def hold(body: bytes) -> None:
    """As a target; bodies of a few bytes a block as well."""
    check(body)
    check(body, min(pieces(body)))


TARGET = Target("remux", ps.seeds, hold, ps.GRAMMAR)
