"""Broken off anywhere, the same command ends alike, also in the middle of a window's halves."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from hikcore.sim.hik_cloud.cloud import Cloud
from tests.hik_cloud.conftest import extract, profile, span

WANTED = span(2400, 1500)


def kept(folder: Path) -> dict[str, bytes]:
    root = folder / "archive/v1"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


async def broken_off(cloud: Cloud, folder: Path, requests: int) -> None:
    """Stop in the middle of the request of that number."""
    work = asyncio.create_task(extract(cloud, folder, WANTED))
    while len(cloud.requests) < requests and not work.done():
        await asyncio.sleep(0.001)
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


@pytest.mark.parametrize("irregular_over", [None, 200])
async def test_an_archive_ends_alike_however_often_it_is_broken_off(
    irregular_over: int | None, tmp_path: Path
) -> None:
    made = profile(since="now-45m", serving={"irregular_over": irregular_over})
    async with Cloud(made) as cloud:
        await extract(cloud, tmp_path / "straight", WANTED)
        asked = len(cloud.requests)
    for number in range(1, 8):
        async with Cloud(made) as cloud:
            folder = tmp_path / str(number)
            await broken_off(cloud, folder, number * asked // 8 + 1)
            await extract(cloud, folder, WANTED)
            assert kept(folder) == kept(tmp_path / "straight")
