"""WebSocket playback of a span (NVR SDK guide, 3.3 and 3.4): the recorder's frames as they come,
header and bytes, until a picture reaches the end.

A playback has neither an end nor a mark of it: it plays on, jumps over a gap, falls silent, or
closes. What the record maps say tells a hole from a break: behind a hole it is asked for what comes
next, after a break for the last key picture, and what was written before is left out by its bytes.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from hikcore.errors import (
    DeviceAuthError,
    DeviceBusy,
    DeviceError,
    DeviceProtocolError,
    DeviceRefused,
    TransferInterrupted,
)
from hikcore.instants import NS, Span, union
from hikcore.media.keypicture import decodes_from
from hikcore.sources.base import QuietHours
from hikcore.sources.everfocus.frames import G711, H265, KNOWN, FrameCutter
from hikcore.sources.everfocus.inband import check_reply, drain, tell
from hikcore.sources.everfocus.outflow import Outflow
from hikcore.sources.everfocus.seen import DOUBT, Seen
from hikcore.sources.everfocus.written import Written
from hikcore.sources.patience import BusyPace

_LOG = logging.getLogger(__name__)
_STREAM_IDS: Final = {"main": 0, "sub": 1}
#: Sound without pictures ends a playback only so long after the end.
_SOUND: Final = 5 * NS
#: A playback begins at the key picture before what it is asked for. One that begins so much earlier
#: was asked for in another unit, or does not seek: it would play all that the recorder has.
_EARLY: Final = 900 * NS
#: A connection lasts so many times as long as what it plays, and so many seconds, at most.
_SLACK: Final = 2.0
_GRACE: Final = 300.0
#: Seconds without a frame that end a playback behind the last second of the maps.
_SHORT: Final = 3.0
#: The close code "try again later" (IANA's registry of RFC 6455).
_TRY_AGAIN: Final = 1013
#: Frames of another time with which a playback may begin: some may have no proper time.
_STRAY: Final = 50


class _Elsewhere(DeviceProtocolError):
    """It plays what nobody asked for."""


class _Endless(TransferInterrupted):
    """It plays and plays, and comes no nearer to its end."""


#: After these another connection cannot help.
_FINAL: Final = (DeviceAuthError, QuietHours, _Elsewhere, _Endless)

Ending = Literal["end", "silent", "closed"]


class Sockets(Protocol):
    """What is needed of a session: WebSockets of a recorder that is logged in."""

    def websocket(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AbstractAsyncContextManager[Any]:
        """A connection, as a context; raises a DeviceError where it cannot be made."""
        ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How playback is asked for; what the guide leaves open is a setting.

    Attributes:
        idle: seconds without a message after which nothing more is taken to come.
        attempts: connections one after the other that bring nothing new, before it is given up.
        pause: seconds before another connection, doubled each time.
        milliseconds: `time` is in milliseconds; the guide says "Unix Time format".
        size_counts_header: see `FrameCutter`.
        speed: 1, or what `fast_forward` is asked for: 2, 4, 8 or 16.
        busy_words: a refusal with one of them in it passes.
    """

    idle: float = 15.0
    attempts: int = 4
    pause: float = 1.0
    milliseconds: bool = False
    size_counts_header: bool | None = None
    speed: int = 1
    busy_words: tuple[str, ...] = ("busy",)


@dataclass(slots=True)
class Played:
    """What a playback brought.

    Attributes:
        size, frames: written. key: a picture that decoding can begin at is among them, or there is
            no picture at all.
        whole: it reaches from the first to the last second that maps say is there, and leaves out
            nothing inside that they would have shown.
        connections: that it took.
    """

    size: int = 0
    frames: int = 0
    key: bool = True
    whole: bool = False
    connections: int = 0


