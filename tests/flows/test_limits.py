"""Limits of devices over all workers: two worker processes, one recorder, a real server.

Each worker has an archive of its own, so that no lease keeps them apart: only the limit does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hikcore.config import load
from hikcore.config.limits import device_limits
from hikcore.errors import DeviceBusy
from hikcore.sim.recorder import Recorder
from tests.cli.conftest import PASSWORD, Running, small
from tests.flows.home import HOME
from tests.flows.server import PrefectServer
from tests.flows.test_flow import ROOT

pytestmark = pytest.mark.prefect

SPAN = ("2026-11-20T11:50:00+00:00", "2026-11-20T12:00:00+00:00")


def write(folder: Path, port: int, *, downloads: int = 1, site: str = "home") -> Path:
    """A configuration whose schedule is due on no day that a test sees: by itself it is hourly."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "hikcore.toml"
    path.write_text(
        f"""
[archive]
url = "{folder / "archive"}"
[spool]
folder = "{folder / "spool"}"
limit = "1 GB"
[sites.{site}]
schedule = "0 0 29 2 *"
[sites.{site}.devices.nvr]
host = "127.0.0.1"
port = {port}
username = "admin"
password = "env:PLANTED"
device_time = "local"
cameras = "all"
downloads = {downloads}
"""
    )
    return path


