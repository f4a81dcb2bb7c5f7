"""SPS of H.264 (7.3.2.1.1) in every form, written and read."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import MediaDamaged
from hikcore.media import h264
from tests.media.test_vui_sps import Bits


@dataclass
class Sps:
    """What stands in it; `lists`: of deltas, those that are present."""

    profile: int = 100
    chroma: int = 1
    planes: bool = False
    lists: tuple[int | None, ...] = ()
    order: int = 0
    cycle: int = 0
    size: tuple[int, int] = (120, 68)
    frames_only: bool = True
    crop: tuple[int, int, int, int] | None = (0, 0, 0, 4)
    identifier: int = 0

    def write(self) -> bytes:
        bits = Bits()
        bits.ue(self.identifier)
        if self.profile == 100:
            bits.ue(self.chroma)
            if self.chroma == 3:
                bits.u(1, self.planes)
            bits.ue(0)
            bits.ue(0)
            bits.u(1)
            bits.u(1, bool(self.lists))
            if self.lists:
                self._lists(bits)
        bits.ue(3)
        self._order(bits)
        bits.ue(2)
        bits.u(1)
        bits.ue(self.size[0] - 1)
        bits.ue(self.size[1] - 1)
        bits.u(1, self.frames_only)
        if not self.frames_only:
            bits.u(1, 1)
        bits.u(1, 1)
        bits.u(1, self.crop is not None)
        for value in self.crop or ():
            bits.ue(value)
        bits.u(1)
        return bytes((0x67, self.profile, 0, 40)) + bits.nal()[2:]

    def _lists(self, bits: Bits) -> None:
        for index in range(12 if self.chroma == 3 else 8):
            delta = self.lists[index % len(self.lists)]
            bits.u(1, delta is not None)
            if delta is None:
                continue
            last = 8
            for _ in range(16 if index < 6 else 64):
                bits.se(delta)
                last = (last + delta) % 256
                if not last:  # the rest repeats the last one, and is not written
                    break

    def _order(self, bits: Bits) -> None:
        bits.ue(self.order)
        if self.order == 0:
            bits.ue(2)
        elif self.order == 1:
            bits.u(1)
            bits.se(-3)
            bits.se(4)
            bits.ue(self.cycle)
            for number in range(self.cycle):
                bits.se(number)


@given(
    st.builds(
        Sps,
        profile=st.sampled_from([66, 77, 100]),
        chroma=st.integers(0, 3),
        planes=st.booleans(),
        lists=st.lists(st.none() | st.sampled_from([-8, 0, 1, 7]), max_size=4).map(tuple),
        order=st.integers(0, 2),
        cycle=st.integers(0, 5),
        size=st.tuples(st.integers(8, 200), st.integers(8, 200)),
        frames_only=st.booleans(),
        crop=st.none() | st.tuples(*[st.integers(0, 8)] * 4),
        identifier=st.integers(0, 31),
    )
)
def test_what_was_written_is_read(sps: Sps) -> None:
    chroma = sps.chroma if sps.profile == 100 else 1
    unit = (1, 1) if chroma == 3 and sps.planes else {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}[
        chroma
    ]  # fmt: skip
    left, right, top, bottom = sps.crop or (0, 0, 0, 0)
    fields = 1 if sps.frames_only else 2
    found = h264.parse_sps(sps.write())
    assert found.width == 16 * sps.size[0] - unit[0] * (left + right)
    assert found.height == 16 * sps.size[1] * fields - unit[1] * fields * (top + bottom)
    assert (found.identifier, found.order_type) == (sps.identifier, sps.order)
    assert found.frames_only == sps.frames_only


@pytest.mark.parametrize(
    "sps",
    [Sps(identifier=32), Sps(chroma=4), Sps(order=3), Sps(order=1, cycle=256),
     Sps(size=(1, 1), crop=(4, 4, 0, 0)), Sps(size=(5000, 1))],
)  # fmt: skip
def test_what_cannot_be_is_refused(sps: Sps) -> None:
    with pytest.raises(MediaDamaged):
        h264.parse_sps(sps.write())
