"""The process under test: the command `hikcore`, with its events counted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hikcore.cli.app import run
from tests.kill.events import Events, install


def main(arguments: list[str], environ: dict[str, str], log: str, kill: str, counts: str) -> None:
    """Run one command line and exit with its code.

    Args:
        log: where standard output and error go.
        kill: `CLASS:N`, or '' to live.
        counts: where the counts of a process that lived go.
    """
    os.environ.update(environ)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    events = Events(kill)
    install(events)
    try:
        code = run(arguments)
    finally:
        sys.stdout.flush()
        events.write(Path(counts))
    sys.exit(code)
