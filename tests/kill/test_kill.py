"""`kill -9` of the command at counted points of every class, on both kinds of store.

These are a few points a class; `python -m tests.kill.harness --points 60` takes many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kill.events import CLASSES
from tests.kill.harness import Harness, Place, choose
from tests.kill.objects import committed, orphans
from tests.kill.recorder import recorder_process
from tests.minio_server import MinioServer


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    folder = tmp_path_factory.mktemp("kill")
    with recorder_process(folder / "recorder") as port:
        yield Harness(folder, port)


def kill_everywhere(harness: Harness, place: Place, points: int) -> None:
    reference, coverage, counts = harness.reference(place)
    chosen = choose(counts, points, seed=len(place.name))
    assert {point.partition(":")[0] for point in chosen} == set(CLASSES)
    results = [harness.point(place, point, reference, coverage) for point in chosen]
    assert [result for result in results if result.fault] == []


def test_killed_anywhere_and_run_again_the_folder_is_the_same(harness: Harness) -> None:
    kill_everywhere(harness, Place("local"), len(CLASSES))


@pytest.mark.minio
@pytest.mark.slow
def test_killed_anywhere_and_run_again_the_bucket_is_the_same(
    harness: Harness, minio: MinioServer
) -> None:
    kill_everywhere(harness, Place("minio", minio.environ, minio.new_bucket), len(CLASSES))


def test_the_comparison_sees_what_differs(tmp_path: Path) -> None:
    """The oracle itself: a missing, a changed and an unnamed object."""
    objects = {
        "v1/manifests/a.json": b'{"runs": [{"segments": [{"key": "v1/segments/a.mp4"}]}]}',
        "v1/segments/a.mp4": b"a",
        "v1/segments/orphan.mp4": b"b",
        "v1/clocks/c.json": b"{}",
        "log/answers/x.json": b"{}",
    }
    assert list(committed(objects)) == [
        "v1/clocks/c.json",
        "v1/manifests/a.json",
        "v1/segments/a.mp4",
    ]
    assert orphans(objects) == ["v1/segments/orphan.mp4"]
    assert committed(objects | {"v1/segments/a.mp4": b"x"}) != committed(objects)
    without = {key: value for key, value in objects.items() if "segments/a" not in key}
    assert committed(without) != committed(objects)
