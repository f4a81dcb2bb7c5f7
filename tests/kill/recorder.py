"""A simulated recorder in a process of its own, its clock frozen, and a configuration for it."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from hikcore.sim.camera import CameraProfile
from hikcore.sim.profile import Auth, Clock, ExtraFile, Hole, Profile, Recorded
from hikcore.sim.recorder import Recorder

PASSWORD = "killed-but-secret-41"
SPAN = ("2026-11-20T10:00:00Z", "2026-11-20T11:10:00Z")

#: Files longer than a segment, overlaps, a hole, a file within a file, one that begins without a
#: key picture, and one still being written at the end.
PROFILE = Profile(
    name="killed",
    auth=Auth(password=PASSWORD),
    clock=Clock(frozen="2026-11-20T11:10:00Z", listing="local"),
    recorded=Recorded(
        since="2026-11-20T10:05:00Z",
        holes=(Hole(begin="2026-11-20T10:25:00Z", end="2026-11-20T10:35:00Z", channels=(1,)),),
        extra=(
            ExtraFile(channel=1, begin="2026-11-20T10:50:00Z", end="2026-11-20T10:54:00Z"),
            ExtraFile(
                channel=2,
                begin="2026-11-20T10:31:03Z",
                end="2026-11-20T10:36:00Z",
                headless=True,
            ),
        ),
    ),
    cameras=(
        CameraProfile(
            channel=1, width=320, height=144, frame_ms=1000, gop=20, file_ms=900_000, audio="alaw"
        ),
        CameraProfile(channel=2, codec="h265", width=320, height=144, frame_ms=5000, gop=6),
    ),
)


def write_config(folder: Path, archive: str, port: int) -> Path:
    """A configuration of one site; the password comes from KILL_TEST_PASSWORD."""
    path = folder / "hikcore.toml"
    path.write_text(
        f"""
[archive]
url = "{archive}"
[spool]
folder = "{folder / "spool"}"
limit = "200 MB"
[sites.home]
zone = "Asia/Tashkent"
[sites.home.devices.nvr]
host = "127.0.0.1"
port = {port}
username = "admin"
password = "env:KILL_TEST_PASSWORD"
device_time = "local"
cameras = "all"
""",
        encoding="utf-8",
    )
    return path


def _serve(pipe: Connection, cache: Path, profile: bytes) -> None:
    async def serve() -> None:
        async with Recorder(pickle.loads(profile), cache=cache) as recorder:
            pipe.send(recorder.port)
            await asyncio.to_thread(pipe.recv)

    asyncio.run(serve())


@contextmanager
def recorder_process(cache: Path, profile: Profile = PROFILE) -> Iterator[int]:
    """A recorder that outlives the killed: its port."""
    cache.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs, cache, pickle.dumps(profile)), daemon=True
    )
    process.start()
    try:
        if not ours.poll(60):
            raise RuntimeError("the recorder did not start within 60 s")
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(10)
        process.kill()
