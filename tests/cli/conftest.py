"""A recorder on real HTTP in a thread, a configuration of it, and the command in-process."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hikcore.cli.app import run
from hikcore.sim.profile import Profile
from hikcore.sim.profiles import get_profile
from hikcore.sim.recorder import Recorder

#: What the `small` profile has on its disks: ten minutes, the last file still growing.
BEGIN, END = "2026-11-20T11:50:00Z", "2026-11-20T12:00:00Z"
PASSWORD = "Planted-3b7e-clear"


class Running:
    """A recorder that serves from a thread of its own."""

    def __init__(self, profile: Profile, cache: Path, *, tls: ssl.SSLContext | None = None) -> None:
        self._profile = profile
        self._cache = cache
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Recorder:
        self._thread.start()
        self._recorder = Recorder(self._profile, cache=self._cache, tls=self._tls)
        return asyncio.run_coroutine_threadsafe(self._recorder.__aenter__(), self._loop).result(60)

    def prepare(self) -> None:
        """Make the footage on its disks now, so that no request waits for it."""
        made = self._recorder.prepare()
        asyncio.run_coroutine_threadsafe(made, self._loop).result(120)

    def __exit__(self, *_: object) -> None:
        stop = self._recorder.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(stop, self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


def small(**changes: Any) -> Profile:
    """The small recorder with the planted password; tables given replace entries of its own."""
    profile = get_profile("small").model_dump(mode="json")
    profile["auth"]["password"] = PASSWORD
    for table, entries in changes.items():
        profile[table] |= entries
    return Profile.model_validate(profile)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("coded-footage")


@pytest.fixture
def recorder(cache: Path) -> Iterator[Recorder]:
    with Running(small(), cache) as running:
        yield running


def write_config(folder: Path, port: int, *, more: str = "") -> Path:
    """A site `home` with the cameras `gate` and `nvr-02`; the password is in the environment."""
    file = folder / "hikcore.toml"
    file.write_text(
        f"""
[archive]
url = "{folder}/archive"
[spool]
folder = "{folder}/spool"
limit = "1 GB"
[sites.home]
zone = "Asia/Tashkent"
[sites.home.devices.nvr]
host = "127.0.0.1"
port = {port}
username = "admin"
password = "env:TEST_NVR_PASSWORD"
cameras = "all"
[sites.home.cameras.gate]
device = "nvr"
channel = 1
{more}"""
    )
    return file


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its JSON lines, every one of them with type and schema."""
        lines = [json.loads(line) for line in self.out.splitlines()]
        assert all(line["schema"] == 1 and line["type"] for line in lines)
        return lines


def documented(command: str) -> set[str]:
    """The names that docs/cli.md gives for a command's JSON."""
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text().split("## JSON")[1]
    row = next(line for line in text.splitlines() if line.startswith(f"| `{command}` |"))
    return set(re.findall(r"`([a-z_]+)`", row)) | {"type", "schema"}


class Command:
    """Runs `hikcore` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ran:
        self._capsys.readouterr()
        code = run([str(each) for each in arguments])
        out, err = self._capsys.readouterr()
        return Ran(code, out, err)


@pytest.fixture
def hikcore(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("TEST_NVR_PASSWORD", PASSWORD)
    monkeypatch.delenv("HIKCORE_CONFIG", raising=False)
    return Command(capsys)
