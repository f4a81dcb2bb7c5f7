"""Instructions of the hot loops, counted by callgrind: a loaded machine does not change them.

Each job runs once and three times; half of the difference is one job without the interpreter's
start.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile

from benchmarks.counted import JOBS
from benchmarks.inputs import open_inputs

_FEW, _MANY = 1, 3


def valgrind() -> str | None:
    """Where it is."""
    return shutil.which("valgrind")


def count() -> dict[str, float]:
    """Instructions by job: a byte of a program stream, a header, a clip."""
    inputs = open_inputs("small")
    out = {}
    for job, (_, units) in JOBS.items():
        path = inputs.mp4() if job == "mp4 cut" else inputs.ps(job[-4:] if "h26" in job else "h264")
        few, many = (_instructions(job, turns, str(path)) for turns in (_FEW, _MANY))
        out[job] = (many - few) / (_MANY - _FEW) / units
    return out


def _instructions(job: str, turns: int, path: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        arguments = [
            valgrind() or "valgrind", "--tool=callgrind",
            f"--callgrind-out-file={folder}/out", sys.executable, "-m", "benchmarks.counted", job,
            str(turns), path,
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            arguments, capture_output=True, text=True, env=environment, check=True
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(f"callgrind says no number: {done.stderr[-500:]}")
    return int(found.group(1))
