"""RTP packets to access units and units of sound. Pure: no I/O, no clock.

Facts: RFC 6184 (H.264), 7798 (H.265), 3551 (G.711), 3640 (AAC).

Bytes are kept as they came: a NAL unit is what the packets carry, put together where it was cut.
Packets that are missing (over TCP a recorder drops them itself when it cannot keep up) are counted,
and a unit that lacks one is left out, never patched. Packets that come behind their followers are
passed over: TCP, over which alone they are read, keeps the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.rtp_packets import (
    Numbers,
    Packet,
    Report,
    Unwrap,
    parse_packet,
    parse_report,
)

__all__ = [
    "AacUnits", "AccessUnit", "Numbers", "Packet", "Report", "Unwrap", "VideoCodec", "VideoUnits",
    "is_picture", "is_set", "is_sync", "nal_type", "parse_packet", "parse_report",
]  # fmt: skip

#: One NAL unit, and one picture: more is no footage, and would only fill memory.
_NAL_MOST: Final = 16 << 20
_PICTURE_MOST: Final = 32 << 20
#: NAL units of one picture: an 8K picture of one slice a row of macroblocks has some 300.
_UNITS_MOST: Final = 1 << 14
VideoCodec = Literal["h264", "h265"]


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture: its RTP time, and its NAL units without start codes, in order; `whole`: no
    packet of it is known to be missing."""

    stamp: int
    units: tuple[bytes, ...]
    sync: bool
    whole: bool = True


def nal_type(codec: VideoCodec, nal: bytes) -> int:
    """The type of a NAL unit."""
    return nal[0] & 31 if codec == "h264" else nal[0] >> 1 & 63


def is_set(codec: VideoCodec, nal: bytes) -> bool:
    """Whether it is a parameter set."""
    return nal_type(codec, nal) in ((7, 8, 13) if codec == "h264" else (32, 33, 34))


def is_picture(codec: VideoCodec, nal: bytes) -> bool:
    """Whether it is (a part of) a coded picture."""
    kind = nal_type(codec, nal)
    return 1 <= kind <= 5 if codec == "h264" else kind < 32


def is_sync(codec: VideoCodec, nal: bytes) -> bool:
    """Whether decoding can begin at its picture: IDR, or IRAP."""
    kind = nal_type(codec, nal)
    return kind == 5 if codec == "h264" else 16 <= kind <= 21


