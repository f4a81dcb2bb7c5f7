"""G.711 audio whose samples count, so that a lost or doubled stretch is seen.

At 8000 Hz, 16 samples are 2 ms: one word. A word is one loud sample (the mark), then 15 quiet ones
that hold a number of four bits each: eleven for the word's index (2-ms steps since 1970 UTC, most
significant first), two for its checksum (sum of the eleven numbers times their place, modulo 256),
and two for the camera's channel.

The code bytes, from quiet to loud (ITU-T G.711): number n is A-law `0x80 | n`, xor 0x55, and u-law
`0xFE - n` (0xFF and 0x7F are both zero there, and are not used); the mark is A-law
`0xB0 ^ 0x55`, u-law `0xBF`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

RATE = 8000
_WORD = 16


def sound(law: Literal["alaw", "ulaw"], begin_ms: int, end_ms: int, channel: int) -> bytes:
    """The samples of `[begin_ms, end_ms)`, one byte each; both are even.

    Raises:
        ValueError: a border that is not a whole word.
    """
    if begin_ms % 2 or end_ms % 2:
        raise ValueError(f"audio from {begin_ms} to {end_ms} ms is not in steps of 2 ms")
    index = np.arange(begin_ms // 2, end_ms // 2, dtype=np.int64)
    words = np.zeros((len(index), _WORD), np.uint8)
    shifts = np.arange(40, -1, -4)
    numbers = (index[:, None] >> shifts) & 15
    words[:, 1:12] = numbers
    check = (numbers @ np.arange(1, 12, dtype=np.int64)) & 255
    words[:, 12], words[:, 13] = check >> 4, check & 15
    words[:, 14], words[:, 15] = channel >> 4 & 15, channel & 15
    if law == "alaw":
        codes = ((words | 0x80) ^ 0x55).astype(np.uint8)
        codes[:, 0] = 0xB0 ^ 0x55
    else:
        codes = (0xFE - words).astype(np.uint8)
        codes[:, 0] = 0xBF
    return codes.tobytes()
