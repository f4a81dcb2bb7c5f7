"""Whether anything became slower than the stored baseline: `make bench-check`.

    python -m benchmarks.check RESULTS.json [--store | --counts]

Compared are the ratios of a run (small inputs) with those in benchmarks/baseline.json, which a
machine changes little, and instruction counts where valgrind is. A ratio of times that is worse is
measured once more, and the better of both counts: load that comes and goes is no regression. Worse
than the margin fails; what is not measured here, as a peer is missing, is said and does not. With
`--counts` what a loaded machine may change, times and memory, is told as well, and does not fail:
for machines that others use.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import instructions
from benchmarks.contest import OURS

BASELINE = Path(__file__).with_name("baseline.json")
#: Ratios of times move on a shared machine by less than this; counts of instructions with the
#: compiler alone, numbers of requests and bytes not at all.
TIME_MARGIN, COUNT_MARGIN, FIXED_MARGIN = 2.0, 1.1, 1.05
#: Below so many bytes the peak is a matter of the allocator's luck.
_LEAST_PEAK = 8 << 20
_COUNTED = "instructions: "


def values(document: dict[str, Any]) -> dict[str, float]:
    """What is compared, by name."""
    out = {}
    for row in document["rows"]:
        for one in row["outcomes"]:
            if one["value"] is not None:
                peer = f" / {one['against']}" if one["against"] else ""
                out[f"{row['title']}: {one['metric']}{peer}"] = one["value"]
    for name, count in document.get("instructions", {}).items():
        out[f"{_COUNTED}{name}"] = count
    return out


def margin(name: str) -> float:
    """How many times as much is still no regression."""
    if name.startswith(_COUNTED):
        return COUNT_MARGIN
    return TIME_MARGIN if _timed(name) or name.endswith("peak") else FIXED_MARGIN


def _timed(name: str) -> bool:
    return " / " in name and not name.startswith(_COUNTED)


def _counted(name: str) -> bool:
    """Whether load cannot change it: instructions, requests, bytes."""
    return not _timed(name) and not name.endswith(("peak", "cores"))


def worse(stored: dict[str, float], now: dict[str, float]) -> list[str]:
    """What is worse than its margin allows."""
    out = []
    for name, before in stored.items():
        small = name.endswith("peak") and now.get(name, 0) < _LEAST_PEAK
        if name in now and now[name] > before * margin(name) and not small:
            out.append(name)
    return out


def show(stored: dict[str, float], now: dict[str, float]) -> None:
    """Print both."""
    table = Table(title="against the stored baseline")
    for head in ("what", "stored", "now", "now / stored", "margin", ""):
        table.add_column(head)
    bad = worse(stored, now)
    for name, before in stored.items():
        if name not in now:
            table.add_row(name, f"{before:.4g}", "", "", "", "not measured here")
            continue
        ratio = f"{now[name] / before:.2f}" if before else ""
        verdict = "[red]worse[/]" if name in bad else "ok"
        table.add_row(
            name, f"{before:.4g}", f"{now[name]:.4g}", ratio, f"{margin(name):g}", verdict
        )
    for name in now.keys() - stored.keys():
        table.add_row(name, "", f"{now[name]:.4g}", "", "", "not in the baseline")
    Console(width=140).print(table)


def check(
    document: dict[str, Any],
    stored: dict[str, Any],
    again: Callable[[], Any],
    *,
    counts: bool = False,
) -> int:
    """Compare a run with the baseline; how many values are worse.

    Args:
        again: measures once more, where a ratio of times is worse.
        counts: what load may change is told, and neither measured again nor counted.
    """
    before, now = values(stored), values(document)
    if not _comparable(document, stored):
        before = {name: value for name, value in before.items() if not name.startswith(_COUNTED)}
        print("instructions are not compared: another Python or processor than the baseline's")
    if not counts and any(_timed(name) for name in worse(before, now)):
        print("worse: " + ", ".join(worse(before, now)) + "; measured once more")
        for name, value in values(again()).items():
            if name in now:
                now[name] = min(now[name], value)
    show(before, now)
    return sum(_counted(name) or not counts for name in worse(before, now))


def _comparable(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether instructions of both can be compared: the interpreter's are among them, and loops are
    chosen by what the processor has."""
    kinds = [
        (machine["python"].rpartition(".")[0], machine.get("architecture"), machine.get("cpu"))
        for machine in (one["machine"], other["machine"])
    ]
    return kinds[0] == kinds[1]


def measure_again() -> Any:
    """Run the small benchmark once more, as `make bench` does."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "pytest", "-o", "addopts=", "-q", "benchmarks",
            "--benchmark-only", "--benchmark-columns=median", "--results", folder,
        ]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads((Path(folder) / "small.json").read_text())


def main(path: str, *flags: str) -> int:
    """0: nothing is worse."""
    document = json.loads(Path(path).read_text())
    if instructions.valgrind():
        document["instructions"] = instructions.count()
    else:
        print("no valgrind: instructions are not compared (apt-get install valgrind)")
    for reason in document["absent"]:
        print(f"not compared: {reason}")
    if "--store" in flags:
        document["rows"] = [_short(row) for row in document["rows"]]
        BASELINE.write_text(json.dumps(document, indent=1) + "\n")
        print(f"stored as {BASELINE.name}")
        return 0
    stored = json.loads(BASELINE.read_text())
    count = check(document, stored, measure_again, counts="--counts" in flags)
    if count:
        print(f"{count} worse than the margin; if it is meant: make bench-check ARGS=--store")
    return int(count > 0)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is not compared."""
    return {**row, "medians": {OURS: row["medians"][OURS]}}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
