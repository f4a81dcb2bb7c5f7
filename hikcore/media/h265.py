"""H.265 parameter sets, and the hvcC record made of them.

Facts: ITU-T H.265 7.3.2.1-7.3.2.3, 7.3.3 (profile, tier, level), ISO/IEC 14496-15 8.3.3.1 (hvcC).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from hikcore.errors import MediaDamaged
from hikcore.media.bits import BitReader, rbsp

VPS, SPS, PPS = 32, 33, 34
#: SubWidthC and SubHeightC by chroma_format_idc (table 6-1).
_CHROMA = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
_LARGEST_PICTURE = 1 << 15


class SpsInfo(NamedTuple):
    """What an SPS says that containers and people want to know; sizes in pixels after cropping.

    `general` holds the 12 bytes of general profile space to general level, as hvcC wants them;
    `order_bits` and `planes` say how a slice header is read.
    """

    general: bytes
    sub_layers: int
    nested: bool
    identifier: int
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    height: int
    order_bits: int
    planes: bool


def nal_type(nal: bytes) -> int:
    """nal_unit_type of a NAL unit without start code (-1: empty)."""
    return nal[0] >> 1 & 0x3F if nal else -1


def parse_sps(nal: bytes) -> SpsInfo:
    """Read a sequence parameter set.

    Raises:
        MediaDamaged: it ends early or holds values that cannot be.
    """
    return read_sps(nal)[0]


def read_sps(nal: bytes) -> tuple[SpsInfo, BitReader]:
    """The same, and a reader that stands behind what was read.

    Raises:
        MediaDamaged: it ends early or holds values that cannot be.
    """
    data = rbsp(nal)
    if nal_type(nal) != SPS or len(data) < 16:
        raise MediaDamaged("not an H.265 sequence parameter set")
    bits = BitReader(data[2:], "H.265 SPS")
    bits.u(4)  # sps_video_parameter_set_id
    sub_layers = bits.u(3) + 1
    nested = bool(bits.u(1))
    general = bits.u(96).to_bytes(12, "big")
    _skip_sub_layers(bits, sub_layers - 1)
    identifier = bits.ue()
    chroma = bits.ue()
    planes = chroma == 3 and bool(bits.u(1))
    width, height = bits.ue(), bits.ue()
    if sub_layers > 7 or identifier > 15 or chroma > 3:
        raise MediaDamaged("the H.265 SPS holds values out of range")
    if bits.u(1):
        unit_x, unit_y = (1, 1) if planes else _CHROMA[chroma]
        left, right, top, bottom = (bits.ue() for _ in range(4))
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    luma_depth, chroma_depth = 8 + bits.ue(), 8 + bits.ue()
    if luma_depth > 15 or chroma_depth > 15:
        raise MediaDamaged("the H.265 SPS holds values out of range")
    order_bits = bits.ue() + 4
    if not (0 < width <= _LARGEST_PICTURE and 0 < height <= _LARGEST_PICTURE):
        raise MediaDamaged(f"the H.265 SPS gives a picture of {width}x{height}")
    info = SpsInfo(
        general, sub_layers, nested, identifier, chroma, luma_depth, chroma_depth, width, height,
        order_bits, planes,
    )  # fmt: skip
    return info, bits


def _skip_sub_layers(bits: BitReader, count: int) -> None:
    """sub_layer part of profile_tier_level (7.3.3)."""
    if not count:
        return
    flags = [(bits.u(1), bits.u(1)) for _ in range(count)]
    bits.u(2 * (8 - count))  # reserved_zero_2bits
    for profile, level in flags:
        bits.u(88 * profile + 8 * level)


def identify(nal: bytes) -> tuple[int, int]:
    """(type, id) of a parameter set: a later one of the same replaces an earlier one."""
    kind = nal_type(nal)
    if kind == SPS:
        return kind, parse_sps(nal).identifier
    bits = BitReader(rbsp(nal[2:]), "H.265 parameter set")
    return kind, bits.u(4) if kind == VPS else bits.ue()


def build_hvcc(sets: Sequence[bytes]) -> tuple[bytes, SpsInfo]:
    """The HEVCDecoderConfigurationRecord of parameter sets already in order VPS, SPS, PPS.

    `min_spatial_segmentation_idc`, `parallelismType` and the frame rates are written as "not said",
    which the standard allows: cameras do not keep to their nominal rate.

    Raises:
        MediaDamaged: a VPS, SPS or PPS is missing, or a set does not fit the record.
    """
    groups = {kind: [n for n in sets if nal_type(n) == kind] for kind in (VPS, SPS, PPS)}
    for kind, name in ((VPS, "video"), (SPS, "sequence"), (PPS, "picture")):
        if not groups[kind]:
            raise MediaDamaged(f"no H.265 {name} parameter set before the first picture")
    if max(map(len, sets)) > 0xFFFF:
        raise MediaDamaged("the H.265 parameter sets do not fit an hvcC record")
    info = parse_sps(groups[SPS][0])
    out = bytearray(b"\x01" + info.general)
    out += struct.pack(
        ">HBBBBHBB",
        0xF000,  # reserved, min_spatial_segmentation_idc not said
        0xFC,  # reserved, parallelismType not said
        0xFC | info.chroma_format,
        0xF8 | info.bit_depth_luma - 8,
        0xF8 | info.bit_depth_chroma - 8,
        0,  # avgFrameRate not said
        info.sub_layers << 3 | int(info.nested) << 2 | 3,  # lengthSizeMinusOne
        len(groups),
    )
    for kind, nals in groups.items():
        # hvc1 demands array_completeness for parameter sets (14496-15, 8.4.1.1).
        out += struct.pack(">BH", 0x80 | kind, len(nals))
        out += b"".join(struct.pack(">H", len(n)) + n for n in nals)
    return bytes(out), info


def read_hvcc(record: bytes) -> list[bytes]:
    """The NAL units of an hvcC record, in its order.

    Raises:
        MediaDamaged: the record ends early or is of another version.
    """
    if len(record) < 23 or record[0] != 1:
        raise MediaDamaged("the hvcC record is too short or of an unknown version")
    out: list[bytes] = []
    at = 23
    for _ in range(record[22]):
        if at + 3 > len(record):
            raise MediaDamaged("the hvcC record ends early")
        count, at = int.from_bytes(record[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            if at + 2 + size > len(record) or not size:
                raise MediaDamaged("the hvcC record ends early")
            out.append(bytes(record[at + 2 : at + 2 + size]))
            at += 2 + size
    return out
