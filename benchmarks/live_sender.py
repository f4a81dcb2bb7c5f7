"""Live cameras of a recorder on loopback, in a process of its own.

`python -m benchmarks.live_sender FRAMES BYTES`: prints its port. Each WebSocket at
`/live/{camera}/0` gets so many frames, 25 a second by this process's clock: a key frame of five
times the size every 50. Camera and number stand behind the first NAL unit's header, so that whoever
reads knows each frame; the header's time is when the frame was due.
"""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve

from benchmarks.frames import everfocus_header

PERIOD = 0.04
KEY_EVERY = 50
#: Camera and number of a frame.
MARK = struct.Struct(">HI")
_KEY = b"\0\0\0\1\x67\x42\0\x0a\0\0\0\1\x68\xce\0\0\0\1\x65"
_OTHER = b"\0\0\0\1\x41"


def marked(payload: bytes | memoryview) -> tuple[int, int]:
    """Camera and number of a frame's bytes."""
    at = len(_KEY) if payload[4] == 0x67 else len(_OTHER)
    camera, number = MARK.unpack_from(payload, at)
    return int(camera), int(number)


def _message(size: int) -> bytes:
    """Head of a WebSocket message that is not masked (RFC 6455, 5.2)."""
    if size < 1 << 16:
        return struct.pack(">BBH", 0x82, 126, size)
    return struct.pack(">BBQ", 0x82, 127, size)


async def _send(connection: ServerConnection, frames: int, size: int) -> None:
    assert connection.request is not None
    camera = int(connection.request.path.split("/")[2])
    loop = asyncio.get_running_loop()
    filler = {_OTHER: b"\x9a" * size, _KEY: b"\x88" * size * 5}
    begin = loop.time() + (camera % 25) * PERIOD / 25
    for number in range(frames):
        due = begin + number * PERIOD
        wait = due - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        nal, kind = (_OTHER, 7) if number % KEY_EVERY else (_KEY, 6)
        body = b"".join((nal, MARK.pack(camera, number), filler[nal]))
        ms = int((time.time() - (loop.time() - due)) * 1000)
        head = everfocus_header(len(body), kind, ms)
        # Past `send`, whose cost is none of the client's and would double the machine's load.
        connection.transport.writelines([_message(32 + len(body)), head, body])
    await connection.wait_closed()


async def _main(frames: int, size: int) -> None:
    async def play(connection: ServerConnection) -> None:
        await _send(connection, frames, size)

    async with serve(play, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextmanager
def sending(frames: int, size: int) -> Iterator[int]:
    """The sender's port."""
    command = [sys.executable, "-m", "benchmarks.live_sender", str(frames), str(size)]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, env=os.environ, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
