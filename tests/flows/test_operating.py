"""As an operator runs it: server, process worker, MinIO; a run is cancelled, killed, and loses its
server. The states say what was, and the run after them finishes the job without waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from hikcore.archive.store import Store
from hikcore.sim.recorder import Recorder
from tests.cli.conftest import Running, small
from tests.flows.server import PrefectServer, serve
from tests.flows.test_flow import ROOT
from tests.flows.test_limits import SPAN, deploy, environ, write
from tests.minio_server import MinioServer

pytestmark = [pytest.mark.prefect, pytest.mark.minio, pytest.mark.slow]

FINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


@dataclass
class Place:
    """All of it, and what an operator does with it."""

    server: PrefectServer
    recorder: Recorder
    store: Store

    def start(self, **parameters: str) -> str:
        """A run of the backfill deployment over a span; its id."""
        found = self.server.post("/deployments/filter", {"limit": 10})
        assert isinstance(found, list)
        (wanted,) = [each for each in found if each["name"] == "home-backfill"]
        given = {"site": "home", "begin": SPAN[0], "end": SPAN[1]} | parameters
        run = self.server.post(
            f"/deployments/{wanted['id']}/create_flow_run",
            {"parameters": given, "state": {"type": "SCHEDULED"}},
        )
        assert isinstance(run, dict)
        return str(run["id"])

    def state(self, run: str) -> tuple[str, str, str]:
        """Type, name and message."""
        answer = httpx.get(f"{self.server.url}/flow_runs/{run}", timeout=30).json()
        state: dict[str, Any] = answer["state"]
        return state["type"], state["name"], state["message"] or ""

    def ended(self, run: str, seconds: float = 240) -> tuple[str, str, str]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                state = self.state(run)
            except (httpx.HTTPError, KeyError):
                state = ("", "", "")  # it starts again
            if state[0] in FINAL:
                return state
            time.sleep(0.3)
        raise AssertionError(f"still {self.state(run)}")

    def fetching(self) -> None:
        """Wait until a download is under way."""
        before = self.downloads()
        until = time.monotonic() + 90
        while self.downloads() == before:
            assert time.monotonic() < until
            time.sleep(0.05)

    def downloads(self) -> int:
        return len([r for r in list(self.recorder.requests) if r.path.endswith("/download")])

    def manifests(self) -> list[str]:
        return [each.key for each in self.store.list("v1/manifests/")]


@contextmanager
def worker(server: PrefectServer, config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", "hikcore"],
            env={**environ(server, config), "PREFECT_WORKER_QUERY_SECONDS": "1"},
            cwd=ROOT,
            stdout=out,
            stderr=out,
            preexec_fn=lambda: signal.signal(  # noqa: PLW1509 - nothing else runs yet
                signal.SIGINT, signal.default_int_handler
            ),
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def children(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == pid:
            own = int(stat.parent.name)
            found += [own, *children(own)]
    return found


def site(folder: Path, url: str, port: int) -> Path:
    path = write(folder, port)
    path.write_text(path.read_text().replace(f'"{folder / "archive"}"', f'"{url}"'))
    return path


def test_a_day_of_an_operator(
    minio: MinioServer, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in minio.environ.items():
        monkeypatch.setenv(name, value)
    url, home = minio.new_bucket(), tmp_path / "prefect"
    slow = Running(small(limits={"rate": 600_000}), cache)
    with slow as recorder, serve(home) as server:
        slow.prepare()
        config = site(tmp_path / "a", url, recorder.port)
        deploy(server, config)
        place = Place(server, recorder, minio.open(url))
        with worker(server, config, tmp_path / "worker.log") as process:
            # Cancelled: it says so, and nothing is half there.
            run = place.start()
            place.fetching()
            server.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
            assert place.ended(run)[0] == "CANCELLED"
            after_cancel = len(place.manifests())
            # Killed: the worker says so at once.
            run = place.start()
            place.fetching()
            for child in children(process.pid):
                os.kill(child, signal.SIGKILL)
            assert place.ended(run)[0] == "CRASHED"
            # And again: what they had in hand is taken over at once, on the same machine; the slot
            # of the one that was killed is free after a minute.
            state = place.ended(place.start())
            assert state[:2] == ("COMPLETED", "Completed"), state
            assert "has it in hand" not in (tmp_path / "worker.log").read_text()
            assert len(place.manifests()) > after_cancel
            assert list(place.store.list("run/leases/")) == []
            # Once more: nothing is fetched.
            before = place.downloads()
            assert place.ended(place.start())[:2] == ("COMPLETED", "Completed")
            assert place.downloads() == before


def test_a_server_that_restarts_under_a_run_learns_how_it_ended(
    minio: MinioServer, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in minio.environ.items():
        monkeypatch.setenv(name, value)
    url, home = minio.new_bucket(), tmp_path / "prefect"
    slow = Running(small(limits={"rate": 400_000}), cache)
    with slow as recorder:
        slow.prepare()
        config = site(tmp_path / "a", url, recorder.port)
        with serve(home) as server:
            deploy(server, config)
            place = Place(server, recorder, minio.open(url))
            context = worker(server, config, tmp_path / "worker.log")
            process = context.__enter__()
            run = place.start()
            place.fetching()
        try:
            assert process.poll() is None
            port = int(server.url.rsplit(":", 1)[1].split("/")[0])
            with serve(home, port):
                state = place.ended(run, 240)
                assert state[:2] == ("COMPLETED", "Completed"), state
                assert place.manifests()
        finally:
            context.__exit__(None, None, None)
