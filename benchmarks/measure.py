"""What one turn of a contestant costs: time, CPU, memory, and what a server saw of it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Turn:
    """Numbers of one turn by name.

    `wall`, `cpu`: seconds. `peak`: bytes of memory over what the imports took (ours); `requests`,
    `connections`, `sent`: as the server counted.
    """

    numbers: dict[str, float] = field(default_factory=dict)


def ours(*arguments: object) -> Callable[[], Turn]:
    """`python -m benchmarks.ours …` as a whole process; it says its memory itself."""
    command = [sys.executable, "-m", "benchmarks.ours", *map(str, arguments)]

    def turn() -> Turn:
        out, done = _run(command)
        done.numbers.update(json.loads(out))
        return done

    return turn


def command(*arguments: object) -> Callable[[], Turn]:
    """Another program as a whole process."""
    return lambda: _run([str(one) for one in arguments])[1]


def call(function: Callable[[], object], loops: int = 1) -> Callable[[], Turn]:
    """A function in this process; the numbers are of one call."""

    def turn() -> Turn:
        cpu = time.process_time()
        wall = time.perf_counter()
        for _ in range(loops):
            function()
        wall = time.perf_counter() - wall
        return Turn({"wall": wall / loops, "cpu": (time.process_time() - cpu) / loops})

    return turn


def _run(arguments: Sequence[str]) -> tuple[bytes, Turn]:
    begin = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, capture_output=True, cwd=_ROOT, check=False
    )
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.decode()[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, Turn({"wall": wall, "cpu": cpu})


def peak_of(pid: int | str = "self") -> int:
    """VmHWM of a process, bytes. (The rusage of a child begins at the peak of its parent.)"""
    text = Path(f"/proc/{pid}/status").read_text()
    line = next((line for line in text.splitlines() if line.startswith("VmHWM")), "VmHWM: 0")
    return int(line.split()[1]) * 1024


def watched_peak(arguments: Sequence[object]) -> int:
    """The peak memory of a command, seen from outside every 2 ms; not for times."""
    with subprocess.Popen(
        [str(one) for one in arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        peak = 0
        while process.poll() is None:
            try:
                peak = max(peak, peak_of(process.pid))
            except OSError:
                break
            time.sleep(0.002)
    return peak


def scratch_folder() -> Path:
    """Where outputs are written: memory, if there is any, so that no disk is measured."""
    shared = Path("/dev/shm")  # noqa: S108
    return shared if os.access(shared, os.W_OK) else Path("/tmp")  # noqa: S108
