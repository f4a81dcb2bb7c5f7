"""Recordings over RTSP: where a device refuses downloads, and what lies in a file that it still
writes.

A recorder ends no playback (facts 1.11): it falls silent at the end, or runs on into what follows.
So the end is ours: the first key picture that was filmed after what was asked for, or silence.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from hikcore.deviceclock import DeviceClock
from hikcore.errors import DeviceAuthError, TransferInterrupted
from hikcore.instants import NS, Span, compact_instant, format_instant
from hikcore.sources.base import Fetched, LoginGuard, Recording, Refusal
from hikcore.sources.isapi.connection import Connection
from hikcore.sources.isapi.literal import digits
from hikcore.sources.isapi.played import Played, Write
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.status import parse_status, refusal_text
from hikcore.sources.login import Login
from hikcore.sources.rtsp import Account, Playing, play

_RANGE: Final = re.compile(r"clock\s*=\s*(\d{8}T\d{6}(?:\.\d+)?Z?)")
_BLANK: Final = re.compile(r"(time=\d{4})-(\d\d)-(\d\d)(?: |%20)(\d\d):(\d\d):(\d\d)")
#: A listed end is whole seconds, rounded down; the picture of that second belongs to it.
_EDGE: Final = NS
#: Footage without a key picture is played so far past its end, and no further.
_NO_KEY: Final = 30 * NS
#: What a playback may lack of its end and still have reached it: rounding, the last picture.
_REACHED: Final = 2 * NS
#: No tail is shorter: less is not worth a session, and the device has not flushed it.
_LEAST: Final = 10 * NS
#: How a lock is left alone after its time, and how long one is where nobody says (see auth.py).
_LOCK: Final = 1800
_AFTER_LOCK: Final = 30


class SharedLogin:
    """The device's login as RTSP has it: one refusal over RTSP is one of the device, for everybody,
    and the other way round. Implements `rtsp.RtspLogin`."""

    def __init__(
        self, login: Login, guard: LoginGuard | None, where: str, now: Callable[[], int]
    ) -> None:
        self._login, self._guard = login, guard
        self._where, self._now = where, now

    async def check(self) -> None:
        """Pass unless the credentials were refused, here or anywhere.

        Raises:
            DeviceAuthError: they were.
        """
        await self._login.check(self._guard, self._where, self._now)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Held while they are sent for the first time."""
        return self._turn()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._login.accepted:
            yield
            return
        async with self._login.first.place():
            if self._guard is None or self._login.accepted:
                yield
                return
            async with self._guard.first():
                await self._login.check(self._guard, self._where, self._now, at_once=True)
                yield

    async def refused(self, body: bytes) -> DeviceAuthError:
        """Tell everybody that the device refused them; a lock stands no longer than itself."""
        status = parse_status(body)
        message, hint = refusal_text(status)
        until = None
        if status is not None and status.locked:
            seconds = status.unlock_seconds if status.unlock_seconds is not None else _LOCK
            until = self._now() + (max(0, seconds) + _AFTER_LOCK) * NS
        refusal = Refusal(f"{message} (over RTSP)", hint, self._now(), until)
        return await self._login.refuse(refusal, self._where, self._guard)

    async def accepted(self) -> None:
        """The device took them."""
        await self._login.accept(self._guard)


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

        A connection that breaks is begun again from the last key picture, as long as that gets on.
        A playback that ends before it should is begun again, too: if that brings nothing more,
        there is no more.

        Raises:
            TransferInterrupted: it breaks off over and over, or does not get on.
            NotThere: the device has nothing to play there.
            DeviceError: it does not play.
        """
        clock = await self.clock()
        body = Played(write, clock, recording.span.begin)
        limit = recording.span.end + _EDGE
        failures = 0
        while True:
            before = body.pictures
            ended, broken = await self._once(recording, body, clock, limit)
            if ended or (recording.kind == "tail" and broken is None):
                break
            if broken is not None and body.pictures and body.resume_from is None:
                raise broken  # no key picture yet: there is nothing to go on from
            failures = 0 if body.pictures > before else failures + 1
            if failures and not body.searching and broken is None:
                break  # it was asked again, and has no more
            if failures >= self.settings.retries.attempts or (body.searching and failures > 1):
                raise broken or TransferInterrupted(
                    "the playback does not go on where it broke off", where=self.connection.where
                )
            await self._wait(failures)
        await body.finish()
        if not body.pictures:
            raise TransferInterrupted(
                f"no picture within {self.settings.quiet:g} s of playback",
                where=self.connection.where,
                hint="the recorder may have written over this recording, or is slow to find it",
            )
        begun = body.first is not None and body.first <= recording.span.begin + _REACHED
        return Fetched(
            body.size,
            None,
            told=self._told(recording, body),
            # A hole inside is the recorder's: by the times of filming it was played over.
            whole=bool(body.filmed) and begun and _reached(body, limit),
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

    async def _once(
        self, recording: Recording, body: Played, clock: DeviceClock, limit: int
    ) -> tuple[bool, TransferInterrupted | None]:
        """One playback: whether it came to the end, and what broke it."""
        start = body.resume_from
        if start is not None:
            body.again()
        url = self._url(recording, start, clock)
        before = body.pictures

        async def attempt() -> tuple[bool, TransferInterrupted | None]:
            try:
                return await self._play(url, body, clock, limit, start is None), None
            except TransferInterrupted as error:
                if body.pictures > before or start is not None:
                    return False, error  # not to be tried again here
                raise

        return await self.connection.retrying(attempt)

    async def _play(
        self, url: str, body: Played, clock: DeviceClock, limit: int, first: bool
    ) -> bool:
        settings, connection = self.settings, self.connection
        begin = body.resume_from or body.origin
        deadline = time.monotonic() + settings.slack * (limit - begin) / NS + 300
        async with connection.polite.streaming.place():
            await connection.polite.request(
                settings.requests, settings.hours, self.now(), connection.where
            )
            async with play(self.account(), url) as playing:
                if first:
                    body.origin = _origin(playing, clock, body.origin, limit)
                return await self._copy(playing, body, limit, deadline)

    async def _copy(self, playing: Playing, body: Played, limit: int, deadline: float) -> bool:
        """What comes, into the body; whether it reached the end."""
        async with aclosing(playing.samples(self.settings.quiet)) as samples:
            try:
                async for sample in samples:
                    at = body.time_of(sample)
                    if sample.kind == "video" and not body.searching:
                        if at >= limit and (sample.sync or at >= limit + _NO_KEY):
                            return True
                        if not sample.whole:
                            raise TransferInterrupted(
                                f"the device left out packets ({playing.lost} so far)",
                                where=self.connection.where,
                                hint="it cannot keep up: fewer at once, or a better way to it",
                            )
                    if time.monotonic() > deadline:
                        raise TransferInterrupted(
                            "the playback takes much longer than its footage",
                            where=self.connection.where,
                        )
                    size = body.size
                    await body.take(playing, sample)
                    await self.connection.received(body.size - size)
            except TransferInterrupted:
                if _reached(body, limit):
                    return True  # some hang up at the end
                raise
        return _reached(body, limit)

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
        near = abs(first - recording.span.begin) <= _REACHED
        begin = min(first, recording.span.begin) if near else first
        return Span(begin, max(recording.span.end, begin + 1))

    async def _wait(self, failures: int) -> None:
        retries = self.settings.retries
        wait = min(retries.initial * retries.factor**failures, retries.maximum)
        await asyncio.sleep(wait * random.uniform(0.75, 1.25))  # noqa: S311  no secret


def _reached(body: Played, limit: int) -> bool:
    return body.last is not None and body.last >= limit - _EDGE - _REACHED


def _origin(playing: Playing, clock: DeviceClock, asked: int, limit: int) -> int:
    """When the playback begins: as PLAY was answered, where that can be; else as asked."""
    found = _RANGE.search(playing.range)
    if found is None:
        return asked
    readings = clock.literal_readings(digits(found[1]))
    begin = min(readings, key=lambda reading: abs(reading - asked))
    return begin if asked - 60 * NS <= begin < limit else asked
