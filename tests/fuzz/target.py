"""What is fuzzed: a parser, or a way from bytes to a file and back."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.fuzz.mutate import Grammar, spoil

#: Sizes of the pieces in which a stream is fed; a large one among them keeps the number low.
SMALL, LARGE = (1, 2, 3, 7, 12, 40, 100), (200, 1000, 5000)


@dataclass(frozen=True)
class Target:
    """One thing that takes bytes of others.

    Attributes:
        name: as on the command line.
        seeds: bodies to begin with, made by the tests' own muxers.
        check: reads a body and all that is made of it. It raises where anything does not hold; a
            MediaError is an answer, and does not come out of it.
        grammar: what its mutations know of the format.
        largest: bytes of an input.
        seconds: an input that takes longer hangs.
        megabytes: of memory, that of the interpreter, the sanitizers and the reference included.
        allocation: megabytes of one allocation.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    check: Callable[[bytes], None]
    grammar: Grammar
    largest: int = 1 << 16
    seconds: int = 20
    megabytes: int = 1536
    allocation: int = 256

    def mutate(self, body: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
        """The body with a few faults."""
        return spoil(body, others, self.grammar, chance)[: self.largest]


def pieces(body: bytes) -> list[int]:
    """Sizes of pieces that belong to a body: a finding is one file, and nothing besides."""
    chance = random.Random(zlib.crc32(body))
    return [chance.choice(SMALL), chance.choice(SMALL), chance.choice(LARGE)]
