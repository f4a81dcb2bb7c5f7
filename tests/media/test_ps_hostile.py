"""Program streams that are broken in every way known (numbers: media facts, hostile inputs).

For all of them: no crash, no hang, an error or damage with its offset, what lies before is usable.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.container import index_file
from hikcore.media.runs import find_runs
from hikcore.media.samples import read_samples
from hikcore.media.sniff import sniff
from hikcore.sim import hikps
from hikcore.sim.psmux import MuxProfile
from tests.media import ps_reference
from tests.media.ps_bodies import (
    BEGIN,
    PLAIN,
    Bytes,
    Muxed,
    index,
    muxed,
    pack,
    picture,
    read,
    whole,
)

MAP = b"\0\0\1\xbc"


# 1, 2: the beginning


@pytest.mark.parametrize("size", [1, 3, 4, 39])
def test_a_body_that_ends_inside_its_file_header(size: int) -> None:
    with pytest.raises(MediaDamaged, match=f"byte {size}"):
        index(muxed().body[:size], [1])


def test_a_file_header_with_nothing_behind() -> None:
    with pytest.raises(MediaDamaged, match="no picture and no sound"):
        index(muxed().body[:40])


def test_other_formats_under_any_name(tmp_path: Path) -> None:
    old, avi, empty = tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "c.mp4"
    old.write_bytes(b"4HKH" + bytes(200))
    avi.write_bytes(b"RIFF\x10\0\0\0AVI " + bytes(100))
    empty.write_bytes(b"")
    with pytest.raises(MediaUnsupported, match="4HKH"):
        index_file(old)
    with pytest.raises(MediaDamaged, match="AVI"):
        index_file(avi)
    with pytest.raises(MediaDamaged, match="empty"):
        index_file(empty)
    # A program stream under the name of an MP4, as recorders name all their files.
    made = muxed()
    (tmp_path / "d.mp4").write_bytes(made.body)
    table = index_file(tmp_path / "d.mp4")
    assert table.container == "ps"
    assert table.video is not None
    assert len(table.video) == len(made.pictures)
    with pytest.raises(MediaUnsupported, match="0x5"):
        index(made.body[:8] + b"\5\0" + made.body[10:])
    assert sniff(made.body[40:104]) == "ps"


# 3, 4: packs


def test_a_pack_start_code_without_a_pack() -> None:
    made = muxed(PLAIN, audio=None)
    bare = b"".join(b"\0\0\1\xba" + made.muxer.picture(unit)[20:] for unit in made.pictures)
    table, nals = read(bare)
    assert nals == whole(made)
    assert table.frame_numbers is None
    assert not table.damage


def test_pack_stuffing_past_the_end_and_packs_of_mpeg_1() -> None:
    made = muxed(PLAIN, audio=None)
    table, nals = read(made.body + b"\0\0\1\xba\x44" + bytes(8) + b"\xff\xff")
    assert nals == whole(made)
    first = b"\0\0\1\xba\x21\0\1\0\1\x80\0\1"
    mixed = b"".join(first + made.muxer.picture(unit)[20:] for unit in made.pictures)
    assert read(mixed)[1] == whole(made)
    table, nals = read(b"\0\0\1\xba\xff\xff\xff\xff" + made.body)
    assert nals == whole(made)
    assert table.damage[0].offset == 0


# 5, 6, 7: maps


def with_map(made: Muxed, change: object) -> bytes:
    """The body with the first map changed by a function of its bytes."""
    at = made.body.index(MAP)
    size = 6 + int.from_bytes(made.body[at + 4 : at + 6], "big")
    return made.body[:at] + change(made.body[at : at + size]) + made.body[at + size :]  # type: ignore[operator]


@pytest.mark.parametrize(
    "crc", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x91\xc0\0\0", b"\x24\xe0\0\0"]
)
def test_no_map_is_refused_for_its_crc_and_no_crc_is_read_as_an_entry(crc: bytes) -> None:
    made = muxed(PLAIN, codec="h264")
    body = with_map(made, lambda raw: raw[:-4] + crc)
    table, nals = read(body)
    assert nals == whole(made)
    assert table.audio is not None
    assert table.audio.configs[0].codec == "alaw"
    assert table.damage == ()


def test_a_map_whose_length_leaves_out_its_crc() -> None:
    made = muxed(PLAIN)
    body = with_map(
        made,
        lambda raw: raw[:4] + (int.from_bytes(raw[4:6], "big") - 4).to_bytes(2, "big") + raw[6:],
    )
    table, nals = read(body)
    assert nals == whole(made)
    assert table.anchors is not None
    assert table.audio is not None


def test_lengths_inside_a_map_that_reach_past_it() -> None:
    made = muxed(PLAIN)

    def long_streams(raw: bytes) -> bytes:
        at = 10 + int.from_bytes(raw[8:10], "big")
        return raw[:at] + b"\xff\xff" + raw[at + 2 :]

    table, nals = read(with_map(made, long_streams))
    assert nals == whole(made)
    assert table.audio is not None
    table, nals = read(with_map(made, lambda raw: raw[:8] + b"\xff\xff" + raw[10:]))
    assert nals == whole(made)
    assert "map" in table.damage[0].reason
    assert table.damage[0].offset == made.body.index(MAP)


@pytest.mark.parametrize("length", [0, 2, 9, 255])
def test_a_clock_descriptor_of_a_wrong_length(length: int) -> None:
    made = muxed(PLAIN, audio=None, seconds=0.4)
    table, nals = read(
        with_map(made, lambda raw: raw.replace(b"\x40\x0eHK", bytes((0x40, length)) + b"HK"))
    )
    assert nals == whole(made)
    assert table.anchors is None


@pytest.mark.parametrize(
    "stamp",
    [
        "16 0B A5 22 2E F7", "16 DB A5 22 2E F7", "16 90 25 22 2E F7", "16 2F 25 22 2E F7",
        "16 9B FD 22 2E F7", "16 9B A7 F2 2E F7", "16 9B A5 2F EE F7", "16 9B A5 22 3F FF",
        "00 9B A5 22 2E F7", "15 2E A5 22 2E F7",
    ],
)  # fmt: skip
def test_what_is_no_date_is_no_reading(stamp: str) -> None:
    """Month 0 and 13, day 0 and 31 February, hour 31, minute 63, second 63, ms 1023, year 0,
    29 February 2021."""
    made = muxed(PLAIN, audio=None, seconds=0.4)
    old = hikps.clock_descriptor(BEGIN * 1_000_000, True)
    given = old[:6] + bytes.fromhex(stamp) + old[12:]
    assert ps_reference.wall(int.from_bytes(bytes.fromhex(stamp), "big")) == -1
    table, nals = read(made.body.replace(old, given))
    assert nals == whole(made)
    assert table.anchors is None


# 8: codecs that are not what the map says


@pytest.mark.parametrize(("codec", "said"), [("h265", 0x1B), ("h264", 0x24), ("h265", 0x80)])
def test_parameter_sets_know_better_than_the_map(codec: str, said: int) -> None:
    made = muxed(MuxProfile(types={"video": said}), codec=codec)
    table, nals = read(made.body)
    assert nals == whole(made)
    assert table.video is not None
    assert table.video.configs[0].codec == codec


def test_the_codec_changes_in_mid_file() -> None:
    one, other = muxed(PLAIN, codec="h264", audio=None), muxed(PLAIN, codec="h265", audio=None)
    table, nals = read(one.body + other.body + one.body)
    assert nals == whole(one) + whole(other) + whole(one)
    assert table.video is not None
    assert [config.codec for config in table.video.configs] == ["h264", "h265"]
    runs = find_runs(table, UTC_CLOCK, 0)
    assert [run.last - run.first for run in runs] == [
        len(made.pictures) for made in (one, other, one)
    ]


@pytest.mark.parametrize("other", [0x91, 0x0F])
def test_one_map_that_names_another_sound_spoils_its_own_units_alone(other: int) -> None:
    made = muxed(PLAIN, seconds=1.9)
    at = made.body.index(b"\x90\xc0", made.body.index(MAP, made.body.index(MAP) + 4))
    body = made.body[:at] + bytes((other,)) + made.body[at + 1 :]
    table = index(body)
    assert table.audio is not None
    assert table.audio.configs[0].codec == "alaw"
    places = [body.index(data) for _, data in made.sounds]
    until = body.index(MAP, at)
    kept = [number for number, place in enumerate(places) if not at < place < until]
    assert 0 < len(kept) < len(places)
    assert any(f"{len(places) - len(kept)} audio units of another" in n for n in table.notes)
    assert read_samples(Bytes(body), table.audio, 0, len(table.audio)) == b"".join(
        made.sounds[number][1] for number in kept
    )
    pts = [made.muxer.pts(made.sounds[number][0]) for number in kept]
    assert (table.audio.pts % (1 << 33)).tolist() == pts


def test_a_body_of_h265_without_header_that_begins_inside_a_group() -> None:
    made = muxed(PLAIN, codec="h265", audio=None, begin=BEGIN + 160, headless=True)
    table, nals = read(made.body)
    assert nals == whole(made)
    assert not made.pictures[0].key
    assert table.video is not None
    assert table.video.sync.tolist() == [unit.key for unit in made.pictures]


# 9, 10: packets


def test_video_packets_of_no_length_reach_to_the_next_start_code() -> None:
    made = muxed(PLAIN, audio=None)
    body = b""
    for unit in made.pictures:
        head = pack(made.muxer.pts(unit.ms), 7)
        one = bytearray(hikps.pes(0xE0, unit.data[:1000], pts=made.muxer.pts(unit.ms)))
        body += head + one[:4] + b"\0\0" + one[6:] + unit.data[1000:]
    table, nals = read(body)
    assert nals == whole(made)
    assert table.video is not None
    assert len(np.unique(table.video.pts)) == len(made.pictures)
    for sizes in ([1], [3], [1000, 1]):
        again = index(body, sizes)
        assert again.video is not None
        assert np.array_equal(again.video.extent_offset, table.video.extent_offset)
        assert np.array_equal(again.video.extent_size, table.video.extent_size)


@pytest.mark.parametrize(
    "packet",
    [
        b"\0\0\1\xe0\0\0", b"\0\0\1\xe0\0\1\x80", b"\0\0\1\xe0\0\2\x80\0", b"\0\0\1\xe0\0\3\0\0\0",
        b"\0\0\1\xe0\0\4\x80\x80\x05\0", b"\0\0\1\xe0\0\5\x80\x80\xff\0\0",
        b"\0\0\1\xe0\0\3\x80\x80\xff", b"\0\0\1\xc0\0\4\0\0\0\0",
    ],
)  # fmt: skip
def test_packets_whose_header_cannot_be(packet: bytes) -> None:
    """An empty one directly before a pack: what it swallowed once was the next 47 KB."""
    made = muxed(PLAIN, audio=None)
    body = packet.join(made.muxer.picture(unit) for unit in made.pictures)
    table, nals = read(body)
    assert nals == whole(made)
    assert table.damage[0].offset == len(picture(made, 0))
    assert "header" in table.damage[0].reason


def test_a_header_of_255_bytes() -> None:
    made = muxed(PLAIN, audio=None, seconds=0.4)
    body = b""
    for unit in made.pictures:
        stamp = hikps.pes(0xE0, b"", pts=made.muxer.pts(unit.ms))[9:14]
        data = bytes((0x8C, 0x80, 255)) + stamp + b"\xff" * 250 + unit.data
        body += pack() + b"\0\0\1\xe0" + len(data).to_bytes(2, "big") + data
    table, nals = read(body)
    assert nals == whole(made)
    assert table.video is not None
    assert (table.video.pts % (1 << 33)).tolist() == [made.muxer.pts(u.ms) for u in made.pictures]


def stamped(made: Muxed, times: list[int | None]) -> bytes:
    """The body with other PTS."""
    out = b""
    for unit, pts in zip(made.pictures, times, strict=True):
        raw = made.muxer.picture(unit)
        old = hikps.pes(0xE0, b"", pts=made.muxer.pts(unit.ms))[9:14]
        new = hikps.pes(0xE0, b"", pts=pts)[9:14] if pts is not None else None
        at = raw.index(b"\x8c\x80", 20) + 3
        assert raw[at : at + 5] == old
        raw = raw[:at] + (new or b"\xff" * 5) + raw[at + 5 :]
        if new is None:
            raw = raw[: at - 2] + b"\0" + raw[at - 1 :]
        out += raw
    return out


def test_pictures_without_a_time_get_one_between_their_neighbours() -> None:
    made = muxed(PLAIN, audio=None)
    times: list[int | None] = [90_000 + 7200 * n for n in range(len(made.pictures))]
    given = [None if n in (0, 4, 5, len(times) - 1) else pts for n, pts in enumerate(times)]
    table = index(stamped(made, given))
    assert table.video is not None
    assert table.video.pts.tolist() == times
    assert any("without PTS" in note for note in table.notes)


@pytest.mark.parametrize("off", [-3600 * 90_000, 36_000 * 90_000, 600 * 90_000])
@pytest.mark.parametrize("where", [(5,), (5, 6), (3, 5, 7), (1,)])
def test_a_picture_alone_hours_off_gets_the_time_between_its_neighbours(
    off: int, where: tuple[int, ...]
) -> None:
    """Kept as it is, it makes a file of a second last for hours."""
    made = muxed(PLAIN, audio=None)
    times = [1 << 32 | 7200 * n for n in range(len(made.pictures))]
    given = [pts + off if n in where else pts for n, pts in enumerate(times)]
    table = index(stamped(made, list(given)))
    assert table.video is not None
    assert table.video.pts.tolist() == times
    assert any(f"{len(where)} pictures with a PTS far" in note for note in table.notes)
    (run,) = find_runs(table, UTC_CLOCK, 0)
    assert run.pts_end - run.pts_begin == 7200 * len(times)


def test_two_pictures_of_one_time_and_one_step_back() -> None:
    made = muxed(PLAIN, audio=None)
    times = [7200 * n for n in range(len(made.pictures))]
    times[3] = times[2]
    times[9] = times[7]
    table, nals = read(stamped(made, list(times)))
    assert nals == whole(made)
    assert table.video is not None
    assert table.video.pts.tolist() == times
    assert (np.diff(table.video.dts) >= 0).all()
    assert (table.video.dts <= table.video.pts).all()


def test_marker_bits_that_are_wrong_change_no_time() -> None:
    made = muxed(PLAIN, audio=None)
    times = [7200 * n for n in range(len(made.pictures))]
    body = stamped(made, list(times))
    good = hikps.pes(0xE0, b"", pts=times[2])[9:14]
    assert body.count(good) == 1
    bad = bytes((good[0] & 0x0E, good[1], good[2] & 0xFE, good[3], good[4] & 0xFE))
    table = index(body.replace(good, bad))
    assert table.video is not None
    assert table.video.pts.tolist() == times


# 11-14: emulation, sizes, junk


def test_private_packets_full_of_start_codes() -> None:
    fake = hikps.private(0xBD, 2, b"\0\0\0\1\0\0\1\xba" + picture(muxed(), 0))
    made = muxed(PLAIN)
    body = b"".join(made.muxer.picture(unit) + fake for unit in made.pictures)
    assert read(body)[1] == whole(made)


def test_a_nal_unit_over_hundreds_of_packets_and_packets_of_the_largest_size() -> None:
    made = muxed(PLAIN, audio=None, seconds=0.4)
    filler = b"\0\0\0\1\x0c" + b"\xff" * 1_600_000 + b"\x80"
    large = [unit._replace(data=unit.data + filler) for unit in made.pictures]
    body = b"".join(made.muxer.picture(unit) for unit in large)
    assert body.count(b"\0\0\1\xe0") > 300 * len(large)
    assert read(body)[1] == [unit.units() for unit in large]
    data = b"\0\0\0\1\x0c" + b"\xff" * 65_527
    biggest = b"\0\0\1\xe0\xff\xff\x80\0\0" + data
    _, nals = read(made.body + biggest)
    assert len(nals[-1][-1]) == 65_528


def test_a_picture_of_more_than_16_mb() -> None:
    made = muxed(PLAIN, audio=None, seconds=0.1)
    filler = b"\0\0\0\1\x0c" + b"\xff" * 17_000_000 + b"\x80"
    large = made.pictures[0]._replace(data=made.pictures[0].data + filler)
    muxer = made.muxer
    big = type(muxer)(muxer.camera, muxer.mux.model_copy(update={"pes_size": 65_496}), muxer.zone)
    body = big.picture(large) + picture(made, 1)
    _, nals = read(body)
    assert nals == [large.units(), made.pictures[1].units()]


@pytest.mark.parametrize("junk", [b"\0" * 4, b"\1\2\3\4", b"\0" * 999, b"\xff" * 5000, b"\0\0\1"])
def test_junk_between_packets(junk: bytes) -> None:
    made = muxed(PLAIN, audio=None)
    body = junk.join(made.muxer.picture(unit) for unit in made.pictures)
    table, nals = read(body)
    assert nals == whole(made)
    assert table.damage[0].offset == len(picture(made, 0))
    assert len(table.damage) == len(made.pictures) - 1
