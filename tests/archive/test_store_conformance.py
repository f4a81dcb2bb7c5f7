"""What every store must do, tried on each: the contract in hikcore/archive/store.py."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hikcore.archive import s3, s3_sdk
from hikcore.archive.local import LocalStore
from hikcore.archive.store import Store
from hikcore.errors import ArchiveConflict, ArchiveNotFound, ConfigurationError
from tests.archive import racers
from tests.archive.conftest import StoreCase

JSON = "application/json"
RACERS = 64


def test_nothing_is_there_at_first(store: Store) -> None:
    assert store.get("v1/a") is None
    assert store.head("v1/a") is None
    assert list(store.list("")) == []
    assert store.folders("v1/") == []
    store.delete("v1/a")
    with pytest.raises(ArchiveNotFound):
        store.get_range("v1/a", 0, 10)


def test_put_get_head_range(store: Store) -> None:
    data = bytes(range(256)) * 5
    store.put("v1/x/a.bin", data, content_type="application/octet-stream")
    found = store.get("v1/x/a.bin")
    assert found is not None
    assert found[0] == data
    info = store.head("v1/x/a.bin")
    assert info is not None
    assert (info.key, info.size, info.etag) == ("v1/x/a.bin", len(data), found[1])
    assert '"' not in info.etag
    for offset, size in [(0, 1), (0, 1280), (1, 5), (1279, 1), (1270, 100), (0, 10_000)]:
        assert store.get_range("v1/x/a.bin", offset, size) == data[offset : offset + size]
    assert store.get_range("v1/x/a.bin", 1280, 5) == b""
    assert store.get_range("v1/x/a.bin", 5000, 5) == b""
    assert store.get_range("v1/x/a.bin", 7, 0) == b""


def test_an_empty_object(store: Store) -> None:
    store.put("v1/empty", b"", content_type=JSON)
    found = store.get("v1/empty")
    assert found is not None
    assert found[0] == b""
    assert store.get_range("v1/empty", 0, 1) == b""


def test_a_folder_is_no_object(store: Store) -> None:
    store.put("v1/x/a", b"1", content_type=JSON)
    assert store.get("v1/x") is None
    assert store.head("v1/x") is None


def test_if_match_of_a_range(store: Store) -> None:
    etag = store.create("k", b"0123456789", content_type=JSON)
    assert store.get_range("k", 2, 3, if_match=etag) == b"234"
    store.swap("k", b"9876543210", etag, content_type=JSON)
    with pytest.raises(ArchiveConflict):
        store.get_range("k", 2, 3, if_match=etag)


def test_put_again_keeps_object_and_etag(store: Store, tmp_path: Path) -> None:
    store.put("v1/x", b"content", content_type=JSON)
    first = store.head("v1/x")
    store.put("v1/x", b"content", content_type=JSON)
    (tmp_path / "file").write_bytes(b"content")
    store.put_file("v1/x", tmp_path / "file", content_type=JSON, metadata={})
    assert store.head("v1/x") == first


def test_a_file_given_away_is_an_object_like_any_other(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    for _ in range(2):
        store.put_file("v1/x", tmp_path / "file", content_type=JSON, metadata={}, given=True)
    other = store.head("v1/x")
    (tmp_path / "file").unlink()
    found = store.get("v1/x")
    assert found is not None
    assert found[0] == b"content"
    assert store.head("v1/x") == other
    store.put("v1/y", b"cut o", content_type=JSON)
    (tmp_path / "whole").write_bytes(b"cut off no more")
    store.put_file("v1/y", tmp_path / "whole", content_type=JSON, metadata={}, given=True)
    found = store.get("v1/y")
    assert found is not None
    assert found[0] == b"cut off no more"


def test_put_heals_an_object_of_another_size(store: Store) -> None:
    store.put("v1/x", b"cut o", content_type=JSON)
    store.put("v1/x", b"cut off no more", content_type=JSON)
    found = store.get("v1/x")
    assert found is not None
    assert found[0] == b"cut off no more"


def test_create_once(store: Store) -> None:
    etag = store.create("run/lease", b"mine", content_type=JSON)
    with pytest.raises(ArchiveConflict):
        store.create("run/lease", b"yours", content_type=JSON)
    assert store.get("run/lease") == (b"mine", etag)
    store.delete("run/lease")
    store.create("run/lease", b"yours", content_type=JSON)


def test_swap(store: Store) -> None:
    first = store.create("log/a", b"1", content_type=JSON)
    second = store.swap("log/a", b"2", first, content_type=JSON)
    assert second != first
    with pytest.raises(ArchiveConflict):
        store.swap("log/a", b"3", first, content_type=JSON)
    assert store.get("log/a") == (b"2", second)
    store.delete("log/a")
    with pytest.raises(ArchiveConflict):
        store.swap("log/a", b"3", second, content_type=JSON)
    assert store.get("log/a") is None


def test_etags_of_quick_swaps_all_differ(store: Store) -> None:
    etag = store.create("log/a", b"0", content_type=JSON)
    seen = {etag}
    for number in range(1, 40):
        etag = store.swap("log/a", b"%d" % (number % 10), etag, content_type=JSON)
        # A content-made ETag may come again with the content: never for the one before.
        found = store.get("log/a")
        assert found == (b"%d" % (number % 10), etag)
        seen.add(etag)
    assert len(seen) >= 10


def test_listing_is_in_key_order_and_goes_on_after(store: Store) -> None:
    # `-` and `.` sort before `/`, digits after it: where a walk by folders goes wrong.
    keys = ["a", "a-b", "a-b/c", "a.b", "a.b/x", "a/b", "a/b.c", "a/b/c", "a0", "b/a", "B/z"]
    keys = [f"v1/{key}" for key in keys if key not in ("a", "a-b", "a.b", "a/b")] + ["v2"]
    for key in keys:
        store.put(key, key.encode(), content_type=JSON)
    ordered = sorted(keys)
    assert [info.key for info in store.list("")] == ordered
    for prefix in ("v1/", "v1/a", "v1/a/", "v1/a/b", "v1/a.b/", "v", "v2", "w", "v1/a-"):
        expected = [key for key in ordered if key.startswith(prefix)]
        assert [info.key for info in store.list(prefix)] == expected
        for after in (*ordered, "v1/a", "v1/a/", "v1/a.", "v1/zzz", "a"):
            found = [info.key for info in store.list(prefix, after)]
            assert found == [key for key in expected if key > after], (prefix, after)
    assert all(info.size == len(info.key) for info in store.list(""))
    assert store.folders("") == ["v1"]
    assert store.folders("v1/") == sorted({k.split("/")[1] for k in keys if k.count("/") > 1})
    assert store.folders("v1/a/") == ["b"]


def test_folders_of_removed_objects_are_gone(store: Store) -> None:
    store.put("v1/x/y/a", b"1", content_type=JSON)
    store.put("v1/z/a", b"1", content_type=JSON)
    store.delete("v1/x/y/a")
    assert store.folders("v1/") == ["z"]


def test_a_listing_longer_than_a_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PAGE", 10)
    monkeypatch.setattr(s3_sdk, "PAGE", 10)
    keys = [f"v1/{number:03d}" for number in range(40)]
    for key in keys:
        store.put(key, b"x", content_type=JSON)
    assert [info.key for info in store.list("v1/")] == keys
    assert [info.key for info in store.list("v1/", "v1/024")] == keys[25:]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "a/./b",
        ".hikcore/tmp/x",
        "a/.b",
        "a b",
        "a\x00b",
        "a\\b",
        "ä",
        "a\n",
        "a?b",
        "x" * 1025,
        "y" * 256,
    ],
)
def test_bad_keys_are_refused_before_anything(store: Store, key: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    for call in (
        lambda: store.get(key),
        lambda: store.head(key),
        lambda: store.get_range(key, 0, 1),
        lambda: store.put(key, b"1", content_type=JSON),
        lambda: store.put_file(key, tmp_path / "f", content_type=JSON, metadata={}),
        lambda: store.create(key, b"1", content_type=JSON),
        lambda: store.swap(key, b"1", "e", content_type=JSON),
        lambda: store.delete(key),
    ):
        with pytest.raises(ConfigurationError):
            call()


KEYS = st.lists(
    st.from_regex(r"[a-c0-1_-][a-c.-]{0,3}", fullmatch=True), min_size=1, max_size=3
).map(lambda parts: "/".join(parts) + "/x")
ROUNDS = itertools.count()


@given(st.dictionaries(KEYS, st.binary(max_size=40), max_size=8))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_behaves_like_a_dictionary(case: StoreCase, content: dict[str, bytes]) -> None:
    store, area = case.open(), f"v1/{next(ROUNDS)}/"
    for key, data in content.items():
        store.put(area + key, data, content_type=JSON)
    assert [info.key for info in store.list(area)] == sorted(area + key for key in content)
    assert {key: (store.get(area + key) or (b"?",))[0] for key in content} == content
    removed = sorted(content)[::2]
    for key in removed:
        store.delete(area + key)
    left = [area + key for key in sorted(content) if key not in removed]
    assert [info.key for info in store.list(area)] == left


def test_a_name_is_a_file_or_a_folder_in_a_folder(tmp_path: Path) -> None:
    # A bucket takes both; our own keys never need them.
    store = LocalStore(tmp_path)
    store.put("v1/a", b"1", content_type=JSON)
    with pytest.raises(ArchiveConflict):
        store.put("v1/a/b", b"1", content_type=JSON)


def test_64_processes_race_to_create(case: StoreCase) -> None:
    won = racers.race(RACERS, racers.create, case.url, "run/one", case.environ)
    assert won.count(True) == 1
    found = case.open().get("run/one")
    assert found is not None
    assert found[0].startswith(b"winner ")


def test_64_processes_race_on_a_counter(case: StoreCase) -> None:
    case.open().create("run/counter", b"0", content_type=JSON)
    values = racers.race(RACERS, racers.increment, case.url, "run/counter", case.environ)
    assert sorted(values) == list(range(1, RACERS + 1))
    found = case.open().get("run/counter")
    assert found is not None
    assert int(found[0].split()[0]) == RACERS


def test_processes_race_to_put_the_same(case: StoreCase) -> None:
    assert all(racers.race(16, racers.put, case.url, "v1/same", case.environ))
    found = case.open().get("v1/same")
    assert found is not None
    assert found[0] == b"the same" * 1000
    assert [info.key for info in case.open().list("")] == ["v1/same"]


PUT_BIG = """
import resource, sys
from pathlib import Path
from hikcore.archive.open import open_store
store = open_store(sys.argv[1])
store.put("v1/small", b"1", content_type="video/mp4")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.put_file("v1/big", Path(sys.argv[2]), content_type="video/mp4", metadata={"hash": "ab"})
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_big_file_takes_little_memory(case: StoreCase, tmp_path: Path) -> None:
    size = 96 * (1 << 20) + 12_345
    path = tmp_path / "big"
    expected = hashlib.sha256()
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for number in range(size // len(block) + 1):
            part = (number.to_bytes(8, "big") + block[8:])[: size - number * len(block)]
            file.write(part)
            expected.update(part)
    run = subprocess.run(
        [sys.executable, "-c", PUT_BIG, case.url, str(path)],
        env=os.environ | case.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    grown = int(run.stdout)
    assert grown < 48, f"{grown} MiB more than before for a file of 96 MiB"
    store = case.open()
    info = store.head("v1/big")
    assert info is not None
    assert info.size == size
    found = hashlib.sha256()
    for offset in range(0, size, 8 << 20):
        found.update(store.get_range("v1/big", offset, 8 << 20, if_match=info.etag))
    assert found.digest() == expected.digest()


def test_threads_share_a_store(store: Store) -> None:
    etags: list[str] = []

    def work(number: int) -> None:
        for turn in range(10):
            key = f"v1/{number}/{turn}"
            store.put(key, key.encode(), content_type=JSON)
            found = store.get(key)
            assert found is not None
            assert found[0] == key.encode()
            etags.append(found[1])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(etags) == 80


def test_the_url_opens_it_again_and_holds_no_secret(case: StoreCase) -> None:
    store = case.open()
    store.put("v1/a", b"1", content_type=JSON)
    again = StoreCase(store.url, case.environ).open()
    assert again.url == store.url
    assert again.get("v1/a") == store.get("v1/a")
    assert not any(secret in store.url for secret in case.environ.values())
