"""The stores that everything is tried on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hikcore.archive.open import open_store
from hikcore.archive.store import Store
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
    ]
)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> StoreCase:
    if request.param == "folder":
        return StoreCase((tmp_path / "archive").as_uri())
    server: MinioServer = request.getfixturevalue("minio")
    return StoreCase(server.new_bucket(), server.environ)


@pytest.fixture
def store(case: StoreCase) -> Store:
    return case.open()
