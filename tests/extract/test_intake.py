"""Bodies taken in by a thread while the next blocks arrive: what stops them half way."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hikcore.errors import SpoolFull
from hikcore.extract.fetch import Fetching
from hikcore.extract.intake import Inflow, Intake
from hikcore.extract.parts import Part
from hikcore.extract.plan import PlannedChunk, identity
from hikcore.extract.spool import Spool
from hikcore.sources.base import Fetched, Recording
from tests.extract.conftest import HASTY, JOB, Device, listed

MIB = 1 << 20
ROW = listed(0, 60, 64 * MIB)


class Slow:
    """Parts of which a test decides when they are written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began = threading.Event()
        self.go = threading.Event()
        self.closed: list[bool] = []
        write = Part.write

        def slow(part: Part, block: bytes | memoryview) -> None:
            self.began.set()
            assert self.go.wait(30)
            self.closed.append(part.file.closed)
            write(part, block)

        monkeypatch.setattr(Part, "write", slow)


class Endless(Device):
    """A device that sends more than is taken in."""

    async def fetch(
        self, recording: Recording, write: Callable[[bytes], Awaitable[None]]
    ) -> Fetched:
        while True:
            await write(bytes(MIB))


@pytest.mark.parametrize("times", [1, 3])
async def test_a_transfer_called_off_closes_no_file_that_is_written(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    slow = Slow(monkeypatch)
    noise: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: noise.append(context))
    descriptors = len(os.listdir("/proc/self/fd"))
    async with spool.room(ROW.size) as room:
        fetching = Fetching(
            Endless(), PlannedChunk(identity(JOB.camera, ROW), ROW), spool, room, JOB.owner,
            lambda recording: b"row", HASTY, lambda: None, lambda size: None,
        )  # fmt: skip
        task = asyncio.create_task(fetching.run())
        assert await asyncio.to_thread(slow.began.wait, 30)
        for _ in range(times):
            task.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
        assert not task.done()
        slow.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert slow.closed == [False] * 4
    assert list(spool.folder.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert noise == []


async def test_after_a_block_that_was_lost_nothing_more_is_taken(spool: Spool) -> None:
    """Whoever sends may try again what failed; a body with a hole in it would come of that."""
    full = SpoolFull("no room", where="here")

    def use(size: int) -> None:
        raise full

    path, file = spool._create("home.door.main.x")
    part = Part(path, file, use, lambda closed: None)
    inflow = Inflow(Intake(part, store=True), lambda size: None)
    for _ in range(7):
        await inflow.write(bytes(MIB))
    for again in (lambda: inflow.write(bytes(MIB)), inflow.flush, inflow.settle, inflow.flush):
        with pytest.raises(SpoolFull):
            await again()
    await inflow.end()
    assert inflow.intake.size == 0
    part.close()


async def test_blocks_of_any_size_are_taken_in_order(spool: Spool) -> None:
    part = spool.part("home.door.main.x")
    inflow = Inflow(Intake(part, store=True), lambda size: None)
    blocks = [bytes([at % 251]) * (1 + at * 7919 % 200_000) for at in range(150)]
    for block in blocks:
        await inflow.write(block)
    await inflow.flush()
    await inflow.settle()
    part.file.flush()
    assert part.path.read_bytes() == b"".join(blocks)
    assert inflow.intake.size == part.size == sum(map(len, blocks))
    part.close()
