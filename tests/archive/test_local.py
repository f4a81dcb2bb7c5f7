"""The folder's own promises: nothing half-written is seen, nothing left behind, nothing escapes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hikcore.archive.local import LocalStore
from hikcore.archive.open import open_store
from hikcore.errors import ArchiveConflict, ArchiveDenied, ArchiveUnavailable, ConfigurationError

JSON = "application/json"

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from hikcore.archive.local import LocalStore
store = LocalStore(Path(sys.argv[1]))
data = bytes(range(256)) * 40_000
n = 0
while True:
    store.put(f"v1/x/{n % 50}/{n}.bin", data, content_type="x")
    if n == 0:
        print("going", flush=True)
    n += 1
"""


def test_a_killed_writer_leaves_whole_objects_and_one_file_to_sweep(tmp_path: Path) -> None:
    expected = len(bytes(range(256)) * 40_000)
    for turn in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.05 + 0.03 * turn)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    store = LocalStore(tmp_path)
    sizes = {info.size for info in store.list("")}
    assert sizes == {expected}
    store.sweep()
    assert list((tmp_path / ".hikcore" / "tmp").iterdir()) == []


def test_a_sweep_spares_the_living(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("v1/a", b"1", content_type=JSON)
    (tmp_path / ".hikcore" / "tmp" / "dead").write_bytes(b"half")
    with store._temporary(lambda out: out.write(b"working")) as path:
        assert LocalStore(tmp_path).sweep() == 1
        assert path.read_bytes() == b"working"
    assert list((tmp_path / ".hikcore" / "tmp").iterdir()) == []


def test_readers_see_old_or_new_and_nothing_between(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    contents = [bytes([n]) * 300_000 for n in (1, 2)]
    etag = store.create("log/a", contents[0], content_type=JSON)
    done = threading.Event()
    bad: list[int] = []

    def read() -> None:
        while not done.is_set():
            found = store.get("log/a")
            if found is None or found[0] not in contents:
                bad.append(1)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(60):
        etag = store.swap("log/a", contents[(n + 1) % 2], etag, content_type=JSON)
    done.set()
    for reader in readers:
        reader.join()
    assert not bad


def test_reading_writes_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "nothing")
    assert store.get("v1/a") is None
    assert list(store.list("")) == []
    assert store.folders("v1/") == []
    store.delete("v1/a")
    assert not (tmp_path / "nothing").exists()


def test_modification_times_that_stand_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels tick every few ms and inodes are given out again: stale ETags must stay stale."""
    store = LocalStore(tmp_path)
    etags = [store.create("log/a", b"x", content_type=JSON)]
    frozen = (tmp_path / "log" / "a").stat().st_mtime_ns
    original = os.fsync

    def freeze(handle: int) -> None:
        original(handle)
        os.utime(handle, ns=(frozen, frozen)) if os.fstat(handle).st_size == 1 else None

    monkeypatch.setattr(os, "fsync", freeze)
    for _ in range(30):
        etags.append(store.swap("log/a", b"x", etags[-1], content_type=JSON))
    assert len(set(etags)) == len(etags)
    for stale in etags[:-1]:
        with pytest.raises(ArchiveConflict):
            store.swap("log/a", b"y", stale, content_type=JSON)


@pytest.mark.parametrize("refused", [0, errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_a_file_given_away_is_copied_only_where_it_must_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    """Another file system, one without links, or too many of them already."""
    given = tmp_path / "spool" / "segment"
    given.parent.mkdir()
    given.write_bytes(b"segment")
    true = os.link

    def link(source: Path, target: Path) -> None:
        if refused and Path(source) == given:
            raise OSError(refused, os.strerror(refused))
        true(source, target)

    monkeypatch.setattr(os, "link", link)
    root = tmp_path / "archive"
    LocalStore(root).put_file("v1/a", given, content_type="video/mp4", metadata={}, given=True)
    assert (root / "v1/a").read_bytes() == b"segment"
    assert (root / "v1/a").samefile(given) == (not refused)
    assert not list((root / ".hikcore" / "tmp").glob("*"))


def test_other_files_in_the_folder_are_not_objects(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("v1/a", b"1", content_type=JSON)
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "v1" / ".hidden").mkdir()
    (tmp_path / "v1" / ".hidden" / "y").write_bytes(b"x")
    assert [info.key for info in store.list("")] == ["v1/a"]


def test_no_key_leaves_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    store = LocalStore(tmp_path / "archive")
    for key in ("../secret", "v1/../../secret", "/etc/passwd", "..", "v1/.."):
        with pytest.raises(ConfigurationError):
            store.get(key)
        with pytest.raises(ConfigurationError):
            list(store.list(key))
    assert (tmp_path / "secret").read_bytes() == b"secret"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ArchiveDenied, match="owner and mode"):
        LocalStore(tmp_path).put("v1/a", b"1", content_type=JSON)
    tmp_path.chmod(0o700)


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ArchiveUnavailable, match="make room"):
        store._put("v1/a", full)
    assert store.get("v1/a") is None
    assert list((tmp_path / ".hikcore" / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "empty"),
        ("ftp://host/bucket", "not the URL"),
        ("http://host/bucket", "not opened by http"),
        ("s3+http://host", "names no bucket"),
        ("s3+http:///bucket", "names no bucket"),
        ("s3://", "names no bucket"),
        ("s3+http://host/ab", "name of a bucket"),
        ("s3+http://host/Bucket", "name of a bucket"),
        ("s3+http://host/bucket/../x", "not a key"),
        ("s3+http://host:port/bucket", "cannot be read"),
        ("s3+http://host/bucket?x=1", "not the URL"),
        ("file://elsewhere/folder", "no folder of this machine"),
    ],
)
def test_urls_that_open_nothing(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        open_store(url, environ={})


def test_a_url_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store("s3+http://key:planted-7@host/bucket", environ={})
    assert "planted-7" not in str(caught.value)


def test_forms_of_urls(tmp_path: Path) -> None:
    for url in (str(tmp_path), tmp_path.as_uri(), f"file://localhost{tmp_path}"):
        assert open_store(url, environ={}).url == tmp_path.as_uri()
    spaced = tmp_path / "with space"
    assert isinstance(open_store(spaced.as_uri()), LocalStore)
    assert open_store(spaced.as_uri()).root == spaced  # type: ignore[attr-defined]
    url = "s3+https://storage.example:9000/bucket/a/b"
    assert open_store(url + "/", environ={}).url == url


def test_half_a_pair_of_keys() -> None:
    with pytest.raises(ConfigurationError, match="together"):
        open_store("s3+http://h/bucket", environ={"AWS_ACCESS_KEY_ID": "a"})
    with pytest.raises(ConfigurationError, match="together"):
        open_store("s3+http://h/bucket", access_key="a", environ={})
