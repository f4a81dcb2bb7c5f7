"""Our side as whole processes: `python -m benchmarks.ours MODULE.JOB …`; prints its own numbers."""

from __future__ import annotations

import gc
import os
import sys
import time
from importlib import import_module
from pathlib import Path


def main(job: str, *arguments: str) -> None:
    """Run a job, and print memory and CPU from after the imports on."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command `hikcore` does
    module, _, name = job.partition(".")
    work = getattr(import_module(f"benchmarks.jobs.{module}"), name)
    loaded = peak()
    begin, cpu = time.perf_counter(), time.process_time()
    more = work(*map(_argument, arguments)) or {}
    numbers = {
        "inside_wall": time.perf_counter() - begin,
        "inside_cpu": time.process_time() - cpu,
        "peak": peak() - loaded,
        **more,
    }
    print(str(numbers).replace("'", '"'))  # JSON, without loading it
    gc.freeze()  # as the command does


def peak() -> int:
    """VmHWM of this process, bytes. (The rusage of a child begins at the peak of its parent.)"""
    text = Path("/proc/self/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _argument(text: str) -> str | float | Path:
    if text.startswith(("http:", "s3+http:")):
        return text
    return Path(text) if "/" in text else float(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
