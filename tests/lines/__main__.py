"""Which lines of the parsers the suite runs: `make coverage`.

A copy of the tree is built with Cython's line tracing, also of code without the GIL, which takes
the GIL for every line. Hot loops are a hundred times slower, so tests that measure time or memory,
or take long, are left out. The tests of media and of fuzzing run in it under coverage.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

TREE = Path("build/coverage/tree")
#: What is counted: all that takes bytes of others apart, or makes files of them.
PARSERS = ("native/*.pyx", "hikcore/media/*", "hikcore/sources/everfocus/frames.py")
TESTS = (
    "tests/media", "tests/fuzz", "tests/archive/test_clip.py", "tests/rtsp/test_units.py",
    "tests/rtsp/test_packets.py", "tests/rtsp/test_sequence.py",
    "tests/everfocus/live/test_frames.py",
)  # fmt: skip
#: Of millions of headers, packets or bytes: they measure, and run no line that others do not.
_NOT_HERE = (
    "not linear and not memory and not million and not take_no_time and not promise and not 16_mb "
    "and not allocated and not without_end and not random_cuts and not uuid_soup"
)
_SETTINGS = f"""
[run]
plugins = Cython.Coverage
include = {",".join(PARSERS)}
parallel = True
concurrency = thread
[report]
include = {",".join(PARSERS)}
exclude_also =
    if TYPE_CHECKING:
    ^    \\.\\.\\.$
    class .*\\(Protocol\\)
"""


def copy() -> None:
    """The files that git has or would take; what is built in the copy stays."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = {name for name in listed.stdout.splitlines() if Path(name).is_file()}
    for old in TREE.glob("**/*"):
        if old.suffix in (".py", ".pyx", ".pxd") and str(old.relative_to(TREE)) not in names:
            old.unlink()
    for name in names:
        source, target = Path(name), TREE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or source.read_bytes() != target.read_bytes():
            shutil.copy2(source, target)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="make coverage", description=__doc__)
    parser.add_argument("--least", type=float, default=0, help="per cent; fewer is a failure")
    parser.add_argument("--missing", action="store_true", help="name the lines that never ran")
    parser.add_argument("tests", nargs="*", default=TESTS)
    options = parser.parse_args()
    copy()
    (TREE / ".coveragerc").write_text(_SETTINGS)
    environment = dict(os.environ, HIKCORE_BUILD="coverage", PYTHONDONTWRITEBYTECODE="1")
    python = [sys.executable]

    def run(*command: str, check: bool = True) -> int:
        return subprocess.run(
            [*python, *command], cwd=TREE, env=environment, check=check
        ).returncode

    run("setup.py", "-q", "build_ext", "--inplace", "-j2")
    for old in TREE.glob(".coverage.*"):
        old.unlink()
    failed = run(
        "-m", "coverage", "run", "-m", "pytest", "-q", "-p", "no:cacheprovider",
        "-m", "not slow and not minio", "--durations=10", "-k", _NOT_HERE,
        *options.tests, check=False,
    )  # fmt: skip
    run("-m", "coverage", "combine", "-q")
    report = ["-m", "coverage", "report", f"--fail-under={options.least}"]
    return run(*report, *(["-m"] if options.missing else []), check=False) or failed


if __name__ == "__main__":
    sys.exit(main())