class Playback:
    """One playback of one channel.

    Args:
        sockets: the recorder's session.
        write: takes blocks of at most 1 MiB.
        utc: UTC ns of a frame's time.
        where: for errors.
        busy: the recorder's waits where it has no playback left; None: that ends this one.
    """

    def __init__(
        self,
        sockets: Sockets,
        channel: int,
        stream: Literal["main", "sub"],
        write: Callable[[bytes], Awaitable[None]],
        *,
        manner: Manner | None = None,
        utc: Callable[[int], int] = lambda time: time,
        where: str = "",
        busy: BusyPace | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic, self._busy = monotonic, busy
        self._sockets = sockets
        self._path = f"/playback/{channel}/{_STREAM_IDS[stream]}"
        self._manner = manner or Manner()
        self._utc, self._where, self._sleep = utc, where, sleep
        self._out = Outflow(write, monotonic)
        self._written = Written()
        self._seen = Seen()
        self._from_key = False
        self._last = 0
        self._fruitless: set[int] = set()
        self.done = Played()

    async def run(
        self, span: Span, there: Sequence[Span], *, from_key: bool = False, exact: bool = False
    ) -> Played:
        """Write the frames of a span, and those before it that the recorder begins with.

        Args:
            there: where the maps say that there is footage; without any, that is taken to be
                everywhere.
            from_key: leave out what comes before the first key picture.
            exact: the maps tell that to the second; else two minutes may have a hole between.

        Raises:
            TransferInterrupted: it broke off, and came no further after several connections. What
                was written is whole frames.
            DeviceError: the recorder refuses it, and gave nothing.
        """
        self._from_key = from_key
        mapped = union(there) or [span]
        self._last = min(mapped[-1].end, span.end) if there else span.end
        begin, failures = span.begin, 0
        while True:
            before = self.done.frames
            error: DeviceError | None = None
            ending: Ending = "closed"
            try:
                ending = await self._connection(begin, span.end)
            except _FINAL:
                raise
            except DeviceBusy as refused:
                await self._out.flush()
                await self._wait_out(refused, progress=self.done.frames > before)
                if self._seen.latest >= 0:
                    begin = max(self._written.resume, 0) or span.begin
                continue
            except DeviceError as raised:
                error = raised
            await self._out.flush()
            broken = error is not None and not isinstance(error, DeviceRefused)
            doubt = 0 if broken else DOUBT
            left = [] if ending == "end" else self._left(mapped, span, doubt)
            if ending == "end" or not (left or broken or not (error is None or self.done.frames)):
                break
            if self.done.frames > before:
                failures = 0
            else:
                failures += 1
                if not broken:
                    self._fruitless.add(begin)
            if failures >= self._manner.attempts:
                if left or not self.done.frames:
                    self._give_up(error)
                break
            await self._sleep(self._manner.pause * 2.0 ** max(failures - 1, 0))
            begin = self._next(left, span, broken=broken)
        self.done.size = self._out.size
        wanted = [each for part in mapped if (each := part.intersection(span)) is not None]
        self.done.whole = self._seen.is_whole(wanted, exact=exact)
        self.done.key = self._seen.key or not self._seen.pictures
        return self.done

    async def _wait_out(self, refused: DeviceBusy, *, progress: bool) -> None:
        """Others have its playbacks: wait, as long as its patience lasts."""
        if self._busy is None:
            raise refused
        if progress:
            self._busy.over()
        await self._busy.wait_out(refused, _LOG)

    async def _connection(self, begin: int, end: int) -> Ending:
        """Play from a time on."""
        manner = self._manner
        at = begin // 1_000_000 if manner.milliseconds else begin // NS
        # The guide wants a string that is unique among all clients. It goes nowhere else.
        params = {"time": str(at), "session": f"hikcore-{secrets.token_hex(8)}"}
        self._written.again()
        async with self._sockets.websocket(self._path, params) as connection:
            self.done.connections += 1
            if manner.speed > 1:
                await tell(connection, {"command": "fast_forward", "speed": manner.speed})
            cutter = FrameCutter(size_counts_header=manner.size_counts_header, whole=True)
            try:
                ending = await self._frames(connection, cutter, begin, end)
            finally:
                for fault, count in cutter.faults.items():
                    _LOG.warning("%s: %s (%d times)", self._where, fault, count)
            if ending != "closed":
                await tell(connection, {"command": "stop"})
                await drain(connection)
        return ending

    async def _frames(self, connection: Any, cutter: FrameCutter, begin: int, end: int) -> Ending:
        deadline = self._monotonic() + _GRACE + _SLACK * (end - begin) / NS / self._manner.speed
        stray, held = 0, self._out.held_up
        while True:
            if self._monotonic() - (self._out.held_up - held) > deadline:
                raise _Endless(
                    "the playback takes much longer than its footage, and does not reach its end",
                    where=self._where,
                    hint="its frames may have no proper times: please report it with the model",
                )
            message = await self._message(connection)
            if not isinstance(message, bytes):
                return message
            if message[:1] == b"{" and cutter.between:
                check_reply(message, self._where, self._manner.busy_words)
                continue
            if self._busy is not None:
                self._busy.over()
            for header, raw in cutter.feed(message):
                time = self._utc(header.time) if header.time >= 0 else -1
                sound = header.kind == G711
                if time >= (end + _SOUND if sound else end):
                    return "end"
                if time >= end:
                    continue
                stray = stray + 1 if 0 <= time < begin - _EARLY else -sys.maxsize
                if stray > _STRAY:
                    raise _Elsewhere(
                        f"the playback begins {(begin - time) // NS} s before what was asked for",
                        where=self._where,
                        hint="see playback_unit and frame_times: the recorder may take its time in "
                        "another unit, or its frames may tell another clock",
                    )
                picture = header.kind in KNOWN and not sound
                key = picture and decodes_from(raw[32:], h265=header.kind in H265)
                await self._take(cutter.before, raw, time, picture=picture, key=key)

    async def _message(self, connection: Any) -> bytes | Ending:
        """The next one, or what ended the connection."""
        idle = self._manner.idle
        if self._seen.latest >= self._last - DOUBT:
            idle = min(idle, _SHORT)
        try:
            async with asyncio.timeout(idle):
                message = await connection.recv(decode=False)
        except TimeoutError:
            return "silent"
        except ConnectionClosedOK:
            return "closed"
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd.code == _TRY_AGAIN:
                said = "it closes the playback with: try again later"
                raise DeviceBusy(said, where=self._where) from None
            reason = f"the playback broke off: {error}"
            raise TransferInterrupted(reason, where=self._where) from None
        return message if isinstance(message, bytes) else str(message).encode()

    async def _take(
        self, before: bytes, raw: memoryview, time: int, *, picture: bool, key: bool
    ) -> None:
        if self._from_key and not self._seen.key and not key:
            return
        if not self._written.fresh(raw, time, key=key, sound=not picture):
            return
        self._seen.add(time, picture=picture, key=key)
        self.done.frames += 1
        if before:
            await self._out.put(before)  # what is no frame is kept as it came
        await self._out.put(raw)

    def _left(self, mapped: Sequence[Span], span: Span, doubt: int) -> list[Span]:
        """What the maps show behind the last frame."""
        reached = max(self._seen.latest + doubt, span.begin)
        ahead = [Span(max(s.begin, reached), s.end) for s in mapped if s.end > reached]
        return [each for part in ahead if (each := part.intersection(span)) is not None]

    def _next(self, left: Sequence[Span], span: Span, *, broken: bool) -> int:
        """Where to ask again: behind a hole, or at the last key picture of what broke off.

        The second in which footage begins may begin in the hole, so where nothing came of it the
        next one is asked for.
        """
        latest = self._seen.latest
        hole = not broken and bool(left) and left[0].begin > latest + DOUBT
        if latest >= 0 and not hole:
            return max(self._written.resume, 0) or span.begin
        begin = left[0].begin if left and not broken else span.begin
        while begin in self._fruitless and begin + NS < span.end:
            begin += NS
        return begin

    def _give_up(self, error: DeviceError | None) -> None:
        if error is None:
            return  # it has no more, whatever its map says: the caller asks once more
        if not self.done.frames:
            raise error
        raise TransferInterrupted(
            f"{error.message}; {self.done.connections} connections came no further",
            where=self._where,
            hint="the recorder may be overwriting it, or others may have its sessions",
        )
