"""The simulated recorder: an ISAPI device on loopback with real footage on its disks."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType

from hikcore.instants import NS, Span, to_datetime
from hikcore.sim.answers import Answers
from hikcore.sim.digest import Door
from hikcore.sim.faults import FaultPlan
from hikcore.sim.http import HttpServer, Request, Response
from hikcore.sim.profile import Profile, resolve
from hikcore.sim.recordings import StoredFile
from hikcore.sim.rtsp import RtspServer
from hikcore.sim.spoil import Cut
from hikcore.sim.vault import Vault

_MS = 1_000_000


class Recorder:
    """One simulated recorder; `async with Recorder(profile) as recorder:`.

    Args:
        profile: what it is and does.
        host, port: where it listens; port 0 takes a free one.
        now: the clock that it is set by, ns UTC; a profile's frozen instant wins.
        cache: folder of coded footage.
        tls: certificate and key, for HTTPS.
        rtsp_port: where it streams, 0: any free port; None: it does not.
        sleep: how it waits, where its profile or a fault says that it takes its time.

    Attributes:
        requests: everything that was asked, in order; entries of answers on their way still change.
        vaults: the footage and files of each channel: what a test compares with.
        faults: what goes wrong; may be added to at any time.
        rtsp: its streams and who asked for them.
        alerts: those who listen; lets things happen.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], int] = time.time_ns,
        cache: Path | None = None,
        tls: ssl.SSLContext | None = None,
        rtsp_port: int | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._tls = tls
        self.rtsp_port = rtsp_port
        self.profile = profile
        self.host = host
        self.port = port
        self._wanted_port = port
        self._moved = 0
        self._down_until = 0
        frozen = profile.clock.frozen
        if frozen is None:
            self._clock = now
        else:
            instant = resolve(frozen, now())
            self._clock = lambda: instant
        start = self.now()
        self.vaults = {
            camera.channel: Vault(profile, camera, start, cache) for camera in profile.cameras
        }
        self.requests: list[Request] = []
        self.faults = FaultPlan(profile.faults)
        self.door = Door(profile.auth)
        self._answers = Answers(
            profile, self.vaults, self.door, self.faults, host, self.now, sleep
        )  # fmt: skip
        self.alerts = self._answers.alerts
        self._server = HttpServer(self._handle, self._headers, profile.limits.per_connection, sleep)
        self.rtsp = RtspServer(
            profile, self.vaults, self.now,
            sleep=sleep, guests=self.door.guests, faults=self.faults,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Where it listens, without credentials."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    @property
    def bytes_served(self) -> int:
        """Bytes of footage that left in answers to downloads."""
        return sum(
            request.sent for request in self.requests
            if request.path == "/ISAPI/ContentMgmt/download" and request.status == 200
        )  # fmt: skip

    def now(self) -> int:
        """What the recorder's clock says, as UTC ns."""
        return self._clock() + self.profile.clock.offset_ms * 1_000_000 + self._moved

    def advance(self, seconds: float) -> None:
        """Put the clock forward: files grow, close, and new ones begin."""
        self._moved += int(seconds * NS)

    def step_clock(self, seconds: float) -> None:
        """Set the clock forward (or back): files end there, and new ones begin by the new time."""
        at, by = self.now() // _MS, int(seconds * 1000)
        for vault in self.vaults.values():
            vault.schedule.step(at, by)
        self._moved += by * _MS

    def reboot(self, seconds: int = 60, *, reindex: int = 0) -> None:
        """Be gone for so long by its own clock: connections, nonces, searches and streams end, and
        nothing is recorded meanwhile.

        Args:
            reindex: added to the numbers in file names, where the disks' index was built anew.
        """
        begin = self.now()
        self._down_until = begin + seconds * NS
        for vault in self.vaults.values():
            if seconds:
                vault.schedule.hole(begin // _MS, self._down_until // _MS)
            vault.schedule.reindex(reindex)
        self.door.forget_nonces()
        self._answers.content.forget()
        self.rtsp.restart()
        self._server.hang_up()

    def recycle(self, channel: int, seconds: int) -> None:
        """Write over the oldest footage of a channel: what ended so long ago or earlier."""
        self.vaults[channel].schedule.recycle(self.now() // _MS - seconds * 1000)

    def files(self, channel: int, span: Span | None = None) -> list[StoredFile]:
        """What is on the disks of a channel now, oldest first."""
        span = span or Span(0, self.now() + 365 * 86_400 * NS)
        return self.vaults[channel].files(span, self.now())

    def recorded(self, channel: int, span: Span) -> list[int]:
        """The instants (ns) of all pictures of a span on the disks now, each once."""
        return self.vaults[channel].recorded(span, self.now())

    async def prepare(self, progress: Callable[[float], None] | None = None) -> None:
        """Make the footage of all files on the disks, so that no search waits for it.

        Args:
            progress: told the part that is done, 0 to 1, from this thread.
        """
        files = [file for channel in self.vaults for file in self.files(channel)]
        whole = sum(file.written_ms - file.begin_ms for file in files) or 1
        room = asyncio.Semaphore(os.cpu_count() or 1)
        done = 0

        async def make(file: StoredFile) -> None:
            nonlocal done
            async with room:
                await asyncio.to_thread(self.vaults[file.channel].size, file)
            done += file.written_ms - file.begin_ms
            if progress is not None:
                progress(done / whole)

        await asyncio.gather(*(make(file) for file in files))

    async def __aenter__(self) -> Recorder:
        self.port = await self._server.start(self.host, self._wanted_port, self._tls)
        self._answers.documents.ports["HTTPS" if self._tls else "HTTP"] = self.port
        if self.rtsp_port is not None:
            self.rtsp_port = await self.rtsp.start(self.host, self.rtsp_port)
            self._answers.documents.ports["RTSP"] = self.rtsp_port
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.rtsp.stop()
        await self._server.stop()

    def _headers(self) -> Iterator[tuple[str, str]]:
        clock = self.profile.clock
        now = self.now()
        at = clock.rule.utc_to_local(now) if clock.http_date == "local" else now
        yield "Date", to_datetime(at).strftime("%a, %d %b %Y %H:%M:%S GMT")
        yield "Server", self.profile.identity.server
        # On everything, though no range is ever served (a device fact).
        yield "Accept-Ranges", "bytes"
        yield "X-Frame-Options", "SAMEORIGIN"
        yield "Keep-Alive", self.profile.identity.keep_alive

    async def _handle(self, request: Request) -> Response:
        self.requests.append(request)
        if self.now() < self._down_until:
            raise Cut(hard=True)
        return await self._answers.answer(request)
