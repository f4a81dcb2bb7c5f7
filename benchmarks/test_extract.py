"""A recording of a recorder on loopback into an archive, against doing it by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.contest import Contest, Goal
from benchmarks.inputs import Inputs
from benchmarks.measure import Turn, command, fresh, ours
from benchmarks.server import DOWNLOAD, serve
from hikcore.archive.store import Store
from tests import minio_server
from tests.minio_server import MinioServer, NoMinio

BY_HAND = "curl + remux + put"
GOALS = [Goal("cpu", 1.5, BY_HAND), Goal("peak", 40 * 2**20)]
LESS = "by hand: three processes, no hashes, no index, no manifest"


@pytest.fixture
def minio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MinioServer]:
    """A real server over a folder on disk; processes find its keys in their environment."""
    try:
        with minio_server.serve(tmp_path) as server:
            for name, value in server.environ.items():
                monkeypatch.setenv(name, value)
            yield server
    except NoMinio as reason:
        pytest.skip(f"no MinIO server: {reason}")


def test_extract(
    benchmark: BenchmarkFixture, contest: Contest, inputs: Inputs, scratch: Path
) -> None:
    path, home = inputs.ps("h264"), scratch / "home"
    with serve(path.parent, download=path.name) as remote:
        job = ours(
            "extraction.extract", remote.url, home, inputs.seconds(), path.stat().st_size
        )  # fmt: skip
        put = ours("stores.put", scratch / "body.mp4", scratch / "by-hand")
        entries = {"ours": fresh(scratch, job)}
        hand = by_hand(remote.url, scratch, put)
        if hand is not None:
            entries[BY_HAND] = fresh(scratch, hand)
        contest.run(
            benchmark, "recorder to archive", entries, GOALS, rounds=5,
            notes=[f"into a folder; {LESS}"],
        )  # fmt: skip
    made = sum(file.stat().st_size for file in (home / "archive").rglob("*.mp4"))
    assert made > 0.98 * path.stat().st_size


def test_extract_to_minio(
    benchmark: BenchmarkFixture,
    contest: Contest,
    inputs: Inputs,
    scratch: Path,
    minio: MinioServer,
) -> None:
    """The same into a bucket, by hand with an upload of the same client."""
    path = inputs.ps("h264")
    url = minio.new_bucket()
    store = minio.open(url)

    def into_empty(turn: Callable[[], Turn]) -> Callable[[], Turn]:
        def run() -> Turn:
            empty(store)
            return turn()

        return fresh(scratch, run)

    with serve(path.parent, download=path.name) as remote:
        job = ours(
            "extraction.extract", remote.url, scratch / "home", inputs.seconds(),
            path.stat().st_size, url,
        )  # fmt: skip
        entries = {"ours": into_empty(job)}
        hand = by_hand(remote.url, scratch, ours("stores.upload", scratch / "body.mp4", url))
        if hand is not None:
            entries[BY_HAND] = into_empty(hand)
        contest.run(
            benchmark, "recorder to MinIO", entries, GOALS, rounds=5,
            notes=[f"the server's own CPU is not counted; {LESS}"],
        )  # fmt: skip
    made = sum(found.size for found in store.list("v1/") if found.key.endswith(".mp4"))
    assert made > 0.98 * path.stat().st_size


def by_hand(url: str, folder: Path, put: Callable[[], Turn]) -> Callable[[], Turn] | None:
    """curl into a file, our remux, and the upload; None where there is no curl."""
    curl = shutil.which("curl")
    if curl is None:
        return None
    body, clip = folder / "body.ps", folder / "body.mp4"
    steps = [
        command(curl, "-s", "-o", body, url + DOWNLOAD),
        ours("streams.remux", body, clip),
        put,
    ]

    def run() -> Turn:
        turns = [step().numbers for step in steps]
        return Turn({name: sum(turn[name] for turn in turns) for name in ("cpu", "wall")})

    return run


def empty(store: Store) -> None:
    """Remove all that is in it."""
    for found in list(store.list("")):
        store.delete(found.key)
