"""Shape of pixels and meaning of colours, as the video usability information of an SPS says.

Facts: ITU-T H.264 7.3.2.1.1, E.1.1 and table E-1; H.265 7.3.2.2.1, 7.3.4, 7.3.7, E.2.1.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from hikcore.errors import MediaDamaged
from hikcore.media import h264, h265
from hikcore.media.bits import BitReader
from hikcore.media.formats import CodecConfig

#: aspect_ratio_idc 1 to 16, and 255 for one that is written out.
_RATIOS: Final = (
    (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11), (80, 33),
    (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
)  # fmt: skip
_WRITTEN: Final = 255
#: An SPS with more of these than its standard allows is no SPS.
_MOST_SETS, _MOST_PICTURES = 64, 16


class Usability(NamedTuple):
    """What is said of the pictures; None where nothing is.

    Attributes:
        pixel: width and height of a pixel, relative.
        colour: primaries, transfer and matrix (ISO/IEC 23091-2), and whether the range is full.
    """

    pixel: tuple[int, int] | None = None
    colour: tuple[int, int, int, bool] | None = None


@lru_cache(maxsize=64)
def usability(config: CodecConfig) -> Usability:
    """What the first SPS of a video configuration says; nothing, where it cannot be read."""
    try:
        if config.codec == "h264":
            sets = h264.read_avcc(config.record)
            return _h264(next(nal for nal in sets if h264.nal_type(nal) == h264.SPS))
        if config.codec == "h265":
            sets = h265.read_hvcc(config.record)
            return _h265(next(nal for nal in sets if h265.nal_type(nal) == h265.SPS))
    except (MediaDamaged, StopIteration):
        pass
    return Usability()


def _h264(nal: bytes) -> Usability:
    _, bits = h264.read_sps(nal)
    return _vui(bits) if bits.u(1) else Usability()


def _vui(bits: BitReader) -> Usability:
    """The begin of vui_parameters, which both standards share."""
    pixel = colour = None
    if bits.u(1):
        number = bits.u(8)
        if 1 <= number <= len(_RATIOS):
            pixel = _RATIOS[number - 1]
        elif number == _WRITTEN:
            pixel = bits.u(16), bits.u(16)
    if bits.u(1):  # overscan_info_present_flag
        bits.u(1)
    if bits.u(1):  # video_signal_type_present_flag
        bits.u(3)  # video_format
        full = bool(bits.u(1))
        if bits.u(1):
            colour = bits.u(8), bits.u(8), bits.u(8), full
    return Usability(pixel if pixel and all(pixel) else None, colour)


def _h265(nal: bytes) -> Usability:
    info, bits = h265.read_sps(nal)
    for _ in range(info.sub_layers if bits.u(1) else 1):
        bits.ue(), bits.ue(), bits.ue()
    for _ in range(6):  # sizes and depths of coding and transform blocks
        bits.ue()
    if bits.u(1) and bits.u(1):  # scaling_list_enabled_flag, sps_scaling_list_data_present_flag
        _skip_scaling_lists(bits)
    bits.u(2)  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.u(1):  # pcm_enabled_flag
        bits.u(8)
        bits.ue(), bits.ue()
        bits.u(1)
    sets = bits.ue()
    if sets > _MOST_SETS:
        raise MediaDamaged("the H.265 SPS holds values out of range")
    pictures = 0
    for index in range(sets):
        pictures = _skip_references(bits, index, pictures)
    if bits.u(1):  # long_term_ref_pics_present_flag
        for _ in range(bits.ue()):
            bits.u(info.order_bits + 1)
    bits.u(2)  # sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    return _vui(bits) if bits.u(1) else Usability()


def _skip_scaling_lists(bits: BitReader) -> None:
    """scaling_list_data (7.3.4)."""
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.u(1):
                bits.ue()
                continue
            if size > 1:
                bits.se()
            for _ in range(min(64, 1 << (4 + (size << 1)))):
                bits.se()


def _skip_references(bits: BitReader, index: int, before: int) -> int:
    """st_ref_pic_set (7.3.7) of an SPS; how many pictures it holds.

    Args:
        before: how many the set before it holds, which this one may be told by.
    """
    if index and bits.u(1):  # inter_ref_pic_set_prediction_flag
        bits.u(1)
        bits.ue()
        count = 0
        for _ in range(before + 1):
            used = bits.u(1)
            count += 1 if used else bits.u(1)
        return count
    negative, positive = bits.ue(), bits.ue()
    if negative > _MOST_PICTURES or positive > _MOST_PICTURES:
        raise MediaDamaged("the H.265 SPS holds values out of range")
    for _ in range(negative + positive):
        bits.ue()
        bits.u(1)
    return negative + positive
