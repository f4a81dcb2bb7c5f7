"""A real MinIO server for tests: found or built by infra/minio/minio.sh, on a free port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hikcore.archive.open import open_store
from hikcore.archive.store import Store

SCRIPT = Path(__file__).parent.parent / "infra" / "minio" / "minio.sh"


class NoMinio(Exception):
    """Why there is no server."""


@dataclass(frozen=True)
class MinioServer:
    """A running server; `environ` opens its buckets in another process."""

    endpoint: str
    access_key: str = "hikcore-tests"
    secret_key: str = field(default="tests-secret-7f1d", repr=False)

    @property
    def environ(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def url(self, bucket: str, prefix: str = "") -> str:
        return f"s3+http://{self.endpoint}/{bucket}" + (f"/{prefix}" if prefix else "")

    def new_bucket(self) -> str:
        """The URL of a new empty bucket."""
        url = self.url(f"t-{uuid.uuid4().hex[:16]}")
        self.open(url, create=True)
        return url

    def open(self, url: str, *, create: bool = False) -> Store:
        return open_store(
            url, access_key=self.access_key, secret_key=self.secret_key, create=create
        )


def binary() -> str:
    """The server's path; built where it is not there yet (2-3 minutes, once a machine).

    Raises:
        NoMinio: with the script's last words.
    """
    run = subprocess.run(
        ["bash", str(SCRIPT), "path"], capture_output=True, text=True, timeout=1200, check=False
    )
    if run.returncode:
        raise NoMinio(f"infra/minio/minio.sh path: {run.stderr.strip()[-300:]}")
    return run.stdout.strip()


@contextmanager
def serve(folder: Path) -> Iterator[MinioServer]:
    """A server over an empty folder, which is removed afterwards."""
    program = binary()
    for _ in range(5):
        server = MinioServer(f"127.0.0.1:{free_port()}")
        process = _start(program, folder, server)
        try:
            if _healthy(process, server):
                yield server
                return
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(folder / "data", ignore_errors=True)
    raise NoMinio((folder / "log").read_text()[-300:])


def _start(program: str, folder: Path, server: MinioServer) -> subprocess.Popen[bytes]:
    env = {
        **os.environ,
        "MINIO_ROOT_USER": server.access_key,
        "MINIO_ROOT_PASSWORD": server.secret_key,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [program, "server", "--quiet", str(folder / "data"), "--address", server.endpoint],
            env=env,
            stdout=log,
            stderr=log,
        )


def _healthy(process: subprocess.Popen[bytes], server: MinioServer) -> bool:
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(
                f"http://{server.endpoint}/minio/health/ready", timeout=5
            ) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
