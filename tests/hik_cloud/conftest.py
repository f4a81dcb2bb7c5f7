"""A simulated cloud over HTTP, and what an archive made of it shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

import hikcore
from hikcore.archive.local import LocalStore
from hikcore.deviceclock import UTC_CLOCK, DeviceClock
from hikcore.extract.camera import extract_camera
from hikcore.extract.fetch import Patience
from hikcore.extract.report import CameraJob, CameraReport
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span, parse_instant
from hikcore.sim.hik_cloud.cloud import Cloud
from hikcore.sim.hik_cloud.profile import CloudProfile
from hikcore.sources.hik_cloud.client import token_provider
from hikcore.sources.hik_cloud.settings import CloudSettings
from hikcore.sources.hik_cloud.source import HikCloudSource

NOW = parse_instant("2026-11-20T12:00:00Z")
SERIAL = "SIM000001"
JOB = CameraJob("shop", "front", "main", "cloud", 1)
HASTY = Patience(attempts=3, first=0.001, longest=0.002)
CAMERA = {"channel": 1, "frame_ms": 1000, "gop": 12, "phase_ms": 70, "name": "Front"}


def profile(camera: dict[str, object] | None = None, **changes: object) -> CloudProfile:
    """A cloud whose clock stands, with one camera; further keys of the profile as given."""
    entry = {"serial": SERIAL, "camera": {**CAMERA, **(camera or {})}}
    entry |= {
        key: changes.pop(key) for key in ("since", "until", "holes", "state") if key in changes
    }
    data = {"frozen": "2026-11-20T12:00:00Z", "cameras": [entry], **changes}
    return CloudProfile.model_validate(data)


def settings(cloud: Cloud, **changes: object) -> CloudSettings:
    """In a hurry, and over plain HTTP."""
    values: dict[str, object] = {
        "base_url": cloud.url, "insecure_http": True, "first_wait": 0.001, "longest_wait": 0.002,
        "timeout": 5.0, "requests": 1000.0, **changes,
    }  # fmt: skip
    return CloudSettings(**values)  # type: ignore[arg-type]


def source(
    cloud: Cloud,
    *,
    token: str = "",
    now: Callable[[], int] | None = None,
    clock: DeviceClock = UTC_CLOCK,
    **changes: object,
) -> HikCloudSource:
    """A source by client credentials, or by a token."""
    chosen = settings(cloud, **changes)
    account = cloud.profile.account
    tokens = token_provider(
        chosen,
        access_token=SecretStr(token) if token else None,
        client_id=account.client_id,
        client_secret=account.client_secret,
    )
    return HikCloudSource(
        SERIAL, {1: "Front"}, tokens, settings=chosen, clock=clock, now=now or cloud.now
    )


def span(begin: int, end: int) -> Span:
    """Seconds before NOW."""
    return Span(NOW - begin * NS, NOW - end * NS)


async def extract(
    cloud: Cloud, folder: Path, wanted: Span, from_: HikCloudSource | None = None, **options: object
) -> CameraReport:
    """One camera into an archive in a folder."""
    used = from_ or source(cloud)
    try:
        return await extract_camera(
            JOB,
            wanted,
            source=used,
            store=LocalStore(folder / "archive"),
            spool=Spool(folder / "spool", 500_000_000, poll=0.01),
            patience=HASTY,
            now=cloud.now,
            **options,  # type: ignore[arg-type]
        )
    finally:
        await used.aclose()


def states(folder: Path, wanted: Span) -> dict[str, list[Span]]:
    """Coverage by state."""
    found: dict[str, list[Span]] = {}
    archive = hikcore.open_archive(str(folder / "archive"))
    for stretch in archive.coverage(JOB.site, JOB.camera, wanted):
        found.setdefault(stretch.state, []).append(stretch.span)
    return found
