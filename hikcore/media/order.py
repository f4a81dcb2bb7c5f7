"""The order of pictures by their slice headers, and whether these can be read at all.

A picture without a PTS of its own (several in one packet) is placed by its picture order count
between those that have one. Facts: ITU-T H.264 7.3.3, 8.2.1.1; H.265 7.3.6.1, 8.3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged
from hikcore.media import h264, h265
from hikcore.media.bits import BitReader, rbsp
from hikcore.media.table import CodecConfig

__all__ = ["Slice", "SliceReader", "fill_by_order", "picture_order"]

_IDR = 5


@dataclass(frozen=True, slots=True)
class Slice:
    """The first slice of a picture.

    Attributes:
        begins: the order of pictures is counted anew here (IDR, BLA).
        count: low bits of the picture order count, -1 where the stream has none.
        bits: how many.
        reference: whether later pictures count on from it.
        kind: `I`, `P` or `B`.
    """

    begins: bool
    count: int
    bits: int
    reference: bool
    kind: str


class SliceReader:
    """Reads slice headers with the parameter sets of a configuration.

    Raises:
        MediaDamaged: the sets cannot be read.
    """

    def __init__(self, config: CodecConfig) -> None:
        self._h265 = config.codec == "h265"
        if self._h265:
            nals = h265.read_hvcc(config.record)
            found = [h265.parse_sps(n) for n in nals if h265.nal_type(n) == h265.SPS]
            self._sps5 = {sps.identifier: sps for sps in found}
            self._pps5 = dict(_pps_h265(n) for n in nals if h265.nal_type(n) == h265.PPS)
            return
        nals = h264.read_avcc(config.record)
        self._sps = {
            sps.identifier: sps
            for sps in (h264.parse_sps(n) for n in nals if h264.nal_type(n) == h264.SPS)
        }
        self._pps = dict(_pps_h264(n) for n in nals if h264.nal_type(n) == h264.PPS)

    def read(self, head: bytes) -> Slice | None:
        """The header that begins these bytes of a NAL unit; None where it cannot be one."""
        try:
            return self._read_h265(head) if self._h265 else self._read_h264(head)
        except (MediaDamaged, KeyError):
            return None

    def _read_h264(self, head: bytes) -> Slice | None:
        kind, reference = head[0] & 31, head[0] >> 5 & 3
        bits = BitReader(rbsp(head[1:]), "H.264 slice")
        first, slice_type = bits.ue(), bits.ue()
        if first or slice_type > 9 or kind not in (1, _IDR) or head[0] & 0x80:
            return None
        sps = self._sps[self._pps[bits.ue()]]
        if sps.planes:
            bits.u(2)
        number = bits.u(sps.frame_number_bits)
        letter = "PBIPI"[slice_type % 5]
        if kind == _IDR and (number or letter != "I" or not reference):
            return None
        if not sps.frames_only and bits.u(1):
            bits.u(1)  # bottom_field_flag
        if kind == _IDR:
            bits.ue()  # idr_pic_id
        count = bits.u(sps.order_bits) if sps.order_type == 0 else -1
        return Slice(kind == _IDR, count, sps.order_bits, bool(reference), letter)

    def _read_h265(self, head: bytes) -> Slice | None:
        kind, layer = head[0] >> 1 & 63, head[1] & 7
        if head[0] & 0x81 or head[1] >> 3 or not layer or kind > 21:
            return None
        irap = 16 <= kind <= 23
        bits = BitReader(rbsp(head[2:]), "H.265 slice")
        if not bits.u(1):
            return None
        if irap:
            bits.u(1)  # no_output_of_prior_pics_flag
        of_sps, extra, output = self._pps5[bits.ue()]
        sps = self._sps5[of_sps]
        bits.u(extra)
        slice_type = bits.ue()
        if slice_type > 2 or (irap and slice_type != 2):
            return None
        letter = "BPI"[slice_type]
        bits.u(int(output) + (2 if sps.planes else 0))
        begins = 16 <= kind <= 20
        idr = kind in (19, 20)
        count = 0 if idr else bits.u(sps.order_bits)
        # RADL, RASL and sub-layer non-reference pictures are no base (8.3.1), nor others than of
        # the lowest temporal layer.
        base = layer == 1 and not (6 <= kind <= 9 or (kind < 15 and kind % 2 == 0))
        return Slice(begins, count, sps.order_bits, base, letter)


def _pps_h264(nal: bytes) -> tuple[int, int]:
    """(its id, that of its SPS)."""
    bits = BitReader(rbsp(nal[1:]), "H.264 PPS")
    return bits.ue(), bits.ue()


def _pps_h265(nal: bytes) -> tuple[int, tuple[int, int, bool]]:
    """(its id, (that of its SPS, num_extra_slice_header_bits, output_flag_present_flag))."""
    bits = BitReader(rbsp(nal[2:]), "H.265 PPS")
    own, sps = bits.ue(), bits.ue()
    bits.u(1)  # dependent_slice_segments_enabled_flag
    output = bool(bits.u(1))
    return own, (sps, bits.u(3), output)


def picture_order(slices: list[Slice | None]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(order count, number of the coded sequence) of pictures in decoding order, int64 (n,); a
    count of a picture that has none is -2^62."""
    counts = np.full(len(slices), -(1 << 62), np.int64)
    sequence = np.zeros(len(slices), np.int64)
    number = high = low = 0
    for at, one in enumerate(slices):
        if one is not None and one.begins:
            number, high, low = number + 1, 0, 0
        sequence[at] = number
        if one is None or one.count < 0:
            continue
        size = 1 << one.bits
        if one.begins:
            own = 0
        elif one.count < low and low - one.count >= size // 2:
            own = high + size
        elif one.count > low and one.count - low > size // 2:
            own = high - size
        else:
            own = high
        counts[at] = own + one.count
        if one.reference:
            high, low = own, one.count
    return counts, sequence


