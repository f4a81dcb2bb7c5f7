"""A real Ceph object gateway for tests, by infra/ceph/rgw.sh."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.minio_server import MinioServer, free_port

SCRIPT = Path(__file__).parents[2] / "infra" / "ceph" / "rgw.sh"
PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin")


def missing() -> list[str]:
    """The programs that this machine lacks."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


@contextmanager
def serve(folder: Path) -> Iterator[MinioServer]:
    """A gateway over an empty folder; up in some 15 s."""
    port = free_port()
    server = MinioServer(f"127.0.0.1:{port}", "AKTESTS", "tests-secret-7f1d")
    keys = {"RGW_ACCESS_KEY": server.access_key, "RGW_SECRET_KEY": server.secret_key}
    run = ["bash", str(SCRIPT)]
    try:
        with (folder / "log").open("wb") as log:
            subprocess.run(
                [*run, "start", str(folder / "ceph"), str(port), str(free_port())],
                env={**os.environ, **keys},
                stdout=log,
                stderr=log,
                timeout=180,
                check=True,
            )
        yield server
    finally:
        subprocess.run([*run, "stop", str(folder / "ceph")], check=False)
        shutil.rmtree(folder / "ceph", ignore_errors=True)
