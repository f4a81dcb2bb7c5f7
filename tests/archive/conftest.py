"""The stores that everything is tried on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hikcore.archive.open import open_store
from hikcore.archive.store import Store
from tests.archive import rgw_server
from tests.minio_server import MinioServer


@dataclass(frozen=True)
class StoreCase:
    """A new empty store, and how another process opens it."""

    url: str
    environ: dict[str, str] = field(default_factory=dict)

    def open(self) -> Store:
        return open_store(self.url, environ=self.environ)

    @property
    def is_s3(self) -> bool:
        return self.url.startswith("s3")


@pytest.fixture(
    params=[
        "folder",
        pytest.param("minio", marks=pytest.mark.minio),
        pytest.param("rgw", marks=pytest.mark.slow),
    ]
)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> StoreCase:
    if request.param == "folder":
        return StoreCase((tmp_path / "archive").as_uri())
    server: MinioServer = request.getfixturevalue(request.param)
    return StoreCase(server.new_bucket(), server.environ)


@pytest.fixture(scope="session")
def rgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """Ceph's gateway: 270 MB of Debian packages and a minute of work, so on request only."""
    if not os.environ.get("HIKCORE_TEST_RGW"):
        pytest.skip("optional second S3 server: set HIKCORE_TEST_RGW=1 to try it")
    if lacking := rgw_server.missing():
        pytest.skip(
            f"no {', '.join(lacking)} (Debian: apt-get install "
            "--no-install-recommends radosgw ceph-mon ceph-osd)"
        )
    with rgw_server.serve(tmp_path_factory.mktemp("rgw")) as server:
        yield server


@pytest.fixture
def store(case: StoreCase) -> Store:
    return case.open()
