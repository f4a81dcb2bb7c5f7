"""Reads back what the simulator's pictures and sound carry: the oracle of the tests.

Written against the description in `hikcore.sim.picture` and `hikcore.sim.sound`, sharing no code.
"""

from __future__ import annotations

import binascii

import av
import numpy as np
from numpy.typing import NDArray

NS = 1_000_000_000


def read_instant(frame: av.VideoFrame | NDArray[np.uint8]) -> int:
    """Nanoseconds since 1970 that a picture carries.

    Args:
        frame: a decoded frame, or its luma as an array (height, width).

    Raises:
        ValueError: the blocks are not there, or damaged (the checksum says so).
    """
    if isinstance(frame, av.VideoFrame):
        plane = frame.planes[0]  # luma of every YUV format that a recorder writes
        luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        frame = luma[: frame.height, : frame.width]
    columns = frame.shape[1] // 16
    rows = -(-60 // columns)
    area = frame[: rows * 16, : columns * 16].reshape(rows, 16, columns, 16)
    light = area[:, 4:12, :, 4:12].mean(axis=(1, 3)).reshape(-1)[:60] > 125
    word = int("".join("1" if bit else "0" for bit in light), 2)
    ms, crc = word >> 16, word & 0xFFFF
    if binascii.crc_hqx(ms.to_bytes(6, "big"), 0) != crc:
        raise ValueError(f"no time code in the picture (read {ms} ms with a wrong checksum)")
    return ms * 1_000_000


def read_instants(path: str) -> list[int]:
    """Of every shown picture of a file, in the order in which they are shown."""
    with av.open(path) as container:
        return [read_instant(frame) for frame in container.decode(video=0)]


def read_sound(law: str, samples: bytes) -> list[tuple[int, int]]:
    """The (instant in ns, channel) of every whole word of 2 ms in G.711 bytes, in order.

    Bytes before the first mark and an unfinished word at the end are passed over.

    Raises:
        ValueError: a word is damaged, or marks do not stand 16 samples apart.
    """
    codes = np.frombuffer(samples, np.uint8)
    plain = (codes ^ 0x55) if law == "alaw" else (0xFF - codes)
    mark = 0xB0 if law == "alaw" else 0x40
    marks = np.flatnonzero(plain == mark)
    if not len(marks):
        return []
    codes = plain[marks[0] :]
    words = codes[: len(codes) // 16 * 16].reshape(-1, 16).astype(np.int64)
    if (words[:, 0] != mark).any():
        at = int(np.flatnonzero(words[:, 0] != mark)[0])
        raise ValueError(f"no mark at word {at}: samples were lost or put in")
    numbers = (words[:, 1:] & 0x7F) if law == "alaw" else (words[:, 1:] - 1)
    index = (numbers[:, :11] << np.arange(40, -1, -4)).sum(axis=1)
    check = (numbers[:, :11] * np.arange(1, 12)).sum(axis=1) & 255
    if (check != (numbers[:, 11] << 4 | numbers[:, 12])).any():
        raise ValueError("a word of the sound has a wrong checksum")
    channel = numbers[:, 13] << 4 | numbers[:, 14]
    return [(int(i) * 2_000_000, int(c)) for i, c in zip(index, channel, strict=True)]
