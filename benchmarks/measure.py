"""What one turn of a contestant costs: time, CPU, memory, and what a server saw of it."""

from __future__ import annotations

import json
import os
import resource
import shutil
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


def fresh(folder: Path, turn: Callable[[], Turn]) -> Callable[[], Turn]:
    """The turn in a folder without outputs: all that was written into it is removed before the
    clock starts. Else who truncates its last output writes into memory still warm, who replaces it
    holds both, and several outputs of 2 GB take the memory that the next one needs."""

    def run() -> Turn:
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.suffix != ".txt":
                path.unlink()
        return turn()

    return run


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


def scratch_folder() -> Path:
    """Where outputs are written: memory, if there is any, so that no disk is measured."""
    shared = Path("/dev/shm")
    return shared if os.access(shared, os.W_OK) else Path("/tmp")
