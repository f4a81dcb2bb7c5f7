"""A program stream taken apart the slow way, from ISO 13818-1, H.264/H.265 Annex B and the vendor's
layouts. The whole body is in memory, every rule is applied once, in the plainest form there is.

It shares nothing with the product's parser, and is what the tests believe about a stream.
"""

from __future__ import annotations

import itertools
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
    lead: int | None = None  # PTS - DTS, None without a DTS


@dataclass
class Parsed:
    """What a body holds. `anchors`: (index of the access unit, local ns)."""

    units: list[Unit] = field(default_factory=list)
    audio: list[tuple[int, bytes]] = field(default_factory=list)
    aac: list[tuple[int, bytes]] = field(default_factory=list)
    anchors: list[tuple[int, int]] = field(default_factory=list)
    encryption: list[int] = field(default_factory=list)  # as each map says


@dataclass
class _Stream:
    """The video stream with what was said at which position of it."""

    data: bytearray = field(default_factory=bytearray)
    packets: list[_Packet] = field(default_factory=list)
    numbers: list[tuple[int, int]] = field(default_factory=list)
    walls: list[tuple[int, int]] = field(default_factory=list)
    open_end: bool = False  # the body ends inside a video packet
    types: list[tuple[int, bool]] = field(default_factory=list)  # position, whether H.265
    number: int = -1  # the stream id


@dataclass
class _Packet:
    begin: int
    pts: int
    lead: int | None
    aligned: bool
    ends: bool  # flagged as the end of a picture


def parse(body: bytes) -> Parsed:
    """Everything that a body holds."""
    out, video = Parsed(), _Stream()
    sounds: list[tuple[int, bytearray]] = []
    sound, marks = bytearray(), [(0, -1)]  # all of it; where packets begin, and their PTS
    audio_id = None
    audio_open = False
    mpeg1 = True
    ended = False
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
        ended = code == 0xB9
        if code == 0xB9:
            continue
        if code == 0xBA:
            at, mpeg1 = _pack(body, at, video, mpeg1)
            continue
        if at + 2 > len(body):
            video.open_end = code == video.number
            break
        length = int.from_bytes(body[at : at + 2], "big")
        begin, end = at + 2, at + 2 + length
        at = end
        # The standard allows 1018 bytes; what is four times as long is noise.
        if code == 0xBC and end <= len(body) and length <= 4096:
            _map(body[begin:end], video, out)
        if not 0xC0 <= code <= 0xEF:
            continue
        try:
            size = _header(body[begin:], mpeg1 and length > 0)
        except IndexError:
            if length and len(body) >= end:
                continue
            video.open_end = code == video.number
            break
        head = begin + size
        if not size or (length and head > end):
            if length == 0:
                at = begin
            continue
        if head > len(body):
            video.open_end = code == video.number
            break
        pts, lead = _times(body[begin:head])
        if length == 0:
            found = _SYSTEM.search(body, head)
            end = at = found.start() if found else len(body)
        payload = body[head:end]
        if code >= 0xE0:
            if code != video.number and not _START.search(video.data):
                # No NAL unit began in what came before: it was another stream.
                video.number = code
                video.data[:] = b"\xff" * len(video.data)
            if code == video.number:
                aligned = body[begin] >> 6 == 2 and bool(body[begin] & 4)
                ends = _ends(body[begin:head])
                video.packets.append(_Packet(len(video.data), pts, lead, aligned, ends))
                video.data += payload
                video.open_end = end > len(body)
        elif code < 0xE0:
            audio_id = audio_id or code
            if code == audio_id:
                marks.append((len(sound), pts))
                sound += payload
                if pts >= 0 or not sounds:
                    sounds.append((pts, bytearray()))
                sounds[-1][1].extend(payload)
                audio_open = end > len(body)
    if audio_open:
        sounds.pop()
    out.audio = [(pts, bytes(data)) for pts, data in sounds if data]
    out.aac = _adts(bytes(sound), marks)
    if not (ended or video.open_end):
        video.open_end = _more_to_come(video.packets)
    _access_units(video, out)
    return out


