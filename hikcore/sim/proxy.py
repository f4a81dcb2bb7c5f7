"""A proxy on loopback that breaks what passes through it: in front of a simulator, MinIO, anything.

It speaks HTTP/1.1, so that it can strike the n-th search or the second upload, or plain TCP (RTSP),
where it counts connections. It is seeded: the same requests in the same order are struck alike. It
waits by the `sleep` it is given, so that a test need not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import h11

from hikcore.sim.errors_told import told
from hikcore.sim.messages import (
    Answer,
    Head,
    head_bytes,
    read_answer,
    read_request,
    unsigned,
)
from hikcore.sim.strikes import ISAPI_PHASES, PLAIN_KINDS, Plan, Strike, phase_of
from hikcore.sim.striking import Over, Spoiler, announce
from hikcore.sim.wsframes import doubled

Hook = Callable[[Strike], None]


@dataclass(frozen=True)
class Passed:
    """One request (or TCP connection) that came by, and what struck it, if anything did."""

    request: str
    phase: str
    strike: Strike | None = None


class FaultProxy:
    """Passes on to a server what it does not break; `async with`, or `with` (a thread of its own).

    Args:
        target: `host:port` of the server.
        strikes: what goes wrong; more may be added to `plan` at any time.
        phases: patterns of the requests of each phase, see `strikes`.
        seed: of the chances.
        http: False for anything else over TCP: strikes then go by connection, phase `tcp`.
        hooks: told of strikes that a device takes part in: `clock_step`, `reboot`.
        sleep: how it waits.

    Attributes:
        passed: everything that came by, in order.
    """

    def __init__(
        self,
        target: str,
        strikes: Sequence[Strike] = (),
        *,
        phases: Mapping[str, str] = ISAPI_PHASES,
        seed: int = 1,
        http: bool = True,
        hooks: Mapping[str, Hook] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self.plan = Plan(strikes, seed)
        self.passed: list[Passed] = []
        self.host = "127.0.0.1"
        self.port = 0
        self._phases = phases
        self._http = http
        self._hooks = dict(hooks or {})
        self._spoiler = Spoiler(sleep)
        self._down = 0
        self._last: dict[str, bytes] = {}
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, for HTTP."""
        return f"http://{self.endpoint}"

    @property
    def endpoint(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def struck(self) -> list[Passed]:
        """What was struck, in order."""
        return [passed for passed in self.passed if passed.strike is not None]

    def heal(self) -> None:
        """Nothing goes wrong any more, and a device that restarts is there again."""
        self.plan.clear()
        self._down = 0

    async def __aenter__(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._client, self.host, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    def __enter__(self) -> FaultProxy:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return asyncio.run_coroutine_threadsafe(self.__aenter__(), self._loop).result()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._loop is not None
        assert self._thread is not None
        asyncio.run_coroutine_threadsafe(self.__aexit__(None, None, None), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            if self._down:
                self._down -= 1
                raise Over(hard=True)
            await (self._talk(reader, writer) if self._http else self._pipe(reader, writer))
        except Over as over:
            if over.hard:
                _reset(writer)
        except (OSError, h11.ProtocolError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._open.pop(task, None)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = b""
        while (found := await read_request(reader, writer, rest)) is not None:
            head, raw, rest = found
            request = " ".join(head.first)
            phase = phase_of(request, self._phases)
            strike = self.plan.choose(request, phase)
            self.passed.append(Passed(request, phase, strike))
            kind = strike.kind if strike else ""
            if kind == "drop":
                raise Over(hard=False)
            if strike is not None and kind in ("busy", "error200", "store500"):
                await self._answer_itself(strike, head, writer)
                continue
            if kind == "repeat" and phase in self._last:
                writer.write(self._last[phase])
                await writer.drain()
                continue
            if kind in ("unauthorized", "stale_nonce"):
                raw = unsigned(head, raw)
            if strike is not None and kind == "reboot" and not (strike.at or strike.part):
                self._device(strike)
            try:
                await self._pass_on(head, raw, phase, strike, reader, writer)
            finally:
                if strike is not None and kind in ("clock_step", "reboot"):
                    self._device(strike)
            if (head.get("connection") or "").lower() == "close":
                return

    async def _answer_itself(
        self, strike: Strike, head: Head, writer: asyncio.StreamWriter
    ) -> None:
        kind, body = told(
            "busy" if strike.kind == "busy" else "error", head, store=strike.kind == "store500"
        )
        status, reason = {
            "busy": (503, "Service Unavailable"), "error200": (200, "OK"),
        }.get(strike.kind, (500, "Internal Server Error"))  # fmt: skip
        headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        writer.write(head_bytes(status, reason, headers))
        writer.write(b"" if head.first[0] == "HEAD" else body)
        await writer.drain()

    async def _pass_on(
        self,
        head: Head,
        raw: bytes,
        phase: str,
        strike: Strike | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Ask the server on a connection of its own, and give its answer, struck or not."""
        for again in (False, True) if strike and strike.kind == "twice" else (True,):
            theirs, ours = await asyncio.open_connection(*self._target)
            try:
                ours.write(raw)
                await ours.drain()
                answer = await read_answer(theirs, head)
                if answer.status == 101:
                    await self._switch(answer, strike, reader, writer, ours)
                elif again:
                    await self._give(answer, head, phase, strike, reader, writer)
                else:
                    async for _ in answer.blocks:
                        pass
            finally:
                ours.close()

    async def _give(
        self,
        answer: Answer,
        request: Head,
        phase: str,
        strike: Strike | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        headers, keep, length = announce(answer, strike)
        if strike is not None and strike.kind == "stale_nonce":
            headers = [(name, value.replace('"FALSE"', '"TRUE"')) for name, value in headers]
        if strike is not None and strike.kind in ("reset", "close") and not strike.cut(length):
            raise Over(hard=strike.kind == "reset")  # served, and the answer lost
        first = head_bytes(answer.status, answer.reason, headers)
        writer.write(first)
        copy = bytearray(first)
        bodiless = request.first[0] == "HEAD" or answer.status in (204, 304)
        body = _nothing() if bodiless else self._spoiler.body(answer, strike, length, reader)
        async for block in body:
            writer.write(block)
            await writer.drain()
            if len(copy) < 1 << 20:  # enough for any page of a listing
                copy += block
        if keep:
            self._last[phase] = bytes(copy)
        if strike is not None and strike.kind == "duplicate":
            writer.write(bytes(copy))
        await writer.drain()
        if not keep or (strike is not None and strike.kind == "wrong_length"):
            raise Over(hard=False)

    async def _switch(
        self,
        answer: Answer,
        strike: Strike | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ours: asyncio.StreamWriter,
    ) -> None:
        """Pass on what follows in another protocol, both ways; a strike counts the server's bytes.
        Of a WebSocket, `duplicate` sends every message twice."""
        writer.write(head_bytes(101, answer.reason, answer.head.headers))
        await writer.drain()
        if strike is not None and strike.kind == "duplicate":
            answer.blocks = doubled(answer.blocks)
        await self._both_ways(answer, strike, reader, writer, ours)
        raise Over(hard=False)

    async def _both_ways(
        self,
        answer: Answer,
        strike: Strike | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ours: asyncio.StreamWriter,
    ) -> None:
        up = asyncio.ensure_future(_copy(reader, ours))
        gone = asyncio.StreamReader()
        up.add_done_callback(lambda _: gone.feed_eof())
        try:
            async for block in self._spoiler.body(answer, strike, None, gone):
                writer.write(block)
                await writer.drain()
        finally:
            up.cancel()

    def _device(self, strike: Strike) -> None:
        hook = self._hooks.get(strike.kind)
        if hook is not None:
            hook(strike)
        if strike.kind == "reboot":
            self._down = strike.count
            for writer in list(self._open.values()):
                _reset(writer)
            raise Over(hard=True) from None

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        strike = self.plan.choose("CONNECT tcp", "tcp")
        if strike is not None and strike.kind not in PLAIN_KINDS:
            raise ValueError(f"{strike.kind} needs HTTP: this proxy passes on plain TCP")
        self.passed.append(Passed("CONNECT tcp", "tcp", strike))
        if strike is not None and strike.kind == "drop":
            raise Over(hard=False)
        theirs, ours = await asyncio.open_connection(*self._target)
        try:
            answer = Answer(Head(("200", "")), 200, "", None, _read(theirs))
            await self._both_ways(answer, strike, reader, writer, ours)
        finally:
            ours.close()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _read(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while block := await reader.read(1 << 16):
        yield block


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        async for block in _read(reader):
            writer.write(block)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
