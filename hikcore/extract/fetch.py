"""From the device to the spool, in as many attempts as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import stamina

from hikcore.errors import TransferInterrupted
from hikcore.extract.enough import footage, holds_all
from hikcore.extract.intake import Body, Inflow, Intake
from hikcore.extract.parts import body_name
from hikcore.extract.plan import PlannedChunk
from hikcore.extract.spool import Room, Spool
from hikcore.sources.base import Recording, Source


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a transfer that failed is tried again (exponential, with jitter).

    Attributes:
        attempts: fetches of one chunk in one run, at least 2: a body shorter than listed is
            believed only when it came twice alike.
        first, longest: seconds.
    """

    attempts: int = 4
    first: float = 2.0
    longest: float = 60.0


class _Again(Exception):
    """A body that is not believed yet: cut off (with that error), or shorter than listed."""

    def __init__(self, interrupted: TransferInterrupted | None) -> None:
        super().__init__()
        self.interrupted = interrupted


@dataclass(slots=True)
class Fetching:
    """Brings one chunk into the spool, in as many attempts as it takes.

    Attributes:
        chunk: what is fetched; its span and kind are what the source told of the last body, if it
            did.
        owner: whose it is, see `CameraJob.owner`.
        row: what is kept beside a body that arrived, of its recording.
        began: called when an attempt begins.
        told: called with the size of every block that arrives.
        keep: whether a body that arrived survives a kill; one that does not is fetched again.
    """

    source: Source
    chunk: PlannedChunk
    spool: Spool
    room: Room
    owner: str
    row: Callable[[Recording], bytes]
    patience: Patience
    began: Callable[[], None]
    told: Callable[[int], None]
    keep: Callable[[PlannedChunk, Body], bool] = lambda chunk, body: True
    received: int = 0
    _asked: Recording = field(init=False)
    _seen: set[tuple[int, str]] = field(default_factory=set)
    _last: Body | None = None
    _whole: bool = False

    async def run(self) -> Body:
        """The body; the caller closes its part.

        A body is believed when the transport kept its promise and it is as long as listed, or when
        two attempts brought exactly the same bytes (then it is `short`: the device has no more).
        One that the transport calls whole, but which is shorter than listed and came differently
        each time, is given as not settled.

        Attempts begin anew only after footage came; what fails before is tried again by the source,
        which knows its device.

        Raises:
            TransferInterrupted: after the last attempt.
            DeviceError: any other, at once.
            SpoolFull: no room.
        """
        self._asked = self.chunk.recording
        try:
            await self._attempts()
        except _Again as again:
            if again.interrupted is not None:
                self._drop()
                raise again.interrupted from None
            # else the last attempt's body, for what it is worth
        except BaseException:
            self._drop()
            raise
        body, self._last = self._last, None
        if body is None:
            raise AssertionError("an attempt ended with neither a body nor an error")
        body.received = self.received
        if body.settled and self.keep(self.chunk, body):
            name = body_name(self.owner, self.chunk.id, body.size, body.sha256, short=body.short)
            row = self.row(self.chunk.recording)
            try:
                body.finished = await asyncio.to_thread(self.spool.finish, body.part, name, row)
            except BaseException:
                body.part.close()
                raise
        return body

    async def _attempts(self) -> None:
        async for attempt in stamina.retry_context(
            on=_Again,
            attempts=self.patience.attempts,
            timeout=None,
            wait_initial=self.patience.first,
            wait_max=self.patience.longest,
            wait_jitter=self.patience.first / 2,
        ):
            with attempt:
                self._drop()
                self.room.body = 0
                self.began()
                self._judge(*await self._once())

    async def _once(self) -> tuple[Body, TransferInterrupted | None]:
        """One transfer: what arrived, and the error that ended it early, if one did."""
        part = self.spool.part(f"{self.owner}.{self.chunk.id}", self.room)
        inflow = Inflow(Intake(part, store=True), self.told)
        interrupted = None
        self._whole = False
        try:
            try:
                fetched = await self.source.fetch(self._asked, inflow.write)
                self._whole = fetched.whole
                row = self._asked
                told, kind = fetched.told or row.span, fetched.kind or row.kind
                if (told, kind) != (row.span, row.kind):
                    self.chunk = replace(self.chunk, recording=replace(row, span=told, kind=kind))
            except TransferInterrupted as error:
                interrupted = error
            await inflow.flush()
            await inflow.settle()
            self._last = await asyncio.to_thread(inflow.intake.finish)
        except BaseException:
            try:
                await inflow.end()  # a thread may still write: do not close the file under it
            finally:
                part.close()
            raise
        finally:
            self.received += inflow.intake.size
        return self._last, interrupted

    def _judge(self, body: Body, interrupted: TransferInterrupted | None) -> None:
        """Believe the body, or ask for another attempt."""
        if not body.size:
            raise interrupted or TransferInterrupted(
                "the device sent nothing",
                where=f"recording of {self.chunk.recording.literal_begin}",
                hint="it may have overwritten it meanwhile",
            )
        if interrupted is None and (self._whole or holds_all(body, self.chunk.recording)):
            return
        content = (body.size, body.sha256)
        if interrupted is None and self.chunk.recording.kind != "file" and body.table is not None:
            content = footage(body.table)  # a cloud may put the same pictures into other bytes
        body.settled = content in self._seen
        # A transport that promises more than was listed, time and again, is wrong about the length.
        listed = self.chunk.recording.size
        body.short = body.settled and (listed is None or body.size < listed)
        self._seen.add(content)
        if not body.settled:
            raise _Again(interrupted)

    def _drop(self) -> None:
        if self._last is not None:
            self._last.part.close()
            self._last = None
