"""Packets that come twice, late, numbered anew, not at all, or of another source; and libav, which
reads the same connection, as the judge of what they hold."""

from __future__ import annotations

import asyncio
import random
import struct
from base64 import b64encode
from collections.abc import Iterator
from contextlib import aclosing, suppress
from functools import cache
from typing import Literal

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.errors import TransferInterrupted
from hikcore.media import rtp
from hikcore.sim import rtp as sim_rtp
from hikcore.sources.rtsp import Account, play
from hikcore.sources.rtsp_live import RtspLive
from hikcore.sources.rtsp_sdp import Media, parse_description
from hikcore.sources.rtsp_times import FIRST, Sample, Times
from tests.media.mp4_footage import encode, split_annexb
from tests.rtsp.test_peers import Behaviour, peer, reply

Codec = Literal["h264", "h265"]
VIDEO = parse_description("m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n").media[0]


@cache
def pictures(codec: Codec) -> list[list[bytes]]:
    return [list(units) for units in encode(codec, 12, 6, 0)[0]]


def sets_of(codec: Codec) -> list[bytes]:
    return [unit for unit in pictures(codec)[0] if rtp.is_set(codec, unit)]


def head(number: int, stamp: int, *, marker: bool, source: int = 7, kind: int = 96) -> bytes:
    return struct.pack(
        ">BBHII", 0x80, marker << 7 | kind, number & 0xFFFF, stamp & 0xFFFFFFFF, source
    )


def sent(
    codec: Codec, *, number: int = 65_500, stamp: int = 0xFFFF_0000, source: int = 7,
    most: int = 300,
) -> list[bytes]:  # fmt: skip
    """The pictures in packets; numbers and times pass their ends."""
    out = []
    for at, units in enumerate(pictures(codec)):
        found = sim_rtp.payloads(codec, units, most, together=True)
        for index, payload in enumerate(found, 1):
            marker = index == len(found)
            out.append(
                head(number + len(out), stamp + 3600 * at, marker=marker, source=source) + payload
            )
    return out


def dressed(packets: list[bytes], chance: random.Random) -> list[bytes]:
    """With extensions, contributing sources and padding, which say nothing of the payload."""
    out = []
    for data in packets:
        first, before, rest = data[0], data[1:12], data[12:]
        if chance.random() < 0.4:
            count = chance.randrange(4)
            rest = struct.pack(">HH", 0xABAC, count) + chance.randbytes(4 * count) + rest
            first |= 0x10
        if chance.random() < 0.3:
            count = chance.randrange(1, 4)
            rest, first = chance.randbytes(4 * count) + rest, first | count
        if chance.random() < 0.4:
            count = chance.randrange(1, 30)
            rest, first = rest + bytes(count - 1) + bytes((count,)), first | 0x20
        out.append(bytes((first,)) + before + rest)
    return out


def read(packets: list[bytes], codec: Codec = "h264") -> tuple[list[rtp.AccessUnit], rtp.Numbers]:
    reader = rtp.VideoUnits(codec)
    found = []
    for data in packets:
        packet = rtp.parse_packet(data)
        assert packet is not None
        found.append(reader.take(packet))
    found.append(reader.finish())
    return [unit for unit in found if unit is not None], reader.numbers


def flat(units: list[rtp.AccessUnit]) -> list[list[bytes]]:
    return [list(unit.units) for unit in units]


