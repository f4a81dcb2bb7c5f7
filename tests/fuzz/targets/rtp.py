"""RTP packets and session descriptions: bodies are a description, an empty line, and packets behind
16-bit lengths, the highest bit of which says: a report."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from functools import cache

from hikcore.errors import MediaError, TransferInterrupted
from hikcore.media import ps_write, rtp
from hikcore.media.ps import PsIndexer
from hikcore.sim import rtp as sim_rtp
from hikcore.sources.rtsp_sdp import Media, parse_description
from hikcore.sources.rtsp_times import Sample, Times
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target

_SDP = (
    b"m=video 0 RTP/AVP 96\na=rtpmap:96 %s/90000\na=fmtp:96 sprop-parameter-sets=Z0IAHg==,aM4=\n"
    b"a=control:trackID=video\nm=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/16000/1\n"
    b"a=fmtp:97 sizelength=13;indexlength=3;config=1408\n\n"
)
#: Bytes that mean something to a reader of packets and of descriptions.
TOKENS = (
    b"\x80\xe0\xff\xff", b"\x90\x60", b"\xa0\x60", b"\x1c\x85", b"\x1c\x45", b"\x7c\x85",
    b"\x18\0\1", b"\x62\1\x93", b"\x62\1\x53", b"\x60\1\0\2", b"\x67\x42", b"\x65\x88",
    b"\xff" * 4, b"\0\0\0\0", b"\x80\xc8\0\6", b"\0\x10\0\x40", b"m=video 0 RTP/AVP 96\n",
    b"a=rtpmap:96 H265/90000\n", b"a=rtpmap:97 PCMA/8000/1\n", b";sizelength=16;indexlength=0",
    b"99999999999", b"\n\n",
)  # fmt: skip


def framed(data: bytes, *, report: bool = False) -> bytes:
    """A packet of a body."""
    return struct.pack(">H", len(data) | (0x8000 if report else 0)) + data


@cache
def seeds() -> list[bytes]:
    """Pictures of both codecs, cut and put together, sound beside them, times that wrap."""
    out = []
    for codec, name, heads in (
        ("h264", b"H264", (b"\x67\x42\0\x1e", b"\x68\xce", b"\x65", b"\x41")),
        ("h265", b"H265", (b"\x40\1\x0c", b"\x42\1\1", b"\x26\1", b"\2\1")),
    ):
        packets, number = [_SDP % name], 65_530
        for picture in range(6):
            stamp = 0xFFFF_F000 + 3600 * picture & 0xFFFF_FFFF
            units = [*heads[:3], heads[2] + bytes(300)] if picture % 3 == 0 else [heads[3] * 90]
            payloads = sim_rtp.payloads(codec, units, 120, together=True)  # type: ignore[arg-type]
            for index, payload in enumerate(payloads, 1):
                mark = 0x80 if index == len(payloads) else 0
                head = struct.pack(">BBHII", 0x80, mark | 96, number & 0xFFFF, stamp, 7)
                packets.append(framed(head + payload))
                number += 1
            sound = struct.pack(">BBHII", 0x80, 0xE1, picture, 1024 * picture, 8)
            packets.append(framed(sound + b"\0\x10\0\x40" + bytes(8)))
            told = struct.pack(">BBHIIIIII", 0x80, 200, 6, 7, 3_980_000_000, 0, stamp, 0, 0)
            packets.append(framed(told, report=True))
        out.append(b"".join(packets))
    return out


def _packets(body: bytes) -> Iterator[tuple[bool, bytes]]:
    at = 0
    while at + 2 <= len(body):
        size = int.from_bytes(body[at : at + 2], "big")
        yield bool(size & 0x8000), body[at + 2 : at + 2 + (size & 0x7FFF)]
        at += 2 + (size & 0x7FFF)


def _samples(body: bytes, media: list[Media]) -> Iterator[Sample]:
    times = Times(media)
    for report, data in _packets(body):
        packet = rtp.parse_packet(data)
        for each in media:
            if report:
                times.report(each, data)
            elif packet is not None and packet.kind == each.payload:
                yield from times.packet(each, data)
    yield from times.finish()


def check(body: bytes) -> None:
    """No unit holds more than came; what comes of it is a program stream that is read again."""
    text, _, rest = body.partition(b"\n\n")
    described = parse_description(text.decode("utf-8", "replace")).media
    media: list[Media] = []
    for each in described:
        if each.codec and not any(other.kind == each.kind for other in media):
            media.append(each)
    received, out, pictures = 0, bytearray(), 0
    audio = next((each for each in media if each.kind == "audio"), None)
    video = next((each for each in media if each.kind == "video"), None)
    with contextlib.suppress(MediaError, TransferInterrupted):
        for sample in _samples(rest, media):
            received += sum(map(len, sample.units))
            assert received <= 2 * len(rest) + 64, "more bytes than came"
            if sample.kind == "video":
                assert video is not None
                pictures += 1
                program = ps_write.program_map(
                    video.codec, audio.codec if audio else None,
                    audio.rate if audio else 0, audio.channels if audio else 0, None,
                )  # fmt: skip
                codec = video.codec
                assert codec in ("h264", "h265")
                out += ps_write.picture(sample.units, sample.pts, codec=codec, program=program)  # type: ignore[arg-type]
            elif audio is not None and pictures:
                unit: bytes | None = sample.units[0]
                if audio.codec == "aac":
                    unit = ps_write.adts(sample.units[0], audio.config)
                if unit is not None:
                    out += ps_write.sound(unit, sample.pts)
    if pictures:
        indexer = PsIndexer()
        with contextlib.suppress(MediaError):
            indexer.feed(bytes(out + ps_write.END))
            indexer.finish()


TARGET = Target("rtp", seeds, check, Grammar(TOKENS, (b"m=", b"a=", b"\x80"), 40, ">"))
