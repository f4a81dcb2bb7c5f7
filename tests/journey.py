"""The whole way for tests: a simulated recorder, extracted into an archive, and back as clips."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hikcore.archive.local import LocalStore
from hikcore.archive.reader import Archive
from hikcore.archive.store import Store
from hikcore.extract.camera import extract_camera
from hikcore.extract.report import CameraJob, CameraReport
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span
from hikcore.sim.profile import Profile
from hikcore.sim.recorder import Recorder
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.source import IsapiSource


def source_of(recorder: Recorder, **options: object) -> IsapiSource:
    """A source for a simulated recorder, which need not be spared."""
    auth = recorder.profile.auth
    options.setdefault("settings", Settings(requests=10_000))
    return IsapiSource(
        recorder.host, auth.username, auth.password, port=recorder.port, now=recorder.now, **options
    )  # type: ignore[arg-type]


@dataclass
class Journey:
    """A recorder and an archive that holds what it had."""

    recorder: Recorder
    archive: Archive
    store: Store
    spool: Spool
    reports: dict[int, CameraReport]

    def camera(self, channel: int) -> str:
        return f"cam{channel}"

    async def extract(self, channel: int, span: Span) -> CameraReport:
        source = source_of(self.recorder)
        try:
            job = CameraJob("site", self.camera(channel), "main", "nvr", channel)
            return await extract_camera(
                job, span, source=source, store=self.store, spool=self.spool
            )
        finally:
            await source.aclose()


@asynccontextmanager
async def journey(
    profile: Profile, folder: Path, store: Store | None = None, channels: list[int] | None = None
) -> AsyncIterator[Journey]:
    """Extract everything that a recorder has."""
    async with Recorder(profile) as recorder:
        chosen = store or LocalStore(folder / "archive")
        made = Journey(recorder, Archive(chosen), chosen, Spool(folder / "spool", 10 << 30), {})
        now = recorder.now()
        for camera in profile.cameras:
            if channels is None or camera.channel in channels:
                made.reports[camera.channel] = await made.extract(
                    camera.channel, Span(now - 4 * 3600 * NS, now)
                )
        yield made
