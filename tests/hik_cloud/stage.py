"""The download stage over a simulated cloud, configured as its document says, word for word."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hikcore.hik_cloud_download.config import Stage, load_stage
from hikcore.hik_cloud_download.stage import Downloads, Summary
from hikcore.instants import NS, parse_instant
from hikcore.sim.hik_cloud.cloud import Cloud
from tests.hik_cloud.conftest import NOW, profile

DOCUMENT = """\
source:
  mode: hik_cloud # local | hik_cloud
runtime:
  timezone: Asia/Shanghai
output:
  dir: {out}
hik_cloud:
  api_base_url: {url}
  download_path: /v1/carrier/cstorage/open/play/download
  access_token: null
  access_token_env: HIK_CLOUD_ACCESS_TOKEN
  chunk_seconds: 600
  timeout_seconds: 60
  download_timeout_seconds: 600
  devices:
    - device_serial: SIM000001
      channel_no: 1
      name: store-front
  time_ranges:
    - begin: "2026-11-20 19:30:00"
      end: "2026-11-20 19:45:00"
"""
BEGIN = parse_instant("2026-11-20T11:30:00Z") // NS
TOKEN = "simulated-token-0"
ENV = {"HIK_CLOUD_ACCESS_TOKEN": TOKEN}
KEYS = {
    "source", "device_serial", "channel_no", "requested_begin", "requested_end", "actual_begin",
    "actual_end", "download_url_host", "path", "status", "retry_count", "last_error",
}  # fmt: skip


def written(folder: Path, *changes: tuple[str, str], url: str = "https://127.0.0.1:1") -> Path:
    text = DOCUMENT.format(out=folder / "out", url=url)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "config.yaml"
    file.write_text(text)
    return file


def staged(folder: Path, *changes: tuple[str, str], environ: dict[str, str] | None = None) -> Stage:
    return load_stage(written(folder, *changes), ENV if environ is None else environ)


@asynccontextmanager
async def cloud_of(**changes: object) -> AsyncIterator[Cloud]:
    async with Cloud(profile(**changes)) as cloud:  # type: ignore[arg-type]
        yield cloud


async def work(
    cloud: Cloud, folder: Path, *changes: tuple[str, str], dry_run: bool = False
) -> Summary:
    stage = load_stage(written(folder, *changes, url=cloud.url), ENV)

    async def at_once(seconds: float) -> None:
        pass

    downloads = Downloads(stage, told=lambda row: None, now=lambda: NOW, pause=at_once)
    return await downloads.run(dry_run=dry_run)


def rows(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "out" / "hik_cloud_download_manifest.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]