def _header(data: bytes, mpeg1: bool) -> int:
    """Bytes of a PES header, 0 if it is none (IndexError: cut off). ISO 13818-1 2.4.3.6, and
    ISO 11172-1 2.4.3.3."""
    if data[0] >> 6 == 2:
        return 3 + data[2]
    if not mpeg1:
        return 0
    at = 0
    while data[at] == 0xFF:
        at += 1
        if at > 16:
            return 0
    if data[at] >> 6 == 1:
        at += 2
    if data[at] >> 4 in (2, 3):
        return at + 5 * (data[at] >> 4 == 3) + 5
    return at + 1 if data[at] == 0x0F else 0


def _stamp(data: bytes) -> int:
    bits = int.from_bytes(data, "big")
    return (bits >> 33 & 7) << 30 | (bits >> 17 & 0x7FFF) << 15 | bits >> 1 & 0x7FFF


def _times(head: bytes) -> tuple[int, int | None]:
    """PTS (-1: none), and by how much decoding goes before it (None: no DTS that can be)."""
    if head[0] >> 6 == 2:
        fields, count = head[3:], head[1] >> 6
    else:
        fields = head.lstrip(b"\xff")
        fields = fields[2:] if fields[0] >> 6 == 1 else fields
        count = fields[0] >> 4
    if count < 2 or len(fields) < 5:
        return -1, None
    pts, lead = _stamp(fields[:5]), None
    if count == 3 and len(fields) >= 10:
        lead = (pts - _stamp(fields[5:10])) % (1 << 33)
    return pts, lead if lead is not None and lead <= 900_000 else None


def _ends(head: bytes) -> bool:
    """The vendor's flag byte, the last of the stuffing: F8 to FF, bit 2 cleared at a picture's
    end."""
    if head[0] >> 6 != 2 or head[1] & 0x3F:
        return False
    used = 3 + (5 if head[1] & 0x80 else 0) + (5 if head[1] >> 6 == 3 else 0)
    return len(head) > used and head[-1] >= 0xF8 and not head[-1] & 4


def _more_to_come(packets: list[_Packet]) -> bool:
    """Every picture but the last one is flagged at its end, and nothing else is."""
    if not packets or packets[-1].ends:
        return False
    pairs = list(itertools.pairwise(packets))
    return any(one.ends for one, _ in pairs) and all(
        one.ends == (other.pts >= 0) for one, other in pairs
    )


def _adts(data: bytes, marks: list[tuple[int, int]]) -> list[tuple[int, bytes]]:
    """(PTS or -1, raw data block) of AAC frames: ISO 14496-3 1.A.2.2."""
    out: list[tuple[int, bytes]] = []
    at, fixed, taken = 0, None, 0
    while at + 7 <= len(data):
        size = _frame(data[at : at + 7])
        kind = (data[at + 1], data[at + 2], data[at + 3] & 0xF0)
        if fixed is None and size:
            behind = data[at + size : at + size + 7]
            if len(behind) == 7 and _frame(behind):
                fixed = (behind[1], behind[2], behind[3] & 0xF0)
                fixed = fixed if fixed == kind else None
        elif fixed is not None and (not size or kind != fixed):
            fixed = None
            continue
        if fixed is None:
            at += 1
            continue
        if at + size > len(data):
            break
        mark = max(i for i, (begin, _) in enumerate(marks) if begin <= at)
        head = 7 if data[at + 1] & 1 else 9
        out.append((marks[mark][1] if mark != taken else -1, data[at + head : at + size]))
        taken, at = mark, at + size
    return out


def _frame(b: bytes) -> int:
    size = (b[3] & 3) << 11 | b[4] << 3 | b[5] >> 5
    good = b[0] == 0xFF and b[1] & 0xF6 == 0xF0 and b[2] >> 2 & 15 < 13 and not b[6] & 3
    return size if good and size > (7 if b[1] & 1 else 9) else 0


