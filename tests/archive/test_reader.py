"""An archive read with its URL and a read-only key alone."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from minio.credentials import StaticProvider
from minio.minioadmin import MinioAdmin

import hikcore
from hikcore.archive.answers import record
from hikcore.archive.coverage import Stretch
from hikcore.archive.documents import Site, SiteCamera, Tombstone
from hikcore.archive.load import load_footage, load_manifests
from hikcore.archive.reader import Archive, open_archive
from hikcore.archive.sites import publish_site, read_site
from hikcore.archive.store import Store
from hikcore.archive.tombstones import load_tombstones, put_tombstone
from hikcore.errors import ArchiveCorrupt, ArchiveDenied, ArchiveNotFound
from hikcore.instants import DAY, NS, Span
from tests.archive import build
from tests.archive.build import CAMERA, SITE, STREAM, at, question, row
from tests.archive.conftest import StoreCase
from tests.minio_server import MinioServer

HOUR = Span(at(0), at(3600))


@pytest.fixture
def filled(case: StoreCase) -> StoreCase:
    """Two chunks that are held, one damaged, one pending, in a site that has a name."""
    store = case.open()
    rows = [row(0, 600), row(600, 1200, size=2), row(1200, 1800, size=3), row(1800, 2400, size=4)]
    publish_site(
        store,
        Site(
            site=SITE,
            name="Home",
            zone="Asia/Tashkent",
            cameras=(SiteCamera(id=CAMERA, name="Front door", device="nvr1", channel=1),),
        ),
    )
    record(store, SITE, CAMERA, STREAM, [question(0, 3600)], rows)
    build.put(store, build.held(0.2, 599.9, listed=rows[0], segments=2))
    build.put(store, build.held(600.1, 1199.5, listed=rows[1]))
    build.put(store, build.damaged(rows[2]))
    return case


def seen(found: list[Stretch]) -> list[tuple[float, float, str]]:
    return [((s.span.begin - at(0)) / NS, (s.span.end - at(0)) / NS, s.state) for s in found]


EXPECTED = [
    (0, 1200, "held"),
    (1200, 1800, "damaged"),
    (1800, 2400, "pending"),
    (2400, 3600, "empty"),
]


def test_everything_a_reader_asks(filled: StoreCase, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in filled.environ.items():
        monkeypatch.setenv(name, value)
    archive = hikcore.open_archive(filled.url)
    assert archive.sites() == [SITE]
    assert archive.cameras(SITE) == [CAMERA]
    assert str(archive.zone(SITE)) == "Asia/Tashkent"
    assert archive.site(SITE).cameras[0].name == "Front door"
    assert seen(archive.coverage(SITE, CAMERA, HOUR)) == EXPECTED
    assert [m.state for m in archive.manifests(SITE, CAMERA, HOUR)] == ["held", "held", "damaged"]
    segments = archive.segments(SITE, CAMERA, Span(at(100), at(700)))
    assert [round((s.begin - at(0)) / NS) for s in segments] == [0, 300, 600]
    footage = archive.footage(SITE, CAMERA, HOUR)
    assert all(
        (archive.store.head(key) or pytest.fail(key)) == info
        for key, info in footage.objects.items()
    )
    assert len(footage.objects) == 4


def test_unknown_sites_and_cameras(filled: StoreCase) -> None:
    archive = Archive(filled.open())
    calls: list[Callable[[], object]] = [
        lambda: archive.coverage(SITE, "dor", HOUR),
        lambda: archive.manifests(SITE, "dor", HOUR),
        lambda: archive.segments(SITE, "dor", HOUR),
    ]
    for call in calls:
        with pytest.raises(ArchiveNotFound, match="did you mean door"):
            call()
    with pytest.raises(ArchiveNotFound, match="did you mean home"):
        archive.cameras("hom")
    # A camera that is known and of which nothing is said is `unknown`, not an error.
    far = Span(at(90 * 86400), at(91 * 86400))
    assert [s.state for s in archive.coverage(SITE, CAMERA, far)] == ["unknown"]


def test_a_bucket_without_site_documents(filled: StoreCase) -> None:
    store = filled.open()
    store.delete("log/sites/home.json")
    archive = Archive(store)
    assert archive.sites() == [SITE]
    assert archive.cameras(SITE) == [CAMERA]
    assert archive.zone(SITE) is None
    assert seen(archive.coverage(SITE, CAMERA, HOUR)) == EXPECTED


def test_there_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(ArchiveNotFound, match="no such folder"):
        open_archive(str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.mark.minio
def test_wrong_keys_and_bucket_are_found_at_once(minio: MinioServer, minio_url: str) -> None:
    with pytest.raises(ArchiveDenied):
        open_archive(minio_url, access_key="x", secret_key="y" * 8)
    with pytest.raises(ArchiveNotFound):
        open_archive(
            minio.url("absent-bucket"), access_key=minio.access_key, secret_key=minio.secret_key
        )


def documented_policy(bucket: str) -> dict[str, object]:
    """The one that docs/layout.md promises to be enough."""
    page = (Path(__file__).parents[2] / "docs" / "layout.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    return json.loads(text.replace("BUCKET", bucket))  # type: ignore[no-any-return]


@pytest.mark.minio
@pytest.mark.parametrize("case", ["minio"], indirect=True)
def test_a_read_only_key_is_enough(minio: MinioServer, filled: StoreCase, tmp_path: Path) -> None:
    admin = MinioAdmin(
        endpoint=minio.endpoint,
        credentials=StaticProvider(minio.access_key, minio.secret_key),
        secure=False,
    )
    admin.policy_add("reader", policy=documented_policy(filled.url.rsplit("/", 1)[1]))
    admin.user_add("reader", "reader-secret-1")
    admin.policy_set("reader", user="reader")
    archive = open_archive(filled.url, access_key="reader", secret_key="reader-secret-1")
    assert archive.sites() == [SITE]
    assert archive.cameras(SITE) == [CAMERA]
    assert seen(archive.coverage(SITE, CAMERA, HOUR)) == EXPECTED
    segment = archive.segments(SITE, CAMERA, HOUR)[0]
    info = archive.footage(SITE, CAMERA, HOUR).objects[segment.key]
    assert archive.store.get_range(segment.key, 2, 5, if_match=info.etag) == b"sssss"
    with pytest.raises(ArchiveDenied):
        archive.store.put("v1/x", b"1", content_type="text/plain")
    with pytest.raises(ArchiveDenied):
        archive.store.delete(segment.key)


def test_a_manifest_counts_only_with_all_its_objects(store: Store) -> None:
    manifest = build.held(0, 600, segments=2)
    build.put(store, manifest, objects=False)
    assert load_manifests(store, SITE, CAMERA, STREAM, HOUR) == []
    first, second = manifest.runs[0].segments
    store.put(first.key, b"s" * first.size, content_type="video/mp4")
    assert load_manifests(store, SITE, CAMERA, STREAM, HOUR) == []
    store.put(second.key, b"cut", content_type="video/mp4")
    assert load_manifests(store, SITE, CAMERA, STREAM, HOUR) == []
    store.put(second.key, b"s" * second.size, content_type="video/mp4")
    assert load_manifests(store, SITE, CAMERA, STREAM, HOUR) == [manifest]


def test_days_around_are_loaded_and_no_others(store: Store) -> None:
    day = at(0) // DAY * DAY
    begin = (day - at(0)) / NS
    for n in (-2, -1, 0, 1, 2):
        build.put(store, build.held(begin + n * 86400 + 10, begin + n * 86400 + 20))
    found = load_manifests(store, SITE, CAMERA, STREAM, Span(day, day + 60 * NS))
    assert [(m.begin - day) // DAY for m in found] == [-1, 0, 1]
    assert load_manifests(store, SITE, "other", STREAM, Span(day, day + NS)) == []
    assert load_manifests(store, SITE, CAMERA, "sub", Span(day, day + NS)) == []


def test_a_manifest_that_was_changed_is_named(store: Store) -> None:
    key = build.put(store, build.held(0, 600))
    found = store.get(key)
    assert found is not None
    store.swap(key, found[0].replace(b"home", b"hole"), found[1], content_type="x")
    with pytest.raises(ArchiveCorrupt, match=key.replace(".", r"\.")):
        load_manifests(store, SITE, CAMERA, STREAM, HOUR)


def test_a_tombstone_lets_a_manifest_count_without_what_it_names(filled: StoreCase) -> None:
    store = filled.open()
    archive = Archive(store)
    segment = archive.segments(SITE, CAMERA, HOUR)[0]
    stone = Tombstone(
        site=SITE,
        camera=CAMERA,
        stream=STREAM,
        begin=segment.begin,
        end=segment.end,
        rule="older than 30 days",
        objects=(segment.key,),
    )
    put_tombstone(store, stone)
    assert load_tombstones(store, SITE, CAMERA, STREAM) == [stone]
    assert load_tombstones(store, SITE, CAMERA, STREAM, Span(at(3000), at(3001))) == []
    before = archive.coverage(SITE, CAMERA, HOUR)
    store.delete(segment.key)
    after = archive.coverage(SITE, CAMERA, HOUR)
    assert before == after
    excluded = [s for s in after if s.state == "excluded"]
    assert [(s.span.begin, s.span.end, s.reason) for s in excluded] == [
        (segment.begin, segment.end, "older than 30 days")
    ]
    assert segment not in archive.segments(SITE, CAMERA, HOUR)


def test_sites_are_published_beside_each_other(store: Store) -> None:
    def publish(number: int) -> None:
        publish_site(store, Site(site=SITE, cameras=(SiteCamera(id=f"cam{number}"),)))

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read_site(store, SITE)
    assert found is not None
    assert [camera.id for camera in found.cameras] == [f"cam{n}" for n in range(8)]
    again = publish_site(
        store, Site(site=SITE, name="New", cameras=(SiteCamera(id="cam3", name="Yard"),))
    )
    assert again.name == "New"
    assert [c.name for c in again.cameras if c.name] == ["Yard"]


def test_the_cache_changes_no_answer(filled: StoreCase) -> None:
    store = filled.open()
    archive = Archive(store)
    first = archive.coverage(SITE, CAMERA, HOUR)
    build.put(store, build.held(1800.1, 2399.9, listed=row(1800, 2400, size=4)))
    second = archive.coverage(SITE, CAMERA, HOUR)
    assert first != second
    assert second == Archive(store).coverage(SITE, CAMERA, HOUR)
    fresh = load_footage(store, SITE, CAMERA, STREAM, HOUR)
    assert archive.footage(SITE, CAMERA, HOUR) == fresh
