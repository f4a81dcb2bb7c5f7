"""The table of ratios against goals, as text, JSON and a picture."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contest import Outcome, Row
from benchmarks.peers import absent, versions

_MET = {True: "[green]met[/]", False: "[red]missed[/]", None: "no peer"}


def show(rows: Sequence[Row], size: str) -> None:
    """On the terminal."""
    table = Table(title=f"hikcore against what users pick ({size} inputs)")
    for name in ("row", "what", "ours", "peer", "ratio", "goal", ""):
        table.add_column(name, justify="right" if name in ("ours", "peer", "ratio") else "left")
    for row in rows:
        for outcome in row.outcomes:
            table.add_row(row.title, *_cells(row, outcome), _MET[outcome.met])
    Console(width=150).print(table)
    Console().print(*(f"not compared: {reason}" for reason in absent()), sep="\n")


def _cells(row: Row, outcome: Outcome) -> list[str]:
    what = f"{outcome.metric} / {outcome.against}" if outcome.against else outcome.metric
    mine = row.medians["ours"].get(outcome.metric)
    theirs = row.medians.get(outcome.against, {}).get(outcome.metric.removeprefix("inside_"))
    ratio = "" if outcome.value is None else f"{outcome.value:.4g}"
    return [
        what,
        number(outcome.metric, mine),
        number(outcome.metric, theirs),
        ratio if outcome.against else number(outcome.metric, outcome.value),
        _goal(outcome),
    ]


def _goal(outcome: Outcome) -> str:
    limit = outcome.limit
    return f"<= {limit:.4g}" if outcome.against else f"<= {number(outcome.metric, limit)}"


def number(metric: str, value: float | None) -> str:
    """With its unit."""
    if value is None:
        return ""
    if metric == "peak":
        return f"{value / 2**20:.1f} MiB"
    if not metric.endswith(("wall", "cpu")):
        return f"{value:.6g}"
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * scale >= 1:
            return f"{value * scale:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def document(rows: Sequence[Row], size: str) -> dict[str, Any]:
    """Everything, for JSON."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": size,
        "machine": machine(),
        "versions": versions(),
        "absent": absent(),
        "rows": [row.document() for row in rows],
    }


def machine() -> dict[str, str | int]:
    """What a reader must know of it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    return {
        "cpu": model or platform.processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "architecture": platform.machine(),
    }


def save(rows: Sequence[Row], size: str, folder: Path) -> Path:
    """JSON and picture into a folder; returns the JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{size}.json"
    path.write_text(json.dumps(document(rows, size), indent=1) + "\n")
    path.with_suffix(".svg").write_text(picture(rows))
    return path


def picture(rows: Sequence[Row]) -> str:
    """Bars of the measured part of each goal: one that ends before the line is met. By hand, as a
    plotting library would be the largest dependency of all for twenty rectangles."""
    bars = [(row, one) for row in rows for one in row.outcomes if one.value is not None]
    left, wide, step = 360, 420, 22
    height = step * len(bars) + 40
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + wide + 130}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number_, (row, one) in enumerate(bars):
        assert one.value is not None
        share = min(one.value / one.limit if one.limit else 0, 2)
        y = 24 + number_ * step
        colour = "#2b8a3e" if one.met else "#c92a2a"
        what = f"{row.title}: {one.metric}" + (f" / {one.against}" if one.against else "")
        out += [
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(what)}</text>',
            f'<rect x="{left}" y="{y + 2}" width="{share * wide / 2:.1f}" height="{step - 6}" '
            f'fill="{colour}"/>',
            f'<text x="{left + share * wide / 2 + 6:.1f}" y="{y + 13}">'
            f"{one.value:.3g} (goal {one.limit:.3g})</text>",
        ]
    x = left + wide / 2
    out += [
        f'<line x1="{x}" y1="16" x2="{x}" y2="{height - 8}" stroke="black"/>',
        f'<text x="{x}" y="12" text-anchor="middle">goal</text>',
        "</svg>",
    ]
    return "\n".join(out) + "\n"


def markdown(stored: dict[str, Any]) -> str:
    """The table of a stored run, for the documentation."""
    out = ["| row | measured | ours | peer | ratio | goal | |", "|---|---|---|---|---|---|---|"]
    for one in stored["rows"]:
        outcomes = [
            Outcome(**{key: value for key, value in each.items() if key != "met"})
            for each in one["outcomes"]
        ]
        row = Row(one["title"], one["rounds"], one["medians"], outcomes, one["notes"])
        for outcome in outcomes:
            verdict = {True: "met", False: "**missed**", None: "no peer"}[outcome.met]
            out.append("| " + " | ".join([row.title, *_cells(row, outcome), verdict]) + " |")
    return "\n".join(out)


if __name__ == "__main__":
    print(markdown(json.loads(Path(sys.argv[1]).read_text())))
