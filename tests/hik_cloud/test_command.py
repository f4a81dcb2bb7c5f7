"""The commands over a simulated cloud, configured as docs/hik-cloud.md says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from hikcore.config import load
from hikcore.sim.hik_cloud.cloud import Cloud
from tests.hik_cloud.conftest import CAMERA, profile

SECRET = "simulated-secret"
CONFIG = """\
[archive]
url = "{folder}/archive"
[spool]
folder = "{folder}/spool"
[defaults]
requests_per_second = 1000
[defaults.cloud]
base_url = "{url}"
insecure_http = true
client_id = "simulated-client"
client_secret = "env:CLOUD_SECRET"
list_channels = true
[sites.shop]
zone = "Asia/Shanghai"
[sites.shop.devices.cloud]
kind = "hik_cloud"
serial = "SIM000001"
cameras = "all"
[sites.shop.devices.cloud.cloud]
retention_days = 30
"""


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


async def hikcore(folder: Path, *arguments: str, secret: str = SECRET) -> Said:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hikcore", *arguments, "--config", str(folder / "hikcore.toml")),
        env={**os.environ, "CLOUD_SECRET": secret, "HIKCORE_STATE_FOLDER": str(folder / "state")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Said(process.returncode or 0, out.decode(), err.decode())


def recent() -> dict[str, object]:
    """A cloud by the true clock: the commands have no other."""
    return {
        "frozen": None,
        "cameras": [{"serial": "SIM000001", "camera": CAMERA, "since": "now-30m"}],
    }


async def test_extract_coverage_clip_and_doctor(tmp_path: Path) -> None:
    async with Cloud(profile(**recent())) as cloud:
        (tmp_path / "hikcore.toml").write_text(CONFIG.format(folder=tmp_path, url=cloud.url))
        checked = await hikcore(tmp_path, "config", "check", "--online", "--json")
        doctor = await hikcore(tmp_path, "doctor", "--json")
        listed = await hikcore(tmp_path, "cameras", "--json")
        extract = await hikcore(tmp_path, "extract", "shop", "--json")
        begin = next(d for d in extract.documents if d["type"] == "summary")["begin"]
        end = next(d for d in extract.documents if d["type"] == "summary")["end"]
        cover = await hikcore(tmp_path, "coverage", "shop/cloud-01", begin, end, "--json")
        (camera,) = cover.documents[-1]["cameras"] if cover.out else [{}]
        held = max(
            (stretch for stretch in camera["stretches"] if stretch["state"] == "held"),
            key=lambda stretch: float(stretch["seconds"]),
        )
        out = str(tmp_path / "clip.mp4")
        clip = await hikcore(
            tmp_path, "clip", "shop/cloud-01", held["begin"], held["end"], "-o", out
        )
        secrets = [SECRET, *cloud.api.tokens, *(f"sig{name[::-1]}" for name in cloud.api.tickets)]
    assert checked.code == 0, checked
    assert doctor.code == 0, doctor.out
    assert [d["name"] for d in listed.documents if d["type"] == "camera"] == ["Front"]
    assert extract.code == 0, extract
    assert extract.documents[-1]["held"] >= 5
    assert float(held["seconds"]) > 1200
    assert clip.code == 0, clip
    said = "".join(
        text for each in (checked, doctor, listed, extract, cover, clip) for text in each[1:]
    )
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in secrets:
        assert secret not in said
        assert not any(secret.encode() in content for content in kept)


async def test_refused_credentials_are_sent_once_by_all_processes(tmp_path: Path) -> None:
    async with Cloud(profile(**recent())) as cloud:
        (tmp_path / "hikcore.toml").write_text(CONFIG.format(folder=tmp_path, url=cloud.url))
        for _ in range(3):
            said = await hikcore(tmp_path, "extract", "shop", secret="wrong-secret")
            assert said.code == 7, said
            assert "wrong-secret" not in said.out + said.err
        assert cloud.api.token_requests == 1


def test_the_documented_example_is_a_configuration(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/hik-cloud.md").read_text()
    found = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    file = tmp_path / "hikcore.toml"
    file.write_text(f'[archive]\nurl = "{tmp_path}"\n{found.group(1)}')
    config = load(file, environ={})
    assert config.site("shop").device("cloud").cloud.client_id is not None
    assert config.site("shop").device("cloud").host == "api2.hik-cloud.com"


async def test_a_simulated_cloud_says_where_it_is() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hikcore", "simulate", "--profile", "hik-cloud", "--json"),
        *("--port", "0"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        document = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
    finally:
        process.terminate()
        await process.wait()
    assert document["url"].startswith("http://127.0.0.1:")
    assert document["channels"] == [["SIM000001", 1], ["SIM000001", 2]]
