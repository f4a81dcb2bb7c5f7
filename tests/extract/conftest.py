"""A device in memory: real Hikvision bytes, and every way in which a transfer goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hikcore.archive.local import LocalStore
from hikcore.deviceclock import UTC_CLOCK, DeviceClock
from hikcore.errors import HikcoreError, TransferInterrupted
from hikcore.extract.fetch import Patience
from hikcore.extract.report import CameraJob
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span, format_instant, parse_instant
from hikcore.sim import ps_body
from hikcore.sim.camera import CameraProfile
from hikcore.sources.base import Answer, Deviation, DeviceCamera, Fetched, Recording, Stream

BEGIN = parse_instant("2026-11-20T10:00:00Z")
JOB = CameraJob("home", "door", "main", "nvr", 1)
#: No test waits for a device's recovery.
HASTY = Patience(attempts=4, first=0.001, longest=0.002)
CAMERA = CameraProfile(channel=1, frame_ms=1000, gop=10, file_ms=100_000, audio="alaw")


def film(second: int, length: int, camera: CameraProfile = CAMERA) -> bytes:
    """A recorder's file that begins so many seconds after BEGIN, read from the simulator."""
    begin = BEGIN // 1_000_000 + second * 1000
    return b"".join(ps_body(begin, begin + length * 1000, camera=camera))


def listed(second: int, length: int, size: int | None, *, growing: bool = False) -> Recording:
    """A row of that time and size."""
    span = Span(BEGIN + second * NS, BEGIN + (second + length) * NS)
    texts = [format_instant(at, 0) for at in (span.begin, span.end)]
    return Recording(1, "main", "file", texts[0], texts[1], span, size, "", growing, texts[0])


@dataclass
class Device:
    """A source whose recordings are given, and whose transfers go as told.

    Attributes:
        bodies: by literal begin.
        plans: what happens to the next transfers, in order, then all goes well: a number cuts the
            body there (an interrupted transfer), a negative one leaves so many bytes away without
            the transport noticing, an exception is raised at once.
        fetched: literal begins, in order.
    """

    rows: list[Recording] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    plans: list[int | HikcoreError] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    asked: list[Span] = field(default_factory=list)
    sent: int = 0
    pause: float = 0.0

    def add(self, second: int, length: int, body: bytes, size: int | None = None) -> Recording:
        """One more recording, listed with its size if no other is given."""
        row = listed(second, length, len(body) if size is None else size)
        self.rows.append(row)
        self.bodies[row.literal_begin] = body
        return row

    async def clock(self) -> DeviceClock:
        return UTC_CLOCK

    async def deviation(self) -> Deviation:
        return Deviation(0, NS)

    async def cameras(self) -> list[DeviceCamera]:
        return [DeviceCamera(1, "Door")]

    async def recordings(self, channel: int, stream: Stream, span: Span) -> Answer:
        self.asked.append(span)
        rows = tuple(row for row in self.rows if row.span.meets(span))
        return Answer(channel, stream, span, BEGIN + 86_400 * NS, True, rows)

    async def fetch(
        self, recording: Recording, write: Callable[[bytes], Awaitable[None]]
    ) -> Fetched:
        self.fetched.append(recording.literal_begin)
        body = self.bodies[recording.literal_begin]
        plan = self.plans.pop(0) if self.plans else len(body)
        if isinstance(plan, HikcoreError):
            raise plan
        end = plan if plan >= 0 else len(body) + plan
        for at in range(0, end, 60_000):
            await asyncio.sleep(self.pause)
            block = body[at : min(at + 60_000, end)]
            self.sent += len(block)
            await write(block)
        if 0 <= plan < len(body):
            raise TransferInterrupted(f"ended after {plan} bytes", where="device in memory")
        return Fetched(end, None)

    async def aclose(self) -> None:
        return None


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 200_000_000, poll=0.01)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "archive")
