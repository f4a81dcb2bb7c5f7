"""A little reader of MPEG-PS, written from ISO 13818-1 and the vendor's layouts: the tests' oracle.

It takes bytes apart strictly and shares nothing with the writer or with the product's parser.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field


@dataclass
class Packet:
    """One structure of the stream: its start-code id, where it lies, and its fields."""

    id: int
    offset: int
    size: int
    payload: bytes = b""
    pts: int | None = None
    scr: int | None = None
    number: int | None = None
    aligned: bool = False
    stuffing: bytes = b""
    descriptors: dict[int, bytes] = field(default_factory=dict)
    streams: dict[int, tuple[int, dict[int, bytes]]] = field(default_factory=dict)
    raw: bytes = b""


def packets(body: bytes, begin: int = 0) -> list[Packet]:
    """Everything from `begin` to the end; fails on the first byte that is out of place."""
    out, at = [], begin
    while at < len(body):
        assert body[at : at + 3] == b"\0\0\1", f"no start code at {at}"
        packet = _pack(body, at) if body[at + 3] == 0xBA else _sized(body, at)
        out.append(packet)
        at += packet.size
    assert at == len(body)
    return out


def _pack(body: bytes, at: int) -> Packet:
    bits = int.from_bytes(body[at + 4 : at + 10], "big")
    assert bits >> 46 == 1
    assert bits >> 42 & 1 == 1
    assert bits >> 26 & 1 == 1
    assert bits >> 10 & 1 == 1
    assert bits & 1 == 1
    scr = (bits >> 43 & 7) << 30 | (bits >> 27 & 0x7FFF) << 15 | bits >> 11 & 0x7FFF
    stuffing = body[at + 13] & 7
    extra = body[at + 14 : at + 14 + stuffing]
    assert stuffing == 6
    assert extra[:2] == b"\xff\xff"
    number = int.from_bytes(extra[2:], "big")
    return Packet(0xBA, at, 14 + stuffing, scr=scr, number=number)


def _sized(body: bytes, at: int) -> Packet:
    size = int.from_bytes(body[at + 4 : at + 6], "big") + 6
    assert at + size <= len(body), f"packet at {at} runs past the end"
    packet = Packet(body[at + 3], at, size, raw=body[at : at + size])
    if packet.id == 0xBC:
        _map(packet)
    elif packet.id != 0xBB:
        _pes(packet)
    return packet


def _pes(packet: Packet) -> None:
    raw = packet.raw
    assert raw[6] >> 6 == 2
    head = raw[8]
    packet.aligned = bool(raw[6] & 4)
    used = 0
    assert raw[7] in (0x00, 0x80), "a PTS or nothing: never a DTS"
    if raw[7] == 0x80:
        stamp = int.from_bytes(raw[9:14], "big")
        assert stamp >> 36 == 2
        assert stamp & 0x1_0001_0001 == 0x1_0001_0001
        packet.pts = (stamp >> 33 & 7) << 30 | (stamp >> 17 & 0x7FFF) << 15 | stamp >> 1 & 0x7FFF
        used = 5
    packet.stuffing = raw[9 + used : 9 + head]
    packet.payload = raw[9 + head :]


def _map(packet: Packet) -> None:
    raw = packet.raw
    info = int.from_bytes(raw[8:10], "big")
    packet.descriptors = _descriptors(raw[10 : 10 + info])
    at = 10 + info
    end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
    at += 2
    while at < end:
        kind, stream, more = struct.unpack_from(">BBH", raw, at)
        packet.streams[stream] = kind, _descriptors(raw[at + 4 : at + 4 + more])
        at += 4 + more
    assert at == end == len(raw) - 4


def _descriptors(data: bytes) -> dict[int, bytes]:
    out, at = {}, 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        assert at + 2 + size <= len(data)
        out[tag] = data[at : at + 2 + size]
        at += 2 + size
    return out


def wall_clock(descriptor: bytes) -> tuple[tuple[int, ...], int]:
    """((year, month, day, hour, minute, second, ms), encryption) of descriptor 0x40, by the
    formulas of the vendor's parsers."""
    b = descriptor
    return (
        2000 + b[6],
        b[7] >> 4,
        (b[7] & 15) << 1 | b[8] >> 7,
        b[8] >> 2 & 31,
        (b[8] & 3) << 4 | b[9] >> 4,
        (b[9] & 15) << 2 | b[10] >> 6,
        (b[10] & 31) << 5 | b[11] >> 3,
    ), b[11] & 7


def pictures(found: list[Packet]) -> list[tuple[int, int, list[bytes]]]:
    """(PTS, frame number, NAL units) of every picture: a picture begins with each pack."""
    out: list[tuple[int, int, list[bytes]]] = []
    for packet in found:
        if packet.id == 0xBA:
            assert packet.scr is not None
            assert packet.number is not None
            out.append((packet.scr, packet.number, []))
        elif packet.id == 0xE0:
            pts, _, units = out[-1]
            assert (packet.pts is not None) == (not units)
            assert packet.pts in (None, pts)
            if packet.aligned:
                assert packet.payload[:4] == b"\0\0\0\1"
                units.append(packet.payload[4:])
            else:
                units[-1] += packet.payload
    return out
