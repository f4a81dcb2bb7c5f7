"""Fuzzes the parsers (docs/fuzzing.md):

    make fuzz MINUTES=30 TARGET="ps avi" SEED=7

Each target runs in processes of its own against modules built with AddressSanitizer and
UndefinedBehaviorSanitizer. What ends such a process (a report of a sanitizer, an exception, an
input past its time or memory) is a finding: its body is kept, and the run goes on for the rest of
its time. The corpus that it grows stays in build/fuzz, so the next run begins where this one ended.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import re
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.fuzz.build import Sanitized, build
from tests.fuzz.targets import NAMES, target

HERE = Path(__file__).parent
#: Bodies of long runs that the repository keeps (`tests.fuzz.shrink`).
GROWN = HERE / "grown"
WORK = Path("build/fuzz")
#: A run that has found so much has to be mended before it goes on.
_ENOUGH = 25
#: Of a sanitizer, of libFuzzer about time and memory, of Python. "fuzz target exited" says nothing.
_REASON = re.compile(
    r"SUMMARY: (?!libFuzzer: fuzz target)|runtime error|ERROR: libFuzzer: (?!fuzz)"
    r"|^\s*[A-Z][A-Za-z.]*(Error|Exception|Damaged|Unsupported)\b"
)
_UNITS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


@dataclass
class Finding:
    """What ended a process: the body's file, and the line that says why."""

    body: str
    reason: str


@dataclass
class Outcome:
    """One target's run."""

    target: str
    guided: bool
    minutes: float = 0.0
    executions: int = 0
    corpus: int = 0
    findings: list[Finding] = field(default_factory=list)


def run(name: str, minutes: float, seed: int, modules: Sanitized) -> Outcome:
    """Fuzz a target for so long."""
    outcome = Outcome(name, modules.guided)
    corpus, seeds, artifacts = (WORK / kind / name for kind in ("corpus", "seeds", "artifacts"))
    for folder in (corpus, seeds, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    for body in (*target(name).seeds(), *kept(name), *grown(name)):
        (seeds / hashlib.sha256(body).hexdigest()[:16]).write_bytes(body)
    begin, turn = time.monotonic(), 0
    while (left := 60 * minutes - (time.monotonic() - begin)) > 1 and turn < _ENOUGH:
        log = artifacts / f"log-{turn}"
        command = [
            *modules.python, "-P", "-m", "tests.fuzz.child", name, f"--seconds={left:.0f}",
            f"--seed={seed + turn}", f"--corpus={corpus}", f"--seeds={seeds}",
            f"--artifacts={artifacts}",
        ]  # fmt: skip
        if not modules.guided:
            command.append("--unguided")
        with log.open("wb") as file:
            code = subprocess.run(
                command, env=modules.environment, stdout=file, stderr=file, check=False
            ).returncode
        text = log.read_text(errors="replace")
        outcome.executions += sum(int(found) for found in _UNITS.findall(text)[-1:])
        if code:
            outcome.findings.append(_finding(artifacts, text, code))
            print(f"{name}: {outcome.findings[-1].reason}", file=sys.stderr, flush=True)
        turn += 1
    outcome.minutes = (time.monotonic() - begin) / 60
    outcome.corpus = len(list(corpus.iterdir()))
    return outcome


def kept(name: str) -> list[bytes]:
    """Bodies of the repository: what was found once."""
    return [path.read_bytes() for path in sorted((HERE / "corpus" / name).glob("*"))]


def grown(name: str) -> list[bytes]:
    """Bodies of the repository: what long runs reached more than the seeds do."""
    path = GROWN / f"{name}.zip"
    if not path.is_file():
        return []
    with zipfile.ZipFile(path) as packed:
        return [packed.read(entry) for entry in packed.namelist()]


def _finding(artifacts: Path, text: str, code: int) -> Finding:
    found = re.findall(r"Test unit written to (\S+)", text)
    body = found[-1] if found else "none"
    current = artifacts / "current"
    if not found and current.exists():
        held = current.read_bytes()
        data = held[8 : 8 + int.from_bytes(held[:8], "little")]
        body = str(artifacts / f"crash-{hashlib.sha256(data).hexdigest()[:16]}")
        Path(body).write_bytes(data)
        current.unlink()
    reasons = [line for line in text.splitlines() if _REASON.search(line)]
    reason = reasons[0].strip() if reasons else f"exit code {code}"
    places = re.findall(r'File "[^"]*?((?:hikcore|tests)/[^"]+)", line (\d+)', text)
    where = f" at {places[-1][0]}:{places[-1][1]}" if places else ""
    return Finding(body, reason + where)


def main() -> int:
    """See the module; 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=" ".join(NAMES))
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="targets at once")
    parser.add_argument("--unguided", action="store_true", help="without libFuzzer")
    options = parser.parse_args()
    unknown = set(options.targets) - set(NAMES)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    modules = build(guided=not options.unguided)
    print(f"{modules.says}", file=sys.stderr, flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(
            pool.map(
                lambda name: run(name, options.minutes, options.seed, modules),
                options.targets or NAMES,
            )
        )
    (WORK / "outcomes").mkdir(parents=True, exist_ok=True)
    commit = _commit()
    for one in outcomes:
        stamp = f"{one.target}-{commit}.json"
        (WORK / "outcomes" / stamp).write_text(
            json.dumps(asdict(one) | {"commit": commit}, indent=1)
        )
    print(table(outcomes))
    return 1 if any(one.findings for one in outcomes) else 0


def _commit() -> str:
    with contextlib.suppress(OSError):
        git = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return git.stdout.strip() or "none"
    return "none"


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as rows of docs/fuzzing.md."""
    rows = ["| target | minutes | executions | bodies grown | findings |", "|---|---|---|---|---|"]
    rows += [
        f"| {one.target} | {one.minutes:.1f} | {one.executions:,} | {one.corpus} "
        f"| {len(one.findings)} |"
        for one in outcomes
    ]
    reasons = [f"{one.target}: {f.reason} ({f.body})" for one in outcomes for f in one.findings]
    return "\n".join(rows + reasons)


if __name__ == "__main__":
    sys.exit(main())
