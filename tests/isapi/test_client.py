"""The one-call client and its command: exact, resumable, never half."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import pytest

from hikcore import HikvisionNVRClient
from hikcore.errors import DeviceAuthError, NoRecording, TransferInterrupted
from hikcore.instants import NS, Span, to_datetime
from hikcore.sim.faults import Fault
from hikcore.sim.profiles import get_profile
from hikcore.sim.recorder import Recorder
from tests.timecode import read_instants

DOWNLOAD = "/ISAPI/ContentMgmt/download"
MakeClient = Callable[..., HikvisionNVRClient]


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    async with Recorder(get_profile("small")) as recorder:
        yield recorder


def client(recorder: Recorder, password: str = "", **extra: Any) -> HikvisionNVRClient:
    auth = recorder.profile.auth
    extra.setdefault("backoff_factor", 0.01)
    return HikvisionNVRClient(
        recorder.host,
        auth.username,
        password or auth.password.get_secret_value(),
        port=recorder.port,
        now=recorder.now,
        **extra,
    )


def at(recorder: Recorder, seconds: float) -> datetime:
    """So many seconds from the recorder's now."""
    return to_datetime(recorder.now() + int(seconds * 1000) * 1_000_000)


async def fetch(
    recorder: Recorder, begin: float, end: float, folder: Path, camera: int = 1, **extra: Any
) -> Path:
    return await asyncio.to_thread(
        client(recorder, **extra).download_by_time,
        camera,
        at(recorder, begin),
        at(recorder, end),
        folder,
    )


def downloads(recorder: Recorder) -> int:
    return sum(r.path == DOWNLOAD and r.login == "in" for r in recorder.requests)


async def test_clips_are_exact_over_file_borders_and_holes(
    recorder: Recorder, tmp_path: Path
) -> None:
    pick = random.Random(7)
    for number in range(8):
        begin = pick.uniform(-590, -120)
        length = pick.choice([0.5, 7, 45, 100])
        camera = pick.choice([1, 2])
        instants = recorder.recorded(
            camera, Span(recorder.now() - 700 * NS, recorder.now() - 60 * NS)
        )
        first = int(at(recorder, begin).timestamp() * 1000) * 1_000_000
        last = int(at(recorder, begin + length).timestamp() * 1000) * 1_000_000
        frame = 200_000_000 if camera == 1 else 500_000_000
        wanted = [i for i in instants if first - frame < i < last]
        if not wanted:
            with pytest.raises(NoRecording):
                await fetch(recorder, begin, begin + length, tmp_path / str(number), camera)
            continue
        path = await fetch(recorder, begin, begin + length, tmp_path / str(number), camera)
        assert read_instants(str(path)) == wanted, (number, camera, begin, length)
        with av.open(str(path)) as container:
            assert [stream.codec_context.name for stream in container.streams.audio] == ["aac"]


async def test_a_clip_that_is_there_is_returned_without_a_request(
    recorder: Recorder, tmp_path: Path
) -> None:
    path = await fetch(recorder, -300, -200, tmp_path)
    before, mtime = len(recorder.requests), path.stat().st_mtime_ns
    assert await fetch(recorder, -300, -200, tmp_path) == path
    assert len(recorder.requests) == before
    assert path.stat().st_mtime_ns == mtime
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json", ".mp4"]


async def test_a_file_that_was_cut_off_by_others_is_made_again(
    recorder: Recorder, tmp_path: Path
) -> None:
    path = await fetch(recorder, -300, -290, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert (await fetch(recorder, -300, -290, tmp_path)).read_bytes() == whole


async def test_an_interrupted_download_goes_on_where_it_was(
    recorder: Recorder, tmp_path: Path
) -> None:
    # The second recording of three breaks off, at both tries of this call, here and there; between
    # them it is asked whether it continues a body, and does not.
    recorder.faults.add(Fault(match="download", nth=(2,), kind="close", at=40_000))
    recorder.faults.add(Fault(match="download", nth=(4,), kind="close", at=90_000))
    with pytest.raises(TransferInterrupted):
        await fetch(recorder, -300, -200, tmp_path, max_retries=1)
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".mp4", ".json", ".part")]
    before = downloads(recorder)
    recorder.faults.clear()
    path = await fetch(recorder, -300, -200, tmp_path)
    assert downloads(recorder) - before < before
    told = json.loads(path.with_suffix(".json").read_text())
    assert told["state"] == "complete"
    assert not (tmp_path / ".hikcore").exists()