def serve(codec: Codec, packets: list[bytes]) -> Behaviour:
    """A device that describes the stream, sends the packets and hangs up."""
    names = ("sprop-vps", "sprop-sps", "sprop-pps")
    coded = [b64encode(unit).decode() for unit in sets_of(codec)]
    told = f"packetization-mode=1;sprop-parameter-sets={','.join(coded)}"
    if codec == "h265":
        told = ";".join(f"{name}={text}" for name, text in zip(names, coded, strict=True))
    sdp = (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
        f"a=rtpmap:96 {codec.upper()}/90000\r\na=fmtp:96 {told}\r\na=control:trackID=video\r\n"
    )

    async def behave(method: str, number: int, writer: asyncio.StreamWriter) -> bool:
        if method == "OPTIONS":
            writer.write(reply(number, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"))
        elif method == "DESCRIBE":
            writer.write(reply(number, "Content-Type: application/sdp", body=sdp.encode()))
        elif method == "SETUP":
            transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000007"
            writer.write(reply(number, "Session: 5;timeout=60", transport))
        else:
            writer.write(reply(number))
        if method == "PLAY":
            for data in packets:
                writer.write(sim_rtp.interleaved(0, data))
            await writer.drain()
            writer.close()
        return True

    return behave


async def ours(account: Account) -> list[Sample]:
    found = []
    async with (
        asyncio.timeout(10),
        play(account, "rtsp://127.0.0.1/x") as playing,
        aclosing(playing.samples(5)) as samples,
    ):
        with suppress(TransferInterrupted):  # it hangs up
            async for sample in samples:
                found.append(sample)
    return found


def libavs(port: int) -> list[bytes]:
    """NAL units as libav takes them out of the same packets."""
    out: list[bytes] = []
    url = f"rtsp://127.0.0.1:{port}/x"
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=20) as container:
        demuxed = container.demux(video=0)
        while True:
            try:
                out += split_annexb(bytes(next(demuxed)))
            except (StopIteration, av.error.FFmpegError):
                return out


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("most", [60, 1400])
async def test_libav_reads_the_same_of_one_connection(codec: Codec, most: int) -> None:
    """Fragments and aggregations, numbers and times over their ends, extensions, contributing
    sources, padding."""
    packets = dressed(sent(codec, most=most), random.Random(most))
    truth = [unit for units in pictures(codec) for unit in units]
    async with peer(serve(codec, packets), serve(codec, packets)) as account:
        samples = await ours(account)
        judged = await asyncio.to_thread(libavs, account.port)
    assert judged == truth
    assert [unit for sample in samples for unit in sample.units] == truth
    assert [sample.pts - FIRST for sample in samples] == [3600 * n for n in range(12)]
    assert all(sample.whole for sample in samples)


@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_what_is_whole_is_whole_for_libav_too(codec: Codec) -> None:
    """Ends and begins of fragments, aggregations and whole pictures are lost."""
    chance = random.Random(5)
    packets = [data for data in sent(codec, most=120) if chance.random() > 0.03]
    async with peer(serve(codec, packets), serve(codec, packets)) as account:
        samples = await ours(account)
        judged = await asyncio.to_thread(libavs, account.port)
    truth = pictures(codec)
    whole = [list(sample.units) for sample in samples if sample.whole]
    assert len(whole) not in (0, len(truth))
    assert all(units in truth for units in whole)
    assert all(unit in judged for units in whole for unit in units)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_packets_that_come_twice_change_nothing(data: st.DataObject) -> None:
    packets = sent("h264")
    out: list[bytes] = []
    for packet in packets:
        out.append(packet)
        back = data.draw(st.integers(0, 30), label="twice")
        if back:
            out.append(out[max(len(out) - back, 0)])
    units, numbers = read(out)
    assert flat(units) == pictures("h264")
    assert all(unit.whole for unit in units)
    assert (numbers.lost, numbers.late) == (0, len(out) - len(packets))


@given(st.lists(st.tuples(st.integers(1, 10_000), st.integers(1, 60)), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_packets_that_come_late_spoil_and_never_mix(moves: list[tuple[int, int]]) -> None:
    """Nobody waits for them: what lacks them is not whole, and nothing else is touched."""
    packets = sent("h264")
    out = list(packets)
    for at, later in moves:
        begin = at % (len(out) - 1) or 1
        out.insert(min(begin + later, len(out)), out.pop(begin))
    units, numbers = read(out)
    truth = pictures("h264")
    for unit in units:
        number = ((unit.stamp - 0xFFFF_0000) & 0xFFFFFFFF) // 3600
        assert not unit.whole or list(unit.units) == truth[number]
    known = {unit for one in truth for unit in one}
    assert all(unit in known for one in units for unit in one.units)
    if out != packets:
        assert numbers.late


def test_numbers_that_begin_anew_are_one_loss() -> None:
    """Of the same source: an encoder that was started again, some packets back or far away."""
    first = sent("h264", number=40, most=60)
    truth = pictures("h264")
    for number in (0, 39, 40, 41, len(first), 40_000):
        second = sent("h264", number=number, stamp=90_000, most=60)
        for cut in (1, len(first) // 2, len(first)):
            if number == 40 + cut:
                continue  # it goes on, and at another time: nothing tells
            units, numbers = read(first[:cut] + second)
            assert (numbers.lost == 1) == (number < 40 + cut or number > 32_768 + cut)
            assert flat(units)[-len(truth) + 1 :] == truth[1:]
            assert all(list(unit.units) in truth for unit in units if unit.whole)


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("stamp", [0xFFFF_0000, 5_000_000])
def test_two_sources_are_never_one_picture(codec: Codec, stamp: int) -> None:
    """RFC 3550 8.2. Even where the second begins with the number and the time of the first's next
    packet but one, or in the middle of its picture."""
    first, truth = sent(codec, most=100), pictures(codec)
    for cut in range(1, len(first), 7):
        second = sent(codec, number=65_500 + cut + 1, stamp=stamp, source=8, most=100)
        units, numbers = read(first[:cut] + second, codec)
        assert numbers.breaks == 1
        assert numbers.lost == 1
        assert all(list(unit.units) in truth for unit in units if unit.whole)
        assert flat(units)[-len(truth) + 1 :] == truth[1:]
        assert not units[-len(truth)].whole  # whether it begins at its begin, nobody knows


def test_parameter_sets_of_one_source_are_none_of_the_other() -> None:
    own = head(1, 0, marker=False) + b"\x67\x42\0\x1e"
    other = head(500, 70_000_000, marker=True, source=8) + b"\x65abc"
    units, _ = read([own, other])
    assert flat(units) == [[b"\x65abc"]]


def test_a_sender_that_changes_its_source_and_nothing_else() -> None:
    """Some write rubbish where the SSRC stands: numbers and times go on, and so do the pictures."""
    chance = random.Random(1)
    packets = [data[:8] + chance.randbytes(4) + data[12:] for data in sent("h264")]
    units, numbers = read(packets)
    assert flat(units) == pictures("h264")
    assert (numbers.breaks, numbers.lost) == (0, 0)
    assert all(unit.whole for unit in units)


def taken(times: Times, media: Media, packets: list[bytes]) -> Iterator[Sample]:
    for data in packets:
        yield from times.packet(media, data)


def test_a_session_ends_where_another_source_begins() -> None:
    """What it was told of the first, sets and times, does not hold for the second."""
    times = Times([VIDEO])
    found: list[Sample] = []
    second = sent("h264", number=9, stamp=12_345, source=8)
    with pytest.raises(TransferInterrupted, match="another stream"):
        found.extend(taken(times, VIDEO, sent("h264") + second))
    assert [list(sample.units) for sample in found] == pictures("h264")
    assert times.lost == 1


async def test_live_video_goes_on_by_another_session_and_tells_the_gap() -> None:
    packets = sent("h264") + sent("h264", number=9, stamp=12_345, source=8)
    frames, gaps = [], []

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    async with peer(serve("h264", packets), serve("h264", packets)) as account:
        live = RtspLive(account, "rtsp://127.0.0.1/x", idle=2, sleep=at_once)
        async with asyncio.timeout(10), aclosing(live.frames()) as found:
            async for frame in found:
                if hasattr(frame, "payload"):
                    frames.append(frame)
                else:
                    gaps.append(frame)
                if len(frames) == 24:
                    break
    assert len(gaps) == 1
    assert "another stream" in gaps[0].reason
    assert live.counts.connections == 2


def test_sound_of_another_source_is_laid_beside_the_pictures_anew() -> None:
    text = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 8\n"
    video, audio = parse_description(text).media
    times = Times([video, audio], {"video": 0, "audio": 0})
    out = []
    for n in range(6):
        out += times.packet(video, head(n, 3600 * n, marker=True) + b"\x65" + bytes(9))
        source, begin = (1, 0) if n < 3 else (2, 900_000_000)
        stamp = begin + 320 * n
        out += times.packet(
            audio, head(n * 40, stamp, marker=True, source=source, kind=8) + b"\xd5" * 320
        )
    sounds = [sample.pts for sample in out if sample.kind == "audio"]
    shown = [sample.pts for sample in out if sample.kind == "video"]
    assert len(sounds) == 6
    assert all(abs(pts - FIRST - 3600 * n) <= 3600 for n, pts in enumerate(sounds))
    assert shown == [FIRST + 3600 * n for n in range(5)]


def test_h265_with_decoding_numbers_is_named() -> None:
    """RFC 7798 4.4.1: they stand between the header and the payload."""
    text = "m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 sprop-max-don-diff={}\n"
    assert parse_description(text.format(0)).media[0].codec == "h265"
    found = parse_description(text.format(2)).media[0]
    assert (found.codec, found.encoding) == ("", "H265 with decoding numbers")