@dataclass(slots=True)
class VideoUnits:
    """Pictures of a stream of packets. A picture ends where the next RTP time begins: some senders
    set the marker on every slice or parameter set, so that it proves no end. Where packets are
    missing between two pictures, the first is believed whole only by the marker of a sender that
    never set it inside a picture.

    Attributes:
        codec: of the stream.
        numbers: of its packets.
    """

    codec: VideoCodec
    numbers: Numbers = field(default_factory=Numbers)
    _stamp: int | None = None
    _units: list[bytes] = field(default_factory=list)
    _size: int = 0
    _part: bytearray | None = None
    _lacks: bool = False
    _marked: bool = False
    _marks_ends: bool = True

    def take(self, packet: Packet) -> AccessUnit | None:
        """The next packet; the picture before it, where that is whole now.

        Raises:
            MediaDamaged: a unit or a picture larger than any, or a payload that cannot be.
            MediaUnsupported: a way of packing that no recorder is known to use.
        """
        step = self.numbers.step(packet)
        if step == "old":
            return None
        done, follows = None, step == "next"
        if packet.stamp == self._stamp and step != "new":
            self._marks_ends = self._marks_ends and not self._marked
        elif self._stamp is not None:
            if not follows and not (self._marked and self._marks_ends):
                self._lacks = True
            done = self._close(self._stamp)
        if not follows:
            self._part, self._lacks = None, True
        if step == "new":
            self._units, self._size = [], 0  # sets of the one are none of the other
        self._stamp, self._marked = packet.stamp, packet.marker
        for unit in self._split(packet.payload):
            if unit:
                self._size += len(unit)
                self._units.append(unit)
        if self._size + len(self._part or b"") > _PICTURE_MOST or len(self._units) > _UNITS_MOST:
            raise MediaDamaged(
                f"a picture of more than {_PICTURE_MOST} bytes or {_UNITS_MOST} NAL units "
                "in an RTP stream"
            )
        return done

    def finish(self) -> AccessUnit | None:
        """The last picture, where its last packet says that it is whole."""
        if self._stamp is None or not self._marked:
            return None
        return self._close(self._stamp)

    def _close(self, stamp: int) -> AccessUnit | None:
        if not any(is_picture(self.codec, unit) for unit in self._units):
            return None  # parameter sets with a time of their own: they belong to what follows
        units, lacks = tuple(self._units), self._lacks or self._part is not None
        self._units, self._size, self._part, self._lacks = [], 0, None, False
        sync = any(is_sync(self.codec, unit) for unit in units)
        return AccessUnit(stamp, units, sync, not lacks)

    def _split(self, payload: bytes) -> Iterator[bytes]:
        if self.codec == "h264":
            return self._h264(payload)
        return self._h265(payload)

    def _h264(self, payload: bytes) -> Iterator[bytes]:
        if not payload:
            return
        kind = payload[0] & 31
        if 1 <= kind <= 23:
            yield payload
        elif kind == 24:
            yield from _aggregated(payload[1:])
        elif kind in (28, 29) and len(payload) > 2:
            skip = 2 if kind == 28 else 4  # FU-B has a decoding number
            head = bytes((payload[0] & 0xE0 | payload[1] & 0x1F,))
            yield from self._fragment(payload[1], head, payload[skip:])
        elif kind not in (0, 30, 31):
            raise MediaUnsupported(f"H.264 in RTP packets of type {kind} (RFC 6184) is not read")

    def _h265(self, payload: bytes) -> Iterator[bytes]:
        if len(payload) < 3:
            return
        kind = payload[0] >> 1 & 63
        if kind < 48:
            yield payload
        elif kind == 48:
            yield from _aggregated(payload[2:])
        elif kind == 49:
            head = bytes((payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]))
            yield from self._fragment(payload[2], head, payload[3:])
        else:
            raise MediaUnsupported(f"H.265 in RTP packets of type {kind} (RFC 7798) is not read")

    def _fragment(self, mark: int, head: bytes, data: bytes) -> Iterator[bytes]:
        """A piece of a unit: `mark` has S (begin) and E (end) in its two highest bits."""
        if mark & 0x80:
            self._lacks = self._lacks or self._part is not None
            self._part = bytearray(head)
        if self._part is None:
            self._lacks = True  # its begin was lost
            return
        self._part += data
        if len(self._part) > _NAL_MOST:
            raise MediaDamaged(f"a NAL unit of more than {_NAL_MOST} bytes in an RTP stream")
        if mark & 0x40:
            unit, self._part = bytes(self._part), None
            yield unit


def _aggregated(data: bytes) -> Iterator[bytes]:
    """Units behind 16-bit lengths."""
    at = 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        if at + 2 + size > len(data):
            raise MediaDamaged("an RTP aggregation packet ends inside a NAL unit")
        yield data[at + 2 : at + 2 + size]
        at += 2 + size


@dataclass(slots=True)
class AacUnits:
    """AAC of `mpeg4-generic` (RFC 3640): access units behind a table of their sizes.

    Args:
        size_bits, index_bits: of a table's entry (`sizelength`, `indexlength`; `indexdeltalength`
            is taken to be the same, as in AAC-hbr and AAC-lbr).
    """

    size_bits: int = 13
    index_bits: int = 3
    numbers: Numbers = field(default_factory=Numbers)
    _part: bytearray | None = None
    _wanted: int = 0

    def take(self, packet: Packet) -> list[tuple[int, bytes]]:
        """(offset in samples from the packet's time, unit) of those that are whole now."""
        step = self.numbers.step(packet)
        if step == "old":
            return []
        if step != "next":
            self._part = None
        data = packet.payload
        if len(data) < 2:
            return []
        bits = int.from_bytes(data[:2], "big")
        entry = self.size_bits + self.index_bits
        begin = 2 + (bits + 7) // 8
        if begin > len(data) or not bits or bits % entry:
            return []
        table = int.from_bytes(data[2:begin], "big") >> (8 * (begin - 2) - bits)
        count = bits // entry
        sizes = [
            table >> (entry * (count - 1 - n) + self.index_bits) & ((1 << self.size_bits) - 1)
            for n in range(count)
        ]
        if count == 1 and sizes[0] > len(data) - begin:
            return self._fragment(sizes[0], data[begin:])
        self._part = None
        out: list[tuple[int, bytes]] = []
        for number, size in enumerate(sizes):
            if begin + size > len(data):
                break
            out.append((number * 1024, data[begin : begin + size]))
            begin += size
        return out

    def _fragment(self, size: int, data: bytes) -> list[tuple[int, bytes]]:
        if self._part is None or self._wanted != size:
            self._part, self._wanted = bytearray(), size
        self._part += data
        if len(self._part) < size:
            return []
        unit, self._part = bytes(self._part[:size]), None
        return [(0, unit)]
