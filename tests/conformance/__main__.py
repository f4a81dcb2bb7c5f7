"""Run the suite and print its table: `python -m tests.conformance [--seed N] [pytest's options]`.

The seed decides which request a fault meets, where in its body, how much and which way.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pytest


def main() -> int:
    """The command line; pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", action="append", help="isapi, hik_cloud, …; all if not given")
    options, rest = parser.parse_known_args()
    os.environ["HIKCORE_CONFORMANCE_SEED"] = str(options.seed)
    here = Path(__file__).parent
    files = sorted(here.glob("test_*.py"))
    if options.source:
        files = [here / f"test_{source}.py" for source in options.source]
    words = ["-q", "--dist", "worksteal", *rest, *map(str, files)]
    return int(pytest.main(words))


if __name__ == "__main__":
    sys.exit(main())
