"""`Nvr`: a simulated EverFocus recorder on loopback, with real footage on its disks."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from hikcore.instants import NS, Span, to_datetime
from hikcore.sim.everfocus.api import Api
from hikcore.sim.everfocus.discovery import Responder
from hikcore.sim.everfocus.door import NvrDoor
from hikcore.sim.everfocus.front import Front
from hikcore.sim.everfocus.hooks import Hooks, Kind
from hikcore.sim.everfocus.profile import NvrProfile, nvr_profile
from hikcore.sim.everfocus.replies import error
from hikcore.sim.everfocus.rtsp import rtsp_server
from hikcore.sim.everfocus.store import Store
from hikcore.sim.everfocus.streams import Streams
from hikcore.sim.everfocus.traps import Trapped, trap
from hikcore.sim.faults import Fault, FaultPlan
from hikcore.sim.http import HttpServer, Request, Response
from hikcore.sim.spoil import Cut
from hikcore.sim.when import resolve

_MS = 1_000_000


class Nvr:
    """One simulated EverFocus recorder; `async with Nvr() as nvr:`.

    Args:
        profile: what it is and does; a name of a built-in one.
        host, port: where it listens for HTTP and WebSockets alike; port 0 takes a free one.
        now: the clock that it is set by, ns UTC; a profile's frozen instant wins.
        cache: folder of coded footage.
        tls: certificate and key, for HTTPS.
        sleep: how it waits.
        rtsp_port: where it streams over RTSP, 0: any free port; None: it does not, though getPort
            tells one.
        discovery_port: where it answers the search for devices over UDP, 0: any free port (real
            ones: 31501); None: it does not.
        strict: leaving the context fails if a management path was touched.

    Attributes:
        requests: everything that was asked, in order, openings of WebSockets among it.
        trapped: management requests that came: each is answered with an Error, and changes nothing.
        store: the footage: what a test compares with.
        responder: to the search for devices, if there is one.
        hooks: those who listen.
        api: what it answers; its snapshots and downloads.
        door: logins and sessions.
        streams: those that are open.
        rtsp: its streams over RTSP, and who asked for them.
        faults: what goes wrong; may be added to at any time.
    """

    def __init__(
        self,
        profile: NvrProfile | str = "everfocus-small",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], int] = time.time_ns,
        cache: Path | None = None,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rtsp_port: int | None = None,
        discovery_port: int | None = None,
        strict: bool = True,
    ) -> None:
        chosen = nvr_profile(profile) if isinstance(profile, str) else profile
        # Its cameras' states may change; whose profile it was does not see that.
        self.profile = chosen.model_copy()
        self.host, self.port = host, port
        self.rtsp_port, self.discovery_port = rtsp_port, discovery_port
        self._tls, self._sleep, self._strict = tls, sleep, strict
        clock = self.profile.clock
        self._moved = self._down_until = 0
        self._clock = now
        if clock.frozen is not None:
            instant = resolve(clock.frozen, now())
            self._clock = lambda: instant
        self.store = Store(self.profile, self.now(), cache)
        self.streams = Streams(self.profile, self.store, self.now, sleep)
        self.door = NvrDoor(self.profile.login)
        self.faults = FaultPlan(self.profile.faults)
        self.responder: Responder | None = None
        self.requests: list[Request] = []
        self.trapped: list[Trapped] = []
        self.rtsp = rtsp_server(self.profile, self.store, self.now, sleep=sleep, faults=self.faults)
        self.hooks = Hooks(self.profile, sleep)
        self.api = Api(self.profile, self.store, self.streams, self.now)
        self._front = Front(
            self.profile, self.door, self.streams, self.hooks, self.api, self.faults,
            now=self.now, sleep=sleep,
        )  # fmt: skip
        self._server = HttpServer(self._handle, self._headers, sleep=sleep)

    @property
    def url(self) -> str:
        """Where it listens, without credentials."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    def now(self) -> int:
        """What the recorder's clock says, as UTC ns."""
        return self._clock() + self.profile.clock.offset_ms * _MS + self._moved

    def advance(self, seconds: float) -> None:
        """Put the clock forward: footage grows."""
        self._moved += int(seconds * NS)

    def step_clock(self, seconds: float) -> None:
        """Set the clock forward (or back), while it records."""
        at, by = self.now() // _MS, int(seconds * 1000)
        for vault in self.store.vaults.values():
            vault.schedule.step(at, by)
        self._moved += by * _MS
        self.hooks.push("message", {
            "message": "sysTimeChanged", "time": self.now() // _MS,
            "content": {"sysTimeChanged": True},
        })  # fmt: skip

    def reboot(self, seconds: int = 60) -> None:
        """Be gone for so long by its own clock: connections, sessions and streams end, and nothing
        is recorded meanwhile."""
        begin = self.now()
        self._down_until = begin + seconds * NS
        for vault in self.store.vaults.values() if seconds else ():
            vault.schedule.hole(begin // _MS, self._down_until // _MS)
        self.door.expire()
        self.streams.restart()
        self.rtsp.restart()
        self._server.hang_up()

    def push(self, kind: Kind, value: Any) -> int:
        """Tell those who listen for `event`, `meta`, `exception` or `message`; how many that are.

        Args:
            value: of the message; a text is sent as it is.
        """
        return self.hooks.push(kind, value)

    def event(self, channel: int, type_: str, state: str) -> int:
        """Tell those who listen that an event is active, inactive or was there once (4.2)."""
        return self.push("event", {"ChannelID": channel, "Type": type_, "State": state})

    def change_camera(self, channel: int, **changes: Any) -> None:
        """Let a camera's state be another one: `online=False`, `event=True`."""
        self.profile.cameras = tuple(
            each.model_copy(update=changes) if each.main.channel == channel else each
            for each in self.profile.cameras
        )

    def recycle(self, channel: int, seconds: int) -> None:
        """Write over the oldest footage of a channel: what was stored so long ago or earlier."""
        for (each, _), vault in self.store.vaults.items():
            if each == channel:
                vault.schedule.recycle(self.now() // _MS - seconds * 1000)

    def recorded(self, channel: int, span: Span, stream: int = 0) -> list[int]:
        """The instants (ns) of all pictures of a span that it has now."""
        return self.store.recorded(channel, span, self.now(), stream)

    def fault(self, fault: Fault) -> None:
        """One more thing that goes wrong, from now on; see `hikcore.sim.faults`."""
        self.faults.add(fault)

    def hang_up(self) -> None:
        """End every connection, but go on listening."""
        self._server.hang_up()

    def assert_untouched(self) -> None:
        """Fail if a management path was touched.

        Raises:
            AssertionError: it names what came.
        """
        if self.trapped:
            told = ", ".join(str(each) for each in self.trapped)
            raise AssertionError(
                f"{len(self.trapped)} requests that would change a recorder: {told}"
            )

    async def prepare(self) -> None:
        """Make the footage of the last day, so that nobody waits for it."""
        room = asyncio.Semaphore(os.cpu_count() or 1)

        async def make(channel: int, stream: int) -> None:
            now = self.now()
            async with room:
                spans = self.store.stretches(
                    channel, stream, now // _MS - 86_400_000, now // _MS, now
                )
                footage = self.store.vaults[channel, stream].footage
                for span in spans:
                    # A queue of no length takes them one by one.
                    await asyncio.to_thread(deque, footage.pictures(span.begin, span.end), 0)

        await asyncio.gather(*(make(*place) for place in self.store.vaults))

    async def __aenter__(self) -> Nvr:
        self.port = await self._server.start(self.host, self.port, self._tls)
        self.api.ports["https_port" if self._tls else "http_port"] = self.port
        if self.rtsp_port is not None:
            self.rtsp_port = await self.rtsp.start(self.host, self.rtsp_port)
            self.api.ports["rtsp_port"] = self.rtsp_port
        if self.discovery_port is not None:
            answering = self.profile.answering
            self.responder = Responder(self.profile, answering, self.host, self.port)
            self.discovery_port = await self.responder.start(self.discovery_port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.responder is not None:
            self.responder.stop()
        await self.rtsp.stop()
        await self._server.stop()
        if self._strict and error is None:
            self.assert_untouched()

    def _headers(self) -> Iterator[tuple[str, str]]:
        yield "Date", to_datetime(self.now()).strftime("%a, %d %b %Y %H:%M:%S GMT")
        yield "Server", self.profile.identity.server

    async def _handle(self, request: Request) -> Response:
        self.requests.append(request)
        if self.now() < self._down_until:
            raise Cut(hard=True)
        if (touched := trap(request)) is not None:
            self.trapped.append(touched)
            return error("not here", 403)
        return await self._front.answer(request)
