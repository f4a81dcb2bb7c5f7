"""The table of `make conformance`: source by condition, out of the tests' reports."""

from __future__ import annotations

from collections import Counter

import pytest

_MARKS = {"passed": "passed", "failed": "FAILED"}


class Table:
    """A plugin of pytest: collects cells, also from workers, and prints them at the end."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._cells: dict[tuple[str, str], str] = {}
        self._reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one report of a test's set-up, call or end."""
        properties = dict(report.user_properties)
        if "condition" not in properties:
            return
        key = str(properties["condition"]), str(properties["source"])
        if report.skipped:
            # ("file", line, "Skipped: skip 1: why")
            told = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
            number, _, why = told.removeprefix("Skipped: ").partition(": ")
            self._cells[key] = number
            self._reasons[number] = why
        elif report.when == "call" or report.failed:
            worse = self._cells.get(key) == "FAILED"
            self._cells[key] = "FAILED" if worse else _MARKS[report.outcome]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print it."""
        if self._cells:
            terminalreporter.write_line("")
            terminalreporter.write_line(self.text())

    def text(self) -> str:
        """The table, and what was left out and why."""
        conditions = list(dict.fromkeys(condition for condition, _ in self._cells))
        conditions.sort(key=_order)
        sources = sorted({source for _, source in self._cells}, key=_source)
        width = max(map(len, conditions)) + 2
        lines = ["condition".ljust(width) + "".join(each.ljust(12) for each in sources)]
        for condition in conditions:
            cells = [self._cells.get((condition, source), "-") for source in sources]
            lines.append(condition.ljust(width) + "".join(cell.ljust(12) for cell in cells))
        count = Counter(self._cells.values())
        skips = sum(number for cell, number in count.items() if cell.startswith("skip"))
        told = f"{count['passed']} passed, {count['FAILED']} failed, {skips} skipped"
        lines += ["", f"{told}; seed {self._seed}"]
        lines += [f"{number}: {why}" for number, why in sorted(self._reasons.items())]
        return "\n".join(lines)


def _order(condition: str) -> tuple[int, int, str]:
    """Conditions before faults, each in the order of the suite."""
    from tests.conformance.bench import PHASES
    from tests.conformance.faults import KINDS

    kind, _, phase = condition.rpartition(" / ")
    if kind not in KINDS:
        return -1, 0, ""
    return KINDS.index(kind), [*PHASES].index(phase), ""  # type: ignore[arg-type]


def _source(name: str) -> int:
    order = ("isapi", "hik_cloud", "everfocus")
    return order.index(name) if name in order else len(order)
