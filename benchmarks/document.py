"""Writes a stored run into docs/benchmarks.md: `python -m benchmarks.document FILE.json`.

The parts between `<!-- NAME -->` and `<!-- /NAME -->` are replaced: where it was measured, the
table of goals, and the floors, which are contestants of the same rows.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.report import markdown, number

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
#: Row, contestant, metric, what it is.
FLOORS: Final = (
    ("cut 10 s in process", "sendfile", "cpu", "sendfile of as many bytes"),
    ("cut 60 s in process", "sendfile", "cpu", "the same"),
    ("cut 600 s, whole process", "dd", "cpu", "dd of as many bytes"),
    ("join 6 x 600 s", "cat", "cpu", "cat of the six"),
    ("scan in memory, cold", "C", "wall", "a walk in C without checks or output"),
    ("scan of a file", "C", "wall", "one pread a header, in C"),
    ("PS index, h264", "cat", "cpu", "cat to /dev/null"),
    ("PS index, h265", "cat", "cpu", "the same"),
    ("PS to MP4, h264", "cp", "cpu", "cp"),
    ("PS to MP4, h265", "cp", "cpu", "cp"),
)


def written(text: str, stored: dict[str, Any]) -> str:
    """The document with a run in it.

    Raises:
        ValueError: a place for a part is not there.
    """
    parts = {"machine": _machine(stored), "goals": _goals(stored), "floors": _floors(stored)}
    for name, part in parts.items():
        found = re.findall(rf"<!-- {name} -->\n.*?\n<!-- /{name} -->", text, re.DOTALL)
        if len(found) != 1:
            raise ValueError(f"no one place for the {name} in the document")
        text = text.replace(found[0], f"<!-- {name} -->\n{part}\n<!-- /{name} -->")
    return text


def _machine(stored: dict[str, Any]) -> str:
    on, versions = stored["machine"], stored["versions"]
    peers = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        f"Measured {stored['date'][:10]}: {on['cpu']}, {on['cores']} cores, {on['system']}, "
        f"{on['architecture']}, Python {on['python']}; {peers}.",
        *(f"Not compared: {reason}." for reason in stored["absent"]),
    ]
    return "\n".join(lines)


def _goals(stored: dict[str, Any]) -> str:
    told = [one["met"] for row in stored["rows"] for one in row["outcomes"]]
    head = f"**{told.count(True)} met, {told.count(False)} missed.**"
    return f"{head}\n\n{markdown(stored)}"


def _floors(stored: dict[str, Any]) -> str:
    out = [
        "| row | floor | what it is | ours without the interpreter's start | floor / peer | goal |",
        "|---|---|---|---|---|---|",
    ]
    rows = {row["title"]: row for row in stored["rows"]}
    for title, contestant, metric, what in FLOORS:
        row = rows.get(title)
        floor = row["medians"].get(contestant, {}).get(metric) if row else None
        if row is None or floor is None:
            continue
        mine = row["medians"]["ours"]
        inside = mine.get(f"inside_{metric}", mine[metric])
        goal = next((o for o in row["outcomes"] if _compares(o, contestant)), None)
        theirs = row["medians"].get(goal["against"], {}).get(metric) if goal else None
        share = f"{floor / theirs:.3g}" if theirs else ""
        limit = f"<= {goal['limit']:.3g}" if goal and theirs else ""
        cells = (title, number(metric, floor), what, number(metric, inside), share, limit)
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join(out)


def _compares(outcome: dict[str, Any], floor: str) -> bool:
    return bool(outcome["against"]) and outcome["against"] != floor


if __name__ == "__main__":
    run = json.loads(Path(sys.argv[1]).read_text())
    DOCUMENT.write_text(written(DOCUMENT.read_text(), run))
