"""A recorder's recording into an archive in a folder or bucket."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from benchmarks.frames import BEGIN_MS
from hikcore.archive.open import open_store
from hikcore.archive.store import Store
from hikcore.deviceclock import UTC_CLOCK, DeviceClock
from hikcore.extract.camera import extract_camera
from hikcore.extract.report import CameraJob
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span, format_instant
from hikcore.sources.about import Planned
from hikcore.sources.base import Answer, Deviation, DeviceCamera, Recording, Stream
from hikcore.sources.isapi.source import IsapiSource

_BEGIN = BEGIN_MS * 1_000_000


class OneRecording(IsapiSource):
    """A recorder that is known to have one recording; it is fetched as from any other."""

    def __init__(self, url: str, seconds: float, size: int) -> None:
        parts = urlsplit(url)
        super().__init__(parts.hostname or "", "user", SecretStr("none"), port=parts.port or 80)
        self._span = Span(_BEGIN, _BEGIN + round(seconds * NS))
        self._size = size

    async def clock(self) -> DeviceClock:
        """UTC."""
        return UTC_CLOCK

    async def deviation(self) -> Deviation:
        """None."""
        return Deviation(0, NS)

    async def cameras(self) -> list[DeviceCamera]:
        """One."""
        return [DeviceCamera(1, "Door")]

    async def schedules(self) -> list[Planned]:
        """None."""
        return []

    async def recordings(self, channel: int, stream: Stream, span: Span) -> Answer:
        """The recording, closed long ago."""
        begin, end = (format_instant(at, 0) for at in (self._span.begin, self._span.end))
        row = Recording(
            1, "main", "file", begin, end, self._span, self._size, "rtsp://h/1", False, begin
        )
        return Answer(channel, stream, span, time.time_ns(), True, (row,))


def extract(
    url: str, folder: Path, seconds: float, size: float, archive: str = ""
) -> dict[str, float]:
    """Fetch, split, hash and commit it, into an archive that is empty.

    Args:
        folder: for the spool, and for the archive where no other is told.
        archive: URL of a bucket; its keys stand in the environment.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    store = open_store(archive or str(folder / "archive"))
    report = asyncio.run(_extract(url, store, folder / "spool", seconds, int(size)))
    if report:
        raise RuntimeError(report)
    return {}


async def _extract(url: str, store: Store, spool: Path, seconds: float, size: int) -> str:
    source = OneRecording(url, seconds, size)
    try:
        report = await extract_camera(
            CameraJob("home", "door", "main", "nvr", 1),
            Span(_BEGIN, _BEGIN + round(seconds * NS)),
            source=source,
            store=store,
            spool=Spool(spool, 4 << 30),
        )
    finally:
        await source.aclose()
    return "; ".join(map(str, report.errors)) or str(report.failure or "")
