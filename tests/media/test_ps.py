"""The index of program streams against a slow reference, and against what was muxed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hikcore.errors import MediaDamaged, MediaError
from hikcore.media.table import SampleTable
from hikcore.media.times import unwrap
from hikcore.sim import hikps
from hikcore.sim.psmux import MuxProfile
from tests.media import ps_reference
from tests.media.ps_bodies import BEGIN, FRAME, index, muxed, nal_units, pack, video
from tests.media.ps_reference import Parsed


def slow(examples: int) -> settings:
    return settings(deadline=None, max_examples=examples, suppress_health_check=list(HealthCheck))


PROFILES = st.builds(
    MuxProfile,
    header=st.booleans(),
    system_header=st.booleans(),
    milliseconds=st.booleans(),
    crc=st.sampled_from(["swapped", "zero"]),
    pes_size=st.sampled_from([64, 68, 100, 512, 5120, 65_484]),
    frame_flags=st.booleans(),
    private=st.booleans(),
    junk=st.sampled_from([0, 1, 2, 3, 4, 17]),
    pts_wrap_ms=st.sampled_from([None, BEGIN, BEGIN + 400, BEGIN + 410, BEGIN - 10]),
    types=st.sampled_from([{}, {"video": 0x1B}, {"video": 0x24}, {"video": 0xB0}]),
)
COLUMNS = (
    "dts", "pts", "size", "sync", "config", "first", "extent_offset", "extent_size",
    "last_duration",
)  # fmt: skip
SIZES = st.lists(st.sampled_from([1, 2, 3, 5, 7, 64, 1000, 5000, 1 << 20]), min_size=1, max_size=6)


def compare(body: bytes, table: SampleTable, truth: Parsed) -> None:
    """A table says what the reference says."""
    units = truth.units
    if table.video is None:
        assert not units
    else:
        assert nal_units(body, table.video) == [unit.nals for unit in units]
        assert table.video.sync.tolist() == [unit.sync for unit in units]
        assert table.video.size.tolist() == [sum(len(n) + 4 for n in u.nals) for u in units]
        if table.frame_numbers is not None:
            assert table.frame_numbers.tolist() == [unit.number for unit in units]
        pts = np.array([unit.pts for unit in units])
        if (pts >= 0).all() and not any("far from" in note for note in table.notes):
            assert table.video.pts.tolist() == unwrap(pts).tolist()
    anchors = []
    if table.anchors is not None:
        anchors = list(zip(table.anchors.sample.tolist(), table.anchors.wall.tolist(), strict=True))
    assert anchors == truth.anchors
    if table.audio is not None:
        data = [b"".join(found) for found in _raw(body, table)]
        if any("of another format" in note for note in table.notes):
            # A spoiled map: its units are left out (the reference keeps all).
            rest = iter(data for _, data in truth.audio)
            assert all(one in rest for one in data)
        else:
            assert data == [data for _, data in truth.audio]
    flagged = [kind not in (0, 7) for kind in truth.encryption]
    if not any(flagged) or all(flagged):
        assert table.encrypted == any(flagged)


def _raw(body: bytes, table: SampleTable) -> list[list[bytes]]:
    audio = table.audio
    assert audio is not None
    out = []
    for unit in range(len(audio)):
        extents = range(audio.first[unit], audio.first[unit + 1])
        pairs = [(int(audio.extent_offset[e]), int(audio.extent_size[e])) for e in extents]
        out.append([body[at : at + size] for at, size in pairs])
    return out


def same(one: SampleTable, other: SampleTable) -> None:
    """Equal in everything, extents and the offsets of damage included."""
    for name in ("video", "audio"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is None:
            continue
        for column in COLUMNS:
            assert np.array_equal(getattr(a, column), getattr(b, column)), (name, column)
        assert a.configs == b.configs, name
    assert np.array_equal(one.frame_numbers, other.frame_numbers)
    assert (one.anchors is None) == (other.anchors is None)
    if one.anchors is not None and other.anchors is not None:
        assert np.array_equal(one.anchors.sample, other.anchors.sample)
        assert np.array_equal(one.anchors.wall, other.anchors.wall)
    assert (one.damage, one.cut_off, one.encrypted, one.notes) == (
        other.damage, other.cut_off, other.encrypted, other.notes,
    )  # fmt: skip


@slow(60)
@given(
    mux=PROFILES,
    codec=st.sampled_from(["h264", "h265"]),
    b_frames=st.sampled_from([0, 2]),
    audio=st.sampled_from(["alaw", "ulaw", None]),
    offset=st.sampled_from([0, FRAME, 3 * FRAME]),
    cut=st.floats(0, 1.2),
    sizes=SIZES,
)
def test_any_muxing_cut_anywhere_is_read_as_the_reference_reads_it(
    mux: MuxProfile, codec: str, b_frames: int, audio: str | None, offset: int, cut: float,
    sizes: list[int],
) -> None:  # fmt: skip
    made = muxed(
        mux, codec=codec, b_frames=b_frames, audio=audio, begin=BEGIN + offset, seconds=0.9,
        headless=bool(offset),
    )  # fmt: skip
    body = made.body[: int(len(made.body) * min(cut, 1))]
    truth = ps_reference.parse(body)
    try:
        table = index(body)
    except MediaDamaged:
        # Nothing at all, or a piece of a GOP without parameter sets.
        assert not any(unit.sync for unit in truth.units)
        with pytest.raises(MediaDamaged):
            index(body, sizes)
        return
    compare(body, table, truth)
    same(index(body, sizes), table)
    if cut >= 1:
        assert nal_units(body, table.video) == [  # type: ignore[arg-type]
            [nal.rstrip(b"\0") for nal in unit.units()] for unit in made.pictures
        ]
        assert [unit.pts for unit in truth.units] == [
            made.muxer.pts(unit.ms) for unit in made.pictures
        ]
        assert [data for _, data in truth.audio] == [data for _, data in made.sounds]


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_every_split_into_two_pieces_gives_the_same_table(codec: str) -> None:
    made = muxed(MuxProfile(pes_size=512, junk=4), codec=codec, seconds=0.2)
    whole = index(made.body)
    assert whole.damage
    same(index(made.body, [1]), whole)
    for at in range(40, 1500):
        same(index(made.body, [at, len(made.body)]), whole)


def test_a_cut_at_every_byte_keeps_what_is_whole() -> None:
    made = muxed(MuxProfile(pes_size=200), seconds=0.25)
    pictures = [unit.units() for unit in made.pictures]
    held = 0
    for at in range(0, len(made.body), 3):
        body = made.body[:at]
        try:
            table = index(body)
        except MediaDamaged:
            assert held <= 1
            continue
        compare(body, table, ps_reference.parse(body))
        found = nal_units(body, table.video) if table.video else []
        # A body that ends between two packets of a picture looks as if it ended there.
        assert found[:-1] == pictures[: max(len(found) - 1, 0)]
        held = len(found)
    assert held == len(pictures)


@slow(40)
@given(
    codec=st.sampled_from(["h264", "h265"]),
    packets=st.lists(
        st.tuples(st.sampled_from([1, 2, 3, 4, 5, 6, 50, 333, 4000]), st.booleans(), st.booleans()),
        min_size=1,
        max_size=40,
    ),
    sizes=SIZES,
)
def test_packets_may_end_anywhere(
    codec: str, packets: list[tuple[int, bool, bool]], sizes: list[int]
) -> None:
    """Several NAL units in one packet, start codes and NAL headers over the edges of packets."""
    made = muxed(codec=codec, audio=None, seconds=0.5)
    stream = b"".join(unit.data for unit in made.pictures)
    body, at, number = pack(), 0, 0
    while at < len(stream):
        size, stamped, packed = packets[number % len(packets)]
        if packed:
            body += pack(number * 3600, number)
        body += video(stream[at : at + size], number * 3600 if stamped else None)
        at, number = at + size, number + 1
    truth = ps_reference.parse(body)
    assert [unit.nals for unit in truth.units] == [unit.units() for unit in made.pictures]
    table = index(body)
    assert table.video is not None
    assert nal_units(body, table.video) == [unit.units() for unit in made.pictures]
    assert table.video.sync.tolist() == [unit.key for unit in made.pictures]
    same(index(body, sizes), table)


@pytest.mark.parametrize(
    ("stamp", "wall", "encryption"),
    [
        ("16 9B A5 22 2E F7", (2022, 9, 23, 9, 18, 8, 478), 7),
        ("16 CE 04 6B 74 97", (2022, 12, 28, 1, 6, 45, 658), 7),
        ("17 9D 3E B4 60 00", (2023, 9, 26, 15, 43, 17, 0), 0),
        ("0E 30 C2 0D A0 07", (2014, 3, 1, 16, 32, 54, 0), 7),
    ],
)
def test_wall_clocks_of_real_maps(stamp: str, wall: tuple[int, ...], encryption: int) -> None:
    """Four descriptors out of real streams (docs/formats.md), and what they are known to say."""
    from datetime import UTC, datetime

    given_bytes = bytes.fromhex(stamp)
    assert given_bytes[5] & 7 == encryption
    descriptor = b"\x40\x0eHK\0\1" + given_bytes + b"\0\xff\xff\xff"
    made = muxed(MuxProfile(private=False), audio=None, seconds=0.1)
    old = hikps.clock_descriptor(BEGIN * 1_000_000, True)
    assert made.body.count(old) == 1
    table = index(made.body.replace(old, descriptor))
    expected = int(datetime(*wall[:6], tzinfo=UTC).timestamp()) * 1000 + wall[6]  # type: ignore[misc,arg-type]
    assert table.anchors is not None
    assert table.anchors.wall.tolist() == [expected * 1_000_000]
    assert table.anchors.milliseconds == (wall[6] != 0)
    assert not table.encrypted


@slow(120)
@given(
    codec=st.sampled_from(["h264", "h265"]),
    edits=st.lists(
        st.tuples(
            st.floats(0, 1),
            st.sampled_from(["set", "cut", "insert", "zero"]),
            st.binary(min_size=1, max_size=12),
        ),
        min_size=1,
        max_size=6,
    ),
    sizes=SIZES,
)
def test_spoiled_bodies_are_read_as_the_reference_reads_them(
    codec: str, edits: list[tuple[float, str, bytes]], sizes: list[int]
) -> None:
    body = spoil(muxed(MuxProfile(pes_size=300), codec=codec, seconds=0.6).body, edits)
    truth = ps_reference.parse(body)
    try:
        table = index(body)
    except MediaError as error:
        with pytest.raises(type(error), match=r"."):
            index(body, sizes)
        return
    same(index(body, sizes), table)
    compare(body, table, truth)


def spoil(body: bytes, edits: list[tuple[float, str, bytes]]) -> bytes:
    for place, kind, data in edits:
        at = 40 + int((len(body) - 40) * place)
        if kind == "set":
            body = body[:at] + data + body[at + len(data) :]
        elif kind == "cut":
            body = body[:at] + body[at + len(data) * 10 :]
        elif kind == "insert":
            body = body[:at] + data + body[at:]
        else:
            body = body[:at] + bytes(len(data)) + body[at + len(data) :]
    return body
