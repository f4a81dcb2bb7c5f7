"""Rows: contestants that take turns in one run, and the goals that ours is held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measure import Turn

OURS = "ours"


@dataclass(frozen=True)
class Goal:
    """Ours may cost at most `limit` times what `against` costs; with no `against`, `limit` itself.

    The ratio is the median of the ratios of each round, whose turns lie next to each other in time:
    load of the machine that comes and goes hits both.
    """

    metric: str
    limit: float
    against: str = ""
    unit: str = ""


@dataclass
class Outcome:
    """A goal with what was measured; `value` None where the peer is not on this machine."""

    metric: str
    limit: float
    against: str
    unit: str
    value: float | None

    @property
    def met(self) -> bool | None:
        """Whether it is met."""
        return None if self.value is None else self.value <= self.limit


@dataclass
class Row:
    """A row of the table.

    Attributes:
        medians: by contestant and metric. rounds: turns of each. notes: what a reader must know.
    """

    title: str
    rounds: int
    medians: dict[str, dict[str, float]]
    outcomes: list[Outcome]
    notes: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        out = asdict(self)
        for one, outcome in zip(out["outcomes"], self.outcomes, strict=True):
            one["met"] = outcome.met
        return out


class Contest:
    """Runs rows and keeps them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def run(
        self,
        benchmark: BenchmarkFixture,
        title: str,
        entries: Mapping[str, Callable[[], Turn]],
        goals: Sequence[Goal],
        *,
        rounds: int = 7,
        notes: Sequence[str] = (),
    ) -> Row:
        """A row: in each round every contestant has its turn, ours last and on the benchmark's own
        clock. The first round warms up and does not count."""
        turns: dict[str, list[Turn]] = {name: [] for name in entries}
        peers = [name for name in entries if name != OURS]

        def others() -> None:
            for name in peers:
                turns[name].append(entries[name]())

        benchmark.pedantic(  # type: ignore[no-untyped-call]  # pytest-benchmark has no types
            lambda: turns[OURS].append(entries[OURS]()),
            setup=others,
            rounds=rounds,
            warmup_rounds=1,
        )
        counted = {name: all_of[1:] for name, all_of in turns.items()}
        row = Row(
            title=title,
            rounds=rounds,
            medians={name: _medians(some) for name, some in counted.items()},
            outcomes=[_outcome(goal, counted) for goal in goals],
            notes=list(notes),
        )
        self.rows.append(row)
        for outcome in row.outcomes:
            if outcome.value is not None:
                benchmark.extra_info[f"{outcome.metric} / {outcome.against}"] = outcome.value
        return row


def _medians(turns: Sequence[Turn]) -> dict[str, float]:
    names = dict.fromkeys(name for turn in turns for name in turn.numbers)
    return {name: median(turn.numbers[name] for turn in turns) for name in names}


def _outcome(goal: Goal, turns: Mapping[str, Sequence[Turn]]) -> Outcome:
    value: float | None = None
    mine = [turn.numbers[goal.metric] for turn in turns[OURS]]
    if not goal.against:
        value = median(mine)
    elif goal.against in turns:
        # A peer has one number of each kind: as a whole process, however ours was taken.
        metric = goal.metric.removeprefix("inside_")
        theirs = [turn.numbers[metric] for turn in turns[goal.against]]
        value = median(a / b for a, b in zip(mine, theirs, strict=True))
    return Outcome(goal.metric, goal.limit, goal.against, goal.unit, value)
