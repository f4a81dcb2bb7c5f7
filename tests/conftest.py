"""Fixtures that several areas share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from hikcore.archive.store import Store
from tests import minio_server
from tests.conformance.table import Table
from tests.minio_server import MinioServer

# CI tries the same examples each time, so that it fails for what a change did; elsewhere every run
# tries others.
# No deadline: a busy machine is no failure, and what must be quick has a test of its own.
settings.register_profile("anywhere", deadline=None)
settings.load_profile("anywhere")
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    """Where cells of the conformance suite are run, its table is printed."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts what it runs behind its back; what we start would never be interrupted.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    seed = int(os.environ.get("HIKCORE_CONFORMANCE_SEED", "1"))
    config.pluginmanager.register(Table(seed), "conformance-table")


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A real MinIO for the whole session. Where it cannot be had the tests that need it are skipped
    with that reason; in CI (the environment variable CI is set) they fail."""
    folder = tmp_path_factory.mktemp("minio")
    try:
        with minio_server.serve(folder) as server:
            yield server
    except minio_server.NoMinio as reason:
        if os.environ.get("CI"):
            pytest.fail(f"no MinIO: {reason}")
        pytest.skip(f"no MinIO: {reason}")


@pytest.fixture
def minio_url(minio: MinioServer) -> str:
    """The URL of a new empty bucket on it; its keys are `minio.access_key`, `minio.secret_key`."""
    return minio.new_bucket()


@pytest.fixture
def minio_store(minio: MinioServer, minio_url: str) -> Store:
    """The same, opened."""
    return minio.open(minio_url)


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of refused logins and of devices outlives processes, but not tests: their
    simulated devices come back at the same ports."""
    folder = tmp_path_factory.mktemp("folders")
    monkeypatch.setenv("HIKCORE_STATE_FOLDER", str(folder / "state"))
    monkeypatch.setenv("HIKCORE_CACHE_FOLDER", str(folder / "cache"))
