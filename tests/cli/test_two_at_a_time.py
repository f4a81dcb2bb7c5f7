"""Two `hikcore extract` of the same archive, one of which is killed: no byte is fetched twice, and
nobody waits for the dead."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from hikcore.sim.recorder import Recorder
from tests.cli.conftest import Command, Running, small, write_config
from tests.cli.test_extract import LATER, launch

SLOW = {"rate": 50_000}


def downloads(recorder: Recorder) -> int:
    return len([r for r in recorder.requests if r.path.endswith("/download")])


def at_work(process: subprocess.Popen[str], recorder: Recorder) -> None:
    deadline = time.monotonic() + 60
    while not downloads(recorder):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_the_second_leaves_it_to_the_first_and_says_so(
    hikcore: Command, cache: Path, tmp_path: Path
) -> None:
    slow = Running(small(limits=SLOW), cache)
    with slow as recorder:
        slow.prepare()
        write_config(tmp_path, recorder.port)
        first = launch(tmp_path, "extract", "home/gate", *LATER, "--progress", "none")
        at_work(first, recorder)
        second = hikcore("extract", "home/gate", *LATER, "--json")
        assert second.code == 11, second.err
        assert re.search(r"waiting: home/gate/main: process \d+ on .* has it in hand", second.err)
        assert f"being worked on by process {first.pid} on " in second.err
        (camera,) = [line for line in second.lines if line["type"] == "camera"]
        assert (camera["chunks"], camera["errors"], len(camera["left"])) == ([], [], 1)
        assert (second.lines[-1]["left"], second.lines[-1]["code"]) == (1, 11)
        assert downloads(recorder) == 1
        first.send_signal(signal.SIGKILL)
        first.communicate()


def test_killed_and_run_again_at_once_nobody_waits(
    hikcore: Command, cache: Path, tmp_path: Path
) -> None:
    slow = Running(small(limits=SLOW), cache)
    with slow as recorder:
        slow.prepare()
        write_config(tmp_path, recorder.port)
        first = launch(tmp_path, "extract", "home/gate", *LATER, "--progress", "none")
        at_work(first, recorder)
        first.send_signal(signal.SIGKILL)
        first.communicate()
    assert list((tmp_path / "archive/run/leases").rglob("*.json"))
    with Running(small(), cache) as recorder:
        write_config(tmp_path, recorder.port)
        again = hikcore("extract", "home/gate", *LATER)
        assert again.code == 0, again.err
        assert "waiting" not in again.err
    assert not list((tmp_path / "archive/run/leases").rglob("*.json"))
