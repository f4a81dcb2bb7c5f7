"""Recordings over RTSP: where a device refuses downloads, and what lies in a file that it still
writes.

A recorder ends no playback (facts 1.11): it falls silent at the end, or runs on into what follows.
So the end is ours: the first key picture that was filmed after what was asked for, or silence.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from hikcore.deviceclock import DeviceClock
from hikcore.instants import NS, Span, compact_instant, format_instant
from hikcore.sources.base import Fetched, Recording
from hikcore.sources.isapi.connection import Connection
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.status import parse_status, refusal_text
from hikcore.sources.rtsp import Account
from hikcore.sources.rtsp_login import Said, SharedLogin
from hikcore.sources.rtsp_playback import EDGE, REACHED, Way, perform, reached
from hikcore.sources.rtsp_played import Played, Write

_BLANK: Final = re.compile(r"(time=\d{4})-(\d\d)-(\d\d)(?: |%20)(\d\d):(\d\d):(\d\d)")
#: No tail is shorter: less is not worth a session, and the device has not flushed it.
_LEAST: Final = 10 * NS
#: Seconds that a lock lasts where the device does not say.
_LOCK: Final = 1800


@dataclass(frozen=True, slots=True)
class Player:
    """Plays recordings of one device.

    Args:
        connection: to it, for its limits and patience.
        settings: of the device.
        host, username, password: of RTSP, with `Settings.rtsp_port`.
        login: what is known of them.
        clock: what its times mean.
        now: our clock, ns UTC.
    """

    connection: Connection
    settings: Settings
    host: str
    username: str
    password: SecretStr
    login: SharedLogin
    clock: Callable[[], Awaitable[DeviceClock]]
    now: Callable[[], int]

    async def fetch(self, recording: Recording, write: Write) -> Fetched:
        """Play a recording into a body (see `hikcore.media.ps_write`).

        Raises:
            DeviceError: see `perform`.
        """
        clock = await self.clock()
        body = Played(write, clock, recording.span.begin)
        limit = recording.span.end + EDGE
        await perform(
            self._way(),
            body,
            limit,
            lambda start: self._url(recording, start, clock),
            clock,
            open_end=recording.kind == "tail",
        )
        begun = body.first is not None and body.first <= recording.span.begin + REACHED
        return Fetched(
            body.size,
            None,
            told=self._told(recording, body),
            # A hole inside is the recorder's: by the times of filming it was played over.
            whole=bool(body.filmed) and begun and reached(body, limit),
            kind="tail" if recording.kind == "tail" else "window",
        )

    def tail(
        self, growing: Recording, begin: int, device_now: int, clock: DeviceClock
    ) -> Recording | None:
        """See `PlaysTails.tail`; `device_now` is UTC by the device's clock."""
        begin = max(begin, growing.span.begin) // NS * NS
        end = min(growing.span.end, device_now) // NS * NS
        if end - begin < _LEAST:
            return None
        literal = [clock.utc_to_literal(at) for at in (begin, end)]
        texts = [format_instant(at, 0) for at in literal]
        given = [compact_instant(at).partition(".")[0].rstrip("Z") + "Z" for at in literal]
        path = growing.locator.partition("?")[0]
        return replace(
            growing,
            kind="tail",
            literal_begin=texts[0],
            literal_end=texts[1],
            span=Span(begin, end),
            size=None,
            growing=False,
            locator=f"{path}?starttime={given[0]}&endtime={given[1]}",
        )

    def account(self) -> Account:
        """Where, and as whom."""
        settings = self.settings
        return Account(
            self.host,
            settings.rtsp_port,
            self.username,
            self.password,
            self.login,
            basic=settings.auth == "basic",
            where=self.connection.where,
            connect=settings.connect_timeout,
            idle=settings.idle_timeout,
        )

    def address(self, path: str) -> str:
        """An address at the device, without a login."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"rtsp://{host}:{self.settings.rtsp_port}{path}"

    def _way(self) -> Way:
        settings, connection = self.settings, self.connection

        async def allowed() -> None:
            await connection.polite.request(
                settings.requests, settings.hours, self.now(), connection.where
            )

        return Way(
            account=self.account(),
            retrying=connection.retrying,
            place=connection.polite.streaming.place,
            allowed=allowed,
            received=connection.received,
            retries=settings.retries,
            quiet=settings.quiet,
            slack=settings.slack,
        )

    def _url(self, recording: Recording, start: int | None, clock: DeviceClock) -> str:
        """The address of a recording: its playbackURI, at our idea of the host and port (the
        device's own may be of another network, or name the port of HTTP), begun at `start`."""
        parts = urlsplit(recording.locator)
        query = _BLANK.sub(r"\1\2\3T\4\5\6", parts.query).replace(" ", "%20")
        if start is not None:
            literal = clock.utc_to_literal(start // NS * NS)
            text = compact_instant(literal).partition(".")[0].rstrip("Z") + "Z"
            query = re.sub(r"(?<=starttime=)[^&]*", text, query)
        return self.address(parts.path.replace(" ", "%20")) + f"?{query}"

    def _told(self, recording: Recording, body: Played) -> Span:
        """What the body spans: a tail what is in it; a closed recording until its listed end, so
        that what it lacks is seen."""
        first = body.first if body.first is not None else body.origin
        if recording.kind == "tail":
            return Span(first, max((body.last or first), first) + 1)
        near = abs(first - recording.span.begin) <= REACHED
        begin = min(first, recording.span.begin) if near else first
        return Span(begin, max(recording.span.end, begin + 1))


def refusal_said(body: bytes) -> Said:
    """What a recorder says with a refusal over RTSP: the same as over HTTP, where it says any."""
    status = parse_status(body)
    message, hint = refusal_text(status)
    if status is None or not status.locked:
        return Said(message, hint)
    return Said(
        message, hint, status.unlock_seconds if status.unlock_seconds is not None else _LOCK
    )