def environ(server: PrefectServer, config: Path) -> dict[str, str]:
    folder = config.parent
    return {
        **os.environ, **server.environ, "HIKCORE_CONFIG": str(config), "PLANTED": PASSWORD,
        "HIKCORE_STATE_FOLDER": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip


def deploy(server: PrefectServer, config: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"{HOME}.deploy", *arguments],
        env=environ(server, config),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Peak:
    """The most downloads that a recorder had under way at once, and how many there were."""

    most: int = 0
    seen: set[int] = field(default_factory=set)


@contextmanager
def counting(recorder: Recorder) -> Iterator[Peak]:
    """Looks at the recorder's log all the time."""
    peak, over = Peak(), threading.Event()

    def look() -> None:
        while not over.wait(0.002):
            under_way = [
                each.number  # bytes are missing yet: whoever asked still has it open
                for each in list(recorder.requests)
                if each.path.endswith("/download") and each.sent < (each.promised or 0)
            ]
            peak.most = max(peak.most, len(under_way))
            peak.seen |= set(under_way)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def two_workers(server: PrefectServer, recorder: Recorder, folder: Path) -> tuple[Peak, list[str]]:
    """Both at once; the recorder's peak, and what each said."""
    with counting(recorder) as peak:
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.flows.driver", "home", *SPAN],
                env=environ(server, write(folder / name, recorder.port)),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for name in ("a", "b")
        ]
        said = [worker.communicate(timeout=240)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    return peak, said


@pytest.mark.slow
def test_two_workers_never_ask_one_recorder_for_more_than_the_limit(
    prefect_server: PrefectServer, tmp_path: Path, cache: Path
) -> None:
    slow = Running(small(limits={"rate": 1_500_000}), cache)
    with slow as recorder:
        slow.prepare()
        unlimited, said = two_workers(prefect_server, recorder, tmp_path / "free")
        assert unlimited.most == 2  # the log does tell: nobody has made the limit yet
        for each in said:
            assert each.count("there is no global concurrency limit 'hikcore:home:nvr:downl") == 1
        made = deploy(prefect_server, write(tmp_path / "a", recorder.port))
        assert "2 limits of devices" in made
        limited, said = two_workers(prefect_server, recorder, tmp_path / "held")
        assert limited.most == 1
        assert len(limited.seen) >= 4
        assert not any("no global concurrency limit" in each for each in said)
        assert all('"name": "Completed"' in each for each in said)
    slots = prefect_server.post("/v2/concurrency_limits/filter", {})
    assert isinstance(slots, list)
    assert {each["name"]: each["active_slots"] for each in slots if "nvr" in each["name"]} == {
        "hikcore:home:nvr:downloads": 0,
        "hikcore:home:nvr:streams": 0,
    }


def test_deploying_again_changes_what_changed_and_names_what_is_gone(
    prefect_server: PrefectServer, tmp_path: Path
) -> None:
    first = write(tmp_path / "a", 1, site="mill")
    deploy(prefect_server, first)
    deploy(prefect_server, write(tmp_path / "a", 1, site="mill", downloads=3))
    limits = prefect_server.post("/v2/concurrency_limits/filter", {"limit": 100})
    assert isinstance(limits, list)
    assert {each["name"]: each["limit"] for each in limits if ":mill:" in each["name"]} == {
        "hikcore:mill:nvr:downloads": 3,
        "hikcore:mill:nvr:streams": 1,
    }
    deployments = prefect_server.post("/deployments/filter", {"limit": 100})
    assert isinstance(deployments, list)
    found = {each["name"]: each for each in deployments if each["name"].startswith("mill")}
    assert set(found) == {"mill", "mill-backfill"}
    assert found["mill"]["work_pool_name"] == "hikcore"
    assert len(found["mill"]["schedules"]) == 1
    assert found["mill-backfill"]["schedules"] == []
    assert found["mill-backfill"]["work_queue_name"] == "backfill"
    assert {str(each["parameters"]) for each in found.values()} == {"{'site': 'mill'}"}
    said = deploy(prefect_server, write(tmp_path / "a", 1, site="mine"))
    assert "prefect deployment delete extract-site/mill\n" in said
    assert "prefect gcl delete hikcore:mill:nvr:downloads" in said


def test_entries_of_one_address_or_account_have_one_limit(tmp_path: Path) -> None:
    path = tmp_path / "hikcore.toml"
    path.write_text(
        """
[archive]
url = "/nowhere"
[sites.b.devices.same]
host = "NVR.local"
downloads = 1
[sites.a.devices.nvr]
host = "nvr.local"
downloads = 3
[sites.a.devices.other]
host = "nvr.local"
port = 8080
[sites.a.devices.one]
kind = "hik_cloud"
serial = "A1"
cloud = { base_url = "https://x.example", client_id = "me", client_secret = "env:X" }
[sites.a.devices.two]
kind = "hik_cloud"
serial = "A2"
cloud = { base_url = "https://x.example/", client_id = "me", client_secret = "env:X" }
"""
    )
    found = {(e.site, e.device, e.kind): (e.name, e.limit) for e in device_limits(load(path))}
    assert found == {
        ("a", "nvr", "downloads"): ("hikcore:a:nvr:downloads", 1),
        ("a", "nvr", "streams"): ("hikcore:a:nvr:streams", 1),
        ("b", "same", "downloads"): ("hikcore:a:nvr:downloads", 1),
        ("b", "same", "streams"): ("hikcore:a:nvr:streams", 1),
        ("a", "other", "downloads"): ("hikcore:a:other:downloads", 2),
        ("a", "other", "streams"): ("hikcore:a:other:streams", 1),
        ("a", "one", "downloads"): ("hikcore:a:one:downloads", 2),
        ("a", "two", "downloads"): ("hikcore:a:one:downloads", 2),
    }


AWAY = f"""
import asyncio
from {HOME}.limits import Slots
async def main():
    async with Slots(patience=0.5, pause=0.1).slot("hikcore:home:nvr:downloads"):
        print("in")
try:
    asyncio.run(main())
except Exception as error:
    print(type(error).__name__, error)
"""


def test_where_the_server_is_away_a_transfer_waits_and_is_put_off(tmp_path: Path) -> None:
    from tests.flows.server import quiet
    from tests.flows.test_flow import closed_port

    done = subprocess.run(
        [sys.executable, "-c", AWAY],
        env={
            **quiet(tmp_path), "PREFECT_API_URL": f"http://127.0.0.1:{closed_port()}/api",
            "PREFECT_CLIENT_MAX_RETRIES": "0", "PYTHONPATH": str(ROOT),
        },
        cwd=ROOT, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert DeviceBusy.__name__ in done.stdout, done.stdout + done.stderr
    assert "in\n" not in done.stdout
    assert "another worker" in done.stdout
