"""Extraction over real HTTP from the simulated recorder: a day of scheduled runs, a password's way,
and the memory that a gigabyte takes."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from hikcore.archive.local import LocalStore
from hikcore.archive.open import open_store
from hikcore.archive.reader import Archive
from hikcore.errors import DeviceAuthError
from hikcore.extract.camera import extract_camera
from hikcore.extract.plan import trailing
from hikcore.extract.report import CameraJob
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span, format_instant, parse_instant
from hikcore.sim.camera import CameraProfile
from hikcore.sim.profile import Auth, Clock, Profile, Recorded
from hikcore.sim.recorder import Recorder
from hikcore.sources.isapi import IsapiSource
from tests.extract.conftest import HASTY
from tests.kill.objects import committed, raw_objects
from tests.kill.recorder import recorder_process
from tests.minio_server import MinioServer

PASSWORD = "planted-in-tests-5520"
START = parse_instant("2026-11-20T00:00:00Z")
JOB = CameraJob("home", "door", "main", "nvr", 1)


def source(recorder: Recorder, password: str = PASSWORD) -> IsapiSource:
    return IsapiSource(
        recorder.host,
        "admin",
        SecretStr(password),
        port=recorder.port,
        device_time="local",
        now=recorder.now,
    )


def profile(**camera: object) -> Profile:
    options = {"height": 144, "frame_ms": 5000, "gop": 12, "bank": 10, **camera}
    return Profile(
        auth=Auth(password=SecretStr(PASSWORD)),
        clock=Clock(frozen=format_instant(START), listing="local"),
        recorded=Recorded(since="now-2h"),
        cameras=(CameraProfile(channel=1, **options),),  # type: ignore[arg-type]
    )


async def test_a_day_of_scheduled_runs_fetches_each_byte_once(
    store: LocalStore, spool: Spool
) -> None:
    async with Recorder(profile()) as recorder:
        for _ in range(24):
            recorder.advance(3600)
            device = source(recorder)  # each run is a process of its own
            report = await extract_camera(
                JOB, trailing(recorder.now()), source=device, store=store, spool=spool
            )
            await device.aclose()
            assert report.errors == []
            assert report.growing == 1
        vault = recorder.vaults[1]
        closed = [file for file in recorder.files(1) if not file.growing]
        there = sum(vault.size(file) for file in closed)
        assert len(closed) > 100
        assert there <= recorder.bytes_served <= 1.02 * there
        begin = START - 2 * 3600 * NS
        end = min(file.begin_ms for file in recorder.files(1) if file.growing) * 1_000_000
    stretches = Archive(store).coverage("home", "door", Span(begin, end))
    assert [stretch.state for stretch in stretches] == ["held"]


async def test_a_planted_password_is_in_no_log_error_or_object(
    store: LocalStore, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "wr0ng-but-secret-too"
    async with Recorder(profile()) as recorder:
        span = Span(START - 3600 * NS, START)
        refused = await extract_camera(
            JOB, span, source=source(recorder, wrong), store=store, spool=spool
        )
        assert isinstance(refused.failure, DeviceAuthError)
        tries = [request for request in recorder.requests if request.login == "out"]
        assert len([r for r in tries if "authorization" in r.headers]) <= 1
        good = await extract_camera(
            JOB, span, source=source(recorder), store=store, spool=spool, patience=HASTY
        )
        assert good.count("held") > 0
    for secret in (PASSWORD, wrong):
        assert secret not in caplog.text
        assert secret not in repr(refused) + str(refused.failure) + repr(good)
        for content in raw_objects(store.url, {}).values():
            assert secret.encode() not in content


@pytest.mark.slow
def test_a_gigabyte_takes_no_more_than_150_mib(tmp_path: Path) -> None:
    peak, objects = extract_a_gigabyte(tmp_path, str(tmp_path / "archive"), {})
    assert objects > 1_000_000_000
    assert peak <= 150 << 20


@pytest.mark.slow
@pytest.mark.minio
def test_a_gigabyte_into_a_bucket_takes_no_more_either(
    tmp_path: Path, minio: MinioServer, minio_url: str
) -> None:
    peak, objects = extract_a_gigabyte(tmp_path, minio_url, minio.environ)
    assert objects > 1_000_000_000
    assert peak <= 150 << 20


def extract_a_gigabyte(folder: Path, archive: str, environ: dict[str, str]) -> tuple[int, int]:
    """One file of 1.1 GB through the command: the peak of resident bytes, and bytes in the archive.

    The process reads its own VmHWM when it ends: what `wait4` tells begins at the size of the
    process that started it, here that of all tests so far.
    """
    camera = CameraProfile(
        channel=1, height=144, frame_ms=40, gop=50, bank=2, filler=40_000, file_ms=1_100_000
    )
    big = Profile(
        auth=Auth(password=SecretStr(PASSWORD)),
        clock=Clock(frozen="2026-11-20T12:00:00Z", listing="local"),
        recorded=Recorded(since="2026-11-20T11:00:00Z"),
        cameras=(camera,),
    )
    with recorder_process(folder / "cache", big) as port:
        config = folder / "hikcore.toml"
        config.write_text(
            f'[archive]\nurl = "{archive}"\n'
            f'[spool]\nfolder = "{folder / "spool"}"\nlimit = "4 GB"\n'
            '[sites.home.devices.nvr]\nhost = "127.0.0.1"\nusername = "admin"\n'
            f'port = {port}\npassword = "env:PLANTED"\ndevice_time = "local"\n'
            '[sites.home.cameras.door]\ndevice = "nvr"\nchannel = 1\n'
        )
        span = ["--from", "2026-11-20T11:30:00Z", "--to", "2026-11-20T11:31:00Z"]
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _TELLING_ITS_PEAK,
                "extract",
                "home",
                *span,
            ],
            env={**os.environ, **environ, "HIKCORE_CONFIG": str(config), "PLANTED": PASSWORD},
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
            text=True,
        )
        _, told = process.communicate()
    assert process.returncode == 0, told
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", told)[-1])
    sys.stderr.write(f"peak {peak // 1024} MiB\n")
    held = open_store(archive, environ=environ).list("v1/segments/")
    return peak * 1024, sum(info.size for info in held)


_TELLING_ITS_PEAK = """
import atexit, pathlib, sys
from hikcore.cli import main
atexit.register(lambda: sys.stderr.write(pathlib.Path("/proc/self/status").read_text()))
main()
"""


async def test_two_runs_against_a_recorder_give_the_same_bytes(
    store: LocalStore, spool: Spool, tmp_path: Path
) -> None:
    other = LocalStore(tmp_path / "other")
    async with Recorder(profile(audio="alaw")) as recorder:
        for place in (store, other):
            report = await extract_camera(
                JOB,
                Span(START - 3600 * NS, START),
                source=source(recorder),
                store=place,
                spool=spool,
            )
            assert report.whole
    assert committed(raw_objects(store.url, {})) == committed(raw_objects(other.url, {}))
