"""Footage for random cuts: small pictures that carry their own instant, coded by real encoders.

A footage is one kind of camera: codec, with or without B pictures, with or without sound, at a
constant or a varying rate. What container it lies in is `tests.media.cut_bodies`' affair.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from hikcore.instants import ticks_to_ns
from hikcore.sim.picture import code_bits

#: Instant of every footage's first picture: ms since 1970, even (words of sound are 2 ms long).
T0_MS = 1_790_000_000_000
WIDTH, HEIGHT = 160, 96
PICTURES = 90
#: Ticks between pictures of a varying rate: recorders drop pictures, and pause when nothing moves.
_STEPS = (20, 40, 40, 40, 60, 80, 120, 240, 1000)


@dataclass(frozen=True, order=True)
class Kind:
    """What is recorded. `rate`: constant, variable."""

    codec: str
    b_pictures: bool
    sound: bool
    rate: str

    def __str__(self) -> str:
        parts = (self.codec, "B" if self.b_pictures else "no B", "sound" if self.sound else "mute",
                 self.rate)  # fmt: skip
        return ", ".join(parts)


@dataclass(frozen=True)
class Coded:
    """One coded picture: number in the order of showing, ticks of 90 kHz after the first picture
    shown (both), NAL units behind start codes."""

    number: int
    pts: int
    dts: int
    key: bool
    data: bytes


@dataclass(frozen=True)
class Footage:
    """Pictures in decoding order, and the ticks at which each is shown, in the order of showing."""

    kind: Kind
    ticks: tuple[int, ...]
    coded: tuple[Coded, ...]

    @property
    def marks(self) -> tuple[int, ...]:
        """What each picture carries: ms since 1970."""
        return tuple(mark(tick) for tick in self.ticks)

    @property
    def instants(self) -> tuple[int, ...]:
        """UTC ns of each picture."""
        return tuple(T0_MS * 1_000_000 + ticks_to_ns(tick) for tick in self.ticks)

    @property
    def end(self) -> int:
        """UTC ns at which the last picture ends: after the usual step."""
        last = self.ticks[-1] + int(np.median(np.diff(self.ticks)))
        return T0_MS * 1_000_000 + ticks_to_ns(last)

    @property
    def keys(self) -> tuple[int, ...]:
        """Numbers of the key pictures."""
        return tuple(one.number for one in self.coded if one.key)


def mark(tick: int) -> int:
    """The whole ms that the picture of a tick carries."""
    return T0_MS + tick // 90


def ticks_of(kind: Kind, *, broadcast: bool, grid: int = 0) -> tuple[int, ...]:
    """The cadence of a kind.

    Args:
        broadcast: a constant rate is 29.97 a second, whose periods are no whole ms.
        grid: ms that every step is a multiple of.
    """
    if kind.rate == "constant":
        step = 3003 if broadcast else 40 * 90
        return tuple(step * number for number in range(PICTURES))
    chance = random.Random(f"{kind}{grid}")
    steps = [chance.choice(_STEPS) // (grid or 1) * (grid or 1) or grid for _ in range(PICTURES)]
    steps[PICTURES // 3] = 3000
    return tuple(int(tick) * 90 for tick in np.cumsum([0, *steps[1:]]))


@functools.cache
def footage(kind: Kind, *, broadcast: bool = False, grid: int = 0) -> Footage:
    """The footage of a kind, the same in every process."""
    ticks = ticks_of(kind, broadcast=broadcast, grid=grid)
    return Footage(kind, ticks, tuple(_encode(kind, ticks)))


def picture(ms: int) -> NDArray[np.uint8]:
    """What a picture of that instant shows, gray: the time code alone."""
    columns = WIDTH // 16
    bits = np.zeros(HEIGHT // 16 * columns, np.uint8)
    code = code_bits(ms)
    bits[: len(code)] = code
    return np.kron(bits.reshape(-1, columns) * 190 + 30, np.ones((16, 16), np.uint8))


def _encode(kind: Kind, ticks: tuple[int, ...]) -> list[Coded]:
    gop = random.Random(str(kind)).randrange(7, 19)
    context = av.CodecContext.create("libx264" if kind.codec == "h264" else "libx265", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 90_000), Fraction(25)
    common = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={3 * kind.b_pictures}"
    if kind.codec == "h264":
        context.options = {"preset": "ultrafast", "x264-params": f"{common}:threads=1"}
    else:
        extra = ":log-level=none:pools=none:frame-threads=1:open-gop=0:repeat-headers=1:info=0"
        context.options = {"preset": "ultrafast", "x265-params": common + extra}
    packets = []
    for tick in ticks:
        frame = av.VideoFrame.from_ndarray(picture(mark(tick)), format="gray")
        frame.pts, frame.time_base = tick, Fraction(1, 90_000)
        packets += context.encode(frame)
    packets += context.encode(None)
    places = {tick: number for number, tick in enumerate(ticks)}
    return [
        Coded(places[int(p.pts)], int(p.pts), int(p.dts), p.is_keyframe, bytes(p)) for p in packets
    ]
