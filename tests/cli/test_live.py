"""`hikcore live` at its edges: a disk that is slow when it is stopped, words and JSON."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hikcore.cli.live import Files, Status, tell, watch
from hikcore.cli.output import Output, count_text
from hikcore.instants import NS
from hikcore.sources.live import Live, LiveCounts, LiveFrame, LiveGap
from tests.media.test_recording import frames

AT = 1_795_168_997 * NS


class Camera(Live[None]):
    """So many pictures, one after the other, then silence."""

    def __init__(self, count: int) -> None:
        super().__init__("home/door")
        self.count = count

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[None]:
        yield

    async def received(self, connection: None) -> AsyncIterator[LiveFrame]:
        for kind, at, data, received in frames(count=self.count):
            await asyncio.sleep(0.002)
            yield LiveFrame(kind, len(data), at, memoryview(data), 64, 48, received)
        await asyncio.Event().wait()


class SlowDisk(Files):
    """Its first write waits until it is let go, in the thread that writes."""

    def __init__(self) -> None:
        super().__init__("-")
        self.waits, self.go = threading.Event(), threading.Event()
        self.writers: set[int] = set()
        self.together = 0
        self.written: list[bytes] = []

    def open(self, number: int) -> Any:
        return self

    def write(self, data: bytes) -> int:
        self.writers.add(threading.get_ident())
        self.together = max(self.together, len(self.writers))
        self.waits.set()
        assert self.go.wait(60)
        self.written.append(bytes(data))
        self.writers.discard(threading.get_ident())
        return len(data)


async def test_stopped_while_the_disk_is_slow() -> None:
    """What is being written is written before the rest is: two threads in one file would mix."""
    stop, disk, camera = asyncio.Event(), SlowDisk(), Camera(40)
    task = asyncio.create_task(
        watch(camera, Output(json=False), disk, "home/door", stop, None)  # type: ignore[arg-type]
    )
    await asyncio.to_thread(disk.waits.wait, 60)
    while camera.counts.frames < 40:
        await asyncio.sleep(0.002)
    stop.set()
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert not task.done()
    disk.go.set()
    report = await task
    assert disk.together == 1
    assert report is not None
    assert report.frames == 40
    assert sum(map(len, disk.written)) == report.bytes


def test_one_and_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert [count_text(n, "gap") for n in (0, 1, 2, 1200)] == [
        "0 gaps", "1 gap", "2 gaps", "1,200 gaps",
    ]  # fmt: skip
    tell(Output(json=False), "home/door", LiveCounts(frames=1, connections=1), None, None)
    assert "1 frame, 0 B, 0 gaps, 1 connection\n" in capsys.readouterr().err


def test_a_gap_without_times_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    status = Status(Camera(0), "home/door", Output(json=True))  # type: ignore[arg-type]
    status.gap(LiveGap(-1, AT, AT, AT, 3, "the stream ended"))
    said = capsys.readouterr()
    gap = json.loads(said.out)
    assert (gap["begin"], gap["end"]) == (None, "2026-11-20T10:03:17.000Z")
    assert "from ? to 2026" in said.err


def test_files_of_a_recording(tmp_path: Path) -> None:
    files = Files(str(tmp_path / "a.mp4"))
    for number in (1, 2):
        file = files.open(number)
        assert file is not None
        file.write(b"x")
    files.close()
    assert [path.name for path in files.paths] == ["a.mp4", "a-2.mp4"]
    assert Files("-").open(2) is None
