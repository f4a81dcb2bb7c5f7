"""RTSP/1.0 (RFC 2326) as recorders speak it: over TCP alone, and without ever ending a playback."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hikcore.instants import to_datetime
from hikcore.sim.digest import Door, Guest
from hikcore.sim.faults import FaultPlan
from hikcore.sim.profile import Profile
from hikcore.sim.rtsp_session import (
    NoSuchStream,
    Player,
    Session,
    Wanted,
    clock_literal,
    clock_range,
    read_url,
)
from hikcore.sim.vault import Vault

_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Stream Not Found",
    405: "Method Not Allowed", 453: "Not Enough Bandwidth", 454: "Session Not Found",
    459: "Aggregate Operation Not Allowed", 461: "Unsupported Transport",
    500: "Internal Server Error",
}  # fmt: skip
_METHODS = "OPTIONS, DESCRIBE, PLAY, PAUSE, SETUP, TEARDOWN, SET_PARAMETER, GET_PARAMETER"
_HEAD_MOST = 64 * 1024


@dataclass
class RtspRequest:
    """One request, and how it was answered (0: not yet, or not at all)."""

    method: str
    url: str
    headers: dict[str, str]
    login: str = ""
    status: int = 0
    body: bytes = b""


@dataclass
class _Reply:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    after: Callable[[], None] | None = None


class RtspServer:
    """Streams of one recorder.

    Args:
        profile: of the recorder.
        vaults: by channel.
        now: its clock, ns UTC.
        sleep: how it waits.
        guests: addresses and their wrong logins, shared with the recorder's other door.
        faults: what goes wrong; matched against `METHOD url`: drop, delay and status.
        read: understands URLs, where they are not a Hikvision recorder's.
        control: obeys the body of a SET_PARAMETER; whether the session is to play from there.
        open_: nobody has to log in.

    Attributes:
        requests: everything that was asked, in order.
        sessions: those that count, leaked ones among them.
    """

    def __init__(
        self,
        profile: Profile,
        vaults: dict[int, Vault],
        now: Callable[[], int],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        guests: dict[str, Guest] | None = None,
        faults: FaultPlan | None = None,
        read: Callable[[str], Wanted] | None = None,
        control: Callable[[Session, bytes], bool] | None = None,
        open_: bool = False,
    ) -> None:
        self._profile = profile
        self._wanted = read or (lambda url: read_url(url, profile, vaults))
        self._control = control
        self._open = open_
        self._now = now
        self._sleep = sleep
        self._faults = faults or FaultPlan()
        self._player = Player(profile, now, sleep)
        also = ("Basic",) if profile.rtsp.basic else ()
        changes = {"style": "rtsp", "qop": False, "algorithm": "MD5", "also": also}
        known = {} if guests is None else guests
        self._door = Door(profile.auth.model_copy(update=changes), guests=known)
        self._made = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[RtspRequest] = []
        self.sessions: dict[str, Session] = {}

    async def start(self, host: str, port: int) -> int:
        """Listen; the port that was taken."""
        self._server = await asyncio.start_server(self._client, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close, in the middle of streams where need be."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def restart(self) -> None:
        """As after a restart of the recorder: every session and connection is gone."""
        for task in list(self._tasks):
            task.cancel()
        self.sessions.clear()
        self._door.forget_nonces()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        mine: dict[str, Session] = {}
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                if not await self._answer(request, writer, mine):
                    break
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            for name, session in mine.items():
                session.stop()
                if not self._profile.rtsp.leaks:
                    self.sessions.pop(name, None)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(
        self, request: RtspRequest, writer: asyncio.StreamWriter, mine: dict[str, Session]
    ) -> bool:
        """Answer one request; whether the connection lives on."""
        fault = self._faults.choose(f"{request.method} {request.url}", "")
        if fault is not None and fault.kind == "drop":
            return False
        if fault is not None and fault.kind == "delay":
            await self._sleep(fault.seconds)
        if fault is not None and fault.kind == "status":
            reply = _Reply(fault.status)
        else:
            reply = await self._reply(request, writer, mine)
        request.status = reply.status
        lines = [f"RTSP/1.0 {reply.status} {_REASONS.get(reply.status, 'Error')}"]
        lines.append(f"CSeq: {request.headers.get('cseq', '0')}")
        lines += [f"{name}: {value}" for name, value in reply.headers]
        # True UTC, unlike the recorder's HTTP (seen in the vendor's own capture).
        lines.append(f"Date:  {to_datetime(self._now()).strftime('%a, %b %d %Y %H:%M:%S')} GMT")
        if reply.body:
            lines.append(f"Content-Length: {len(reply.body)}")
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + reply.body)
        await writer.drain()
        if reply.after is not None:
            reply.after()
        return True

    async def _reply(
        self, request: RtspRequest, writer: asyncio.StreamWriter, mine: dict[str, Session]
    ) -> _Reply:
        if request.method == "OPTIONS":
            return _Reply(200, [("Public", _METHODS)])
        address = str(writer.get_extra_info("peername")[0])
        header = request.headers.get("authorization")
        verdict = self._door.check(address, request.method, request.url, header, self._now())
        request.login = verdict
        if verdict != "in" and not self._open:
            offers = self._door.challenges(self._now())
            return _Reply(401, [("WWW-Authenticate", offer) for offer in offers])
        if request.method == "DESCRIBE":
            return await self._describe(request, writer)
        if request.method == "SETUP":
            return self._setup(request, mine)
        session = mine.get(request.headers.get("session", "").partition(";")[0].strip())
        if request.method in ("GET_PARAMETER", "SET_PARAMETER") and session is None:
            return _Reply(200)
        if session is None:
            return _Reply(454)
        named = [("Session", session.name)]
        if request.method == "PLAY":
            return await self._play(request, session, writer)
        if request.method == "TEARDOWN":
            session.stop()
            mine.pop(session.name, None)
            self.sessions.pop(session.name, None)
        elif request.method == "PAUSE":
            session.stop()
        elif request.method == "SET_PARAMETER" and self._control is not None:
            if self._control(session, request.body):
                return _Reply(200, named, after=lambda: self._begin(session, writer, session.at))
        elif request.method not in ("GET_PARAMETER", "SET_PARAMETER"):
            return _Reply(405, [("Allow", _METHODS)])
        return _Reply(200, named)

    async def _describe(self, request: RtspRequest, writer: asyncio.StreamWriter) -> _Reply:
        try:
            wanted = self._wanted(request.url)
        except NoSuchStream:
            return _Reply(404)
        host = str(writer.get_extra_info("sockname")[0])
        body = await self._player.describe(wanted, host)
        if body is None:
            return _Reply(404)
        base = request.url.rstrip("/") + "/"
        return _Reply(200, [("Content-Type", "application/sdp"), ("Content-Base", base)], body)

    def _setup(self, request: RtspRequest, mine: dict[str, Session]) -> _Reply:
        transport = request.headers.get("transport", "")
        match = re.search(r"interleaved=(\d+)(?:-\d+)?", transport)
        if "RTP/AVP/TCP" not in transport or match is None:
            return _Reply(461)
        try:
            wanted = self._wanted(request.url)
        except NoSuchStream:
            return _Reply(404)
        session = mine.get(request.headers.get("session", "").partition(";")[0].strip())
        if session is None:
            if self._full(wanted.playback):
                return _Reply(453)
            self._made += 1
            session = Session(str(1_095_657_680 + self._made), wanted)
            mine[session.name] = self.sessions[session.name] = session
        media = "audio" if "trackID=audio" in request.url else "video"
        first = int(match.group(1))
        sender = session.add(media, first)
        said = f"RTP/AVP/TCP;unicast;interleaved={first}-{first + 1};ssrc={sender.ssrc:08x}"
        headers = [("Session", f"{session.name};timeout=60"), ("Transport", f'{said};mode="play"')]
        if wanted.playback:
            scales = '"-1, 0.5, 1, 2, 4"'
            headers.append(("Media-Properties", f"Random-Access=1.0s, Immutable, Scales={scales}"))
        return _Reply(200, headers)

    def _full(self, playback: bool) -> bool:
        open_ = sum(session.wanted.playback == playback for session in self.sessions.values())
        rtsp = self._profile.rtsp
        return open_ >= (rtsp.playbacks if playback else rtsp.lives)

    async def _play(
        self, request: RtspRequest, session: Session, writer: asyncio.StreamWriter
    ) -> _Reply:
        wanted, headers = session.wanted, [("Session", session.name)]
        begin = clock_range(request.headers.get("range", ""), self._profile)
        at = await asyncio.to_thread(self._player.begin_ms, wanted)
        if wanted.playback and wanted.end_ms is not None:
            literal = [clock_literal(ms, self._profile) for ms in (begin or at, wanted.end_ms)]
            headers.append(("Range", f"clock={'-'.join(literal)}"))
        base = request.url.rstrip("/")
        info = [
            f"url={base}/trackID={media};seq={sender.sequence};rtptime={sender.stamp(at)}"
            for media, sender in session.senders.items()
        ]
        headers.append(("RTP-Info", ",".join(info)))
        session.stop()
        return _Reply(200, headers, after=lambda: self._begin(session, writer, begin))

    def _begin(self, session: Session, writer: asyncio.StreamWriter, begin: int | None) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        async def send() -> None:
            with contextlib.suppress(OSError):
                if await self._player.play(session, write, begin):
                    writer.close()

        session.task = asyncio.ensure_future(send())


async def _read(reader: asyncio.StreamReader) -> RtspRequest | None:
    """The next request; what the client sends on interleaved channels (RTCP) is passed over."""
    while True:
        first = await reader.read(1)
        if not first:
            return None
        if first == b"$":
            size = int.from_bytes((await reader.readexactly(3))[1:], "big")
            await reader.readexactly(size)
            continue
        if first in b"\r\n":
            continue
        head = first + await reader.readuntil(b"\r\n\r\n")
        line, *rest = head[:_HEAD_MOST].decode("latin-1").split("\r\n")
        method, url, _ = line.split(" ", 2)
        headers = {}
        for text in rest:
            name, colon, value = text.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return RtspRequest(method, url, headers, body=body)
