"""The flow: in its own process without a server, against a real one; whole, partly, not at all."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.flows.conftest import PASSWORD, SPAN
from tests.flows.secrets import in_database, in_files
from tests.flows.server import PrefectServer, quiet
from tests.kill.objects import committed, raw_objects

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.prefect


def configure(folder: Path, port: int, *, second_port: int | None = None) -> Path:
    """A site with a camera on the recorder, and one more on a second port if given."""
    text = f"""
[archive]
url = "{folder / "archive"}"
[spool]
folder = "{folder / "spool"}"
limit = "100 MB"
[defaults]
username = "admin"
password = "env:PLANTED"
device_time = "local"
connect_timeout = 2
[sites.home.devices.nvr]
host = "127.0.0.1"
port = {port}
[sites.home.cameras.front_door]
device = "nvr"
channel = 1
"""
    if second_port is not None:
        text += f"""
[sites.home.devices.away]
host = "127.0.0.1"
port = {second_port}
[sites.home.cameras.yard]
device = "away"
channel = 2
"""
    path = folder / "hikcore.toml"
    path.write_text(text)
    return path


def run_flow(environ: dict[str, str], config: Path, password: str = PASSWORD) -> tuple[Any, str]:
    """The final state, and everything that was printed or logged."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.flows.driver", "home", *SPAN],
        env={**environ, "HIKCORE_CONFIG": str(config), "PLANTED": password},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return json.loads(done.stdout.strip().splitlines()[-1]), said


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def latest_run(server: PrefectServer) -> dict[str, Any]:
    runs = server.post(
        "/flow_runs/filter",
        {
            "sort": "EXPECTED_START_TIME_DESC",
            "limit": 1,
            "flows": {"name": {"any_": ["extract-site"]}},
            "flow_runs": {"state": {"type": {"not_any_": ["SCHEDULED"]}}},
        },
    )
    assert isinstance(runs, list)
    return runs[0]  # type: ignore[no-any-return]


def test_against_a_server_whole_named_and_shown(
    prefect_server: PrefectServer, recorder_port: int, tmp_path: Path
) -> None:
    config = configure(tmp_path, recorder_port)
    state, said = run_flow(prefect_server.environ, config)
    assert state == {"type": "COMPLETED", "name": "Completed", "message": "2 camera-days"}
    archive = (tmp_path / "archive").as_uri()
    first = committed(raw_objects(archive, {}))
    assert sum("/manifests/" in key for key in first) == 4
    run = latest_run(prefect_server)
    assert run["name"] == f"home, {SPAN[0]} to {SPAN[1]}"
    assert run["parameters"]["site"] == "home"
    artifacts = prefect_server.post(
        "/artifacts/filter", {"artifacts": {"key": {"any_": ["coverage-home"]}}}
    )
    assert isinstance(artifacts, list)
    rows = json.loads(artifacts[-1]["data"])
    assert [(row["camera"], row["day"], row["held"]) for row in rows] == [
        ("front_door", "2026-11-19", pytest.approx(10 / 60, abs=1e-3)),
        ("front_door", "2026-11-20", pytest.approx(20 / 60, abs=1e-3)),
    ]
    assert all(isinstance(row["why"], str) for row in rows)
    again, more = run_flow(prefect_server.environ, config)
    assert again["name"] == "Completed"
    assert committed(raw_objects(archive, {})) == first
    assert "0 held" in more
    no_secret(prefect_server, tmp_path, said + more, PASSWORD)


@pytest.mark.slow
def test_one_device_away_is_a_partial_success_that_says_so(
    prefect_server: PrefectServer, recorder_port: int, tmp_path: Path
) -> None:
    config = configure(tmp_path, recorder_port, second_port=closed_port())
    state, said = run_flow(prefect_server.environ, config)
    assert (state["type"], state["name"]) == ("COMPLETED", "PartiallyComplete")
    assert "2 failures in 4 camera-days" in state["message"]
    assert "yard 2026-11-19" in state["message"]
    no_secret(prefect_server, tmp_path, said, PASSWORD)


def test_a_wrong_password_fails_once_and_is_told_nowhere(
    prefect_server: PrefectServer, recorder_port: int, tmp_path: Path
) -> None:
    wrong = "wr0ng-planted-7731"
    state, said = run_flow(prefect_server.environ, configure(tmp_path, recorder_port), wrong)
    assert (state["type"], state["name"]) == ("FAILED", "Failed")
    assert "refuse" in state["message"]
    no_secret(prefect_server, tmp_path, said, wrong)


@pytest.mark.slow
def test_without_a_server_in_its_own_process(recorder_port: int, tmp_path: Path) -> None:
    home = tmp_path / "prefect"
    home.mkdir()
    state, said = run_flow(quiet(home), configure(tmp_path, recorder_port))
    assert state["name"] == "Completed"
    databases = list(home.rglob("*.db"))
    assert databases
    assert [list(in_database(path, PASSWORD)) for path in databases] == [[]]
    assert PASSWORD not in said
    assert in_files(tmp_path, PASSWORD) == []


def no_secret(server: PrefectServer, folder: Path, said: str, secret: str) -> None:
    """In no column, log line, object, file or output."""
    (database,) = server.home.rglob("*.db")
    assert list(in_database(database, "front_door"))  # it does find what is there
    assert list(in_database(database, secret)) == []
    assert secret not in said
    assert in_files(folder, secret) == []
    assert in_files(server.home, secret) == []
