"""One run of one target in a process of its own, with the sanitized modules; started by `__main__`.

With atheris, libFuzzer chooses what to change by the counters of the compiled modules and of the
Python parsers; half of its changes are the target's own (hikcore's containers have lengths that no
chance finds). Without, all are the target's own.
"""

from __future__ import annotations

import argparse
import importlib.util
import mmap
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.target import Target

#: How long a body may get in one step of mutation counts; so much of a corpus is spliced from.
_OTHERS = 64


def arguments() -> argparse.Namespace:
    """What the parent asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--seeds", type=Path, required=True)
    parser.add_argument("--artifacts", type=Path, required=True)
    parser.add_argument("--unguided", action="store_true")
    parser.add_argument("--control", help="say what bodies reach, see tests.fuzz.shrink")
    return parser.parse_args()


def load(name: str) -> Target:
    """The target, and that what it tests is the sanitized build."""
    import hikcore.native.ps
    from tests.fuzz.targets import target

    where = hikcore.native.ps.__file__
    assert "build/sanitize" in where, f"not the sanitized modules: {where}"
    return target(name)


def bodies(folder: Path) -> list[bytes]:
    """The files of a folder, in the order of their names."""
    return [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()]


def guided(options: argparse.Namespace) -> None:
    """libFuzzer; it ends the process."""
    import atheris

    # Python's counters cost most of the speed where the slow reference is counted too.
    with atheris.instrument_imports(include=["hikcore.media"]):
        target = load(options.target)
    seeds = bodies(options.seeds)[:_OTHERS]

    def mutated(data: bytes, room: int, seed: int) -> bytes:
        if seed & 1:
            return bytes(atheris.Mutate(data, room))
        return target.mutate(bytes(data), seeds, random.Random(seed))[:room]

    words = options.artifacts / "words.dict"
    words.write_text("".join(f'"{_escaped(token)}"\n' for token in target.grammar.tokens))
    flags = [
        f"-max_total_time={options.seconds:.0f}", f"-seed={options.seed & 0x7FFFFFFF}",
        f"-timeout={target.seconds}", f"-rss_limit_mb={target.megabytes}",
        f"-malloc_limit_mb={target.allocation}", f"-max_len={target.largest}", f"-dict={words}",
        f"-artifact_prefix={options.artifacts}/", "-print_final_stats=1", "-verbosity=1",
        str(options.corpus), str(options.seeds),
    ]  # fmt: skip
    if options.control:
        flags = ["-merge_inner=1", f"-merge_control_file={options.control}", *flags[2:5]]
    check = target.check
    atheris.Setup([sys.argv[0], *flags], lambda data: check(bytes(data)), custom_mutator=mutated)
    atheris.Fuzz()


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token[:64])


def unguided(options: argparse.Namespace) -> None:
    """The target's own mutations of its seeds and of the corpus; a finding is the file `current`
    that is left behind."""
    target = load(options.target)
    known = bodies(options.seeds) + bodies(options.corpus)
    current = Current(options.artifacts / "current", target.largest)
    until, count = time.monotonic() + options.seconds, 0
    while time.monotonic() < until:
        chance = random.Random(options.seed + count)
        body = target.mutate(chance.choice(known), known, chance)
        current.put(body)
        timed(target.check, body, target.seconds)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        assert used <= target.megabytes, f"{used} MB of memory, more than {target.megabytes}"
        count += 1
    current.drop()
    print(f"stat::number_of_executed_units: {count}", file=sys.stderr)


def timed(check: Callable[[bytes], None], body: bytes, seconds: int) -> None:
    """The signal's own action ends the process: a handler would wait for the native code."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    check(body)
    signal.alarm(0)


class Current:
    """The body that is being read, in a file that survives whatever ends the process."""

    def __init__(self, path: Path, room: int) -> None:
        self._path = path
        path.write_bytes(bytes(8 + room))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8 + room)

    def put(self, body: bytes) -> None:
        """This one is next."""
        self._map[:8] = len(body).to_bytes(8, "little")
        self._map[8 : 8 + len(body)] = body

    def drop(self) -> None:
        """All were read."""
        self._path.unlink()


if __name__ == "__main__":
    chosen = arguments()
    if chosen.unguided or importlib.util.find_spec("atheris") is None:
        unguided(chosen)
    else:
        guided(chosen)
