"""A few seconds of what `fuzz_ps` does for as long as one likes, the same bodies each time."""

from __future__ import annotations

import contextlib
import random
import time

import pytest

from hikcore.errors import MediaError
from tests.fuzz.fuzz_ps import TOKENS, bodies, check, spoiled
from tests.media.ps_bodies import index


def test_spoiled_bodies_are_read_as_the_reference_reads_them() -> None:
    whole = bodies()
    for seed in range(250):
        chance = random.Random(seed)
        body = spoiled(chance, whole)
        check(body, [chance.choice((1, 2, 3, 7, 100, 5000)) for _ in range(3)])


@pytest.mark.slow
def test_many_spoiled_bodies() -> None:
    whole = bodies()
    for seed in range(1_000_000, 1_003_000):
        chance = random.Random(seed)
        check(spoiled(chance, whole), [chance.choice((1, 2, 3, 7, 100, 5000)) for _ in range(3)])


@pytest.mark.parametrize("seed", range(6))
def test_work_is_linear_in_whatever_comes(seed: int) -> None:
    """Tokens and noise in any mixture: eight times as much takes about eight times as long."""
    chance = random.Random(seed)
    mixture = [chance.choice(TOKENS) for _ in range(3)] + [chance.randbytes(9)]
    piece = b"".join(chance.choice(mixture) for _ in range(40_000))

    def seconds(times: int) -> float:
        begin = time.perf_counter()
        with contextlib.suppress(MediaError):
            index(piece * times, [65_536])
        return time.perf_counter() - begin

    small = min(seconds(1) for _ in range(3))
    assert min(seconds(8) for _ in range(2)) < 24 * small + 0.1
