"""Some seeds of a recorder that fails half of all requests; `python -m tests.flaky.harness` takes
two hundred."""

from __future__ import annotations

import random
from pathlib import Path

from tests.flaky.harness import HALF, Result, points, strikes, summary

SEEDS = range(1, 9)


async def test_it_ends_right_or_pending_with_a_reason(tmp_path: Path) -> None:
    results: list[Result] = []
    await points(tmp_path, SEEDS, 20, results.append)
    assert [result for result in results if result.fault] == []
    assert {result.ended for result in results} <= {"right", "pending"}
    assert sum(result.ended == "right" for result in results) >= 2
    assert all(result.why for result in results if result.ended == "pending")
    asked, struck = (sum(getattr(r, name) for r in results) for name in ("asked", "struck"))
    assert 0.4 < struck / asked < 0.6, summary(results)


def test_half_of_all_requests_are_struck_by_a_plan() -> None:
    passed = 1.0
    for strike in strikes(random.Random(1)):
        passed *= 1 - strike.p
    assert abs(passed - (1 - HALF)) < 1e-9
