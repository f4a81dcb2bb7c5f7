"""The example deployment, on a real server: that its schedule becomes runs is not to be taken for
granted (a newer SQLAlchemy breaks it without a word to the user)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.flows.home import HOME
from tests.flows.server import PrefectServer

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "infra" / "prefect" / "prefect.yaml"

pytestmark = pytest.mark.prefect


def prefect(server: PrefectServer, *arguments: str) -> str:
    """The output of one `prefect` command."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        env=server.environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_schedule_of_the_example_becomes_runs(
    prefect_server: PrefectServer, tmp_path: Path
) -> None:
    text = EXAMPLE.read_text()
    assert "hikcore.flows.extract.extract_site" in text
    file = tmp_path / "prefect.yaml"
    file.write_text(text.replace("hikcore.flows.", f"{HOME}."))
    prefect(prefect_server, "work-pool", "create", "home", "--type", "process")
    prefect(prefect_server, "deploy", "--all", "--prefect-file", str(file))
    deadline = time.monotonic() + 60
    runs: list[dict[str, object]] = []
    while not runs and time.monotonic() < deadline:
        found = prefect_server.post(
            "/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
        )
        assert isinstance(found, list)
        runs = [run for run in found if run["parameters"] == {"site": "home"}]
        time.sleep(0.5)
    assert len(runs) > 0, (prefect_server.home / "server.log").read_text()[-3000:]
    # Of other tests' sites on the same server there may be more.
    assert "{'site': 'home'}" in {str(run["parameters"]) for run in runs}
