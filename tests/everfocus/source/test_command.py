"""The commands over a site that mixes vendors: an ISAPI recorder, a cloud, an EverFocus recorder,
each simulated over real HTTP. The same commands serve all, and no secret is left anywhere."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr

from hikcore.instants import NS, Span, format_instant
from hikcore.sim.everfocus.nvr import Nvr
from hikcore.sim.hik_cloud.cloud import Cloud
from hikcore.sim.profiles import get_profile
from hikcore.sim.recorder import Recorder
from tests.everfocus.source.archive import CAMERA, profile
from tests.flows.secrets import in_files, spellings
from tests.hik_cloud.conftest import CAMERA as CLOUD_CAMERA
from tests.hik_cloud.conftest import profile as cloud_profile
from tests.timecode import read_instants

PASSWORD = "Planted-EF-77c1-clear"
CLOUD_SECRET = "simulated-secret"
CONFIG = """\
[archive]
url = "{folder}/archive"
[spool]
folder = "{folder}/spool"
[defaults]
requests_per_second = 1000
[sites.mall]
zone = "Asia/Shanghai"
[sites.mall.devices.old]
host = "127.0.0.1"
port = {old}
username = "admin"
password = "env:OLD_PASSWORD"
[sites.mall.devices.cloud]
kind = "hik_cloud"
serial = "SIM000001"
[sites.mall.devices.cloud.cloud]
base_url = "{cloud}"
insecure_http = true
client_id = "simulated-client"
client_secret = "env:CLOUD_SECRET"
[sites.mall.devices.new]
kind = "everfocus"
host = "127.0.0.1"
port = {new}
username = "admin"
password = "env:NEW_PASSWORD"
cameras = "all"
[sites.mall.devices.new.everfocus]
window_seconds = 60
playback_idle = 1.0
[sites.mall.cameras.gate]
device = "old"
channel = 1
[sites.mall.cameras.till]
device = "cloud"
channel = 1
[sites.mall.cameras.dock]
device = "new"
channel = 1
"""


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


async def hikcore(folder: Path, *arguments: str, password: str = PASSWORD) -> Said:
    config = ("--config", str(folder / "hikcore.toml"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hikcore", *arguments, *config),
        env={
            **os.environ, "CLOUD_SECRET": CLOUD_SECRET, "OLD_PASSWORD": "hikcore-12345",
            "NEW_PASSWORD": password, "HIKCORE_STATE_FOLDER": str(folder / "state"),
            "XDG_CACHE_HOME": str(folder / "cache"),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return Said(process.returncode or 0, out.decode(), err.decode())


def old() -> Recorder:
    made = get_profile("small").model_dump(mode="json")
    made["clock"] |= {"frozen": None}
    made["recorded"] |= {"since": "now-40m", "holes": []}
    made["auth"]["password"] = "hikcore-12345"
    return Recorder(type(get_profile("small")).model_validate(made))


def new() -> Nvr:
    login = {"password": PASSWORD, "temporary": True}
    return Nvr(profile(CAMERA, since="now-40m", clock={"frozen": None}, login=login))


def cloud() -> Cloud:
    entry = {"serial": "SIM000001", "camera": CLOUD_CAMERA, "since": "now-40m"}
    return Cloud(cloud_profile(frozen=None, cameras=[entry]))


@pytest.mark.slow
async def test_one_site_of_three_vendors(tmp_path: Path) -> None:
    async with old() as recorder, cloud() as account, new() as nvr:
        assert isinstance(nvr.profile.login.password, SecretStr)
        text = CONFIG.format(folder=tmp_path, old=recorder.port, cloud=account.url, new=nvr.port)
        (tmp_path / "hikcore.toml").write_text(text)
        end = (time.time_ns() // (600 * NS) - 1) * 600 * NS
        wanted = Span(end - 90 * NS, end + 30 * NS)
        when = (format_instant(wanted.begin, 0), format_instant(wanted.end, 0))
        flags = ("--from", when[0], "--to", when[1])
        earlier = ("--from", format_instant(wanted.begin - 300 * NS, 0), "--to", when[0])

        extracted = await hikcore(tmp_path, "extract", "mall", *flags)
        assert extracted.code == 0, extracted.err
        assert "password" in extracted.err + extracted.out  # it is a temporary one

        covered = await hikcore(tmp_path, "coverage", "mall", *when, "--json")
        assert covered.code == 0, covered.err
        there = {
            "gate": recorder.recorded(1, wanted),
            "till": account.recorded("SIM000001", 1, wanted),
            "dock": nvr.recorded(1, wanted),
        }
        for camera, instants in there.items():
            out = tmp_path / f"{camera}.mp4"
            cut = await hikcore(tmp_path, "clip", f"mall/{camera}", *when, "-o", str(out))
            assert cut.code == 0, cut.err
            shown = [at for at in read_instants(str(out)) if wanted.begin <= at < wanted.end]
            assert shown == instants
            assert len(shown) >= 120

        doctor = await hikcore(tmp_path, "doctor", "mall", "--json")
        assert doctor.code == 0, doctor.out
        told = {(line["subject"], line["check"]): line for line in doctor.documents[:-1]}
        assert told["mall/new", "login"]["verdict"] == "warn"
        assert told["mall/new", "sample"]["verdict"] == "ok"

        refused = await hikcore(
            tmp_path, "extract", "mall/dock", *earlier, "--debug", password="Planted-EF-wrong"
        )
        assert refused.code == 7
    for secret in (PASSWORD, CLOUD_SECRET, "Planted-EF-wrong"):
        assert in_files(tmp_path, secret) == []
        for said in (extracted, covered, doctor, refused):
            everything = (said.out + said.err).encode()
            assert not any(each in everything for each in spellings(secret))
