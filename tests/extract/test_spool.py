"""The spool keeps its limit, waits, sweeps what killed processes left, and keeps what arrived."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hikcore.errors import SpoolFull
from hikcore.extract.parts import body_name
from hikcore.extract.spool import Spool

MIB = 1 << 20
OWNER = "home.door.main"
CHUNK = "0123456789abcdef"


def on_disk(folder: Path) -> int:
    """Bytes of all files, hard links once: an oracle that knows nothing of the spool."""
    return sum({s.st_ino: s.st_size for s in map(os.stat, folder.iterdir())}.values())


def leave(folder: Path, content: bytes, *, short: bool = False, chunk: str = CHUNK) -> Path:
    folder.mkdir(exist_ok=True)
    sha = hashlib.sha256(content).hexdigest()
    path = folder / body_name(OWNER, chunk, len(content), sha, short=short)
    path.write_bytes(content)
    return path


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sizes=st.lists(st.integers(0, 6 * MIB), min_size=1, max_size=8),
    limit=st.integers(17, 40),
)
def test_the_limit_holds_however_many_fetch_at_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    most = 0

    async def one(spool: Spool, size: int) -> None:
        nonlocal most
        async with spool.room(size) as room:
            part = spool.part(OWNER, room)
            left = size
            while left:
                block = min(left, MIB)
                await asyncio.to_thread(part.write, bytes(block))
                left -= block
            part.file.flush()
            segment = spool.part(OWNER)  # as large as the body, at worst
            await asyncio.to_thread(segment.write, bytes(size))
            segment.file.flush()
            most = max(most, on_disk(folder))
            segment.close()
            part.close()

    async def all_of_them() -> None:
        spool = Spool(folder, limit * MIB, poll=0.005)
        await asyncio.gather(*(one(spool, size) for size in sizes))

    asyncio.run(all_of_them())
    assert most <= limit * MIB
    assert list(folder.iterdir()) == []


async def test_a_disk_too_small_is_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=MIB))
    with pytest.raises(SpoolFull, match="the disk has 1048576 bytes free"):
        async with Spool(tmp_path, 40 * MIB, poll=0.005).room(2 * MIB):
            pass


async def test_a_fetch_waits_until_there_is_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 12 * MIB, poll=0.01)
    got_in = asyncio.Event()

    async def second() -> None:
        async with spool.room(4 * MIB):
            got_in.set()

    async with spool.room(4 * MIB):
        task = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        assert not got_in.is_set()
    await asyncio.wait_for(task, 5)
    assert got_in.is_set()


async def test_a_body_that_can_never_fit_is_refused_at_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 12 * MIB)
    with pytest.raises(SpoolFull, match="raise \\[spool\\] limit"):
        async with spool.room(100 * MIB):
            pass


async def test_nobody_waits_for_bodies_that_nobody_will_use(tmp_path: Path) -> None:
    leave(tmp_path, bytes(10 * MIB))
    spool = Spool(tmp_path, 16 * MIB, poll=0.01)
    with pytest.raises(SpoolFull, match="finished bodies of other cameras"):
        async with spool.room(4 * MIB):
            pass


async def test_a_body_longer_than_listed_takes_more_room_or_fails(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 16 * MIB)
    async with spool.room(1 * MIB) as room:
        part = spool.part(OWNER, room)
        for _ in range(6):
            part.write(bytes(MIB))
        with pytest.raises(SpoolFull, match="longer than listed"):
            part.write(bytes(MIB))
        part.close()


async def test_a_sweep_removes_what_a_killed_process_left_and_nothing_else(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, time\n"
        "from hikcore.extract.spool import Spool\n"
        "spool = Spool(pathlib.Path(sys.argv[1]), 1 << 30)\n"
        "part = spool.part('home.door.main.x')\n"
        "part.write(b'abc'); part.file.flush(); print(part.path, flush=True)\n"
        "time.sleep(60)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    theirs = Path(other.stdout.readline().strip())
    spool = Spool(tmp_path, 1 << 30)
    mine = spool.part("home.door.main.y")
    body = leave(tmp_path, b"whole")
    assert spool.sweep() == 0
    assert theirs.exists()
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    assert spool.sweep() == 1
    assert not theirs.exists()
    assert mine.path.exists()
    assert body.exists()
    mine.close()


async def test_a_finished_body_outlives_its_part_and_is_found_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 30)
    content = os.urandom(100_000)
    sha = hashlib.sha256(content).hexdigest()
    part = spool.part(OWNER)
    part.write(content)
    name = body_name(OWNER, CHUNK, len(content), sha, short=True)
    assert spool.finish(part, name, b"beside") is not None
    (found,) = Spool(tmp_path, 1 << 30).finished(OWNER)
    assert found.in_use()  # by us, who still hold the part
    part.close()
    assert not found.in_use()
    assert (found.chunk, found.size, found.sha16, found.short) == (CHUNK, 100_000, sha[:16], True)
    assert (found.path.read_bytes(), found.row()) == (content, b"beside")
    assert spool.finished("home.door.sub") == []
    assert spool.sweep() == 0
    with spool.adopt(found) as adopted:
        found.remove()
        assert not found.path.exists()
        assert adopted.file.read() == content  # nobody took it from under us
    assert list(tmp_path.iterdir()) == []


async def test_what_lies_beside_a_body_that_never_came_is_swept(tmp_path: Path) -> None:
    body = leave(tmp_path, b"whole")
    body.with_suffix(".row").write_bytes(b"row")
    (tmp_path / "home.door.main.other.4.0.whole.row").write_bytes(b"row")
    assert Spool(tmp_path, 1 << 30).sweep() == 1
    assert {path.suffix for path in tmp_path.iterdir()} == {".body", ".row"}


async def test_two_processes_may_finish_the_same_body(tmp_path: Path) -> None:
    first, second = Spool(tmp_path, 1 << 30), Spool(tmp_path, 1 << 30)
    sha = hashlib.sha256(b"same").hexdigest()
    for spool in (first, second):
        part = spool.part(OWNER)
        part.write(b"same")
        spool.finish(part, body_name(OWNER, CHUNK, 4, sha, short=False), b"row")
        part.close()
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"same", b"row"]


async def test_a_full_disk_is_named(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 30)
    part = spool.part(OWNER)
    part.file.close()
    part.file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 - closed with the part
    with pytest.raises(SpoolFull, match="the disk is full"):
        part.write(b"x")
    part.close()


def test_a_file_that_may_not_grow_is_told_as_a_full_spool(spool: Spool) -> None:
    from hikcore.sim.disk import short_files

    part = spool.part("home.door.main.0123456789abcdef")
    try:
        with short_files(1000), pytest.raises(SpoolFull, match="no file may be that large"):
            part.write(bytes(100_000))
    finally:
        part.close()


@pytest.mark.parametrize("last", [2000, 100_000])
def test_what_a_disk_did_not_take_is_told_once(spool: Spool, last: int) -> None:
    """What is in a file's buffer fails again as it is closed: that must not hide the SpoolFull."""
    from hikcore.sim.disk import short_files

    part = spool.part("home.door.main.0123456789abcdef")

    def fill() -> None:
        with contextlib.closing(part):
            part.write(bytes(99_000))
            part.write(bytes(last))
            part.finish("home.door.main.x.body")

    with short_files(100_000), pytest.raises(SpoolFull, match="no file may be that large"):
        fill()
    assert part.file.closed
    assert list(spool.folder.iterdir()) == []
