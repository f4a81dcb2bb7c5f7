"""RTP packets and sender reports, and which packet goes on with which. Pure: no I/O, no clock.

Facts: RFC 3550 5.1 (packets), 6.4.1 (reports), 8.2 (sources), A.1 (numbers).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

#: Seconds from the epoch of NTP (1900) to that of Unix.
_NTP: Final = 2_208_988_800
_NS: Final = 1_000_000_000
#: By so many packets and ticks (12 s of pictures) one may come late, or twice.
_RECENT: Final = 128
_NEAR: Final = 1 << 20
#: How a packet follows the one before: at once; behind some that are missing; it was there before,
#: or comes too late; it is of another source.
Step = Literal["next", "gap", "old", "new"]


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet: its header's fields and its payload, padding aside; `source`: its SSRC."""

    kind: int
    sequence: int
    stamp: int
    marker: bool
    payload: bytes
    source: int = 0


def parse_packet(data: bytes) -> Packet | None:
    """A packet; None for what is none (RFC 3550 5.1)."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, second, sequence, stamp, source = struct.unpack_from(">BBHII", data)
    begin = 12 + 4 * (first & 15)
    if first & 0x10:  # an extension
        if len(data) < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
    end = len(data)
    if first & 0x20:
        end -= data[-1]
    if begin > end:
        return None
    return Packet(second & 0x7F, sequence, stamp, bool(second & 0x80), data[begin:end], source)


@dataclass(frozen=True, slots=True)
class Report:
    """A sender report: at the wall clock `wall` (UTC ns, as the sender sees it) its RTP time was
    `stamp`."""

    stamp: int
    wall: int


def parse_report(data: bytes) -> Report | None:
    """The sender report at the begin of an RTCP packet (RFC 3550 6.4.1); None where it has none, or
    no wall clock."""
    if len(data) < 20 or data[0] >> 6 != 2 or data[1] != 200:
        return None
    seconds, part, stamp = struct.unpack_from(">III", data, 8)
    if not seconds:
        return None
    # From February 2036 the seconds begin again at 0 (RFC 5905 6).
    era = 1 << 32 if seconds < 1 << 31 else 0
    return Report(stamp, (seconds + era - _NTP) * _NS + (part * _NS >> 32))


class Unwrap:
    """RTP times of 32 bits as ones that go on growing, beginning with `begin`."""

    def __init__(self, begin: int = 0) -> None:
        self._begin = begin
        self._last: int | None = None
        self._time = 0

    def __call__(self, stamp: int) -> int:
        """The time of a stamp; it may lie before the one asked last."""
        if self._last is None:
            self._last, self._time = stamp, self._begin
        self._time += ((stamp - self._last + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        self._last = stamp
        return self._time

    @property
    def last(self) -> int:
        """The time asked last."""
        return self._time

    def of(self, stamp: int) -> int | None:
        """The same without taking notice of it; None before the first."""
        if self._last is None:
            return None
        return self._time + ((stamp - self._last + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


class Numbers:
    """The packets of one stream in their order.

    Attributes:
        lost: how many were skipped so far; one where numbers begin anew, as nobody knows.
        late: how many were passed over, as they came before, or behind one that follows them.
        breaks: how often another source went on: a sender that began anew, or another one.
    """

    def __init__(self) -> None:
        self.lost = self.late = self.breaks = 0
        self._last: Packet | None = None
        #: (number, time) of the packets before; time -1: it was skipped.
        self._recent: list[tuple[int, int]] = [(-1, 0)] * _RECENT

    def step(self, packet: Packet) -> Step:
        """How a packet follows the one before it."""
        last, number = self._last, packet.sequence
        known = self._recent[number % _RECENT]
        self._recent[number % _RECENT] = (number, packet.stamp)
        if last is None:
            self._last = packet
            return "next"
        ahead = (number - last.sequence) & 0xFFFF
        near = abs(((packet.stamp - last.stamp + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)) <= _NEAR
        if (
            packet.source == last.source
            and near
            and known in ((number, packet.stamp), (number, -1))
        ):
            self.late += 1
            return "old"
        self._last = packet
        # Some senders change the SSRC and nothing else: numbers and times go on.
        if packet.source != last.source and not (ahead == 1 and near):
            self.lost += 1
            self.breaks += 1
            self._recent = [(-1, 0)] * _RECENT
            return "new"
        if ahead == 1:
            return "next"
        if not 0 < ahead < 1 << 15:  # numbers begin anew
            self.lost += 1
            return "gap"
        self.lost += ahead - 1
        for skipped in range(number - min(ahead, _RECENT) + 1, number):
            self._recent[skipped % _RECENT] = (skipped & 0xFFFF, -1)
        return "gap"
