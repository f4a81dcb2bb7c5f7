"""RTP packets written by the letter of their RFCs, in forms that no sender of ours writes."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media import ps_write, rtp
from hikcore.media.aac import RATES, adts_config
from hikcore.media.ps import PsIndexer


@given(
    st.integers(0, 127), st.integers(0, 65_535), st.integers(0, 2**32 - 1), st.booleans(),
    st.binary(max_size=50), st.integers(0, 15), st.none() | st.integers(0, 5), st.integers(0, 9),
)  # fmt: skip
def test_a_packet_is_its_payload_whatever_stands_around_it(
    kind: int, sequence: int, stamp: int, marker: bool, payload: bytes, sources: int,
    extension: int | None, padding: int,
) -> None:  # fmt: skip
    """RFC 3550 5.1, 5.3.1."""
    first = 2 << 6 | bool(padding) << 5 | (extension is not None) << 4 | sources
    head = struct.pack(">BBHII", first, marker << 7 | kind, sequence, stamp, 7) + bytes(4 * sources)
    if extension is not None:
        head += struct.pack(">HH", 0xBEDE, extension) + b"\xaa" * 4 * extension
    tail = bytes(padding - 1) + bytes((padding,)) if padding else b""
    assert rtp.parse_packet(head + payload + tail) == rtp.Packet(
        kind, sequence, stamp, marker, payload, 7
    )
    for short in range(len(head)):
        assert rtp.parse_packet(head[:short]) is None or padding


def test_what_is_no_packet() -> None:
    good = struct.pack(">BBHII", 0x80, 96, 1, 2, 3) + b"abc"
    assert rtp.parse_packet(good) is not None
    assert rtp.parse_packet(b"\x40" + good[1:]) is None  # version 1
    assert rtp.parse_packet(b"\xa0" + good[1:] + b"\xff") is None  # padding of 255 bytes


@given(st.integers(1, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_sender_report_tells_the_wall_clock(seconds: int, part: int, stamp: int) -> None:
    data = struct.pack(">BBHIIIIII", 0x80, 200, 6, 1, seconds, part, stamp, 0, 0)
    found = rtp.parse_report(data)
    assert found is not None
    assert found.stamp == stamp
    epoch = datetime(1900, 1, 1, tzinfo=UTC) if seconds >> 31 else datetime(2036, 2, 7, 6, 28, 16,
                                                                           tzinfo=UTC)  # fmt: skip
    assert found.wall // 10**9 == seconds + int(epoch.timestamp())
    assert found.wall % 10**9 == part * 10**9 // 2**32
    nothing = struct.pack(">BBHIIIIII", 0x80, 200, 6, 1, 0, part, stamp, 0, 0)
    assert rtp.parse_report(nothing) is None  # it has no clock (RFC 3550 4)
    assert rtp.parse_report(data[:19]) is None
    assert rtp.parse_report(b"\x80\xc9" + data[2:]) is None  # a receiver's


@given(st.integers(0, 2**40), st.lists(st.integers(-(2**31) + 1, 2**31 - 1), max_size=20))
def test_times_go_on_over_the_border(begin: int, steps: list[int]) -> None:
    unwrap, time = rtp.Unwrap(begin), begin
    assert unwrap.of(5) is None
    assert unwrap(begin & 0xFFFFFFFF) == begin
    for step in steps:
        time += step
        assert unwrap.of(time & 0xFFFFFFFF) == time
        assert unwrap(time & 0xFFFFFFFF) == unwrap.last == time


def pieces(codec: rtp.VideoCodec, unit: bytes, size: int, *, b: bool = False) -> list[bytes]:
    """A NAL unit in fragments: FU-A, the first maybe FU-B (RFC 6184 5.8); FU (RFC 7798 4.4.3)."""
    head = 1 if codec == "h264" else 2
    body = [unit[at : at + size] for at in range(head, len(unit), size)]
    out = []
    for n, part in enumerate(body):
        mark = (n == 0) << 7 | (n == len(body) - 1) << 6
        if codec == "h264":
            kind = 29 if b and n == 0 else 28
            order = b"\0\7" if kind == 29 else b""
            out.append(bytes((unit[0] & 0xE0 | kind, mark | unit[0] & 31)) + order + part)
        else:
            indicator = bytes((unit[0] & 0x81 | 49 << 1, unit[1]))
            out.append(indicator + bytes((mark | unit[0] >> 1 & 63,)) + part)
    return out


UNITS: list[tuple[rtp.VideoCodec, bytes]] = [("h264", b"\x65"), ("h265", b"\x26\x01")]


@pytest.mark.parametrize(("codec", "head"), UNITS)
@given(st.binary(min_size=2, max_size=300), st.integers(1, 100), st.booleans(), st.data())
def test_a_unit_in_fragments(
    codec: rtp.VideoCodec, head: bytes, body: bytes, size: int, b: bool, data: st.DataObject
) -> None:
    unit = head + body
    parts = pieces(codec, unit, size, b=b)

    def read(gone: int) -> rtp.AccessUnit | None:
        reader = rtp.VideoUnits(codec)
        for n, part in enumerate(parts):
            if n != gone:
                assert reader.take(rtp.Packet(96, n, 5, n == len(parts) - 1, part)) is None
        return reader.take(rtp.Packet(96, len(parts), 6, True, head + b"next"))

    whole = read(-1)
    assert whole is not None
    assert (whole.units, whole.sync, whole.whole) == ((unit,), True, True)
    found = read(data.draw(st.integers(0, len(parts) - 1)))
    assert found is None or (not found.whole and unit not in found.units)


@pytest.mark.parametrize(("codec", "head"), UNITS)
def test_a_unit_or_a_picture_without_end_is_refused(codec: rtp.VideoCodec, head: bytes) -> None:
    megabyte = bytes(1 << 20)
    first, middle = pieces(codec, head + bytes(30), 10)[:2]

    def send(*payloads: bytes) -> None:
        reader = rtp.VideoUnits(codec)
        for n, payload in enumerate(payloads):
            reader.take(rtp.Packet(96, n, 5, False, payload))

    send(first, *[middle + megabyte] * 15)
    with pytest.raises(MediaDamaged, match="a NAL unit of more than"):
        send(first, *[middle + megabyte] * 17)
    send(*[head + megabyte] * 31)
    with pytest.raises(MediaDamaged, match="a picture of more than"):
        send(*[head + megabyte] * 33)


@pytest.mark.parametrize(("codec", "payload"), [
    ("h264", b"\x19" + bytes(9)), ("h264", b"\x1b" + bytes(9)), ("h265", b"\x64\x01" + bytes(9)),
])  # fmt: skip
def test_ways_of_packing_that_nobody_uses_are_named(codec: rtp.VideoCodec, payload: bytes) -> None:
    """STAP-B and MTAP24 (RFC 6184 5.7), PACI (RFC 7798 4.4.4)."""
    with pytest.raises(MediaUnsupported, match="in RTP packets of type"):
        rtp.VideoUnits(codec).take(rtp.Packet(96, 1, 2, True, payload))


def test_an_aggregation_that_ends_inside_a_unit() -> None:
    good = b"\x78" + b"\0\3\x67ab" + b"\0\2\x65c"
    reader = rtp.VideoUnits("h264")
    reader.take(rtp.Packet(96, 1, 2, True, good))
    found = reader.take(rtp.Packet(96, 2, 3, True, b"\x65d"))
    assert found is not None
    assert found.units == (b"\x67ab", b"\x65c")
    with pytest.raises(MediaDamaged, match="ends inside"):
        reader.take(rtp.Packet(96, 3, 4, True, good[:-1]))


def test_aac_units_that_a_table_promises_and_the_packet_has_not() -> None:
    table = struct.pack(">HHH", 32, 3 << 3, 9 << 3)
    aac = rtp.AacUnits()
    assert aac.take(rtp.Packet(97, 1, 0, True, table + b"abcdef")) == [(0, b"abc")]
    for rubbish in (b"", b"\0", b"\0\0ab", b"\0\7ab", b"\1\0ab"):
        assert aac.take(rtp.Packet(97, 2, 0, True, rubbish)) == []


@pytest.mark.parametrize("index", range(13))
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_adts_says_what_the_configuration_says(index: int, channels: int) -> None:
    config = (2 << 11 | index << 7 | channels << 3).to_bytes(2, "big")
    unit = bytes(range(200))
    framed = ps_write.adts(unit, config)
    assert framed is not None
    bits = int.from_bytes(framed[:7], "big")
    assert bits >> 44 == 0xFFF
    assert bits >> 13 & 0x1FFF == len(framed) == 207
    found = adts_config((bits >> 38 & 3) << 7 | (bits >> 34 & 15) << 3 | bits >> 30 & 7)
    assert found is not None
    assert (found.record, found.rate, found.channels) == (config, RATES[index], channels)
    assert framed[7:] == unit


@pytest.mark.parametrize("config", [
    b"", b"\x12", (5 << 11 | 4 << 7 | 1 << 3).to_bytes(2, "big"),
    (2 << 11 | 15 << 7).to_bytes(2, "big"), (2 << 11 | 4 << 7).to_bytes(2, "big"),
])  # fmt: skip
def test_what_adts_has_no_place_for(config: bytes) -> None:
    assert ps_write.adts(b"abc", config) is None
    assert ps_write.adts(bytes(1 << 13), b"\x12\x08") is None


@given(
    st.integers(1_000_000_000_000, 2_800_000_000_000),  # 2001 to 2058, milliseconds
    st.sampled_from(["alaw", "ulaw", "aac", None]),
)
def test_the_wall_clock_of_a_map_is_read_again(ms: int, audio: str | None) -> None:
    """To the millisecond, as recorders write it; by the reader of their own files."""
    wall = ms * 1_000_000
    program = ps_write.program_map("h264", audio, 8000, 1, wall)
    sets = [b"\x67\x42\0\x0a\xf8\x41\xa2", b"\x68\xce\x38\x80"]
    units = [*sets, b"\x65\x88\x84" + b"\x5a" * 60]
    body = ps_write.picture(units, 90_000, codec="h264", program=program)
    body += ps_write.picture([b"\x41\x9a" + b"\x5a" * 70_000], 93_600, codec="h264")
    indexer = PsIndexer()
    indexer.feed(body + ps_write.END)
    table = indexer.finish()
    assert table.anchors is not None
    assert table.anchors.wall.tolist() == [wall]
    assert table.video is not None
    assert table.video.pts.tolist() == [90_000, 93_600]
    assert table.video.size.tolist()[1] == 70_006
