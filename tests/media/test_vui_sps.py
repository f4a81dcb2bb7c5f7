"""What stands before the usability information in an SPS of H.265 (7.3.2.2.1), in every form."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import MediaDamaged
from hikcore.media import vui
from hikcore.media.vui import Usability


@dataclass
class Bits:
    """Writes what the standard's syntax tables name."""

    text: str = ""

    def u(self, count: int, value: int = 0) -> None:
        self.text += f"{value:0{count}b}" if count else ""

    def ue(self, value: int) -> None:
        self.text += "0" * (len(f"{value + 1:b}") - 1) + f"{value + 1:b}"

    def se(self, value: int) -> None:
        self.ue(2 * value - 1 if value > 0 else -2 * value)

    def nal(self) -> bytes:
        text = self.text + "1"
        data = int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
        return b"\x42\x01" + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", data)


@dataclass
class Sps:
    """What stands in it."""

    layers: int = 1
    each_layer: bool = False
    lists: tuple[tuple[bool, int], ...] = ()
    pcm: bool = False
    #: Pictures before and after; or bits (used, kept) for a set told by the one before it.
    sets: tuple[tuple[int, int] | tuple[tuple[bool, bool], ...], ...] = ()
    long_term: int | None = None
    pixel: tuple[int, int] | int = 1
    colour: tuple[int, int, int, bool] | None = None
    overscan: bool = False

    def write(self) -> bytes:
        bits = Bits()
        bits.u(4)
        bits.u(3, self.layers - 1)
        bits.u(1, 1)
        bits.u(96, 0x0160000000B000000000005A)
        if self.layers > 1:
            for _ in range(self.layers - 1):
                bits.u(2, 3)
            bits.u(2 * (8 - (self.layers - 1)))
            bits.u(96 * (self.layers - 1), 5)
        for value in (0, 1, 1920, 1080):
            bits.ue(value)
        bits.u(1)
        for value in (0, 0, 4):
            bits.ue(value)
        bits.u(1, self.each_layer)
        for _ in range(self.layers if self.each_layer else 1):
            for value in (4, 2, 0):
                bits.ue(value)
        for value in (0, 3, 0, 3, 1, 1):
            bits.ue(value)
        self._lists(bits)
        bits.u(2, 3)
        bits.u(1, self.pcm)
        if self.pcm:
            bits.u(8, 0x77)
            bits.ue(0)
            bits.ue(2)
            bits.u(1)
        self._references(bits)
        bits.u(1, self.long_term is not None)
        if self.long_term is not None:
            bits.ue(self.long_term)
            for number in range(self.long_term):
                bits.u(8, number)
                bits.u(1, 1)
        bits.u(2, 1)
        self._usability(bits)
        return bits.nal()

    def _lists(self, bits: Bits) -> None:
        bits.u(1, bool(self.lists))
        if not self.lists:
            return
        bits.u(1, 1)
        number = 0
        for size in range(4):
            for _ in range(0, 6, 3 if size == 3 else 1):
                written, value = self.lists[number % len(self.lists)]
                number += 1
                bits.u(1, written)
                if not written:
                    bits.ue(abs(value))
                    continue
                for _ in range(min(64, 1 << (4 + (size << 1))) + (size > 1)):
                    bits.se(value)

    def _references(self, bits: Bits) -> None:
        bits.ue(len(self.sets))
        before = 0
        for index, one in enumerate(self.sets):
            if one and isinstance(one[0], tuple) and index:
                bits.u(1, 1)
                bits.u(1, 1)
                bits.ue(0)
                flags = [one[n % len(one)] for n in range(before + 1)]
                before = 0
                for used, kept in flags:  # type: ignore[misc]
                    bits.u(1, used)
                    if not used:
                        bits.u(1, kept)
                    before += used or kept
                continue
            negative, positive = one if isinstance(one[0], int) else (1, 0)  # type: ignore[misc]
            if index:
                bits.u(1)
            bits.ue(negative)
            bits.ue(positive)
            for _ in range(negative + positive):  # type: ignore[operator]
                bits.ue(0)
                bits.u(1, 1)
            before = negative + positive  # type: ignore[operator]

    def _usability(self, bits: Bits) -> None:
        bits.u(1, 1)
        bits.u(1, 1)
        if isinstance(self.pixel, tuple):
            bits.u(8, 255)
            bits.u(16, self.pixel[0])
            bits.u(16, self.pixel[1])
        else:
            bits.u(8, self.pixel)
        bits.u(1, self.overscan)
        if self.overscan:
            bits.u(1, 1)
        bits.u(1, self.colour is not None)
        if self.colour is not None:
            bits.u(3, 5)
            bits.u(1, self.colour[3])
            bits.u(1, 1)
            for value in self.colour[:3]:
                bits.u(8, value)
        bits.u(32)


SETS = st.one_of(
    st.tuples(st.integers(0, 5), st.integers(0, 5)),
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=5).map(tuple),
)
SPS = st.builds(
    Sps,
    layers=st.integers(1, 7),
    each_layer=st.booleans(),
    lists=st.lists(st.tuples(st.booleans(), st.integers(-9, 9)), max_size=5).map(tuple),
    pcm=st.booleans(),
    sets=st.lists(SETS, max_size=6).map(tuple),
    long_term=st.none() | st.integers(0, 5),
    pixel=st.integers(0, 20) | st.tuples(st.integers(0, 300), st.integers(0, 300)),
    colour=st.none()
    | st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.booleans()),
    overscan=st.booleans(),
)


@given(SPS)
def test_what_was_written_is_read(sps: Sps) -> None:
    pixel = sps.pixel
    if isinstance(pixel, int):
        pixel = vui._RATIOS[pixel - 1] if 1 <= pixel <= 16 else (0, 0)
    assert vui._h265(sps.write()) == Usability(pixel if all(pixel) else None, sps.colour)


@pytest.mark.parametrize(
    "sps", [Sps(sets=((1, 0),) * 65), Sps(sets=((17, 0),)), Sps(sets=((0, 17),))]
)
def test_more_references_than_the_standard_allows(sps: Sps) -> None:
    with pytest.raises(MediaDamaged, match="out of range"):
        vui._h265(sps.write())
