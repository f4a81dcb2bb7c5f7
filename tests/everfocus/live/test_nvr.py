"""Live video, listeners and their commands against the simulated recorder, by its own login."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
import pytest
from pydantic import SecretStr

from hikcore.cli.app import run
from hikcore.instants import NS
from hikcore.media.check import check_file
from hikcore.sim.everfocus.nvr import Nvr
from hikcore.sim.everfocus.profile import nvr_profile
from hikcore.sources.everfocus.live import LiveFrame, LiveGap, LiveStream
from hikcore.sources.everfocus.session import Session
from hikcore.sources.everfocus.settings import EverFocusSettings
from tests.everfocus.live.server import Pauses

PASSWORD = "hikcore-12345"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("coded")


@pytest.mark.parametrize("repeats", [True, False])
async def test_live_frames_over_two_breaks(cache: Path, repeats: bool) -> None:
    """Each once, in order, and a gap wherever some are missing. A recorder whose clock stands still
    sends the same footage again."""
    profile = nvr_profile("everfocus-small")
    if not repeats:
        going = profile.clock.model_copy(update={"frozen": None})
        profile = profile.model_copy(update={"clock": going})
    async with Nvr(profile, cache=cache) as nvr:
        settings = EverFocusSettings(requests=1000)
        session = Session(
            "127.0.0.1", "admin", SecretStr(PASSWORD), port=nvr.port, settings=settings
        )
        live = LiveStream(session, 1, sleep=Pauses())
        items: list[LiveFrame | LiveGap] = []
        async with session, asyncio.timeout(60), aclosing(live.frames()) as frames:
            async for item in frames:
                items.append(item)
                if len(items) in (15, 30):
                    nvr.hang_up()
                if len(items) == 45:
                    break
        nvr.assert_untouched()
    times = [i.time for i in items if isinstance(i, LiveFrame) and i.kind != 16]
    assert times == sorted(set(times))
    assert live.counts.connections == 3
    gaps = [i for i in items if isinstance(i, LiveGap)]
    assert len(gaps) == (0 if repeats else 2)
    # None is missing but there: the recorder takes five pictures a second.
    assert {b - a for a, b in pairwise(times) if b not in {g.end for g in gaps}} == {NS // 5}
    for gap in gaps:
        following = items[items.index(gap) + 1]
        assert isinstance(following, LiveFrame)
        assert following.key
        assert gap.end == following.time


class Running:
    """The recorder in a thread of its own."""

    def __init__(self, cache: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._cache = cache

    def __enter__(self) -> Running:
        self._thread.start()
        self.nvr = Nvr("everfocus-small", cache=self._cache, rtsp_port=0)
        asyncio.run_coroutine_threadsafe(self.nvr.__aenter__(), self._loop).result(60)
        return self

    def __exit__(self, *_: object) -> None:
        stop = self.nvr.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(stop, self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def do(self, action: Callable[[], Any]) -> Any:
        """Something to the recorder, in its thread."""

        async def work() -> Any:
            return action()

        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(20)


@pytest.fixture(scope="module")
def running(cache: Path) -> Iterator[Running]:
    with Running(cache) as running:
        yield running


@pytest.fixture
def home(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    text = f"""
[archive]
url = "{tmp_path}/archive"
[sites.home]
zone = "UTC"
[sites.home.devices.nvr]
kind = "everfocus"
host = "127.0.0.1"
port = {running.nvr.port}
username = "admin"
password = "env:NVR_PASSWORD"
requests_per_second = 1000
[sites.home.cameras.door]
device = "nvr"
channel = 1
"""
    (tmp_path / "hikcore.toml").write_text(text)
    monkeypatch.setenv("NVR_PASSWORD", PASSWORD)
    monkeypatch.setenv("HIKCORE_STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hikcore", *arguments]


def test_record_to_a_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["live", "home/door", "-o", "live.mp4", "--seconds", "2", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out.splitlines()[-1])
    assert document["type"] == "live"
    assert document["paths"] == ["live.mp4"]
    assert document["pictures"] > 3
    assert document["gaps"] == 0
    report = check_file(home / "live.mp4", decode=True)
    assert report.ok, report.failures
    with av.open(str(home / "live.mp4")) as file:
        assert sum(1 for _ in file.decode(file.streams.video[0])) == document["pictures"]
    assert PASSWORD not in captured.out + captured.err
    assert run(["live", "home/door", "-o", "live.mp4", "--seconds", "2"]) == 2
    assert "there already" in capsys.readouterr().err


def test_over_rtsp_where_that_is_set(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The recorder is asked for its port."""
    text = (home / "hikcore.toml").read_text()
    table = '[sites.home.devices.nvr.everfocus]\nlive = "rtsp"\n'
    (home / "hikcore.toml").write_text(text + table)
    assert run(["live", "home/door", "-o", "live.mp4", "--seconds", "3", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["pictures"] > 3
    assert check_file(home / "live.mp4", decode=True).ok
    assert PASSWORD not in captured.out + captured.err


def test_only_looking(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["live", "home/door", "--seconds", "1", "--stream", "sub"]) == 0
    assert "frames" in capsys.readouterr().err
    assert run(["live", "home/door", "--stream", "third"]) == 2
    assert run(["live", "home/door", "-o", "-", "--json"]) == 2
    assert run(["live", "home/door", "-o", "live.avi"]) == 2


def test_ctrl_c_ends_a_recording_that_plays(home: Path) -> None:
    with subprocess.Popen(
        command("live", "home/door", "-o", "live.mp4"), cwd=home, stderr=subprocess.PIPE,
        env=_environment(home), text=True,
    ) as process:  # fmt: skip
        _wait(lambda: _size(home / "live.mp4") > 4000)
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=30)
    assert process.returncode == 0, talk
    assert check_file(home / "live.mp4", decode=True).ok


def test_killed_it_plays_up_to_there(home: Path) -> None:
    with subprocess.Popen(
        command("live", "home/door", "-o", "live.mp4"), cwd=home, stderr=subprocess.PIPE,
        env=_environment(home),
    ) as process:  # fmt: skip
        _wait(lambda: _size(home / "live.mp4") > 8000)
        process.kill()
    assert check_file(home / "live.mp4", decode=True).ok


def test_to_standard_output(home: Path) -> None:
    done = subprocess.run(
        command("live", "home/door", "-o", "-", "--seconds", "2"), cwd=home, check=True,
        capture_output=True, env=_environment(home), timeout=60,
    )  # fmt: skip
    (home / "piped.mp4").write_bytes(done.stdout)
    assert check_file(home / "piped.mp4", decode=True).ok


def test_listen_and_list(home: Path, running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    nvr = running.nvr

    def happen() -> None:
        _wait(lambda: running.do(lambda: nvr.hooks.listeners("message")) > 0)
        running.do(lambda: nvr.event(1, "Motion", "active"))
        running.do(lambda: nvr.event(1, "Motion", "inactive"))
        running.do(nvr.hang_up)
        for kind in ("event", "message"):
            _wait(lambda kind=kind: running.do(lambda: nvr.hooks.listeners(kind)) == 0)  # type: ignore[misc]
        _wait(lambda: running.do(lambda: nvr.hooks.listeners("event")) > 0)
        running.do(lambda: nvr.event(1, "InputAlarm", "once"))
        _wait(lambda: running.do(lambda: nvr.hooks.listeners("message")) > 0)
        # Its content is a camera's setting, with user and password.
        detail = {"ChannelID": 1, "UserName": "root", "Password": "hunter2"}
        told = {"message": "cameraDetail", "time": nvr.now() // 10**6, "target": 1}
        running.do(lambda: nvr.push("message", told | {"content": detail}))
        _wait(lambda: b"cameraDetail" in _journals(home))
        os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C does

    teller = threading.Thread(target=happen)
    teller.start()
    assert run(["listen", "home/nvr", "--json"]) == 0
    teller.join()
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said[-1]["type"] == "summary"
    assert said[-1]["written"]["event"] == 3
    begin = said[0]["time"][:10]
    assert run(["events", "home/door", "--from", begin, "--to", f"{begin}", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [e for e in lines if e["type"] == "event"]
    heard = [(e["event_type"], e["state"]) for e in found if e["kind"] == "event"]
    assert heard == [("Motion", "active"), ("Motion", "inactive"), ("InputAlarm", "once")]
    # Those that were not heard again before the end are told of by the next run.
    assert {e["via"] for e in found if e["kind"] == "gap"} >= {"eventHook", "messageListen"}
    (message,) = (e for e in found if e["kind"] == "message")
    assert message["event_type"] == "cameraDetail"
    assert message["camera"] == "door"
    stored = b"".join(p.read_bytes() for p in home.rglob("*") if p.is_file())
    assert b"hunter2" not in stored
    assert PASSWORD.encode() not in stored
    assert run(["events", "home", "--from", begin, "--to", begin]) == 0
    text = capsys.readouterr()
    assert "Motion active" in text.out
    assert "times in " in text.err
    assert "nobody listened to nvr" in text.err
    nvr.assert_untouched()


def test_listen_tells_the_times_of_the_site(
    home: Path, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `hikcore events` does, and it says whose they are."""
    zone = ("--set", "sites.home.zone=Asia/Tashkent")
    assert run(["listen", "home/nvr", "--seconds", "3", *zone]) == 0
    text = capsys.readouterr()
    assert "times in Asia/Tashkent" in text.err
    told = datetime.fromisoformat(text.out[:23]).replace(tzinfo=ZoneInfo("Asia/Tashkent"))
    assert abs(told.timestamp() - running.nvr.now() / NS) < 60


def test_only_everfocus_is_listened_to(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (home / "hikcore.toml").open("a") as file:
        file.write('[sites.home.devices.hik]\nhost = "127.0.0.1"\nusername = "a"\n'
                   'password = "env:NVR_PASSWORD"\n'
                   '[sites.home.cameras.yard]\ndevice = "hik"\nchannel = 1\n')  # fmt: skip
    assert run(["listen", "home/hik"]) == 2
    assert "not listened to" in capsys.readouterr().err


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "NVR_PASSWORD": PASSWORD}


def _journals(home: Path) -> bytes:
    return b"".join(p.read_bytes() for p in home.glob("state/events/**/*.jsonl"))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
