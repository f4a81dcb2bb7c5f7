"""`EverFocusSource`: one EverFocus recorder as a source of windows.

What it has is told by its record maps, footage comes by WebSocket playback: the one way that
carries the true time of every frame.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Final

from hikcore.deviceclock import UTC_CLOCK, DeviceClock
from hikcore.errors import TransferInterrupted
from hikcore.instants import NS, Span
from hikcore.sources.about import DeviceFacts
from hikcore.sources.base import (
    Answer,
    Deviation,
    DeviceCamera,
    DeviceNotes,
    Fetched,
    Others,
    Recording,
    Stream,
)
from hikcore.sources.everfocus.archiving import ArchiveSettings
from hikcore.sources.everfocus.backup import Pictures, collected, ends_of, told
from hikcore.sources.everfocus.client import EverFocusClient
from hikcore.sources.everfocus.clock import RecorderClock
from hikcore.sources.everfocus.facts import describe, list_cameras
from hikcore.sources.everfocus.footage import RecordMaps
from hikcore.sources.everfocus.live import LiveStream
from hikcore.sources.everfocus.maps import Grid, clipped, closed_up
from hikcore.sources.everfocus.playback import Manner, Playback
from hikcore.sources.everfocus.rtsp import RecorderLive, RtspTransport
from hikcore.sources.everfocus.session import Session
from hikcore.sources.everfocus.way import Load, Way, way
from hikcore.sources.everfocus.windows import Asked, hull
from hikcore.sources.reconnect import Reconnect

_LOG = logging.getLogger(__name__)
#: Holes of fewer seconds in a map are none: pictures may come more slowly than one a second.
APART: Final = 4
#: A map with more stretches in one window flickers with the pictures, and tells of no holes.
_MOST_PARTS: Final = 60
#: Seconds that are played to prove a speed.
_PROOF: Final = 10

Write = Callable[[bytes], Awaitable[None]]


class EverFocusSource:
    """One recorder. Nothing is sent before the first call; `aclose` ends it.

    Args:
        session: of the recorder; closed by `aclose`.
        archiving: how it is drawn on.
        channels: those that are worked on, as far as known: maps are asked for four at once.
        name: what people call it, for errors.
        notes: where is kept which speed of playback was proved; None: only 1 is used.

    Raises:
        ConfigurationError: settings that cannot be.
    """

    def __init__(
        self,
        session: Session,
        *,
        archiving: ArchiveSettings | None = None,
        channels: Iterable[int] = (),
        name: str = "",
        notes: DeviceNotes | None = None,
    ) -> None:
        self._session = session
        self._notes = notes
        self._speed: int | None = None
        self._how = archiving or ArchiveSettings()
        self.windows = self._how.windows(name)
        self._channels = frozenset(channels)
        self._by_rtsp = RtspTransport(
            session, port=self._how.rtsp_port, quiet=self._how.playback_idle
        )
        self._client = EverFocusClient(session)
        self._time = RecorderClock(session)
        self._maps: RecordMaps | None = None
        self._grid: Grid | None = None
        #: Windows without a key picture, and how many before each are asked for with it.
        self._back: dict[tuple[int, Stream, int], int] = {}

    @property
    def session(self) -> Session:
        """The recorder's, for its listeners; `aclose` ends it."""
        return self._session

    def live(
        self, channel: int, stream: Stream, *, reconnect: Reconnect | None = None
    ) -> LiveStream | RecorderLive:
        """A camera's live stream, over a WebSocket or RTSP, as set."""
        session = self._session
        if self._how.live == "rtsp":
            return self._by_rtsp.live(channel, stream, reconnect=reconnect)
        return LiveStream(
            session,
            channel,
            stream,
            reconnect=reconnect,
            size_counts_header=session.settings.size_counts_header,
            name=session.where,
            now=session.now,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know of the recorder: a password that is to be changed, a clock whose
        settings do not fit."""
        told = self._time.told
        clock = told.warnings if told is not None else ()
        return tuple(dict.fromkeys((*self._session.warnings, *clock)))

    async def clock(self) -> DeviceClock:
        """Frames carry Unix time, so UTC, wherever the recorder stands; else as set."""
        if self._how.frame_times == "utc":
            return UTC_CLOCK
        return DeviceClock("utc", (await self._time.read()).zone, "setting")

    async def deviation(self) -> Deviation:
        """Its clock against ours, at the midpoint of a request for it."""
        await self._time.read(fresh=True)
        return self._time.off

    async def cameras(self) -> list[DeviceCamera]:
        """Every channel; one that is switched off is not online."""
        found = await list_cameras(self._client)
        self._channels |= {each.channel for each in found}
        return found

    async def facts(self) -> DeviceFacts:
        """Model, firmware, disks, the zone of its wall clock; how footage comes, and whether
        playing it keeps up with what is recorded."""
        facts = await describe(self._client, (await self._time.read()).zone)
        speed = await self._proved_speed()
        load = self._load(speed)
        days = load.wanted / load.possible
        dialect = (
            f"footage by {self._way(speed)}; to play a day of {load.streams} streams takes "
            f"{days:.1f} days, {load.sessions} at once"
        )
        return replace(facts, dialect=dialect)

    async def recordings(self, channel: int, stream: Stream, span: Span) -> Answer:
        """A row for every window that meets the span and in which the maps show footage.

        Raises:
            DeviceError: the recorder cannot be asked.
        """
        await self._time.read()
        now = self._time.now()
        await self._proved_speed()  # what it has to say is among the answer's warnings
        if span.begin >= now:
            return Answer(channel, stream, span, now, False, (), self.warnings)
        aligned = self.windows.aligned(span)
        whole = (aligned[0].begin // NS, aligned[-1].end // NS)
        settled = (now - self.windows.settle) // NS
        footage = await (await self._mapped()).footage(channel, stream, whole, settled)
        rows = []
        for window in aligned:
            seconds = (window.begin // NS, -(-min(window.end, now) // NS))
            inside = closed_up(clipped(footage.there, seconds), APART)
            if not inside:
                continue
            exact = clipped(footage.exact, seconds) == [seconds] and len(inside) <= _MOST_PARTS
            there = tuple(Span(begin * NS, end * NS) for begin, end in inside)
            asked = Asked(window.begin // NS, window.end // NS, tuple(inside), exact)
            rows.append(
                Recording(
                    channel=channel,
                    stream=stream,
                    kind="window",
                    literal_begin=str(window.begin // NS),
                    literal_end=str(window.end // NS),
                    span=hull(inside),
                    size=None,
                    name="",
                    growing=window.end + self.windows.settle > now,
                    locator=str(asked),
                    there=there if exact else (),
                )
            )
        warnings = tuple(dict.fromkeys((*self.warnings, *footage.warnings)))
        return Answer(channel, stream, span, footage.asked, footage.complete, tuple(rows), warnings)

    def asking(self, recording: Recording, span: Span) -> Recording:
        """The same window, asked for with this span."""
        asked = Asked.read(recording.locator)
        begin, end = span.begin // NS, -(-span.end // NS)
        end = min(end, begin + self.windows.longest // NS)
        return replace(recording, locator=str(replace(asked, begin=begin, end=end)))

    async def fetch(
        self, recording: Recording, write: Callable[[bytes], Awaitable[None]]
    ) -> Fetched:
        """Stream the frames of one window; see `Source.fetch`.

        A window without a key picture cannot be decoded: it is asked for once more, together with
        what lies before it.

        Raises:
            TransferInterrupted: it broke off; or there is no key picture in it, yet.
        """
        asked = Asked.read(recording.locator)
        place = (recording.channel, recording.stream, int(recording.literal_begin))
        where = (
            f"{self._session.where} channel {recording.channel} {recording.stream}, {asked.span}"
        )
        clock = await self.clock()

        async def paced(block: bytes) -> None:
            await write(block)
            settings = self._session.settings
            await self._session.polite.received(len(block), settings.hours, self._session.now)

        there = [Span(begin * NS, end * NS) for begin, end in asked.there]
        if self._how.transport == "rtsp":
            return await self._by_rtsp.fetch(
                recording.channel, recording.stream, asked.request(place[2]), there, write, clock
            )
        speed = await self._proved_speed()
        if self._way(speed) == "backup" and len(asked.there) == 1 and self._plain(asked):
            return await self._backup(recording, asked, paced, clock, where, speed)
        playback = self._playback(recording, paced, clock, where, speed)
        back = self._back.get(place, 0)
        done = await playback.run(
            asked.request(place[2], back * self.windows.length // NS),
            there,
            from_key=back > 0,
            exact=asked.exact,
        )
        if not done.key and back < self._how.lookback_windows:
            self._back[place] = min(2 * back + 1, self._how.lookback_windows)
            raise TransferInterrupted(
                "no key picture in it: asked for again together with what lies before",
                where=where,
                hint="window_seconds above the camera's longest group of pictures avoids it",
            )
        return Fetched(done.size, None, whole=done.whole)

    def share(self, others: Others | None) -> None:
        """See `SharesLimits`."""
        self._session.polite.share(others)

    async def aclose(self) -> None:
        """Log out and close connections."""
        await self._session.aclose()

    def _way(self, speed: int) -> Way:
        return way(self._load(speed)) if self._how.way == "auto" else self._how.way

    def _load(self, speed: int) -> Load:
        """As if all day were recorded."""
        return Load(
            streams=max(len(self._channels), 1),
            window=self._how.window_seconds,
            margin=self._how.margin_seconds,
            sessions=self._session.settings.streams,
            speed=speed,
        )

    def _plain(self, asked: Asked) -> bool:
        """Whether the maps show no hole in a window: the pictures of an AVI stand side by side,
        whatever lay between them."""
        ((begin, end),) = asked.there
        return end - begin >= self._how.window_seconds

    async def _backup(
        self,
        recording: Recording,
        asked: Asked,
        write: Write,
        clock: DeviceClock,
        where: str,
        speed: int,
    ) -> Fetched:
        """A window as AVI, its ends by playback."""
        pictures = Pictures()
        opening = self._client.backup_video_clip(recording.channel, asked.span, recording.stream)
        async with opening as body:
            async for block in body.blocks():
                pictures.feed(block)
                for at in range(0, len(block), 1 << 20):
                    await write(block[at : at + (1 << 20)])

        async def play(keep: Write, span: Span) -> object:
            return await self._playback(recording, keep, clock, where, speed).run(span, [])

        begin, end = [await collected(play, span) for span in ends_of(asked.span)]
        span = told(pictures, begin, end)
        if span is None:
            _LOG.warning(
                "%s: no picture of the AVI came in a playback: its times are estimated", where
            )
        return Fetched(body.size, body.promised, span or asked.span)

    @property
    def wanted_speed(self) -> int:
        """Of playback, as set."""
        return self._how.playback_speed

    async def prove_speed(self, recording: Recording) -> str:
        """Play ten seconds of a window at both speeds; see `PlaysFaster`."""
        asked = Asked.read(recording.locator)
        begin = asked.there[0][0] if asked.there else asked.begin
        span = Span(begin * NS, (begin + _PROOF) * NS)
        clock, bodies = await self.clock(), []
        for speed in (1, self.wanted_speed):
            body = bytearray()

            async def keep(block: bytes, body: bytearray = body) -> None:
                body.extend(block)

            await self._playback(recording, keep, clock, self._session.where, speed).run(span, [])
            bodies.append(bytes(body))
        same = bodies[0] == bodies[1] and bool(bodies[0])
        self._speed = self.wanted_speed if same else 1
        if self._notes is not None:
            await asyncio.to_thread(self._notes.save, {"proved_speed": self._speed})
        slow, fast = map(len, bodies)
        return "" if same else f"{slow} bytes at speed 1, {fast} at speed {self.wanted_speed}"

    async def _proved_speed(self) -> int:
        """As set, if it was proved; else 1."""
        if self.wanted_speed == 1:
            return 1
        if self._speed is None:
            notes = self._notes
            kept = await asyncio.to_thread(notes.load) if notes is not None else None
            proved = (kept or {}).get("proved_speed") == self.wanted_speed
            self._speed = self.wanted_speed if proved else 1
            if not proved:
                wanted = f"playback_speed = {self.wanted_speed}"
                self._session.warn(f"{wanted} is not used until hikcore doctor has proved it")
        return self._speed

    def _playback(
        self, recording: Recording, write: Write, clock: DeviceClock, where: str, speed: int
    ) -> Playback:
        settings, near = self._session.settings, recording.span.begin
        manner = Manner(
            idle=self._how.playback_idle,
            pause=settings.retries.initial,
            milliseconds=settings.playback_unit == "ms",
            size_counts_header=settings.size_counts_header,
            speed=speed,
            busy_words=settings.busy_words,
        )
        return Playback(
            self._session,
            recording.channel,
            recording.stream,
            write,
            manner=manner,
            utc=lambda time: clock.wall_to_utc(time, near),
            where=where,
            busy=self._session.polite.busy,
        )

    async def _mapped(self) -> RecordMaps:
        settings = self._session.settings
        grid = Grid(
            (await self._time.read()).zone,
            local_days=settings.map_day == "local",
            local_hours=self._how.map_hour == "local",
        )
        if self._maps is None or grid != self._grid:
            self._grid = grid
            self._maps = RecordMaps(
                self._session.post,
                grid,
                self._time.now,
                channels=self._channels,
                at_once=settings.map_channels,
                inclusive=settings.ends_inclusive,
                absent=self._how.map_absent == "empty",
            )
        return self._maps
