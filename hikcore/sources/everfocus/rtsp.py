"""The second way to an EverFocus recorder's footage: RTSP (guide, 3.1 and 3.3), where only that is
let through. Times are then those of RTCP sender reports, if they tell when it was filmed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from hikcore.deviceclock import DeviceClock
from hikcore.errors import DeviceProtocolError, DeviceRefused
from hikcore.instants import NS, Span
from hikcore.sources.base import Fetched, Stream
from hikcore.sources.everfocus.session import Session
from hikcore.sources.rtsp import Account, Playing, play
from hikcore.sources.rtsp_live import Reconnect, RtspLive
from hikcore.sources.rtsp_playback import EDGE, REACHED, Way, perform, reached
from hikcore.sources.rtsp_played import Played

_STREAM_IDS: Final = {"main": 0, "sub": 1}
#: Where the recorder does not tell its port (7.9).
_PORT: Final = 554


class RtspTransport:
    """RTSP of one recorder.

    Args:
        session: of the recorder: its login and limits hold here, too.
        port: of RTSP; None: the recorder is asked for it, once.
        quiet: seconds without a packet after which a playback has no more.
    """

    def __init__(self, session: Session, *, port: int | None = None, quiet: float = 15.0) -> None:
        self._session = session
        self._port = port
        self._quiet = quiet

    async def fetch(
        self,
        channel: int,
        stream: Stream,
        span: Span,
        there: list[Span],
        write: Callable[[bytes], Awaitable[None]],
        clock: DeviceClock,
    ) -> Fetched:
        """Play a span into a program stream (`hikcore.media.ps_write`).

        Args:
            span: what is asked for; it begins where footage does.
            there: where the maps say that there is footage; without any, everywhere.
            clock: what the times of frames mean.

        Raises:
            DeviceError: see `perform`.
        """
        account = await self.account()
        end = min(there[-1].end, span.end) if there else span.end
        begin = max(there[0].begin, span.begin) if there else span.begin
        body = Played(write, clock, begin)
        path = f"/playback/{channel}/{_STREAM_IDS[stream]}"
        milliseconds = self._session.settings.playback_unit == "ms"

        def url(start: int | None) -> str:
            at = (begin if start is None else start) // NS
            # The guide wants a string that is unique among all clients.
            token = f"hikcore-{secrets.token_hex(8)}"
            time = at * 1000 if milliseconds else at
            return _address(account, f"{path}?time={time}&session={token}")

        await perform(self._way(account), body, end + EDGE, url, clock, there=there)
        first = body.first if body.first is not None else begin
        return Fetched(
            body.size,
            None,
            told=Span(first, max(end, first + 1)),
            whole=bool(body.filmed) and first <= begin + REACHED and reached(body, end + EDGE),
        )

    def live(
        self, channel: int, stream: Stream, *, reconnect: Reconnect | None = None
    ) -> RecorderLive:
        """A camera's live stream; nothing is sent before it is read."""
        return RecorderLive(self, self._session, channel, stream, reconnect=reconnect)

    async def account(self) -> Account:
        """Where and as whom; the recorder is asked for its port where that is not set."""
        if self._port is None:
            self._port = await self._told_port()
        return self._session.rtsp_account(self._port)

    async def _told_port(self) -> int:
        try:
            ports = await self._session.get("/network/getPort")
        except (DeviceRefused, DeviceProtocolError):
            return _PORT  # it does not tell
        told = str(ports.get("rtsp_port", "")) if isinstance(ports, Mapping) else ""
        return int(told) if told.isdecimal() and 0 < int(told) < 65_536 else _PORT

    def _way(self, account: Account) -> Way:
        session, settings = self._session, self._session.settings

        async def allowed() -> None:
            await session.polite.request(
                settings.requests, settings.hours, session.now(), session.where
            )

        async def received(size: int) -> None:
            await session.polite.received(size, settings.hours, session.now)

        return Way(
            account=account,
            retrying=session.retrying,
            place=session.polite.streaming.place,
            allowed=allowed,
            received=received,
            retries=settings.retries,
            quiet=self._quiet,
        )


class RecorderLive(RtspLive):
    """One camera's live stream over RTSP (3.1), at a port that the recorder is asked for.

    Args:
        transport, session: of the recorder.
        reconnect: see `Live`.
    """

    def __init__(
        self,
        transport: RtspTransport,
        session: Session,
        channel: int,
        stream: Stream,
        *,
        reconnect: Reconnect | None = None,
    ) -> None:
        account = session.rtsp_account(_PORT)
        super().__init__(account, "", reconnect=reconnect, now=session.now)
        self._transport, self._path = transport, f"/live/{channel}/{_STREAM_IDS[stream]}"

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Playing]:
        """A stream that plays."""
        account = await self._transport.account()
        async with play(account, _address(account, self._path)) as playing:
            yield playing


def _address(account: Account, rest: str) -> str:
    host = f"[{account.host}]" if ":" in account.host else account.host
    return f"rtsp://{host}:{account.port}{rest}"