async def test_a_killed_download_goes_on_where_it_was(recorder: Recorder, tmp_path: Path) -> None:
    recorder.faults.add(Fault(match="download", nth=(2,), kind="stall", at=9_000, seconds=60))
    secret = recorder.profile.auth.password.get_secret_value()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hikcore", "download", recorder.host, "admin", "-",
        at(recorder, -300).isoformat(), at(recorder, -200).isoformat(), "--port",
        str(recorder.port), "--out", str(tmp_path),
        env={**os.environ, "HIKCORE_PASSWORD": secret}, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    while downloads(recorder) < 2:
        await asyncio.sleep(0.02)
        assert process.returncode is None
    process.kill()
    await process.wait()
    assert [path.name for path in tmp_path.iterdir()] == [".hikcore"]
    recorder.faults.clear()
    path = await fetch(recorder, -300, -200, tmp_path)
    assert len(read_instants(str(path))) == 501
    asked = [r.body for r in recorder.requests if r.path == DOWNLOAD and r.login == "in"]
    assert asked.count(asked[0]) == 1  # the first came whole before the kill
    assert asked.count(asked[1]) == 2
    assert not (tmp_path / ".hikcore").exists()


async def test_two_at_once_make_one(recorder: Recorder, tmp_path: Path) -> None:
    paths = await asyncio.gather(*(fetch(recorder, -300, -200, tmp_path) for _ in range(3)))
    assert len(set(paths)) == 1
    assert downloads(recorder) == len({r.body for r in recorder.requests if r.path == DOWNLOAD})


async def test_what_was_pending_is_asked_for_again(recorder: Recorder, tmp_path: Path) -> None:
    path = await fetch(recorder, -200, -1, tmp_path)
    begin, end = at(recorder, -200), at(recorder, -1)
    before = read_instants(str(path))
    recorder.advance(170)
    again = await asyncio.to_thread(client(recorder).download_by_time, 1, begin, end, tmp_path)
    assert again == path
    assert len(read_instants(str(path))) > len(before)


async def test_a_hole_is_warned_of(
    recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = await fetch(recorder, -380, -310, tmp_path)  # the hole is from -6m10s to -5m25s
    assert path.exists()
    assert [r for r in caplog.records if r.levelname == "WARNING" and "empty" in r.getMessage()]
    assert recorder.profile.auth.password.get_secret_value() not in caplog.text


async def test_nothing_recorded_is_named(recorder: Recorder, tmp_path: Path) -> None:
    with pytest.raises(NoRecording, match="no recording of that time"):
        await fetch(recorder, -90_000, -89_000, tmp_path)
    assert not list(tmp_path.glob("*.mp4"))


async def test_a_wrong_password_is_tried_once(recorder: Recorder, tmp_path: Path) -> None:
    for _ in range(3):
        with pytest.raises(DeviceAuthError):
            await fetch(recorder, -300, -200, tmp_path, password="falsch-2")
    assert [r.login for r in recorder.requests].count("wrong") == 1


async def test_it_works_inside_a_running_event_loop(recorder: Recorder, tmp_path: Path) -> None:
    """As in a notebook: the call blocks, so the recorder runs in a loop of its own thread."""
    one = client(recorder)
    begin, end = at(recorder, -300), at(recorder, -290)

    async def cell() -> Path:
        return one.download_by_time(1, begin, end, tmp_path)

    path = await asyncio.to_thread(asyncio.run, cell())
    assert path.exists()


@pytest.mark.parametrize(
    ("camera", "begin", "end", "stream"),
    [
        (1, 10, 10, "main"),
        (1, 10, 9, "main"),
        (0, 0, 1, "main"),
        (-1, 0, 1, "main"),
        (True, 0, 1, "main"),
        ("1", 0, 1, "main"),
        (1, 0, 1, "third"),
    ],
)
async def test_spans_that_cannot_be_are_refused_before_any_request(
    recorder: Recorder, tmp_path: Path, camera: Any, begin: float, end: float, stream: str
) -> None:
    with pytest.raises(ValueError, match=r".+"):
        client(recorder).download_by_time(
            camera, at(recorder, begin), at(recorder, end), tmp_path, stream
        )
    naive = at(recorder, -300).replace(tzinfo=None)
    with pytest.raises(ValueError, match="zone"):
        client(recorder).download_by_time(1, naive, at(recorder, 0), tmp_path)
    assert not recorder.requests
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "module",
    [
        "hikcore.hikvision_nvr_downloader",
        "hikcore.hikvision_nvr_downloader.hikvision_nvr_downloader",
    ],
)
async def test_the_command(recorder: Recorder, tmp_path: Path, module: str) -> None:
    secret = recorder.profile.auth.password.get_secret_value()
    done = await asyncio.to_thread(
        subprocess.run,
        [
            sys.executable,
            "-W",
            "error::RuntimeWarning",
            "-m",
            module,
            recorder.host,
            "admin",
            "-",
            at(recorder, -300).isoformat(),
            at(recorder, -290).isoformat(),
            "--port",
            str(recorder.port),
            "--camera",
            "1",
            "--stream",
            "main",
            "--scheme",
            "http",
            "--out",
            "clips",
            "--verbose",
        ],
        cwd=tmp_path,
        env={**os.environ, "HIKCORE_PASSWORD": secret, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).parent == tmp_path / "clips"
    assert len(read_instants(done.stdout.strip())) == 51  # and the one that covers the begin
    assert secret not in done.stdout + done.stderr
