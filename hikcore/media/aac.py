"""AAC in program streams: the configuration that ADTS headers hold, and times of their frames.

Facts: ISO 14496-3 1.6.2.1 (AudioSpecificConfig), 1.A.2.2 (ADTS), table 1.18 (rates).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hikcore.media.table import CodecConfig
from hikcore.media.times import WRAP, unwrap

#: Samples that a frame decodes to.
FRAME: Final = 1024
RATES: Final = (
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
    7350,
)  # fmt: skip


def adts_config(code: int) -> CodecConfig | None:
    """The configuration of a frame's fixed header; None where its channels are told inside the
    frame alone (configuration 0), which MP4 cannot be told without reading it.

    Args:
        code: profile (2 bits), sampling frequency index (4), channel configuration (3).
    """
    profile, index, channels = code >> 7, code >> 3 & 15, code & 7
    if not channels:
        return None
    bits = (profile + 1) << 11 | index << 7 | channels << 3
    return CodecConfig(
        "aac",
        bits.to_bytes(2, "big"),
        rate=RATES[index],
        channels=8 if channels == 7 else channels,
    )


def sample_clock(
    raw: NDArray[np.int64], rate: int, near: int | None
) -> tuple[NDArray[np.int64], int]:
    """Times of frames of 1024 samples, 90 kHz: they follow each other without a seam, until a PTS
    is half a frame or more off what the samples count; then that PTS counts.

    Args:
        raw: int64 (n,), 33 bits, -1 where a frame has none of its own.
        near: a time (unwrapped) close to the first.

    Returns:
        (int64 (n,), how often a PTS was off).
    """
    length = Fraction(FRAME * 90_000, rate)
    known = np.flatnonzero(raw >= 0)
    out = np.zeros(len(raw), np.int64)
    if not len(known):
        start = near or 0
        return start + (np.arange(len(raw)) * FRAME * 90_000 // rate).astype(np.int64), 0
    values = unwrap(raw[known].astype(np.int64), near)
    # Frames ahead of the first PTS count back from it.
    base, first, moved = int(values[0]), int(known[0]), 0
    marks: list[tuple[int, int]] = [(first, base)]
    for at, value in zip(known[1:].tolist(), values[1:].tolist(), strict=True):
        if abs(value - (base + (at - first) * length)) * 2 >= length:
            base, first, moved = value, at, moved + 1
            marks.append((at, value))
    edges = [at for at, _ in marks[1:]] + [len(raw)]
    begin = 0
    for (at, value), end in zip(marks, edges, strict=True):
        count = np.arange(begin - at, end - at, dtype=np.int64)
        # Rounded to the nearest tick.
        out[begin:end] = value + (count * FRAME * 90_000 * 2 + rate) // (2 * rate)
        begin = end
    if near is None and out[0] < 0:
        out += WRAP
    return out, moved
