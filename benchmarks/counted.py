"""What runs under callgrind: `python -m benchmarks.counted JOB TURNS PATH`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.frames import everfocus_header

_BYTES = 4_000_000
_HEADERS = 4096
_MS = 1_763_632_800_000

Job = Callable[[], object]


def header(_: Path) -> Job:
    """Headers one a call."""
    from hikcore.native.everfocus import parse_header

    message = everfocus_header(20_000, 7, _MS)

    def run() -> None:
        for _ in range(_HEADERS):
            parse_header(message)

    return run


def scan(_: Path) -> Job:
    """All headers of a buffer."""
    from hikcore.media.everfocus import read_headers

    data = b"".join(everfocus_header(0, 7, _MS + 40 * n) for n in range(_HEADERS))
    return lambda: read_headers(data)


def index(path: Path) -> Job:
    """A program stream, every sample."""
    from hikcore.media.ps import PsIndexer

    body = _begin(path)

    def run() -> object:
        indexer = PsIndexer()
        indexer.feed(body)
        return indexer.finish()

    return run


def gather(path: Path) -> Job:
    """Its samples in MP4 form."""
    from hikcore.media.ps import PsIndexer
    from hikcore.media.samples import SampleReader

    body = _begin(path)
    indexer = PsIndexer()
    indexer.feed(body)
    video = indexer.finish().video
    assert video is not None
    return lambda: SampleReader(_Memory(body)).read(video, 0, len(video))


def cut(path: Path) -> Job:
    """The plan of a clip of ten seconds: tables walked, head written, sync samples looked at."""
    from hikcore.media.files import FileSource
    from hikcore.media.mp4.plain import find_moov
    from hikcore.media.mp4.quick import quick_cut

    source = FileSource(path)

    def run() -> None:
        moov = find_moov(source, source.size)
        assert quick_cut(source, source.size, moov, 30 * 90_000, 40 * 90_000) is not None

    return run


#: What makes the job, and how many units one turn of it does.
JOBS: dict[str, tuple[Callable[[Path], Job], int]] = {
    "everfocus header": (header, _HEADERS),
    "everfocus scan": (scan, _HEADERS),
    "ps index h264": (index, _BYTES),
    "ps index h265": (index, _BYTES),
    "ps gather h264": (gather, _BYTES),
    "ps gather h265": (gather, _BYTES),
    "mp4 cut": (cut, 1),
}


def _begin(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_BYTES)


class _Memory:
    """A body in memory as a source."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)

    def read_at(self, offset: int, size: int) -> memoryview:
        """Exactly these bytes."""
        return self._body[offset : offset + size]


def main(job: str, turns: str, path: str) -> None:
    """Do a job so many times."""
    gc.disable()  # when it runs is chance
    work = JOBS[job][0](Path(path))
    for _ in range(int(turns)):
        work()


if __name__ == "__main__":
    main(*sys.argv[1:])