def _pack(body: bytes, at: int, video: _Stream, mpeg1: bool) -> tuple[int, bool]:
    """Where it ends, and whether it is one of MPEG-1."""
    if _SYSTEM.match(body, at):
        return at, mpeg1  # a start code without a pack behind it
    first = body[at] if at < len(body) else 0x40
    if first >> 4 == 2:
        return at + 8, True
    if first >> 6 != 1:
        return at, mpeg1
    if at + 10 > len(body):
        return len(body), False
    stuffing = body[at + 9] & 7
    extra = body[at + 10 : at + 10 + stuffing]
    number = 0xFFFFFFFF
    if len(extra) == stuffing and stuffing >= 6 and extra[:2] == b"\xff\xff":
        number = int.from_bytes(extra[2:6], "big")
    video.numbers.append((len(video.data), number))
    return at + 10 + stuffing, False


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
        out.encryption.append(bits & 7)
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
    both: set[bool] = set()  # codecs of whose parameter sets the access unit has some
    shown: set[bool] = set()  # the codec of the picture before
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
        doubtful = False
        if both - shown and len(both | shown) > 1 and not units[-1][1]:
            if head[0] & 0x81 == 1 and head[0] & 31 in (1, 5):
                h265 = False
            elif head[1] == 1 and head[0] in (0, 2, 0x20, 0x22, 0x24, 0x26, 0x28, 0x2A):
                h265 = True
            else:
                doubtful = True
        if head[1] == 1 and head[0] in ((0x40,) if sure else (0x40, 0x42, 0x44)):
            h265 = sure = True
        elif head[0] & 0x9F == 7 and (not sure or h265):
            h265, sure = False, True
        elif h265 is None and head[1] == 1 and head[0] in _H265_BEGINS:
            h265 = True
        picture, first, opens, sync, kind = _kind(head, bool(h265))
        if not units or (units[-1][1] and (opens or (picture and first))):
            packet, stamped = _packet_of(video, begin, taken)
            stamp = video.packets[packet]
            pts, lead = (stamp.pts, stamp.lead) if stamped and packet != taken else (-1, None)
            taken = packet
            both = set()
            number = 0xFFFFFFFF
            while numbers and numbers[0][0] < begin:
                number = numbers.pop(0)[1]
            reading = None
            while walls and walls[0][0] < begin:
                reading = walls.pop(0)[1]
            if reading is not None and reading >= 0:
                out.anchors.append((len(units), reading))
            units.append((Unit(pts, number, [], lead=lead if pts >= 0 else None), False))
        unit, has_picture = units[-1]
        if picture and not has_picture and not doubtful:
            unit.sync = sync
            units[-1] = (unit, True)
            shown = {bool(h265)}
            if sync:
                cra = unit if h265 and kind == 21 else None
            elif h265 and kind in (8, 9) and cra is not None:
                cra.sync = False
                cra = None
        if (h265 and head[:2] in (b"\x40\1", b"\x42\1", b"\x44\1")) or (
            not h265 and head[0] & 0x9F == 7
        ):
            both.add(bool(h265))
        if nal:
            unit.nals.append(nal)
    if units and (video.open_end or not units[-1][1]):
        units.pop()
    out.units = [unit for unit, _ in units]
    out.anchors = [(at, reading) for at, reading in out.anchors if at < len(units)]


def units_of(frames: list[list[bytes]], h265: bool | None) -> list[Unit]:
    """Access units of NAL units that come in frames; a unit's PTS is the number of the frame in
    which it begins, or -1. `h265`: as the container says."""
    out, video = Parsed(), _Stream(types=[] if h265 is None else [(0, h265)])
    for number, nals in enumerate(frames):
        video.packets.append(_Packet(len(video.data), number, None, True, False))
        video.data += b"".join(b"\0\0\1" + nal for nal in nals)
    _access_units(video, out)
    return out.units


def _packet_of(video: _Stream, begin: int, taken: int) -> tuple[int, bool]:
    """The packet in which the access unit begins whose first NAL unit does at `begin`, and whether
    its PTS can be told to be that one's."""
    of = [
        max(i for i, p in enumerate(video.packets) if p.begin <= at)
        for at in (begin - 3, max(begin - 4, 0))
    ]
    zero = begin >= 4 and video.data[begin - 4] == 0
    if not zero or of[0] == of[1] or video.packets[of[0]].aligned:
        return of[0], True
    before = [i for i in range(of[0]) if video.packets[i].begin < video.packets[i + 1].begin][-1]
    if video.packets[before].pts < 0:
        return of[0], True
    return (of[0], False) if before == taken else (before, True)


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
