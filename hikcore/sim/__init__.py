"""Simulated devices with real video in them: for the demo, our tests and anyone's own.

Nothing heavy is loaded until it is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hikcore.deviceclock import ZoneRule

if TYPE_CHECKING:
    from hikcore.sim.camera import CameraProfile
    from hikcore.sim.profile import Profile
    from hikcore.sim.psmux import MuxProfile


def ps_body(
    begin_ms: int,
    end_ms: int,
    *,
    camera: CameraProfile | None = None,
    mux: MuxProfile | None = None,
    zone: ZoneRule | None = None,
    seed: int = 1,
    cache: Path | None = None,
) -> Iterator[bytes]:
    """The bytes of one recorder file without a recorder, block by block.

    Args:
        begin_ms, end_ms: the footage in it, ms since 1970 UTC; it begins at the first group of
            pictures at or after the begin.
        camera, mux: what is filmed and how it is written; channel 1 with A-law sound if not given.
        zone: of the recorder's wall clock (UTC if not given).
        seed: of the scenery.
        cache: folder of coded footage.
    """
    from hikcore.sim.camera import CameraProfile  # noqa: PLC0415
    from hikcore.sim.footage import Footage  # noqa: PLC0415
    from hikcore.sim.psmux import Muxer, MuxProfile, joined, parts  # noqa: PLC0415

    camera = camera or CameraProfile(channel=1, audio="alaw")
    zone = zone or ZoneRule()
    footage = Footage(camera, seed, zone, cache)
    muxer = Muxer(camera, mux or MuxProfile(), zone, seed)
    return joined(data for _, data in parts(footage, muxer, begin_ms, end_ms))


def serve(
    profile: Profile | str = "live",
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    cache: Path | None = None,
    now: Callable[[], int] = time.time_ns,
    rtsp_port: int | None = None,
) -> None:
    """Run a simulated recorder until interrupted; its address goes to standard error.

    Args:
        profile: a built-in name, a `.toml` or `.json` file, or a profile.
        host, port: where it listens; port 0 takes a free one.
        cache: folder of coded footage.
        now: the clock that it is set by, unless the profile's stands still.
        rtsp_port: where it streams too, 0: any free port; None: it does not.

    Raises:
        ConfigurationError: no such profile.
    """
    from hikcore.sim.profiles import get_profile  # noqa: PLC0415
    from hikcore.sim.recorder import Recorder  # noqa: PLC0415

    chosen = get_profile(profile) if isinstance(profile, str) else profile

    async def run() -> None:
        async with Recorder(
            chosen, host=host, port=port, now=now, cache=cache, rtsp_port=rtsp_port
        ) as recorder:
            print(f"{chosen.name}: {recorder.url} as {chosen.auth.username}", file=sys.stderr)
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
