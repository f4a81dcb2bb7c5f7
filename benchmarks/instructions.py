"""Instructions of the hot loops, counted by callgrind: a loaded machine does not change them.

Each job runs once and five times; a quarter of the difference is one job without the interpreter's
start. `python -m benchmarks.instructions JOB TURNS` is what runs under valgrind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable

from benchmarks.inputs import BEGIN_MS, everfocus_header, open_inputs

_FEW, _MANY = 1, 5
_BYTES = 4_000_000
_HEADERS = 4096


def valgrind() -> str | None:
    """Where it is."""
    return shutil.which("valgrind")


def count() -> dict[str, float]:
    """Instructions by job: a byte of a program stream, or a header."""
    return {name: _count(name) / units for name, (_, units) in _jobs().items()}


def _count(job: str) -> float:
    few, many = (_instructions(job, turns) for turns in (_FEW, _MANY))
    return (many - few) / (_MANY - _FEW)


def _instructions(job: str, turns: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        arguments = [
            valgrind() or "valgrind", "--tool=callgrind",
            f"--callgrind-out-file={folder}/out", sys.executable, "-m", __spec__.name, job,
            str(turns),
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            arguments, capture_output=True, text=True, env=environment, check=True
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(f"callgrind says no number: {done.stderr[-500:]}")
    return int(found.group(1))


def _jobs() -> dict[str, tuple[Callable[[], object], int]]:
    """Name to the job and how many units one turn of it does."""
    from hikcore.media.everfocus import parse_header, read_headers
    from hikcore.media.ps import PsIndexer
    from hikcore.media.samples import SampleReader

    message = everfocus_header(20_000, 7, BEGIN_MS)
    headers = b"".join(everfocus_header(0, 7, BEGIN_MS + 40 * n) for n in range(_HEADERS))

    def header() -> None:
        for _ in range(_HEADERS):
            parse_header(message)

    def index(body: bytes) -> object:
        indexer = PsIndexer()
        indexer.feed(body)
        return indexer.finish()

    out: dict[str, tuple[Callable[[], object], int]] = {
        "everfocus header": (header, _HEADERS),
        "everfocus scan": (lambda: read_headers(headers), _HEADERS),
    }
    for codec in ("h264", "h265"):
        with open_inputs("small").ps(codec).open("rb") as file:
            body = file.read(_BYTES)
        out[f"ps index {codec}"] = (lambda body=body: index(body), _BYTES)
        table = index(body)

        def gather(body: bytes = body, table: object = table) -> None:
            video = table.video  # type: ignore[attr-defined]
            SampleReader(_Memory(body)).read(video, 0, len(video))

        out[f"ps gather {codec}"] = (gather, _BYTES)
    return out


class _Memory:
    """A body in memory as a source."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)

    def read_at(self, offset: int, size: int) -> memoryview:
        """Exactly these bytes."""
        return self._body[offset : offset + size]


def main(job: str, turns: str) -> None:
    """Do a job so many times."""
    work, _ = _jobs()[job]
    for _ in range(int(turns)):
        work()


if __name__ == "__main__":
    main(*sys.argv[1:])
