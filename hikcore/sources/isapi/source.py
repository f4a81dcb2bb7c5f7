"""`IsapiSource`: a Hikvision recorder or camera as a source."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal
from xml.etree.ElementTree import Element

from pydantic import SecretStr

from hikcore.deviceclock import DeviceClock
from hikcore.errors import (
    ConfigurationError,
    DeviceRefused,
    DeviceUnreachable,
)
from hikcore.instants import NS, Span
from hikcore.sources.about import DeviceFacts, Planned
from hikcore.sources.base import (
    Answer,
    Deviation,
    DeviceCamera,
    DeviceNotes,
    Fetched,
    LoginGuard,
    Others,
    Recording,
    Stream,
)
from hikcore.sources.isapi import clock as device_clock
from hikcore.sources.isapi import search, tracks, xml
from hikcore.sources.isapi.calendar import Calendar
from hikcore.sources.isapi.cameras import list_cameras
from hikcore.sources.isapi.connection import Connection
from hikcore.sources.isapi.dialects import Dialects, identify
from hikcore.sources.isapi.download import Downloader
from hikcore.sources.isapi.facts import device_facts, rtsp_port
from hikcore.sources.isapi.finding import ClockFinder, Looks
from hikcore.sources.isapi.literal import literal_window
from hikcore.sources.isapi.oddities import odd_clock, odd_rows
from hikcore.sources.isapi.paging import Lister
from hikcore.sources.isapi.playback import Player, refusal_said
from hikcore.sources.isapi.remembered import ClockMemory
from hikcore.sources.isapi.rows import recordings_of
from hikcore.sources.isapi.search import Page
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.status import Rejected
from hikcore.sources.isapi.tracks import Tracks
from hikcore.sources.rtsp_login import SharedLogin
from hikcore.zonerule import check_device_time

if TYPE_CHECKING:
    from hikcore.sources.rtsp_live import Reconnect, RtspLive

_LOG = logging.getLogger("hikcore.isapi")
_TRACK: Final[dict[Stream, int]] = {"main": 1, "sub": 2}


class IsapiSource:
    """One device. Nothing is sent before the first call; `aclose` ends it.

    Args:
        host: name or address. port: 80, or 443 with https, unless said.
        username, password: an account with the right of remote playback.
        scheme: `http` or `https`.
        tls: `verify`, `ca:FILE`, `pin:SHA256` or `off`.
        device_time: what times in listings mean, see `check_device_time`; `auto` measures it.
        name: what people call the device, for errors.
        settings: timeouts, retries, limits.
        now: our clock, ns UTC.
        guard: shares refused logins with other processes and machines.
        notes: keep how the device speaks between processes.
        clock_notes: the same of what its times were measured to mean.

    Raises:
        ConfigurationError: a setting that is none of its values.
    """

    def __init__(
        self,
        host: str,
        username: str,
        password: SecretStr,
        *,
        port: int | None = None,
        scheme: str = "http",
        tls: str = "verify",
        device_time: str = "auto",
        name: str = "",
        settings: Settings | None = None,
        now: Callable[[], int] = time.time_ns,
        guard: LoginGuard | None = None,
        notes: DeviceNotes | None = None,
        clock_notes: DeviceNotes | None = None,
    ) -> None:
        if scheme not in ("http", "https"):
            raise ConfigurationError(f"scheme {scheme!r} is neither http nor https", where=name)
        try:
            check_device_time(device_time)
        except ValueError as error:
            raise ConfigurationError(f"device_time: {error}", where=name) from None
        self._settings = settings or Settings()
        self._now = now
        self._connection = Connection(
            host,
            port or (443 if scheme == "https" else 80),
            scheme,
            username,
            password,
            tls=tls,
            name=name,
            settings=self._settings,
            guard=guard,
            now=now,
        )
        self._dialects = Dialects(notes, lambda: identify(self._get), self._connection.where, now)
        self._tracks = Tracks(self._get)
        self._calendar = Calendar(self._post)
        self._channels: frozenset[int] | None = None
        self._lister = Lister(
            self._search,
            self._connection.polite.searching,
            self._settings,
            self._connection.where,
            self._dialects,
            self._tracks.numbers,
        )
        self._downloader = Downloader(self._connection, self._dialects, self._settings.retries)
        self._player = Player(
            self._connection,
            self._settings,
            host,
            username,
            password,
            SharedLogin(self._connection.login, guard, self._connection.where, now, refusal_said),
            self.clock,
            now,
        )
        self._played = self._settings.playback == "rtsp"
        self._meaning = ClockFinder(
            device_time,
            read_time=self._read_time,
            cameras=self.cameras,
            probe=lambda: Looks(self._lister, self._downloader),
            identity=self._dialects.device,
            memory=ClockMemory(clock_notes),
            where=self._connection.where,
            now=now,
        )

    async def clock(self) -> DeviceClock:
        """What its times mean: as set, or measured once for this source. Where nothing settles it,
        and both readings are the same now, it is UTC for as long as they are.

        Raises:
            ClockUndecided: no recording settles it; the message names both readings.
            DeviceError: it does not answer.
        """
        return await self._meaning.clock()

    def read_as(self, clock: DeviceClock) -> None:
        """Take this clock from now on: the archive has put the measured one right."""
        self._meaning.take(clock)

    def share(self, others: Others | None) -> None:
        """See `SharesLimits`."""
        self._connection.polite.share(others)

    async def deviation(self) -> Deviation:
        """Its clock against ours. It tells whole seconds, so its instant is the middle of one; our
        instant is the middle of the exchange."""
        sent = self._now()
        told = await self._read_time()
        received = self._now()
        ours = (sent + received) // 2
        theirs = told.utc(ours) + NS // 2
        return Deviation(theirs - ours, NS // 2 + (received - sent) // 2)

    async def cameras(self) -> list[DeviceCamera]:
        """Every channel, by number."""
        return await list_cameras(self._get)

    async def facts(self) -> DeviceFacts:
        """Model, firmware, disks, and the dialect that works so far."""
        return await device_facts(self._get, self._dialects.words)

    async def rtsp_port(self) -> int | None:
        """Where it streams, if it says so."""
        return await rtsp_port(self._get)

    async def schedules(self) -> list[Planned]:
        """When each channel is to record."""
        return tracks.parse_tracks(await self._get(tracks.PATH))

    async def recordings(self, channel: int, stream: Stream, span: Span) -> Answer:
        """Everything that it lists for a span, all pages; see `recordings_of` for `growing`."""
        clock = await self.clock()
        self._meaning.must_tell(span)
        told = await self._read_time()
        asked = clock.wall_to_utc(told.local, self._now())
        begin, end = literal_window(clock, span)
        track = channel * 100 + _TRACK[stream]
        listing = await self._lister.listing(track, begin, end)
        read = partial(
            recordings_of,
            channel=channel,
            stream=stream,
            clock=clock,
            device_now=asked,
            settings=self._settings,
            where=self._connection.where,
        )
        rows = read(listing.rows)
        if any(row.growing and row.span.end <= asked for row in rows):
            # The newest of the span may have a successor after it, which shows that it is closed:
            # asking by days must not answer otherwise than asking at once.
            later = clock.utc_to_literal(asked)
            if later > end:
                listing.rows.update((await self._lister.listing(track, end, later)).rows)
                rows = read(listing.rows)
        inside = tuple(row for row in rows if _rounded_out(row.span).meets(span))
        warnings = odd_clock(asked, self._now()) + odd_rows(inside)
        complete = listing.complete
        if not inside and complete:
            await self._must_be_there(channel)
            doubt = await self._missed(track, span, clock, asked)
            complete, warnings = not doubt, warnings + doubt
        return Answer(channel, stream, span, asked, complete, inside, tuple(warnings))

    async def _must_be_there(self, channel: int) -> None:
        """A recorder answers a search of a channel that it does not have with nothing found (facts
        1.3): that must not be kept as an empty camera.

        Raises:
            DeviceRefused: it lists its channels, and this is none of them.
        """
        if self._channels is None:
            try:
                self._channels = frozenset(camera.channel for camera in await self.cameras())
            except DeviceRefused:
                self._channels = frozenset()
        if self._channels and channel not in self._channels:
            listed = ", ".join(map(str, sorted(self._channels)))
            raise DeviceRefused(
                f"the device has no channel {channel}",
                where=self._connection.where,
                hint=f"it has: {listed}",
            )

    async def _missed(self, track: int, span: Span, clock: DeviceClock, asked: int) -> list[str]:
        """Days of which the device's calendar has footage, and its search nothing at all."""
        doubts = []
        for day in await self._calendar.recorded(track, span, clock):
            if day.end > asked:
                continue
            begin, end = literal_window(clock, day)
            if not (await self._lister.listing(track, begin, end)).rows:
                doubts.append(
                    f"its calendar has footage of {day}, its search finds none: not taken for empty"
                )
        return doubts

    async def fetch(
        self, recording: Recording, write: Callable[[bytes], Awaitable[None]]
    ) -> Fetched:
        """Stream the bytes of one recording; see `Source.fetch`. Where the device gives no files,
        they are played (`Settings.playback`), and so is every tail."""
        if recording.kind == "tail" or self._played:
            return await self._player.fetch(recording, write)
        try:
            return await self._downloader.fetch(recording.locator, write)
        except Rejected as error:
            if self._settings.playback != "auto" or not self._downloader.never_serves(error):
                raise
            refused = error
        return await self._play_instead(recording, write, refused)

    async def _play_instead(
        self,
        recording: Recording,
        write: Callable[[bytes], Awaitable[None]],
        refused: Rejected,
    ) -> Fetched:
        """Play what the device does not give as a file."""
        where = self._connection.where

        async def played(block: bytes) -> None:
            if not self._played:
                self._played = True
                _LOG.warning(
                    "%s: it gives no files (%s): its recordings are played, an hour in an hour",
                    where,
                    refused.message,
                )
            await write(block)

        try:
            return await self._player.fetch(recording, played)
        except (DeviceRefused, DeviceUnreachable) as error:
            raise DeviceRefused(
                f"it gives no files ({refused.message}), and plays none: {error.message}",
                where=where,
                hint="let the account download, or set rtsp_port to where the device streams",
            ) from None

    async def tail(self, growing: Recording, begin: int) -> Recording | None:
        """What a recording that is still being written holds; see `PlaysTails`."""
        clock = await self.clock()
        told = await self._read_time()
        return self._player.tail(growing, begin, clock.wall_to_utc(told.local, self._now()), clock)

    def live(self, channel: int, stream: Stream, *, reconnect: Reconnect | None = None) -> RtspLive:
        """A camera's live stream, over RTSP."""
        # Only who shows live video pays for it: it brings WebSockets.
        from hikcore.sources.rtsp_live import RtspLive  # noqa: PLC0415

        url = self._player.address(f"/Streaming/Channels/{channel * 100 + _TRACK[stream]}")
        return RtspLive(self._player.account(), url, reconnect=reconnect, now=self._now)

    @property
    def way(self) -> Literal["download", "rtsp"]:
        """How recordings are got, as far as is known; see `TellsItsWay`."""
        return "rtsp" if self._played else "download"

    async def aclose(self) -> None:
        """Close connections."""
        await self._connection.aclose()

    async def _get(self, path: str) -> Element:
        return await self._connection.asked("GET", path, xml.parse)

    async def _post(self, path: str, body: bytes) -> Element:
        return await self._connection.asked("POST", path, xml.parse, body)

    async def _search(self, body: bytes) -> Page:
        where = f"{self._connection.where} {search.PATH}"
        again: list[None] = []
        page = await self._connection.asked(
            "POST",
            search.PATH,
            lambda answer: search.parse(answer, where),
            body,
            lambda: again.append(None),
        )
        return replace(page, repeated=bool(again))

    async def _read_time(self) -> device_clock.DeviceTime:
        path = device_clock.PATH
        where = f"{self._connection.where} {path}"
        return await self._connection.asked(
            "GET", path, lambda answer: device_clock.parse_time(answer, where, self._meaning.rule)
        )


def _rounded_out(span: Span) -> Span:
    """With the second that a time told in whole seconds leaves open."""
    return Span(span.begin, span.end + NS)
