"""One instant as a small picture: blocks that a program reads, and text that a person reads.

The blocks are 16 x 16 pixels, black or white, from the upper left corner row by row: 44 bits of
milliseconds since 1970 UTC, then the CRC-16/XMODEM of those 44 bits in six bytes (big-endian, four
zero bits in front). Squares of a whole macroblock survive any encoder that leaves a picture behind.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hikcore.instants import format_local
from hikcore.sim.font import text_mask

BLOCK: Final = 16
BITS: Final = 60
_MS_BITS: Final = 44
_BLACK, _WHITE = 16, 235
_BALL: Final = 14
_MS: Final = 1_000_000


def code_bits(ms: int) -> NDArray[np.bool_]:
    """The 60 bits, first one first.

    Raises:
        ValueError: the instant does not fit (before 1970 or after the year 2527).
    """
    if not 0 <= ms < 1 << _MS_BITS:
        raise ValueError(f"{ms} ms since 1970 does not fit into {_MS_BITS} bits")
    word = (ms << 16) | binascii.crc_hqx(ms.to_bytes(6, "big"), 0)
    packed = np.frombuffer((word << 4).to_bytes(8, "big"), np.uint8)
    return np.unpackbits(packed)[:BITS].astype(np.bool_)


@dataclass(frozen=True)
class Painter:
    """Draws what a camera sees.

    Args:
        width, height: pixels, both even; at least 320 wide and 144 high.
        name: the camera's name, shown in the picture.
        seed: of the scenery behind.
    """

    width: int
    height: int
    name: str
    seed: int
    _background: NDArray[np.uint8] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.width < 320 or self.height < 144 or self.width % 2 or self.height % 2:
            raise ValueError(f"{self.width}x{self.height} is not even and at least 320x144")
        object.__setattr__(self, "_background", self._scenery())

    def draw(self, ms: int, wall: int | None = None) -> NDArray[np.uint8]:
        """The picture of an instant as planar YUV 4:2:0, shape (height * 3 / 2, width).

        Args:
            ms: since 1970 UTC; what the blocks carry and what moves follows.
            wall: what the camera's own clock reads, local ns, for the text; None writes none.
        """
        frame = self._background.copy()
        luma = frame[: self.height]
        self._blocks(luma, ms)
        self._ball(luma, ms)
        # The minute as a bar along the lower edge: it grows, and a person sees that time runs.
        luma[-4:, : self.width * (ms % 60_000) // 60_000] = _WHITE
        if wall is not None:
            self._text(luma, format_local(wall, 3).replace("T", " "), self.height - 24)
        self._text(luma, self.name, self.height - 44)
        return frame

    def _scenery(self) -> NDArray[np.uint8]:
        random = np.random.default_rng([self.seed, self.width, self.height])
        frame = np.empty((self.height * 3 // 2, self.width), np.uint8)
        luma = frame[: self.height]
        luma[:] = np.linspace(150, 70, self.height)[:, None].astype(np.uint8)
        for _ in range(6):
            left = int(random.integers(0, self.width - 40))
            tall = int(random.integers(20, self.height - 90))
            luma[self.height - tall :, left : left + 32] = random.integers(50, 110)
        chroma = frame[self.height :].reshape(2, -1)
        chroma[0], chroma[1] = random.integers(104, 152, 2)
        return frame

    def _blocks(self, luma: NDArray[np.uint8], ms: int) -> None:
        columns = self.width // BLOCK
        rows = -(-BITS // columns)
        bits = np.zeros(rows * columns, np.bool_)
        bits[:BITS] = code_bits(ms)
        squares = np.where(bits, _WHITE, _BLACK).astype(np.uint8).reshape(rows, columns)
        luma[: rows * BLOCK, : columns * BLOCK] = squares.repeat(BLOCK, 0).repeat(BLOCK, 1)

    def _ball(self, luma: NDArray[np.uint8], ms: int) -> None:
        high, wide = self.height - 3 * BLOCK - 44 - 2 * _BALL, self.width - 2 * _BALL
        phase = 2 * np.pi * ((ms + self.seed % 60_000) % 60_000) / 60_000
        top = 3 * BLOCK + int((1 + np.sin(3 * phase)) / 2 * high)
        left = int((1 + np.sin(phase)) / 2 * wide)
        luma[top : top + 2 * _BALL, left : left + 2 * _BALL][_DISC] = 200

    def _text(self, luma: NDArray[np.uint8], text: str, top: int) -> None:
        mask = text_mask(text[: (self.width - 8) // 12], 2)
        box = luma[top - 2 : top + 16, 2 : mask.shape[1] + 6]
        box[:] = _BLACK
        box[2:16, 2 : mask.shape[1] + 2][mask] = _WHITE


_AXIS = np.arange(2 * _BALL) - _BALL + 0.5
_DISC = _AXIS[:, None] ** 2 + _AXIS[None, :] ** 2 < _BALL**2
