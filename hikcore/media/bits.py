"""Bits of a NAL unit: emulation prevention removed, fixed and Exp-Golomb codes read.

Facts: ITU-T H.264 7.3.1/7.4.1 and 9.1, H.265 7.3.1.1 and 9.2.
"""

from __future__ import annotations

from hikcore.errors import MediaDamaged

#: Longest Exp-Golomb prefix that the two standards use.
_LONGEST_PREFIX = 32


def rbsp(nal: bytes) -> bytes:
    """The payload with every emulation prevention byte (00 00 **03**) taken out."""
    if b"\x00\x00\x03" not in nal:
        return bytes(nal)
    out = bytearray()
    begin = 0
    while (at := nal.find(b"\x00\x00\x03", begin)) >= 0:
        out += nal[begin : at + 2]
        begin = at + 3
    return bytes(out + nal[begin:])


class BitReader:
    """Reads an RBSP from its first bit.

    Args:
        data: bytes without emulation prevention.
        what: names the NAL unit in errors.
    """

    def __init__(self, data: bytes, what: str) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)
        self._what = what

    def u(self, bits: int) -> int:
        """An unsigned integer of so many bits.

        Raises:
            MediaDamaged: the data end before.
        """
        self._left -= bits
        if self._left < 0:
            raise MediaDamaged(f"the {self._what} ends inside a field")
        return (self._value >> self._left) & ((1 << bits) - 1)

    def ue(self) -> int:
        """An unsigned Exp-Golomb code.

        Raises:
            MediaDamaged: the data end before, or no such code exists.
        """
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > _LONGEST_PREFIX:
                raise MediaDamaged(f"the {self._what} holds no Exp-Golomb code where one must be")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)
