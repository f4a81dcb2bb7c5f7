"""Kill `hikcore extract` at many points, run it again, and compare what is in the archive.

    python -m tests.kill.harness --points 60 --seed 1 --store local --store minio

A point is the n-th event of a class (tests.kill.events). Each starts with an empty archive and an
empty spool: the command is killed there, run again undisturbed; then `v1/` must be byte for byte
that of a run that nobody disturbed (objects that no manifest names aside), the coverage must be the
same, and nothing may be left in the spool. Points already in the results file are left out with
`--resume`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path

from tests.kill import child
from tests.kill.events import CLASSES
from tests.kill.objects import committed, orphans, raw_objects
from tests.kill.recorder import PASSWORD, SPAN, recorder_process, write_config

COMMAND = ["extract", "home", "--from", SPAN[0], "--to", SPAN[1], "--progress", "none"]


@dataclass(frozen=True)
class Place:
    """A kind of store to try on: gives the URL of a new empty one, and what opens it."""

    name: str
    environ: Mapping[str, str] = field(default_factory=dict)
    bucket: object = None

    def new(self, folder: Path) -> str:
        """An empty archive's URL."""
        if self.bucket is None:
            return (folder / "archive").as_uri()
        return self.bucket()  # type: ignore[operator,no-any-return]


@dataclass(frozen=True)
class Result:
    """What one point came to; `fault` is empty where all is as it must be."""

    store: str
    point: str
    fault: str
    orphans: int = 0
    seconds: float = 0.0


class Harness:
    """Runs points against one recorder.

    Args:
        folder: for archives, spools and logs; emptied point by point.
        port: of the recorder.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._environ = {"KILL_TEST_PASSWORD": PASSWORD}
        self._context = _fork_server()

    def reference(self, place: Place) -> tuple[dict[str, str], str, Counter[str]]:
        """An undisturbed run: what it commits, its coverage, and how many events there are."""
        with self._new(place, "reference") as (folder, url, environ):
            code = self._run(COMMAND, folder, environ)
            if code != 0:
                raise RuntimeError(f"undisturbed run exits with {code}: {_tail(folder)}")
            counts = Counter(json.loads((folder / "counts").read_text()))
            objects = raw_objects(url, environ)
            if orphans(objects):
                raise RuntimeError(f"an undisturbed run leaves orphans: {orphans(objects)[:3]}")
            return committed(objects), self._coverage(folder, environ), counts

    def point(self, place: Place, point: str, reference: dict[str, str], coverage: str) -> Result:
        """Kill at one point, run again, compare."""
        began = time.monotonic()
        with self._new(place, point.replace(":", "-")) as (folder, url, environ):
            fault, left = self._try(folder, url, environ, point, reference, coverage)
        return Result(place.name, point, fault, left, round(time.monotonic() - began, 2))

    def _try(
        self,
        folder: Path,
        url: str,
        environ: dict[str, str],
        point: str,
        reference: dict[str, str],
        coverage: str,
    ) -> tuple[str, int]:
        code = self._run(COMMAND, folder, environ, kill=point)
        if code != -signal.SIGKILL:
            return f"not killed, exit code {code}: {_tail(folder)}", 0
        code = self._run(COMMAND, folder, environ)
        if code != 0:
            return f"run again, exit code {code}: {_tail(folder)}", 0
        objects = raw_objects(url, environ)
        left = len(orphans(objects))
        found = committed(objects)
        if found != reference:
            keys = sorted(k for k in found.keys() | reference if found.get(k) != reference.get(k))
            return f"v1/ differs in {len(keys)} objects: {keys[:3]}", left
        if self._coverage(folder, environ) != coverage:
            return "coverage differs", left
        spooled = [path.name for path in (folder / "spool").iterdir()]
        return (f"left in the spool: {spooled}" if spooled else ""), left

    def _coverage(self, folder: Path, environ: dict[str, str]) -> str:
        """What `hikcore coverage` says of all cameras, in JSON."""
        log = folder / "coverage"
        log.unlink(missing_ok=True)
        command = ["coverage", "home", SPAN[0], SPAN[1], "--json"]
        if code := self._run(command, folder, environ, log=log):
            raise RuntimeError(f"coverage exits with {code}: {_tail(folder, 'coverage')}")
        return log.read_text()

    @contextmanager
    def _new(self, place: Place, name: str) -> Iterator[tuple[Path, str, dict[str, str]]]:
        folder = self._folder / f"{place.name}-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        url = place.new(folder)
        config = write_config(folder, url, self._port)
        yield folder, url, {**self._environ, **place.environ, "HIKCORE_CONFIG": str(config)}
        shutil.rmtree(folder)

    def _run(
        self,
        command: list[str],
        folder: Path,
        environ: dict[str, str],
        *,
        kill: str = "",
        log: Path | None = None,
    ) -> int:
        """One process of the command; its exit code, negative for a signal."""
        log = log or folder / "log"
        process = self._context.Process(
            target=child.main, args=(command, environ, str(log), kill, str(folder / "counts"))
        )
        process.start()
        process.join(120)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise RuntimeError(f"{command} {kill} still runs after 120 s: {_tail(folder)}")
        return process.exitcode


def _fork_server() -> ForkServerContext:
    """Children are forked from a process that has all imported and done nothing: the product starts
    in 10 ms instead of a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "tests.kill.child",
            "hikcore.archive.reader",
            "hikcore.archive.s3",
            "hikcore.cli.coverage",
            "hikcore.config.jobs",
            "hikcore.extract.site",
            "hikcore.sources.isapi",
        ]
    )
    return context


