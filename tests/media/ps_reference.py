"""A program stream taken apart the slow way, from ISO 13818-1, H.264/H.265 Annex B and the vendor's
layouts. The whole body is in memory, every rule is applied once, in the plainest form there is.

It shares nothing with the product's parser, and is what the tests believe about a stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

_SYSTEM = re.compile(rb"\x00\x00\x01[\xb9-\xff]")
_START = re.compile(rb"\x00\x00\x01")


@dataclass
class Unit:
    """A video access unit: NAL units without start codes and without trailing zeros."""

    pts: int
    number: int
    nals: list[bytes]
    sync: bool = False


@dataclass
class Parsed:
    """What a body holds. `anchors`: (index of the access unit, local ns)."""

    units: list[Unit] = field(default_factory=list)
    audio: list[tuple[int, bytes]] = field(default_factory=list)
    anchors: list[tuple[int, int]] = field(default_factory=list)
    encrypted: bool = False


@dataclass
class _Stream:
    """The video stream with what was said at which position of it."""

    data: bytearray = field(default_factory=bytearray)
    packets: list[tuple[int, int]] = field(default_factory=list)  # position, PTS or -1
    numbers: list[tuple[int, int]] = field(default_factory=list)
    walls: list[tuple[int, int]] = field(default_factory=list)
    open_end: bool = False  # the body ends inside a video packet
    types: list[tuple[int, bool]] = field(default_factory=list)  # position, whether H.265


def parse(body: bytes) -> Parsed:
    """Everything that a body holds."""
    out, video = Parsed(), _Stream()
    sounds: list[tuple[int, bytearray]] = []
    audio_id = None
    audio_open = False
    at = 0
    if body.startswith(b"IMKH"):
        at = 40
        kind = int.from_bytes(body[10:12], "little")
        if kind in (1, 5, 0x100):
            video.types.append((0, kind == 5))
    while True:
        found = _SYSTEM.search(body, at)
        if found is None:
            break
        start, code = found.start(), body[found.start() + 3]
        at = start + 4
        if code == 0xB9:
            continue
        if code == 0xBA:
            at = _pack(body, at, video)
            continue
        if at + 2 > len(body):
            video.open_end = code == 0xE0
            break
        length = int.from_bytes(body[at : at + 2], "big")
        begin, end = at + 2, at + 2 + length
        at = end
        # The standard allows 1018 bytes; what is four times as long is noise.
        if code == 0xBC and end <= len(body) and length <= 4096:
            _map(body[begin:end], video, out)
        if not 0xC0 <= code <= 0xEF or 0 < length < 3:
            continue
        if len(body) < begin + 3:
            video.open_end = code == 0xE0
            break
        head = begin + 3 + body[begin + 2]
        if body[begin] >> 6 != 2 or (length and head > end):
            if length == 0:
                at = begin
            continue
        if head > len(body):
            video.open_end = code == 0xE0
            break
        pts = -1
        if body[begin + 1] & 0x80 and body[begin + 2] >= 5:
            stamp = int.from_bytes(body[begin + 3 : begin + 8], "big")
            pts = stamp >> 33 & 7
            pts = pts << 15 | stamp >> 17 & 0x7FFF
            pts = pts << 15 | stamp >> 1 & 0x7FFF
        if length == 0:
            found = _SYSTEM.search(body, head)
            end = at = found.start() if found else len(body)
        payload = body[head:end]
        if code == 0xE0:
            video.packets.append((len(video.data), pts))
            video.data += payload
            video.open_end = end > len(body)
        elif code < 0xE0:
            audio_id = audio_id or code
            if code == audio_id:
                if pts >= 0 or not sounds:
                    sounds.append((pts, bytearray()))
                sounds[-1][1].extend(payload)
                audio_open = end > len(body)
    if audio_open:
        sounds.pop()
    out.audio = [(pts, bytes(data)) for pts, data in sounds if data]
    _access_units(video, out)
    return out


def _pack(body: bytes, at: int, video: _Stream) -> int:
    if _SYSTEM.match(body, at):
        return at  # a start code without a pack behind it
    first = body[at] if at < len(body) else 0x40
    if first >> 4 == 2:
        return at + 8
    if first >> 6 != 1:
        return at
    if at + 10 > len(body):
        return len(body)
    stuffing = body[at + 9] & 7
    extra = body[at + 10 : at + 10 + stuffing]
    number = 0xFFFFFFFF
    if len(extra) == stuffing and stuffing >= 6 and extra[:2] == b"\xff\xff":
        number = int.from_bytes(extra[2:6], "big")
    video.numbers.append((len(video.data), number))
    return at + 10 + stuffing


def _map(data: bytes, video: _Stream, out: Parsed) -> None:
    """Program stream map behind its length field."""
    if len(data) < 6:
        return
    info = int.from_bytes(data[2:4], "big")
    _descriptors(data[4 : 4 + info], video, out)
    at = 4 + info + 2
    if at > len(data):
        return
    listed = at + int.from_bytes(data[at - 2 : at], "big")
    while at + 4 <= len(data) and not (at + 4 == len(data) and at >= listed):
        kind, stream, more = data[at], data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if at + 4 + more > len(data):
            break
        if stream >> 4 == 14 and kind in (0x1B, 0xB0, 0x24):
            video.types.append((len(video.data), kind == 0x24))
        _descriptors(data[at + 4 : at + 4 + more], video, out)
        at += 4 + more


def _descriptors(data: bytes, video: _Stream, out: Parsed) -> None:
    at = 0
    while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
        one = data[at : at + 2 + data[at + 1]]
        at += len(one)
        if one[0] != 0x40 or len(one) < 12 or one[2:4] != b"HK":
            continue
        bits = int.from_bytes(one[6:12], "big")
        if bits & 7 not in (0, 7):
            out.encrypted = True
        video.walls.append((len(video.data), wall(bits)))


def wall(bits: int) -> int:
    """Local ns of the 48 bits of the basic descriptor, -1 where they are no date."""
    try:
        moment = datetime(
            2000 + (bits >> 40), bits >> 36 & 15, bits >> 31 & 31, bits >> 26 & 31, bits >> 20 & 63,
            bits >> 14 & 63, tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        return -1
    ms = bits >> 3 & 1023
    if bits >> 40 == 0 or ms > 999:
        return -1
    return (int(moment.timestamp()) * 1000 + ms) * 1_000_000


def _access_units(video: _Stream, out: Parsed) -> None:
    data = bytes(video.data)
    starts = [m.end() for m in _START.finditer(data)]
    units: list[tuple[Unit, bool]] = []  # and whether it has a picture
    taken = -1  # the packet whose PTS is used up
    numbers, walls = list(video.numbers), list(video.walls)
    cra: Unit | None = None
    h265: bool | None = None
    types = list(video.types)
    sure = False
    for index, begin in enumerate(starts):
        end = starts[index + 1] - 3 if index + 1 < len(starts) else len(data)
        nal = data[begin:end].rstrip(b"\0")
        head = nal[:3].ljust(3, b"\0")
        while types and types[0][0] < begin + 3:
            told = types.pop(0)[1]
            h265 = h265 if sure else told
        if head[1] == 1 and head[0] in ((0x40,) if sure else (0x40, 0x42, 0x44)):
            h265 = sure = True
        elif head[0] & 0x9F == 7 and (not sure or h265):
            h265, sure = False, True
        elif h265 is None and head[1] == 1 and head[0] in _H265_BEGINS:
            h265 = True
        picture, first, opens, sync, kind = _kind(head, bool(h265))
        if not units or (units[-1][1] and (opens or (picture and first))):
            packet = max(i for i, (at, _) in enumerate(video.packets) if at < begin)
            pts = video.packets[packet][1] if packet != taken else -1
            taken = packet
            number = 0xFFFFFFFF
            while numbers and numbers[0][0] < begin:
                number = numbers.pop(0)[1]
            reading = None
            while walls and walls[0][0] < begin:
                reading = walls.pop(0)[1]
            if reading is not None and reading >= 0:
                out.anchors.append((len(units), reading))
            units.append((Unit(pts, number, []), False))
        unit, has_picture = units[-1]
        if picture and not has_picture:
            unit.sync = sync
            units[-1] = (unit, True)
            if sync:
                cra = unit if h265 and kind == 21 else None
            elif h265 and kind in (8, 9) and cra is not None:
                cra.sync = False
                cra = None
        if nal:
            unit.nals.append(nal)
    if units and (video.open_end or not units[-1][1]):
        units.pop()
    out.units = [unit for unit, _ in units]
    out.anchors = [(at, reading) for at, reading in out.anchors if at < len(units)]


_H265_BEGINS = (0x00, 0x02, 0x20, 0x22, 0x24, 0x26, 0x28, 0x2A, 0x46, 0x4E)


def _kind(head: bytes, h265: bool) -> tuple[bool, bool, bool, bool, int]:
    """(picture, its first slice, begins an access unit, random access, type): H.264 7.4.1.2.3,
    H.265 7.4.2.4.4."""
    if h265:
        kind = head[0] >> 1 & 63
        if head[0] & 1 or head[1] >> 3 or not head[1] & 7:
            return False, False, False, False, kind
        opens = kind in (32, 33, 34, 35, 39, 41, 42, 43, 44) or 48 <= kind <= 55
        return kind < 32, bool(head[2] & 0x80), opens, 16 <= kind <= 21, kind
    kind = head[0] & 31
    first = bool(head[1] & 0x80) and kind in (1, 2, 5)
    opens = kind in (6, 7, 8, 9, 14, 15, 16, 17, 18)
    return 1 <= kind <= 5, first, opens, kind == 5, kind
