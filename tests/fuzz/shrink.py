"""Chooses of a grown corpus the few bodies that the repository keeps, so that others begin where we
are, and the suite reads what a long run found out:

    python -m tests.fuzz.shrink ps avi --kilobytes 40

libFuzzer says which features each body reaches (-merge_inner): edges of the compiled modules and
of the Python parsers, and how often. Taken is what adds most a byte to those of the own seeds.
Written to tests/fuzz/grown/TARGET.zip.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import zipfile

from tests.fuzz.__main__ import GROWN, WORK, kept
from tests.fuzz.build import Sanitized, build
from tests.fuzz.targets import NAMES, target


def features(name: str, bodies: list[bytes], modules: Sanitized) -> list[set[int]]:
    """What each body reaches.

    Raises:
        RuntimeError: one of them ends the process: it is a finding, to be mended first.
    """
    work = WORK / "shrink" / name
    work.mkdir(parents=True, exist_ok=True)
    paths = [work / f"{number:06}" for number in range(len(bodies))]
    for path, body in zip(paths, bodies, strict=True):
        path.write_bytes(body)
    control = work.parent / f"{name}.control"
    control.write_text("\n".join([str(len(paths)), "0", *map(str, paths)]) + "\n")
    log = work.parent / f"{name}.log"
    with log.open("wb") as file:
        subprocess.run(
            [*modules.python, "-P", "-m", "tests.fuzz.child", name, "--seconds=0", "--seed=1",
             f"--corpus={work}", f"--seeds={work}", f"--artifacts={work.parent}",
             f"--control={control}"],
            env=modules.environment, stdout=file, stderr=file, check=False,
        )  # fmt: skip
    found: list[set[int]] = [set() for _ in paths]
    done = 0
    for line in control.read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "FT":
            number, *each = map(int, rest.split())
            found[number].update(each)
            done += 1
    if done != len(paths):
        raise RuntimeError(f"{name}: {done} of {len(paths)} bodies were read, see {log}")
    return found


def choose(bodies: list[bytes], reached: list[set[int]], known: set[int], room: int) -> list[bytes]:
    """Those that add most a byte, up to `room` bytes."""
    known, out, left = set(known), [], set(range(len(bodies)))
    while left:
        best = max(left, key=lambda n: len(reached[n] - known) / (len(bodies[n]) + 64))
        gain = len(reached[best] - known)
        left = {n for n in left - {best} if reached[n] - known}
        if not gain:
            break
        if len(bodies[best]) > room:
            continue
        room -= len(bodies[best])
        known |= reached[best]
        out.append(bodies[best])
    return out


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=" ".join(NAMES))
    parser.add_argument("--kilobytes", type=int, default=40, help="of each target")
    options = parser.parse_args()
    modules = build()
    assert modules.guided, modules.says
    for name in options.targets or NAMES:
        own = [*target(name).seeds(), *kept(name)]
        grown = [path.read_bytes() for path in sorted((WORK / "corpus" / name).iterdir())]
        reached = features(name, [*own, *grown], modules)
        known = set().union(*reached[: len(own)])
        chosen = choose(grown, reached[len(own) :], known, options.kilobytes << 10)
        GROWN.mkdir(exist_ok=True)
        with zipfile.ZipFile(GROWN / f"{name}.zip", "w") as packed:
            for body in chosen:  # without the time of writing
                entry = zipfile.ZipInfo(hashlib.sha256(body).hexdigest()[:16])
                packed.writestr(entry, body, zipfile.ZIP_DEFLATED, 9)
        everything, size = known.union(*reached), sum(map(len, chosen))
        held = known.union(*(reached[len(own) + grown.index(body)] for body in chosen))
        print(
            f"{name}: {len(chosen)} of {len(grown)} bodies, {size:,} bytes; features: "
            f"seeds {len(known):,}, kept {len(held):,}, all {len(everything):,}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
