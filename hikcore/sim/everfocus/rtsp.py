"""Live and playback over RTSP (3.1, 3.3, 3.4): the same streams by another way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.everfocus.store import Store, recorder_profile
from hikcore.sim.everfocus.streams import PATH
from hikcore.sim.faults import FaultPlan
from hikcore.sim.rtsp import RtspServer
from hikcore.sim.rtsp_session import NoSuchStream, Session, Wanted

_MS = 1_000_000


def rtsp_server(
    profile: NvrProfile,
    store: Store,
    now: Callable[[], int],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    faults: FaultPlan | None = None,
) -> RtspServer:
    """A server of `/live/{channel}/{stream}` and `/playback/{channel}/{stream}?time=&session=`.

    A playback has no end but that of what is recorded when it is asked for. Its control is a
    SET_PARAMETER with the JSON of 3.4; `play` goes on at the key picture before the last one sent.
    """

    def read(url: str) -> Wanted:
        parts = urlsplit(url)
        match = PATH.match(parts.path)
        vault = match and store.vault(int(match.group(2)), int(match.group(3)))
        if match is None or vault is None:
            raise NoSuchStream(url)
        if match.group(1) == "live":
            return Wanted(vault)
        # A control URL has the track's name behind the query.
        given = parse_qs(parts.query.partition("/trackID=")[0])
        time = given.get("time", [""])[0]
        if not (time.isascii() and time.isdecimal()) or not given.get("session"):
            raise NoSuchStream(url)
        unit = 1000 if profile.playback.time == "seconds" else 1
        begin, end = int(time) * unit, now() // _MS
        if profile.playback.gap == "stops":
            channel, stream = int(match.group(2)), int(match.group(3))
            spans = store.stretches(channel, stream, begin, end, now())
            end = spans[0].end if spans else begin
        return Wanted(vault, begin, end)

    return RtspServer(
        recorder_profile(profile), {}, now,
        sleep=sleep, faults=faults, read=read, control=_obey, open_=profile.login.rtsp == "none",
    )  # fmt: skip


def _obey(session: Session, body: bytes) -> bool:
    """Obey a command; whether the session is to play from `session.at`."""
    try:
        given = json.loads(body)
    except ValueError:
        return False
    command = given.get("command") if isinstance(given, dict) else None
    if command in ("stop", "pause"):
        session.stop()
    elif command == "seek" and isinstance(given.get("time"), int):
        session.stop()
        session.at = given["time"] * 1000
    elif command in ("play", "forward"):
        return session.task is None
    return False