def choose(counts: Counter[str], points: int, seed: int) -> list[str]:
    """So many points, spread over all classes and over each class's events.

    Raises:
        RuntimeError: a class that an undisturbed run never meets.
    """
    missing = [kind for kind in CLASSES if not counts[kind]]
    if missing:
        raise RuntimeError(f"never met in an undisturbed run: {missing}")
    chosen: list[str] = []
    numbers = random.Random(seed)
    pools = {kind: numbers.sample(range(1, counts[kind] + 1), counts[kind]) for kind in CLASSES}
    while len(chosen) < points and any(pools.values()):
        for kind in CLASSES:
            if pools[kind] and len(chosen) < points:
                chosen.append(f"{kind}:{pools[kind].pop()}")
    return chosen


def _tail(folder: Path, name: str = "log") -> str:
    path = folder / name
    return path.read_text()[-1500:] if path.exists() else "no output"


def summary(results: list[Result]) -> str:
    """Results by store and class, and every fault."""
    lines = []
    for store in sorted({result.store for result in results}):
        lines.append(f"{store}:")
        for kind in CLASSES:
            own = [r for r in results if r.store == store and r.point.startswith(kind + ":")]
            good = sum(not result.fault for result in own)
            left = sum(result.orphans for result in own)
            lines.append(f"  {kind:14} {good:3} of {len(own):3} good; {left} orphans left")
    lines += [f"FAULT {r.store} {r.point}: {r.fault}" for r in results if r.fault]
    return "\n".join(lines)


def _places(names: list[str], stack: ExitStack, folder: Path) -> list[Place]:
    from tests import minio_server

    places = []
    for name in names:
        if name == "local":
            places.append(Place("local"))
        else:
            server = stack.enter_context(minio_server.serve(folder / "minio"))
            places.append(Place("minio", server.environ, server.new_bucket))
    return places


def main() -> int:
    """The command line; 0 if every point is good and every class was hit."""
    parser = argparse.ArgumentParser(description="kill hikcore extract at counted points")
    parser.add_argument("--points", type=int, default=60, help="for each store")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", action="append", choices=("local", "minio"))
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "kill.jsonl")
    parser.add_argument("--resume", action="store_true", help="leave out points in --results")
    options = parser.parse_args()
    if not options.resume:
        options.results.unlink(missing_ok=True)
    results = _read(options.results)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kill-")))
        (folder / "minio").mkdir()
        harness = Harness(folder, stack.enter_context(recorder_process(folder / "recorder")))
        for place in _places(options.store or ["local"], stack, folder):
            reference, coverage, counts = harness.reference(place)
            done = {result.point for result in results if result.store == place.name}
            for point in choose(counts, options.points, options.seed):
                if point in done:
                    continue
                result = harness.point(place, point, reference, coverage)
                results.append(result)
                with options.results.open("a") as file:
                    file.write(json.dumps(result.__dict__) + "\n")
                sys.stderr.write(f"{place.name} {point} {result.fault or 'good'}\n")
    print(summary(results))
    return int(any(result.fault for result in results))


def _read(path: Path) -> list[Result]:
    if not path.exists():
        return []
    return [Result(**json.loads(line)) for line in path.read_text().splitlines()]


if __name__ == "__main__":
    os.environ.pop("HIKCORE_CONFIG", None)
    sys.exit(main())