def fill_by_order(
    pts: NDArray[np.int64], known: NDArray[np.bool_], slices: list[Slice | None]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """PTS of pictures without, evenly by their order between those that have one.

    Args:
        pts: int64 (n,), unwrapped where `known`. slices: of each picture; None: not known.

    Returns:
        (pts, which are known now): what neither order nor neighbours tell stays unknown.
    """
    counts, sequence = picture_order(slices)
    out, have = pts.copy(), known.copy()
    usable = counts > -(1 << 62)
    pace = _pace(pts, known & usable, counts, sequence)
    for number in np.unique(sequence[~known & usable]):
        inside = np.flatnonzero((sequence == number) & usable)
        given = inside[known[inside]]
        if not len(given):
            continue
        given = given[np.argsort(counts[given], kind="stable")]
        x, y = counts[given].astype(np.float64), pts[given] - pts[given[0]]
        for at in inside[~known[inside]]:
            count = int(counts[at])
            if count < x[0]:
                ticks = round((count - x[0]) * pace)
            elif count > x[-1]:
                ticks = int(y[-1]) + round((count - x[-1]) * pace)
            else:
                ticks = round(float(np.interp(count, x, y)))
            out[at], have[at] = int(pts[given[0]]) + ticks, True
    return out, have


def _pace(
    pts: NDArray[np.int64],
    usable: NDArray[np.bool_],
    counts: NDArray[np.int64],
    sequence: NDArray[np.int64],
) -> float:
    """Ticks that one step of the order count lasts, the median; 40 ms for two where none tells."""
    at = np.flatnonzero(usable)
    at = at[np.lexsort((counts[at], sequence[at]))]
    steps = np.diff(counts[at])
    within = (np.diff(sequence[at]) == 0) & (steps > 0)
    if not within.any():
        return 1800.0
    return float(np.median(np.diff(pts[at])[within] / steps[within]))
