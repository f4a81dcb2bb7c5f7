"""What the doctor finds of stores that are well, and of those that only look so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hikcore.archive.local import LocalStore
from hikcore.archive.open import open_store
from hikcore.doctor.archive import examine_archive
from hikcore.doctor.finding import Finding, Report, exit_code
from hikcore.errors import ArchiveConflict, ArchiveUnavailable
from hikcore.instants import NS
from tests.minio_server import MinioServer


def verdicts(report: Report) -> dict[str, str]:
    return {finding.check: finding.verdict for finding in report.findings}


class Spoilt(LocalStore):
    """A folder that does one thing wrongly."""

    def __init__(self, folder: Path, **wrong: Callable[..., Any]) -> None:
        super().__init__(folder)
        self.root.mkdir(parents=True)
        for name, how in wrong.items():
            setattr(self, name, how)


async def test_a_folder_that_is_well(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "archive")
    store.root.mkdir()
    report = await examine_archive(store, now=time.time_ns)
    assert set(verdicts(report).values()) == {"ok"}, report
    assert len(report.findings) == 4
    assert not [path for path in store.root.rglob("run/doctor/*")]  # nothing is left


@pytest.mark.minio
async def test_a_bucket_that_is_well(minio: MinioServer, minio_url: str) -> None:
    store = open_store(minio_url, environ=minio.environ)
    report = await examine_archive(store, now=time.time_ns)
    assert set(verdicts(report).values()) == {"ok"}, report
    assert list(store.list("run/")) == []
    far = await examine_archive(store, now=lambda: time.time_ns() - 1000 * NS)
    assert verdicts(far)["clock"] == "fail"


async def test_an_archive_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    report = await examine_archive(LocalStore(tmp_path / "none"), now=time.time_ns)
    assert verdicts(report) == {"reachable": "warn"}
    assert not (tmp_path / "none").exists()


async def test_conditions_that_are_taken_and_ignored(tmp_path: Path) -> None:
    store = Spoilt(tmp_path / "a")
    store.create = lambda key, data, **k: store.put(key, data, **k) or "etag"  # type: ignore[method-assign,func-returns-value]
    store.swap = lambda key, data, etag, **k: store.put(key, data, **k) or "etag"  # type: ignore[method-assign,func-returns-value]
    report = await examine_archive(store, now=time.time_ns)
    found = verdicts(report)
    assert found["conditional put"] == "fail"
    assert "If-None-Match" in report.failures[0].text
    assert "If-Match" in report.failures[0].text
    assert exit_code([report]) == 1


async def test_ranges_that_come_wrong(tmp_path: Path) -> None:
    store = Spoilt(tmp_path / "a", get_range=lambda key, offset, size, if_match=None: b"x" * size)
    report = await examine_archive(store, now=time.time_ns)
    assert verdicts(report)["ranged read"] == "fail"
    assert exit_code([report]) == 9


async def test_a_store_that_hangs_is_left(tmp_path: Path) -> None:
    go, ended = threading.Event(), threading.Event()

    def hang(prefix: str) -> None:
        go.wait(60)
        ended.set()

    store = Spoilt(tmp_path / "a", folders=hang)
    report = await examine_archive(store, now=time.time_ns, step=0.05)
    assert not ended.is_set()
    go.set()
    assert verdicts(report) == {"reachable": "fail"}
    assert exit_code([report]) == 5


async def test_a_store_that_refuses(tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ArchiveUnavailable("503", where="bucket")

    store = Spoilt(tmp_path / "a", create=refuse)
    report = await examine_archive(store, now=time.time_ns)
    assert verdicts(report)["conditional put"] == "fail"


def test_exit_codes() -> None:
    def of(subject: str, *codes: int) -> Report:
        found = tuple(Finding("x", "fail" if code else "ok", "", "", code) for code in codes)
        return Report(subject, "", found)

    assert exit_code([of("archive", 0), of("a/b", 0)]) == 0
    assert exit_code([of("archive", 0), of("a/b", 6)]) == 6
    assert exit_code([of("archive", 0), of("a/b", 6), of("a/c", 0)]) == 3
    assert exit_code([of("archive", 12), of("a/b", 0)]) == 12
    assert exit_code([of("archive", 0), of("a/b", 6), of("a/c", 7)]) == 1
    assert isinstance(ArchiveConflict("x"), Exception)
