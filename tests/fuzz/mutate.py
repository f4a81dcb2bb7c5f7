"""Faults that mean something in a container: tokens, lengths, cuts and splices near its marks.

libFuzzer's own mutations change bytes; these know where lengths stand, and give what a broken
writer, disk or network gives. Seeded: the same chance gives the same body.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: Numbers that counts, sizes and offsets are wrong by.
VALUES = (
    0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 60, 255, 700, 0x7FFF, 0xFFFF, 1 << 16, (1 << 31) - 1,
    1 << 31, (1 << 31) + 1, (1 << 32) - 16, (1 << 32) - 1,
)  # fmt: skip


@dataclass(frozen=True)
class Grammar:
    """What mutations know of a format.

    Attributes:
        tokens: byte strings that mean something to its reader.
        marks: byte strings near which lengths stand.
        reach: bytes behind a mark that belong to it.
        order: of its numbers.
    """

    tokens: tuple[bytes, ...] = (b"\0" * 4, b"\xff" * 4)
    marks: tuple[bytes, ...] = ()
    reach: int = 16
    order: Literal["<", ">"] = ">"


def spoil(body: bytes, others: Sequence[bytes], grammar: Grammar, chance: random.Random) -> bytes:
    """The body with one to sixteen faults.

    Args:
        others: bodies that stretches are taken from.
    """
    out = bytearray(body or bytes(16))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        _fault(out, others, grammar, chance)
        if not out:
            break
    return bytes(out)


def _fault(
    out: bytearray, others: Sequence[bytes], grammar: Grammar, chance: random.Random
) -> None:
    at = _place(out, grammar, chance)
    kind = chance.randrange(12)
    if kind == 0:
        out[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        out[at : at + 1] = chance.randbytes(chance.randrange(1, 9))
    elif kind == 2:
        del out[at : at + chance.randrange(1, 400)]
    elif kind in (3, 4):
        token = chance.choice(grammar.tokens)
        out[at : at + len(token) * (kind - 3)] = token
    elif kind in (5, 6, 7):
        width = chance.choice((1, 2, 4, 4, 4, 8))
        value = chance.choice(VALUES) if chance.random() < 0.7 else chance.getrandbits(32)
        if width == 8 and chance.random() < 0.5:
            value = chance.choice((1 << 63, (1 << 63) - 1, (1 << 64) - 1, (1 << 62) + 1, 1 << 32))
        wide = struct.pack(grammar.order + "Q", value)
        out[at : at + width] = wide[-width:] if grammar.order == ">" else wide[:width]
    elif kind == 8:
        out[at] = (out[at] + chance.choice((-1, 1, -8, 8))) & 255
    elif kind == 9 and others:
        other = chance.choice(others)
        begin = chance.randrange(len(other) + 1)
        out[at:at] = other[begin : begin + chance.randrange(1, 3000)]
    elif kind == 10:
        size = chance.randrange(1, 1000)
        begin = chance.randrange(len(out))
        out[at:at] = out[begin : begin + size]
    elif chance.random() < 0.3:
        del out[at:]


def _place(out: bytearray, grammar: Grammar, chance: random.Random) -> int:
    at = chance.randrange(len(out))
    if grammar.marks and chance.random() < 0.6:
        found = out.find(chance.choice(grammar.marks), at)
        if found < 0:
            found = out.find(chance.choice(grammar.marks))
        if found >= 0:
            at = min(found + chance.randrange(grammar.reach), len(out) - 1)
            at = max(at - 4, 0) if chance.random() < 0.2 else at
    return at
