"""A little of what `make fuzz` does for as long as one likes: the same bodies each time, against
the product's own build. And what it found once stays found."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

import pytest

from hikcore.errors import MediaError
from tests.fuzz.__main__ import GROWN, grown
from tests.fuzz.targets import NAMES, target
from tests.fuzz.targets.ps import TOKENS
from tests.media.ps_bodies import index

FOUND = Path(__file__).parent / "corpus"
#: Bodies of each target, so that each takes about a second.
COUNTS = {"sets": 2000, "gather": 2000, "everfocus": 150, "es": 100, "trips": 40, "cuts": 30}


def spoil(name: str, first: int, count: int) -> None:
    one = target(name)
    whole = one.seeds()
    for seed in range(first, first + count):
        chance = random.Random(seed)
        body = one.mutate(chance.choice(whole), whole, chance)
        try:
            one.check(body)
        except Exception as error:
            error.add_note(f"seed {seed} of {name}")
            raise


@pytest.mark.parametrize("name", NAMES)
def test_seeds_hold(name: str) -> None:
    one = target(name)
    for body in one.seeds():
        assert len(body) <= one.largest
        one.check(body)


@pytest.mark.parametrize("name", NAMES)
def test_spoiled_bodies_hold(name: str) -> None:
    spoil(name, 0, COUNTS.get(name, 250))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_spoiled_bodies_hold(name: str) -> None:
    spoil(name, 1_000_000, 10 * COUNTS.get(name, 250))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        pytest.param(path.parent.name, path, id=f"{path.parent.name}-{path.name}")
        for path in sorted(FOUND.glob("*/*"))
    ],
)
def test_what_was_found_once_holds(name: str, path: Path) -> None:
    """Each file is named after what was wrong."""
    target(name).check(path.read_bytes())


@pytest.mark.parametrize("name", sorted(path.stem for path in GROWN.glob("*.zip")))
def test_what_long_runs_reached_holds(name: str) -> None:
    """Small bodies chosen of the corpora (`tests.fuzz.shrink`)."""
    assert name in NAMES
    bodies = grown(name)
    assert bodies
    for body in bodies:
        target(name).check(body)


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
