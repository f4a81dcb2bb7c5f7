"""Our side as whole processes: `python -m benchmarks.ours JOB …`; prints its own numbers."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from benchmarks.measure import peak_of


def main(job: str, *arguments: str) -> None:
    """Run a job, and print memory and CPU from after the imports on."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command `hikcore` does
    from benchmarks import jobs  # what the job needs is loaded here, and counted in the process

    if job.endswith("http"):
        from benchmarks import http_store  # noqa: F401

    loaded = peak_of()
    begin, cpu = time.perf_counter(), time.process_time()
    more = getattr(jobs, job)(*map(_argument, arguments)) or {}
    numbers = {
        "inside_wall": time.perf_counter() - begin,
        "inside_cpu": time.process_time() - cpu,
        "peak": peak_of() - loaded,
        **more,
    }
    import json

    print(json.dumps(numbers))


def _argument(text: str) -> str | float | Path:
    if text.startswith("http:"):
        return text
    return Path(text) if "/" in text else float(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
