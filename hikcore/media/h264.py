"""H.264 parameter sets, and the avcC record made of them.

Facts: ITU-T H.264 7.3.2.1 (SPS), 7.4.2.1.1 (cropping), ISO/IEC 14496-15 5.3.3.1 (avcC).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from hikcore.errors import MediaDamaged
from hikcore.media.bits import BitReader, rbsp

SPS, PPS, SPS_EXTENSION = 7, 8, 13
#: Profiles whose SPS carries chroma format, bit depth and scaling lists (7.3.2.1.1).
_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
#: Width and height units of cropping by chroma_format_idc (6.2, table 6-1).
_CHROMA = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
_LARGEST_PICTURE = 1 << 15


class SpsInfo(NamedTuple):
    """What an SPS says that containers and people want to know; sizes in pixels after cropping.

    `frame_number_bits`, `order_type`, `order_bits`, `frames_only` and `planes` say how a slice
    header is read, and how it tells the order of pictures (8.2.1).
    """

    profile: int
    compatibility: int
    level: int
    identifier: int
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    height: int
    frame_number_bits: int
    order_type: int
    order_bits: int
    frames_only: bool
    planes: bool


def nal_type(nal: bytes) -> int:
    """nal_unit_type of a NAL unit without start code (-1: empty)."""
    return nal[0] & 0x1F if nal else -1


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
    if nal_type(nal) != SPS or len(data) < 5:
        raise MediaDamaged("not an H.264 sequence parameter set")
    bits = BitReader(data[4:], "H.264 SPS")
    identifier = bits.ue()
    chroma, luma_depth, chroma_depth, planes = 1, 8, 8, False
    if data[1] in _HIGH:
        chroma = bits.ue()
        planes = chroma == 3 and bool(bits.u(1))
        luma_depth, chroma_depth = 8 + bits.ue(), 8 + bits.ue()
        bits.u(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.u(1):
            _skip_scaling_lists(bits, 8 if chroma != 3 else 12)
    if identifier > 31 or chroma > 3 or luma_depth > 14 or chroma_depth > 14:
        raise MediaDamaged("the H.264 SPS holds values out of range")
    frame_number_bits = bits.ue() + 4
    order_type, order_bits = _picture_order(bits)
    bits.ue()  # max_num_ref_frames
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag
    width, height = 16 * (bits.ue() + 1), 16 * (bits.ue() + 1)
    frames_only = bits.u(1)
    if not frames_only:
        height *= 2
        bits.u(1)  # mb_adaptive_frame_field_flag
    bits.u(1)  # direct_8x8_inference_flag
    if bits.u(1):
        unit_x, unit_y = (1, 1) if planes else _CHROMA[chroma]
        left, right, top, bottom = (bits.ue() for _ in range(4))
        width -= unit_x * (left + right)
        height -= unit_y * (2 - frames_only) * (top + bottom)
    if not (0 < width <= _LARGEST_PICTURE and 0 < height <= _LARGEST_PICTURE):
        raise MediaDamaged(f"the H.264 SPS gives a picture of {width}x{height}")
    info = SpsInfo(
        data[1], data[2], data[3], identifier, chroma, luma_depth, chroma_depth, width, height,
        frame_number_bits, order_type, order_bits, bool(frames_only), planes,
    )  # fmt: skip
    return info, bits


def _skip_scaling_lists(bits: BitReader, lists: int) -> None:
    for index in range(lists):
        if not bits.u(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.se()) % 256
            last = following or last


def _picture_order(bits: BitReader) -> tuple[int, int]:
    """pic_order_cnt_type, and bits of pic_order_cnt_lsb (type 0)."""
    kind, size = bits.ue(), 0
    if kind == 0:
        size = bits.ue() + 4
    elif kind == 1:
        bits.u(1)  # delta_pic_order_always_zero_flag
        bits.se()
        bits.se()
        cycle = bits.ue()
        if cycle > 255:
            raise MediaDamaged("the H.264 SPS holds values out of range")
        for _ in range(cycle):
            bits.se()
    elif kind > 2:
        raise MediaDamaged("the H.264 SPS holds values out of range")
    return kind, size


def identify(nal: bytes) -> tuple[int, int]:
    """(type, id) of a parameter set: a later one of the same replaces an earlier one."""
    kind = nal_type(nal)
    if kind == SPS:
        return kind, parse_sps(nal).identifier
    return kind, BitReader(rbsp(nal[1:]), "H.264 PPS").ue()


def build_avcc(sets: Sequence[bytes]) -> tuple[bytes, SpsInfo]:
    """The AVCDecoderConfigurationRecord of parameter sets already in order SPS, PPS, extension.

    Raises:
        MediaDamaged: an SPS or a PPS is missing, or a set does not fit the record.
    """
    groups = {kind: [n for n in sets if nal_type(n) == kind] for kind in (SPS, PPS, SPS_EXTENSION)}
    if not groups[SPS] or not groups[PPS]:
        missing = "sequence" if not groups[SPS] else "picture"
        raise MediaDamaged(f"no H.264 {missing} parameter set before the first picture")
    if len(groups[SPS]) > 31 or max(map(len, sets)) > 0xFFFF:
        raise MediaDamaged("the H.264 parameter sets do not fit an avcC record")
    info = parse_sps(groups[SPS][0])
    out = bytearray((1, info.profile, info.compatibility, info.level, 0xFF))
    out += _counted(groups[SPS], 0xE0) + _counted(groups[PPS])
    # 14496-15: present for every profile but Baseline, Main and Extended.
    if info.profile not in (66, 77, 88):
        out += bytes((0xFC | info.chroma_format, 0xF8 | info.bit_depth_luma - 8))
        out += bytes((0xF8 | info.bit_depth_chroma - 8,)) + _counted(groups[SPS_EXTENSION])
    return bytes(out), info


def _counted(nals: Sequence[bytes], mark: int = 0) -> bytes:
    return bytes((mark | len(nals),)) + b"".join(struct.pack(">H", len(n)) + n for n in nals)


def read_avcc(record: bytes) -> list[bytes]:
    """The parameter sets of an avcC record, in its order.

    Raises:
        MediaDamaged: the record ends early or is of another version.
    """
    if len(record) < 7 or record[0] != 1:
        raise MediaDamaged("the avcC record is too short or of an unknown version")
    out: list[bytes] = []
    at = _read_counted(record, 5, 0x1F, out)
    at = _read_counted(record, at, 0xFF, out)
    if len(record) >= at + 4 and record[1] not in (66, 77, 88):
        _read_counted(record, at + 3, 0xFF, out)
    return out


def _read_counted(record: bytes, at: int, mask: int, out: list[bytes]) -> int:
    if at >= len(record):
        raise MediaDamaged("the avcC record ends early")
    count, at = record[at] & mask, at + 1
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2], "big")
        if at + 2 + size > len(record) or not size:
            raise MediaDamaged("the avcC record ends early")
        out.append(bytes(record[at + 2 : at + 2 + size]))
        at += 2 + size
    return at
