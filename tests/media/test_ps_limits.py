"""Program streams against the parser's limits, encrypted ones, and ones that end anywhere.

Numbers: media facts, hostile inputs 9 to 16.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaDamaged, MediaEncrypted, MediaError
from hikcore.media.container import accept
from hikcore.media.ps import PsIndexer
from hikcore.media.runs import find_runs
from hikcore.media.samples import read_samples
from hikcore.media.segments import plan_segments
from hikcore.media.table import SampleTable
from hikcore.sim.encoder import AccessUnit
from hikcore.sim.psmux import MuxProfile
from tests.cost import cost
from tests.media.ps_bodies import (
    BEGIN,
    PLAIN,
    Bytes,
    Muxed,
    index,
    muxed,
    nal_units,
    pack,
    picture,
    read,
    video,
    whole,
)


@pytest.mark.parametrize("byte", [b"\0", b"\xff", b"\1", b"\0\0\1", b"\0\1", b"\0\0\1\xe0\0\0"])
def test_megabytes_without_a_packet_take_linear_time(byte: bytes) -> None:
    made = muxed(PLAIN, audio=None)

    def seconds(size: int) -> float:
        body = made.body + (byte * (size // len(byte)))
        found: list[SampleTable] = []
        took = cost(lambda: found.append(index(body, [4096])))
        (table,) = found
        assert table.video is not None
        assert len(table.video) >= len(made.pictures) - 1
        return took

    small, large = min(seconds(1 << 20) for _ in range(3)), seconds(8 << 20)
    assert large < 40 * small + 0.2


def test_zeros_in_tiny_packets_before_each_picture_take_linear_time() -> None:
    """Zeros before a start code belong to the picture behind: looked for once, not each time."""
    made = muxed(PLAIN, audio=None, seconds=0.4)
    zeros = video(b"\0") * 20_000
    body = picture(made, 0) + zeros + picture(made, 1) + zeros + picture(made, 2)
    found: list[Any] = []
    assert cost(lambda: found.append(read(body))) < 2
    ((_, nals),) = found
    assert nals == whole(made)[:3]


# caps


@pytest.mark.parametrize("most", [1, 5, 17])
def test_a_cap_on_samples_ends_the_table_where_it_is_reached(most: int) -> None:
    made = muxed()
    table = index(made.body, [100], max_samples=most)
    assert table.video is not None
    assert table.audio is not None
    assert len(table.video) <= most
    assert len(table.audio) <= most
    assert max(len(table.video), len(table.audio)) == most
    assert nal_units(made.body, table.video) == whole(made)[: len(table.video)]
    sound = read_samples(Bytes(made.body), table.audio, 0, len(table.audio))
    assert sound == b"".join(data for _, data in made.sounds[: len(table.audio)])
    last = table.damage[-1]
    assert "cap" in last.reason
    assert 0 < last.offset < len(made.body)


@pytest.mark.parametrize("most", range(1, 40))
def test_a_cap_on_extents_leaves_whole_pictures(most: int) -> None:
    """Two pictures in one packet: the cap may fall where an extent is divided between them."""
    made = muxed(audio=None, seconds=0.5)
    stream = b"".join(unit.data for unit in made.pictures)
    body = pack() + b"".join(video(stream[at : at + 400], at) for at in range(0, len(stream), 400))
    try:
        table = index(body, max_extents=most)
    except MediaDamaged:
        assert most < 8
        return
    assert table.video is not None
    assert len(table.video.extent_offset) <= most
    assert nal_units(body, table.video) == whole(made)[: len(table.video)]
    if len(table.video) < len(made.pictures):
        assert "cap" in table.damage[-1].reason


def test_memory_is_bounded_by_the_caps_not_by_the_body() -> None:
    made = muxed(PLAIN, audio=None)
    endless = made.body * 400
    tracemalloc.start()
    indexer = PsIndexer(max_samples=100, max_extents=400)
    for at in range(0, len(endless), 4096):
        indexer.feed(memoryview(endless)[at : at + 4096])
    table = indexer.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert table.video is not None
    assert len(table.video) == 100
    assert peak < 1 << 20


def test_a_picture_without_end_ends_the_table() -> None:
    made = muxed(PLAIN, audio=None, seconds=0.4)
    tail = video(b"\xff" * 65_000) * 1100
    table, nals = read(made.body + tail)
    assert nals == whole(made)[:-1]
    assert "cap" in table.damage[-1].reason


def with_other_sets(made: Muxed, count: int) -> bytes:
    """A body, and so many key pictures behind it, each with an SPS of its own."""
    key = made.pictures[0]
    sps = key.units()[0]
    units = []
    for number in range(count):
        other = sps[:-1] + number.to_bytes(3, "big").replace(b"\0", b"\x10") + b"\x80"
        data = b"\0\0\0\1" + other + b"\0\0\0\1\x65\x88" + bytes((number % 255 + 1,))
        units.append(AccessUnit(key.ms + number * 80, True, data))
    return made.body + b"".join(video(unit.data, 90 * unit.ms) for unit in units)


def test_parameter_sets_that_never_repeat_take_no_time() -> None:
    made = muxed(PLAIN, audio=None, seconds=0.4)
    body = with_other_sets(made, 20_000)
    found: list[SampleTable] = []
    assert cost(lambda: found.append(index(body))) < 5
    (table,) = found
    assert table.video is not None
    assert len(table.video) == len(made.pictures) + 20_000
    assert "parameter sets" in table.damage[0].reason


def test_of_parameter_sets_256_are_told_apart() -> None:
    made = muxed(PLAIN, audio=None, seconds=0.4)
    table = index(with_other_sets(made, 600))
    assert table.video is not None
    assert len(table.video) == len(made.pictures) + 600
    assert np.unique(table.video.config).tolist() == list(range(256))
    assert set(table.video.config[-200:].tolist()) == {255}
    assert {fault.reason for fault in table.damage} == {table.damage[0].reason}
    assert "parameter sets" in table.damage[0].reason


# 15, 16: encryption; no key frame


def test_encrypted_by_the_map_and_scrambled_by_the_header_alone() -> None:
    table = index(muxed(MuxProfile(encrypt=1)).body)
    assert table.encrypted
    with pytest.raises(MediaEncrypted):
        accept(table)
    made = muxed(PLAIN, audio=None)
    scrambled = made.body.replace(b"\x8c\x80", b"\xbc\x80").replace(b"\x8c\0", b"\xbc\0")
    table, nals = read(scrambled)
    assert nals == whole(made)
    assert not accept(table).encrypted


def test_encrypted_nal_units_are_named_so_and_not_damaged() -> None:
    made = muxed(MuxProfile(encrypt=2), audio=None, seconds=0.4)
    body = made.body
    for unit in made.pictures:
        for nal in unit.units():
            body = body.replace(nal, bytes(b ^ 0xA5 | 2 for b in nal))
    with pytest.raises(MediaEncrypted):
        accept(index(body))


def test_no_key_frame_and_a_key_frame_at_the_end_alone() -> None:
    made = muxed(PLAIN, audio=None, begin=BEGIN + 80, headless=True)
    keys = [number for number, unit in enumerate(made.pictures) if unit.key]
    before = b"".join(picture(made, number) for number in range(keys[0]))
    with pytest.raises(MediaDamaged, match="no key frame"):
        index(before)
    table, nals = read(before + picture(made, keys[0]))
    assert nals == whole(made)[: keys[0] + 1]
    (run,) = find_runs(table, UTC_CLOCK, 0)
    first, second = plan_segments(table, run)
    assert (first.headless, second.headless) == (True, False)
    assert (second.first, second.last) == (keys[0], keys[0] + 1)


@pytest.mark.parametrize("left", [1, 30, 400, 700])
def test_a_body_that_ends_inside_a_key_picture_has_its_wall_clock_no_more(left: int) -> None:
    """Its reading pointed at a picture that is not in the table."""
    made = muxed(PLAIN, audio=None)
    keys = [number for number, unit in enumerate(made.pictures) if unit.key]
    assert len(keys) > 1
    body = b"".join(picture(made, number) for number in range(keys[1]))
    key = picture(made, keys[1])
    table = index(body + key[: len(key) - left])
    assert table.video is not None
    assert table.anchors is not None
    assert len(table.video) == keys[1]
    assert table.anchors.sample.tolist() == [0]
    assert table.cut_off
    find_runs(table, UTC_CLOCK, 0)


def test_nothing_at_all() -> None:
    for body in (b"", b"\0", b"\0\0\1", b"\0\0\1\xba", bytes(1 << 20), b"\0\0\1\xb9" * 1000):
        with pytest.raises(MediaError):
            index(body, [3])
