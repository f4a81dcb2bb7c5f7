"""What goes wrong between us and an S3 server, on a real one."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from minio import Minio

from hikcore.archive.open import open_store
from hikcore.archive.s3 import PART, S3Store
from hikcore.archive.store import Store
from hikcore.errors import (
    ArchiveConflict,
    ArchiveDenied,
    ArchiveError,
    ArchiveNotFound,
    ArchiveUnavailable,
)
from tests.archive.fault_proxy import Fault, FaultProxy
from tests.minio_server import MinioServer

pytestmark = pytest.mark.minio
JSON = "application/json"


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


@pytest.fixture
def bucket(minio_url: str) -> str:
    return minio_url.rsplit("/", 1)[1]


def through(proxy: FaultProxy, minio: MinioServer, bucket: str) -> Store:
    return minio.open(f"s3+http://{proxy.endpoint}/{bucket}")


def raw(minio: MinioServer) -> Minio:
    return Minio(minio.endpoint, minio.access_key, minio.secret_key, secure=False)


@pytest.mark.parametrize("fault", ["before", "after", "busy"])
def test_create_once_with_a_lost_answer(minio: MinioServer, bucket: str, fault: Fault) -> None:
    with FaultProxy(minio.endpoint, {1: fault}, lambda r: r.startswith(b"PUT")) as proxy:
        store = through(proxy, minio, bucket)
        etag = store.create("run/a", b"mine", content_type=JSON)
        assert store.get("run/a") == (b"mine", etag)
        with pytest.raises(ArchiveConflict):
            store.create("run/a", b"other", content_type=JSON)


@pytest.mark.parametrize("fault", ["before", "after", "busy"])
def test_swap_with_a_lost_answer(minio: MinioServer, bucket: str, fault: Fault) -> None:
    with FaultProxy(minio.endpoint, {2: fault}, lambda r: r.startswith(b"PUT")) as proxy:
        store = through(proxy, minio, bucket)
        first = store.create("log/a", b"1", content_type=JSON)
        second = store.swap("log/a", b"2", first, content_type=JSON)
        assert store.get("log/a") == (b"2", second)
        puts = len(proxy.seen)
        assert puts == (2 if fault == "after" else 3)


def test_swap_whose_lost_success_was_overtaken_is_a_conflict(
    minio: MinioServer, minio_store: Store, bucket: str
) -> None:
    def overtake() -> None:
        found = minio_store.get("log/a")
        assert found is not None
        minio_store.swap("log/a", b"theirs", found[1], content_type=JSON)

    first = minio_store.create("log/a", b"1", content_type=JSON)
    with FaultProxy(
        minio.endpoint, {1: "after"}, lambda r: r.startswith(b"PUT"), meanwhile=overtake
    ) as proxy:
        store = through(proxy, minio, bucket)
        with pytest.raises(ArchiveConflict):
            store.swap("log/a", b"mine", first, content_type=JSON)
        assert (store.get("log/a") or (b"", ""))[0] == b"theirs"


@pytest.mark.parametrize("fault", ["before", "after", "half", "busy"])
def test_reads_are_repeated_and_bodies_are_whole(
    minio: MinioServer, minio_store: Store, bucket: str, fault: Fault
) -> None:
    data = os.urandom(300_000)
    minio_store.put("v1/a", data, content_type=JSON)
    with FaultProxy(
        minio.endpoint, {1: fault, 3: fault, 5: fault}, lambda r: r.startswith(b"GET")
    ) as proxy:
        store = through(proxy, minio, bucket)
        assert store.get_range("v1/a", 1000, 200_000) == data[1000:201_000]
        found = store.get("v1/a")
        assert found is not None
        assert found[0] == data
        assert [info.key for info in store.list("")] == ["v1/a"]
        assert len(proxy.seen) == 6


@pytest.mark.parametrize("fault", ["before", "after", "busy"])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_an_upload_in_parts_survives_any_one_fault(
    minio: MinioServer,
    minio_store: Store,
    bucket: str,
    tmp_path: Path,
    fault: Fault,
    number: int,
) -> None:
    # Begin, part 1, part 2, part 3, complete.
    data = os.urandom(1 << 20) * 17
    (tmp_path / "f").write_bytes(data)
    with FaultProxy(
        minio.endpoint, {number: fault}, lambda r: r.startswith((b"POST", b"PUT"))
    ) as proxy:
        store = through(proxy, minio, bucket)
        store.put_file("v1/big", tmp_path / "f", content_type="video/mp4", metadata={"codec": "x"})
    info = minio_store.head("v1/big")
    assert info is not None
    assert info.size == len(data)
    assert minio_store.get_range("v1/big", PART - 5, 10) == data[PART - 5 : PART + 5]


def test_an_upload_that_fails_leaves_no_object_and_no_parts(
    minio: MinioServer, minio_store: Store, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(bytes(PART * 2))
    faults: dict[int, Fault] = {number: "busy" for number in range(3, 30)}
    with FaultProxy(minio.endpoint, faults, lambda r: r.startswith(b"PUT")) as proxy:
        store = through(proxy, minio, bucket)
        proxy.faults = {number: "busy" for number in range(2, 30)}
        with pytest.raises(ArchiveUnavailable):
            store.put_file("v1/big", tmp_path / "f", content_type="video/mp4", metadata={})
    assert minio_store.head("v1/big") is None
    uploads = raw(minio)._list_multipart_uploads(bucket, prefix="v1/big")
    assert list(uploads.uploads) == []


def test_a_server_that_never_answers_ends_in_an_error(minio: MinioServer, bucket: str) -> None:
    with FaultProxy(minio.endpoint, always="before") as proxy:
        store = through(proxy, minio, bucket)
        with pytest.raises(ArchiveUnavailable) as caught:
            store.get("v1/a")
        assert 2 <= len(proxy.seen) <= 5
        assert minio.secret_key not in "".join(traceback.format_exception(caught.value))


def test_nobody_listens() -> None:
    store = open_store("s3+http://127.0.0.1:1/bucket", access_key="abc", secret_key="s" * 8)
    with pytest.raises(ArchiveUnavailable, match="is the server running"):
        store.get("a")


def every_call(store: Store, tmp_path: Path) -> Iterator[object]:
    (tmp_path / "f").write_bytes(b"1")
    yield lambda: store.get("v1/a")
    yield lambda: store.head("v1/a")
    yield lambda: store.get_range("v1/a", 0, 1)
    yield lambda: store.put("v1/a", b"1", content_type=JSON)
    yield lambda: store.put_file("v1/a", tmp_path / "f", content_type=JSON, metadata={})
    yield lambda: store.create("v1/a", b"1", content_type=JSON)
    yield lambda: store.swap("v1/a", b"1", "e", content_type=JSON)
    yield lambda: list(store.list("v1/"))
    yield lambda: store.folders("v1/")
    yield lambda: store.delete("v1/a")


@pytest.mark.parametrize("wrong", ["access", "secret"])
def test_wrong_credentials_are_denied_and_not_told(
    minio: MinioServer, minio_url: str, tmp_path: Path, wrong: str
) -> None:
    planted = "planted-secret-92c1"
    store = open_store(
        minio_url,
        access_key="nobody" if wrong == "access" else minio.access_key,
        secret_key=planted,
    )
    for call in every_call(store, tmp_path):
        with pytest.raises(ArchiveDenied) as caught:
            call()  # type: ignore[operator]
        told = "".join(traceback.format_exception(caught.value)) + repr(store) + repr(vars(store))
        assert planted not in told
        assert caught.value.exit_code == 12


def test_an_absent_bucket_is_named(minio: MinioServer, tmp_path: Path) -> None:
    store = minio.open(minio.url("no-such-bucket"))
    for call in every_call(store, tmp_path):
        with pytest.raises(ArchiveNotFound, match="no bucket no-such-bucket"):
            call()  # type: ignore[operator]


def test_a_stranger_sees_type_and_metadata(
    minio: MinioServer, minio_store: Store, bucket: str, tmp_path: Path
) -> None:
    for size in (10, PART + 10):
        (tmp_path / "f").write_bytes(bytes(size))
        minio_store.put_file(
            f"v1/{size}.mp4",
            tmp_path / "f",
            content_type="video/mp4",
            metadata={"begin": "2026-11-20T10:00:00Z", "codec": "h264", "sha256": "ab"},
        )
        found = raw(minio).stat_object(bucket, f"v1/{size}.mp4")
        assert found.content_type == "video/mp4"
        assert found.metadata is not None
        assert found.metadata["x-amz-meta-codec"] == "h264"
        assert found.metadata["x-amz-meta-begin"] == "2026-11-20T10:00:00Z"
    minio_store.create("log/a.json", b"{}", content_type=JSON)
    assert raw(minio).stat_object(bucket, "log/a.json").content_type == JSON


def test_an_archive_under_a_prefix_sees_nothing_else(
    minio: MinioServer, minio_url: str, minio_store: Store
) -> None:
    store = minio.open(f"{minio_url}/some/where")
    for key in ("v1/a/x", "v1/b/x", "v1/b/y"):
        store.put(key, key.encode(), content_type=JSON)
    minio_store.put("some/other", b"1", content_type=JSON)
    assert [info.key for info in store.list("")] == ["v1/a/x", "v1/b/x", "v1/b/y"]
    assert [info.key for info in store.list("v1/", "v1/a/x")] == ["v1/b/x", "v1/b/y"]
    assert store.folders("v1/") == ["a", "b"]
    assert store.get_range("v1/b/y", 3, 3) == b"b/y"
    assert minio_store.folders("some/where/") == ["v1"]
    etag = store.create("log/a", b"1", content_type=JSON)
    assert store.swap("log/a", b"2", etag, content_type=JSON) != etag
    store.delete("log/a")
    assert minio_store.get("some/where/log/a") is None


def test_an_object_that_is_there_is_not_sent_again(
    minio: MinioServer, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(bytes(PART + 1))
    with FaultProxy(minio.endpoint) as proxy:
        store = through(proxy, minio, bucket)
        store.put_file("v1/a", tmp_path / "f", content_type=JSON, metadata={})
        sent = len(proxy.seen)
        store.put_file("v1/a", tmp_path / "f", content_type=JSON, metadata={})
        assert [line.split()[0] for line in proxy.seen[sent:]] == [b"HEAD"]


def test_a_proxy_that_drops_ranges_is_found_out(minio: MinioServer, minio_store: Store) -> None:
    minio_store.put("v1/a", b"0123456789", content_type=JSON)
    assert isinstance(minio_store, S3Store)
    original = minio_store._bucket.get
    minio_store._bucket.get = lambda key, headers: original(key, {})  # type: ignore[method-assign]
    with pytest.raises(ArchiveError, match="another range"):
        minio_store.get_range("v1/a", 2, 3)
