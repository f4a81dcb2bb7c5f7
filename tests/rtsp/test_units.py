"""Packets, descriptions, logins, program streams, against independent ways of saying the same."""

from __future__ import annotations

import asyncio
import io
import struct
from base64 import b64encode
from typing import Any, Literal

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from hikcore.errors import DeviceProtocolError, HikcoreError, MediaDamaged, MediaUnsupported
from hikcore.media import ps_write, rtp
from hikcore.media.ps import PsIndexer
from hikcore.sim import rtp as sim_rtp
from hikcore.sim.digest import Door
from hikcore.sim.profile import Auth
from hikcore.sources.rtsp_digest import NoWay, Signer
from hikcore.sources.rtsp_sdp import parse_description
from hikcore.sources.rtsp_times import FIRST, Times
from hikcore.sources.rtsp_wire import Wire

Codec = Literal["h264", "h265"]
#: First bytes of NAL units: a set, a picture that is no key, a key picture.
HEADS: dict[Codec, list[bytes]] = {
    "h264": [b"\x67", b"\x41", b"\x65"],
    "h265": [b"\x42\x01", b"\x02\x01", b"\x26\x01"],
}


@st.composite
def films(draw: st.DrawFn) -> tuple[Codec, list[tuple[int, list[bytes]]], int, bool]:
    codec: Codec = draw(st.sampled_from(("h264", "h265")))
    pictures = []
    stamp = draw(st.integers(0, 2**32 - 1))
    for _ in range(draw(st.integers(1, 6))):
        heads = [*draw(st.lists(st.sampled_from(HEADS[codec]), max_size=3)), HEADS[codec][1]]
        units = [head + draw(st.binary(min_size=1, max_size=400)) for head in heads]
        pictures.append((stamp, units))
        stamp = (stamp + draw(st.integers(1, 9000))) & 0xFFFFFFFF
    return codec, pictures, draw(st.integers(100, 500)), draw(st.booleans())


@given(films())
@settings(max_examples=150, deadline=None)
def test_what_a_sender_cuts_comes_together_again(
    film: tuple[Codec, list[tuple[int, list[bytes]]], int, bool],
) -> None:
    codec, pictures, most, together = film
    reader, number, found = rtp.VideoUnits(codec), 65_530, []
    wanted = []
    for stamp, units in pictures:
        payloads = sim_rtp.payloads(codec, units, most, together=together)
        sets = [u for u in units if rtp.is_set(codec, u)]
        joined = together and len(sets) > 1 and sum(len(u) + 2 for u in sets) + 2 <= most
        others = [u for u in units if not rtp.is_set(codec, u)]
        wanted.append((stamp, tuple([*sets, *others] if joined else units)))
        for index, payload in enumerate(payloads, 1):
            packet = rtp.Packet(96, number & 0xFFFF, stamp, index == len(payloads), payload)
            number += 1
            unit = reader.take(packet)
            found += [unit] if unit else []
    last = reader.finish()
    assert last is not None
    found.append(last)
    assert [(unit.stamp, unit.units) for unit in found] == wanted
    assert all(unit.whole for unit in found)
    assert reader.numbers.lost == 0


