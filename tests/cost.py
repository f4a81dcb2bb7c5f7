"""What work costs, on a machine that others use too.

A wall clock measures the neighbours. So the processor time of this thread is taken, and held
against that of a plain loop just before and just after: where the processor is slow, both are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_STEPS: Final = 1_000_000
#: Seconds of that loop on the machine that bounds are written for.
_NOMINAL: Final = 0.015


def _loop() -> float:
    begin = time.thread_time()
    for _ in range(_STEPS):
        pass
    return time.thread_time() - begin


def cost(work: Callable[[], object]) -> float:
    """Seconds that some work in this thread would take on a machine that runs a plain Python loop
    at 67 million steps a second."""
    before = _loop()
    begin = time.thread_time()
    work()
    spent = time.thread_time() - begin
    return spent / max(before, _loop()) * _NOMINAL
