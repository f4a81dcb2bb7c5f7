"""A simulated EverFocus recorder, and what an archive made of it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr

import hikcore
from hikcore.archive.local import LocalStore
from hikcore.extract.camera import extract_camera
from hikcore.extract.fetch import Patience
from hikcore.extract.report import CameraJob, CameraReport
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span, parse_instant
from hikcore.sim.everfocus.nvr import Nvr
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sources.everfocus.archiving import ArchiveSettings
from hikcore.sources.everfocus.session import Session
from hikcore.sources.everfocus.settings import EverFocusSettings
from hikcore.sources.everfocus.source import EverFocusSource
from hikcore.sources.patience import Retries
from tests.timecode import read_instants

NOW = parse_instant("2026-11-20T12:00:00Z")
JOB = CameraJob("shop", "gate", "main", "nvr", 1)
HASTY = Patience(attempts=4, first=0.001, longest=0.002)
CAMERA: dict[str, Any] = {
    "channel": 1, "frame_ms": 1000, "gop": 12, "phase_ms": 70, "name": "Gate", "audio": "ulaw",
}  # fmt: skip


def profile(
    camera: dict[str, Any] | None = None, since: str = "now-45m", **changes: Any
) -> NvrProfile:
    """A recorder whose clock stands at NOW, with one camera; further tables as given."""
    recorded = {"since": since, **changes.pop("recorded", {})}
    cameras = changes.pop("cameras", [{"main": {**CAMERA, **(camera or {})}}])
    clock = {"frozen": "2026-11-20T12:00:00Z", **changes.pop("clock", {})}
    data = {"clock": clock, "recorded": recorded, "cameras": cameras, **changes}
    return NvrProfile.model_validate(data)


def session(nvr: Nvr, password: str = "", **changes: Any) -> Session:
    """In a hurry."""
    values: dict[str, Any] = {
        "retries": Retries(attempts=3, initial=0.001, maximum=0.002, jitter=0.0),
        "requests": 1000.0, "idle_timeout": 5.0, **changes,
    }  # fmt: skip
    login = nvr.profile.login
    return Session(
        nvr.host,
        login.username,
        SecretStr(password) if password else login.password,
        port=nvr.port,
        settings=EverFocusSettings(**values),
        name="shop/nvr",
        now=nvr.now,
    )


def source(
    nvr: Nvr, archiving: dict[str, Any] | None = None, *, password: str = "", **changes: Any
) -> EverFocusSource:
    """A source that waits for nothing for long."""
    how = ArchiveSettings(**{"playback_idle": 0.3, **(archiving or {})})
    return EverFocusSource(
        session(nvr, password, **changes), archiving=how, channels=[1], name="shop/nvr"
    )


def span(begin: float, end: float) -> Span:
    """Seconds before NOW."""
    return Span(NOW - int(begin * NS), NOW - int(end * NS))


async def extract(
    nvr: Nvr,
    folder: Path,
    wanted: Span,
    from_: EverFocusSource | None = None,
    job: CameraJob = JOB,
    **options: Any,
) -> CameraReport:
    """One camera into an archive in a folder."""
    used = from_ or source(nvr)
    try:
        return await extract_camera(
            job,
            wanted,
            source=used,
            store=LocalStore(folder / "archive"),
            spool=Spool(folder / "spool", 500_000_000, poll=0.01),
            patience=HASTY,
            now=nvr.now,
            **options,
        )
    finally:
        await used.aclose()


def states(folder: Path, wanted: Span, job: CameraJob = JOB) -> dict[str, list[Span]]:
    """Coverage by state."""
    found: dict[str, list[Span]] = {}
    archive = hikcore.open_archive(str(folder / "archive"))
    for stretch in archive.coverage(job.site, job.camera, wanted):
        found.setdefault(stretch.state, []).append(stretch.span)
    return found


def clip(folder: Path, wanted: Span, job: CameraJob = JOB) -> list[int]:
    """The instants that the pixels of a clip show."""
    out = folder / "clip.mp4"
    hikcore.open_archive(str(folder / "archive")).clip(job.site, job.camera, wanted, out)
    return read_instants(str(out))
