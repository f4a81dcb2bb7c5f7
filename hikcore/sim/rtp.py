"""RTP packets of video and G.711 sound, and RTCP sender reports, as recorders send them over TCP.

H.264 by RFC 6184 (single NAL units, FU-A, STAP-A), H.265 by RFC 7798 (single, FU, AP), G.711 by
RFC 3551. There is no jitter and no loss here: what TCP carries comes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

#: Seconds from the epoch of NTP (1900) to that of Unix.
_NTP = 2_208_988_800
_PARAMETER_SETS = {"h264": (7, 8), "h265": (32, 33, 34)}


def nal_type(codec: str, nal: bytes) -> int:
    """The type of a NAL unit."""
    return nal[0] & 31 if codec == "h264" else nal[0] >> 1 & 63


def is_parameter_set(codec: str, nal: bytes) -> bool:
    """Whether it is a VPS, SPS or PPS."""
    return nal_type(codec, nal) in _PARAMETER_SETS[codec]


def payloads(
    codec: Literal["h264", "h265"], units: Sequence[bytes], most: int, *, together: bool = False
) -> list[bytes]:
    """RTP payloads of one picture.

    Args:
        units: its NAL units without start codes.
        most: bytes of the longest payload; longer units go as fragments.
        together: parameter sets in one aggregation packet.
    """
    out: list[bytes] = []
    sets = [unit for unit in units if is_parameter_set(codec, unit)] if together else []
    if len(sets) > 1 and sum(len(unit) + 2 for unit in sets) + 2 <= most:
        head = bytes((sets[0][0] & 0x60 | 24,)) if codec == "h264" else b"\x60\x01"
        out.append(head + b"".join(struct.pack(">H", len(unit)) + unit for unit in sets))
    else:
        sets = []
    for unit in units:
        if sets and is_parameter_set(codec, unit):
            continue
        out += [unit] if len(unit) <= most else _fragments(codec, unit, most)
    return out


def _fragments(codec: str, unit: bytes, most: int) -> Iterator[bytes]:
    if codec == "h264":
        head, kind, skip = bytes((unit[0] & 0xE0 | 28,)), unit[0] & 31, 1
    else:
        head, kind, skip = bytes((unit[0] & 0x81 | 49 << 1, unit[1])), unit[0] >> 1 & 63, 2
    data, room = unit[skip:], most - skip - 1
    for at in range(0, len(data), room):
        mark = (0x80 if at == 0 else 0) | (0x40 if at + room >= len(data) else 0)
        yield head + bytes((mark | kind,)) + data[at : at + room]


@dataclass
class Sender:
    """One stream's packets, numbered.

    Args:
        payload_type: of RTP.
        rate: of its clock, Hz.
        ssrc, sequence, offset: where its numbers and times begin.
    """

    payload_type: int
    rate: int
    ssrc: int
    sequence: int
    offset: int
    packets: int = 0
    octets: int = 0

    def stamp(self, ms: int) -> int:
        """The RTP timestamp of an instant (ms since 1970), 32 bits."""
        return (ms * self.rate // 1000 + self.offset) & 0xFFFFFFFF

    def packet(self, payload: bytes, ms: int, *, marker: bool) -> bytes:
        """One RTP packet."""
        head = struct.pack(
            ">BBHII", 0x80, self.payload_type | (0x80 if marker else 0), self.sequence,
            self.stamp(ms), self.ssrc,
        )  # fmt: skip
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return head + payload

    def report(self, ms: int, wall_ns: int) -> bytes:
        """A sender report that ties the timestamp of an instant to a wall clock (RFC 3550 6.4.1),
        with an SDES chunk behind it."""
        seconds, rest = divmod(wall_ns, 1_000_000_000)
        report = struct.pack(
            ">BBHIIIIII", 0x80, 200, 6, self.ssrc, (seconds + _NTP) & 0xFFFFFFFF,
            (rest << 32) // 1_000_000_000, self.stamp(ms), self.packets & 0xFFFFFFFF,
            self.octets & 0xFFFFFFFF,
        )  # fmt: skip
        # One chunk: SSRC, CNAME "hik", the end and its padding: three words in all.
        return report + struct.pack(">BBHI", 0x81, 202, 3, self.ssrc) + b"\x01\x03hik\0\0\0"


def interleaved(channel: int, packet: bytes) -> bytes:
    """A packet on an RTSP connection (RFC 2326 10.12)."""
    return struct.pack(">BBH", 0x24, channel, len(packet)) + packet
