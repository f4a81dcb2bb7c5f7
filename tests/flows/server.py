"""A real Prefect server on loopback, in a home of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_START = 90.0


@dataclass(frozen=True)
class PrefectServer:
    """A running server: its API, its home with the SQLite database in it."""

    url: str
    home: Path

    @property
    def environ(self) -> dict[str, str]:
        """For a client in another process."""
        return {**quiet(self.home), "PREFECT_API_URL": self.url}

    def post(self, path: str, body: dict[str, object] | None = None) -> object:
        """What the API answers."""
        answer = httpx.post(f"{self.url}{path}", json=body or {}, timeout=30)
        answer.raise_for_status()
        return answer.json()


def quiet(home: Path) -> dict[str, str]:
    """An environment in which Prefect is offline and keeps to its home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return {
        **kept,
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        # As infra/prefect/server.env has them: a waiter may sleep for half a minute else.
        "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "3",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
            "prefect.server.concurrency.lease_storage.filesystem"
        ),
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_COLORS": "false",
    }


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def serve(home: Path, port: int = 0) -> Iterator[PrefectServer]:
    """A server that is up, and is stopped afterwards; on its old port it is the same again."""
    home.mkdir(parents=True, exist_ok=True)
    port = port or _free_port()
    server = PrefectServer(f"http://127.0.0.1:{port}/api", home)
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--no-ui"],
            env=quiet(home),
            stdout=log,
            stderr=log,
            # Prefect turns SIGTERM into SIGINT: where that is ignored it never ends.
            preexec_fn=lambda: signal.signal(  # noqa: PLW1509 - nothing else runs yet
                signal.SIGINT, signal.default_int_handler
            ),
        )
    try:
        _wait(process, server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], server: PrefectServer) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{server.url}/health", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    log = (server.home / "server.log").read_text()[-2000:]
    raise RuntimeError(f"no Prefect server after {_START} s: {log}")