@given(films(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_lost_packet_spoils_its_picture_alone(film: Any, data: st.DataObject) -> None:
    codec, pictures, most, together = film
    packets = []
    for stamp, units in pictures:
        payloads = sim_rtp.payloads(codec, units, most, together=together)
        for index, payload in enumerate(payloads, 1):
            packets.append(rtp.Packet(96, len(packets), stamp, index == len(payloads), payload))
    gone = data.draw(st.integers(1, len(packets) - 1)) if len(packets) > 1 else 0
    reader = rtp.VideoUnits(codec)
    found = [reader.take(packet) for packet in packets if packet.sequence != gone]
    units = [unit for unit in (*found, reader.finish()) if unit is not None]
    last = {packet.stamp for packet in packets[-1:]}
    if gone:
        spoilt = {packets[gone].stamp, packets[min(gone + 1, len(packets) - 1)].stamp}
        assert {unit.stamp for unit in units if not unit.whole} <= spoilt
        whole = {unit.stamp for unit in units if unit.whole}
        assert {stamp for stamp, _ in pictures} - spoilt - last <= whole


@given(st.binary(max_size=200), st.sampled_from(("h264", "h265")), st.booleans())
def test_rubbish_is_an_error_or_nothing(data: bytes, codec: Codec, marker: bool) -> None:
    packet = rtp.parse_packet(data) or rtp.Packet(96, 1, 2, marker, data)
    rtp.parse_report(data)
    rtp.AacUnits().take(packet)
    reader = rtp.VideoUnits(codec)
    try:
        reader.take(packet)
        reader.finish()
    except HikcoreError:
        pass


def test_aac_units_stand_behind_a_table_of_their_sizes() -> None:
    units = [bytes([n]) * (5 + n) for n in range(3)]
    table = b"".join(struct.pack(">H", len(unit) << 3) for unit in units)
    payload = struct.pack(">H", 16 * len(units)) + table + b"".join(units)
    aac = rtp.AacUnits()
    assert aac.take(rtp.Packet(97, 1, 0, True, payload)) == [
        (0, units[0]), (1024, units[1]), (2048, units[2]),
    ]  # fmt: skip
    whole = bytes(range(200))
    head = struct.pack(">HH", 16, len(whole) << 3)
    assert aac.take(rtp.Packet(97, 2, 0, False, head + whole[:150])) == []
    assert aac.take(rtp.Packet(97, 3, 0, True, head + whole[150:])) == [(0, whole)]
    assert aac.take(rtp.Packet(97, 4, 0, False, head + whole[:150])) == []
    # One of the two was lost: half a unit is none.
    assert aac.take(rtp.Packet(97, 6, 0, True, head + whole[150:])) == []


def test_h264_of_an_unknown_kind_of_packet_is_named() -> None:
    with pytest.raises(MediaUnsupported, match="type 26"):
        rtp.VideoUnits("h264").take(rtp.Packet(96, 1, 2, True, b"\x1a" + bytes(20)))


def test_sound_lies_beside_pictures_by_reports_where_play_said_nothing() -> None:
    described = parse_description(
        "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 8\n"
    )
    video, audio = described.media

    def packet(kind: int, number: int, stamp: int, payload: bytes) -> bytes:
        return struct.pack(">BBHII", 0x80, kind | 0x80, number, stamp, 1) + payload

    def report(seconds: int, stamp: int) -> bytes:
        return struct.pack(">BBHIIIIII", 0x80, 200, 6, 1, seconds, 1 << 31, stamp, 0, 0)

    times = Times(list(described.media))
    times.report(video, report(3_950_000_000, 90_000))
    times.report(audio, report(3_950_000_001, 16_000))
    out = []
    for n in range(3):
        out += times.packet(video, packet(96, n, 90_000 + n * 3600, b"\x65" + bytes(9)))
    out += times.packet(audio, packet(8, 1, 16_000 - 800, b"\xd5" * 160))
    assert [(s.kind, s.pts) for s in out] == [
        ("video", FIRST), ("video", FIRST + 3600), ("audio", FIRST + 90_000 - 9000),
    ]  # fmt: skip
    assert out[0].wall == (3_950_000_000 - 2_208_988_800) * 10**9 + 500_000_000


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"])
@pytest.mark.parametrize("qop", [True, False])
@pytest.mark.parametrize("style", ["nvr", "ipc", "rtsp"])
def test_a_door_takes_what_is_signed(algorithm: Any, qop: bool, style: Any) -> None:
    door = Door(Auth(algorithm=algorithm, qop=qop, style=style, also=("MD5",)))
    url = "rtsp://10.0.0.1/Streaming/tracks/101/?starttime=1&name=a b"
    for password, verdict in (("hikcore-12345", "in"), ("hikcore-1234", "wrong")):
        signer = Signer("admin", SecretStr(password))
        assert not signer.take(door.challenges(0))
        for method in ("DESCRIBE", "SETUP"):
            assert door.check("::1", method, url, signer.sign(method, url), 0) == verdict
    assert signer.take(door.challenges(0, stale=True)) == (style != "rtsp")


def test_basic_is_no_way_unless_it_may_be() -> None:
    with pytest.raises(NoWay, match="Basic"):
        Signer("a", SecretStr("b")).take(['Basic realm="x"'])
    signer = Signer("a", SecretStr("b"), basic=True)
    signer.take(['Basic realm="x"'])
    assert signer.sign("PLAY", "rtsp://x/") == "Basic " + b64encode(b"a:b").decode()
    signer.take(['Basic realm="x"', 'Digest realm="x", nonce="1"'])
    assert (signer.sign("PLAY", "rtsp://x/") or "").startswith("Digest ")


def test_a_description_of_the_vendor() -> None:
    text = (
        "v=0\r\no=- 1 1 IN IP4 10.7.64.104\r\na=control:rtsp://10.7.64.104/a/\r\n"
        "a=range:clock=20210818T151815Z-20210818T151908Z\r\nm=video 0 RTP/AVP 96\r\n"
        "a=rtpmap:96 H265/90000\r\na=fmtp:96 sprop-sps=QgEB; sprop-pps=RAHA\r\n"
        "a=control:trackID=video\r\nm=audio 0 RTP/AVP 98\r\na=rtpmap:98 G7221/16000\r\n"
        "a=control:trackID=audio\r\nm=audio 0 RTP/AVP 104\r\na=rtpmap:104 mpeg4-generic/16000/1\r\n"
        "a=fmtp:104 profile-level-id=15; mode=AAC-hbr; config=1408; SizeLength=13;\r\n"
        "a=Media_header:MEDIAINFO=494D4B48;\r\nm=application 0 RTP/AVP 107\r\n"
    )
    found = parse_description(text)
    assert found.span.startswith("clock=2021")
    kinds = [(m.kind, m.codec, m.encoding, m.rate, m.control) for m in found.media]
    assert kinds == [
        ("video", "h265", "H265", 90_000, "trackID=video"),
        ("audio", "", "G7221", 16_000, "trackID=audio"),
        ("audio", "aac", "mpeg4-generic", 16_000, ""),
        ("other", "", "", 90_000, ""),
    ]
    assert found.media[0].sets == (b"\x42\x01\x01", b"\x44\x01\xc0")
    assert found.media[2].config == b"\x14\x08"


@given(st.text(max_size=300))
def test_any_text_is_a_description_of_something(text: str) -> None:
    parse_description("m=video 0 RTP/AVP 96\na=fmtp:96 " + text)
    parse_description(text)


async def test_a_wire_takes_messages_in_any_pieces() -> None:
    reader = asyncio.StreamReader()

    class Nowhere:
        sent = b""
        unread = 0

        @property
        def transport(self) -> Any:
            return self

        def get_write_buffer_size(self) -> int:
            return self.unread

        def write(self, data: bytes) -> None:
            self.sent += data

        async def drain(self) -> None:
            return None

    writer: Any = Nowhere()
    wire = Wire(reader, writer, "x", 1.0)
    asking = asyncio.create_task(wire.request("OPTIONS", "rtsp://x/", {}))
    said = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\nX: a\r\nX: b\r\n\r\nabc"
    for byte in (
        b"$\x00\x00\x02hi\r\nOPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n" + said + b"$\x02\x00\x00"
    ):
        reader.feed_data(bytes((byte,)))
        await asyncio.sleep(0)
    reply = await asking
    assert (reply.status, reply.body, reply.headers["x"]) == (200, b"abc", ["a", "b"])
    assert b"RTSP/1.0 200 OK\r\nCSeq: 9" in writer.sent
    packets = [await wire.packet(1.0), await wire.packet(1.0)]
    assert [(p.channel, p.data) for p in packets if p] == [(0, b"hi"), (2, b"")]
    assert await wire.packet(0.01) is None
    writer.unread = 2 << 20
    reader.feed_data(b"OPTIONS * RTSP/1.0\r\nCSeq: 10\r\n\r\n")
    with pytest.raises(DeviceProtocolError, match="reads no answer"):
        await wire.packet(1.0)
    reader.feed_data(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(DeviceProtocolError):
        await wire.packet(1.0)
    for forbidden in ("SET_PARAMETER", "RECORD", "ANNOUNCE"):
        with pytest.raises(HikcoreError):
            await wire.send(forbidden, "rtsp://x/", {})
    with pytest.raises(HikcoreError):
        await wire.send("PLAY", "rtsp://admin:secret@x/", {})


def test_a_program_stream_holds_what_was_put_in() -> None:
    """Pictures of x264 and AAC of libavcodec: libav and our own reader see them again."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        coder = container.add_stream("libx264", rate=25, options={"g": "10", "bf": "0"})
        coder.width, coder.height, coder.pix_fmt = 160, 96, "yuv420p"
        for n in range(30):
            frame = av.VideoFrame(160, 96, "yuv420p")
            frame.pts = n
            container.mux(coder.encode(frame))
        container.mux(coder.encode())
    units = []
    with av.open(io.BytesIO(out.getvalue())) as container:
        extradata = bytes(container.streams.video[0].codec_context.extradata or b"")
        sps = extradata[8 : 8 + int.from_bytes(extradata[6:8], "big")]
        at = 9 + len(sps)
        pps = extradata[at + 2 : at + 2 + int.from_bytes(extradata[at : at + 2], "big")]
        for packet in container.demux(video=0):
            data, at, nals = bytes(packet), 0, []
            while at < len(data):
                size = int.from_bytes(data[at : at + 4], "big")
                nals.append(data[at + 4 : at + 4 + size])
                at += 4 + size
            if nals:
                units.append([sps, pps, *nals] if packet.is_keyframe else nals)
    aac = [bytes([0x21, n]) * 20 for n in range(40)]
    body = bytearray()
    for n, picture in enumerate(units):
        program = ps_write.program_map("h264", "aac", 16_000, 1, None) if n % 10 == 0 else b""
        body += ps_write.picture(picture, 900_000 + n * 3600, codec="h264", program=program)
        sound = ps_write.adts(aac[n], b"\x14\x08")
        assert sound is not None
        body += ps_write.sound(sound, 900_000 + n * 5760)
    body += ps_write.END
    indexer = PsIndexer()
    indexer.feed(bytes(body))
    table = indexer.finish()
    assert table.video is not None
    assert table.audio is not None
    assert not table.damage
    assert table.cut_off == 0
    assert table.video.pts.tolist() == [900_000 + n * 3600 for n in range(len(units))]
    assert table.video.size.tolist() == [sum(len(n) + 4 for n in unit) for unit in units]
    assert table.audio.pts.tolist()[:3] == [900_000, 905_760, 911_520]
    assert table.audio.configs[0].record == b"\x14\x08"
    with av.open(io.BytesIO(bytes(body)), format="mpeg") as container:
        assert {s.codec_context.name for s in container.streams} == {"h264", "aac"}
        assert sum(1 for p in container.demux(video=0) if p.size) >= len(units) - 1


def test_a_slice_lost_at_the_end_of_a_picture_is_missed() -> None:
    first, second, third = b"\x65abc", b"\x41def", b"\x41ghi"

    def take(*packets: tuple[int, int, bool, bytes]) -> list[tuple[int, bool]]:
        reader, found = rtp.VideoUnits("h264"), []
        for number, stamp, marker, payload in packets:
            found.append(reader.take(rtp.Packet(96, number, stamp, marker, payload)))
        return [(unit.stamp, unit.whole) for unit in found if unit is not None]

    # 2 is the second slice of the first picture.
    assert take((1, 0, False, first), (3, 9, True, second), (4, 18, True, third)) == [
        (0, False), (9, False),
    ]  # fmt: skip
    # A marker says that it ended before, unless this sender sets it on every slice.
    assert take((1, 0, True, first), (3, 9, True, second), (4, 18, True, third))[0] == (0, True)
    assert take(
        (1, 0, True, first), (2, 0, True, second), (4, 9, True, second), (5, 18, True, third)
    )[0] == (0, False)


def test_a_picture_of_countless_units_is_damaged() -> None:
    reader = rtp.VideoUnits("h264")
    many = b"\x18" + b"\0\1\x41" * 20_000
    with pytest.raises(MediaDamaged):
        reader.take(rtp.Packet(96, 1, 0, False, many))


def test_numbers_of_a_description_that_no_integer_holds() -> None:
    long = "9" * 5000
    text = f"m=video 0 RTP/AVP {long}\nm=audio 0 RTP/AVP 8\na=rtpmap:8 PCMA/{long}/{long}\n"
    video, audio = parse_description(text).media
    assert (video.payload, audio.rate, audio.channels) == (-1, 8000, 1)
    aac = parse_description(
        "m=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/999999/0\n"
        f"a=fmtp:97 sizelength={long};indexlength={long}"
    ).media
    Times(list(aac))
    assert ps_write.program_map("h264", "aac", aac[0].rate, aac[0].channels, None)


def test_sound_among_the_pictures_is_no_picture() -> None:
    assert parse_description("m=video 0 RTP/AVP 8").media[0].codec == ""
    assert parse_description("m=audio 0 RTP/AVP 96\na=rtpmap:96 H264/90000").media[0].codec == ""
