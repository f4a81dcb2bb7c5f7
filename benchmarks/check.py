"""Whether anything became slower than the stored baseline: `make bench-check`.

    python -m benchmarks.check RESULTS.json [--store]

Compared are the ratios of a run (small inputs) with those in benchmarks/baseline.json, which a
machine changes little, and instruction counts where valgrind is. Worse than the margin fails.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import instructions
from benchmarks.contest import OURS

BASELINE = Path(__file__).with_name("baseline.json")
#: Ratios of times move on a shared machine; counts of instructions move with the compiler alone.
TIME_MARGIN, COUNT_MARGIN, FIXED_MARGIN = 1.5, 1.1, 1.05
#: Below so many bytes the peak is a matter of the allocator's luck.
_LEAST_PEAK = 8 << 20


def values(document: dict[str, Any]) -> dict[str, float]:
    """What is compared, by name."""
    out = {}
    for row in document["rows"]:
        for one in row["outcomes"]:
            if one["value"] is not None:
                peer = f" / {one['against']}" if one["against"] else ""
                out[f"{row['title']}: {one['metric']}{peer}"] = one["value"]
    for name, count in document.get("instructions", {}).items():
        out[f"instructions: {name}"] = count
    return out


def margin(name: str) -> float:
    """How many times as much is still no regression."""
    if name.startswith("instructions: "):
        return COUNT_MARGIN
    return TIME_MARGIN if " / " in name or name.endswith("peak") else FIXED_MARGIN


def compare(stored: dict[str, float], now: dict[str, float]) -> int:
    """Print, and say how many are worse."""
    table = Table(title="against the stored baseline")
    for head in ("what", "stored", "now", "now / stored", "margin", ""):
        table.add_column(head)
    worse = 0
    for name, before in stored.items():
        if name not in now:
            table.add_row(name, f"{before:.4g}", "", "", "", "not measured here")
            continue
        ratio = now[name] / before if before else 1.0
        small = name.endswith("peak") and now[name] < _LEAST_PEAK
        bad = ratio > margin(name) and not small
        worse += bad
        verdict = "[red]worse[/]" if bad else "ok"
        table.add_row(
            name, f"{before:.4g}", f"{now[name]:.4g}", f"{ratio:.2f}", f"{margin(name):g}", verdict
        )
    Console(width=140).print(table)
    return worse


def main(path: str, *flags: str) -> int:
    """0: nothing is worse."""
    document = json.loads(Path(path).read_text())
    if instructions.valgrind():
        document["instructions"] = instructions.count()
    else:
        print("no valgrind: instructions are not compared (apt-get install valgrind)")
    if "--store" in flags:
        document["rows"] = [_short(row) for row in document["rows"]]
        BASELINE.write_text(json.dumps(document, indent=1) + "\n")
        print(f"stored as {BASELINE.name}")
        return 0
    worse = compare(values(json.loads(BASELINE.read_text())), values(document))
    if worse:
        print(f"{worse} worse than the margin; if it is meant: make bench-check ARGS=--store")
    return int(worse > 0)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is not compared."""
    return {**row, "medians": {OURS: row["medians"][OURS]}}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
