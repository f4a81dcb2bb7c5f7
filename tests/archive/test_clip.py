"""Clips by ranged reads: how little is read, what is refused, and what is said of what is gone."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from hikcore.archive.documents import Tombstone
from hikcore.archive.keys import tombstone_key
from hikcore.archive.local import LocalStore
from hikcore.archive.reader import Archive
from hikcore.errors import ArchiveConflict, NoRecording
from hikcore.instants import NS, Span
from hikcore.sim.profiles import get_profile
from tests.journey import Journey, journey
from tests.timecode import read_instants


class Counting:
    """A store that counts ranged reads, and can pretend that objects changed since."""

    def __init__(self, store: LocalStore, *, changed: bool = False) -> None:
        self._store = store
        self._changed = changed
        self.reads: list[tuple[str, int, int]] = []

    def get_range(self, key: str, offset: int, size: int, if_match: str | None = None) -> bytes:
        self.reads.append((key, offset, size))
        if self._changed and offset:
            if_match = "0-0-0"
        return self._store.get_range(key, offset, size, if_match=if_match)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    async def travel() -> Journey:
        folder = tmp_path_factory.mktemp("clip")
        async with journey(get_profile("small"), folder, channels=[1]) as found:
            return found

    return asyncio.run(travel())


def span_of(made: Journey, back: int, length: int) -> Span:
    begin = made.recorder.now() - back * NS
    return Span(begin, begin + length * NS)


def test_two_ranged_reads_a_segment_and_little_more_than_the_clip(
    made: Journey, tmp_path: Path
) -> None:
    assert isinstance(made.store, LocalStore)
    store = Counting(made.store)
    span = span_of(made, 540, 20)
    report = Archive(store).clip("site", "cam1", span, tmp_path / "a.mp4")  # type: ignore[arg-type]
    segments = {key for key, _, _ in store.reads}
    assert segments == set(report.document.segments)
    assert len(store.reads) == 2 * len(segments)
    heads = sum(size for _, offset, size in store.reads if offset == 0)
    samples = sum(size for _, offset, size in store.reads if offset)
    # The sound of the hidden lead-in lies between its pictures: read, not written.
    assert samples <= 1.2 * report.path.stat().st_size
    assert heads < 200_000


def test_the_same_span_gives_the_same_bytes(made: Journey, tmp_path: Path) -> None:
    span = span_of(made, 530, 60)
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path in paths:
        made.archive.clip("site", "cam1", span, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    told = [json.loads(path.with_suffix(".json").read_text()) for path in paths]
    for document in told:
        document["files"][0].pop("name")
    assert told[0] == told[1]


def test_an_object_that_changed_since_is_refused_and_leaves_nothing(
    made: Journey, tmp_path: Path
) -> None:
    assert isinstance(made.store, LocalStore)
    archive = Archive(Counting(made.store, changed=True))  # type: ignore[arg-type]
    with pytest.raises(ArchiveConflict):
        archive.clip("site", "cam1", span_of(made, 540, 20), tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_show_says_what_the_span_is(made: Journey, tmp_path: Path) -> None:
    hole = span_of(made, 365, 20)
    with pytest.raises(NoRecording, match="empty") as raised:
        made.archive.clip("site", "cam1", hole, tmp_path / "a.mp4")
    assert "site/cam1" in str(raised.value)
    assert "hikcore coverage site/cam1" in raised.value.hint
    with pytest.raises(NoRecording, match="take 2"):
        made.archive.clip("site", "cam1", span_of(made, 540, 20), tmp_path / "a.mp4", take=2)
    assert list(tmp_path.iterdir()) == []


def test_removed_segments_are_excluded_and_the_rest_is_shown(made: Journey, tmp_path: Path) -> None:
    span = span_of(made, 595, 200)
    segments = made.archive.segments("site", "cam1", span)
    gone = segments[1]
    stone = Tombstone(
        site="site",
        camera="cam1",
        stream="main",
        begin=gone.begin,
        end=gone.end,
        rule="test",
        objects=(gone.key,),
    )
    data = stone.to_bytes()
    digest = hashlib.sha256(data).hexdigest()
    key = tombstone_key("site", "cam1", "main", gone.begin, gone.end, digest)
    made.store.put(key, data, content_type="application/json")
    try:
        report = made.archive.clip("site", "cam1", span, tmp_path / "a.mp4")
        shown = read_instants(str(tmp_path / "a.mp4"))
        assert gone.key not in report.document.segments
        assert report.document.state == "partial"
        assert "excluded" in {missing.state for missing in report.document.missing}
        assert len(shown) == report.document.frames > 100
        slack = 4 * NS  # a group at the seams may be held by a neighbour
        assert not [i for i in shown if gone.begin + slack < i < gone.end - slack]
    finally:
        made.store.delete(key)
