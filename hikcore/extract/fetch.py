"""From the device to the spool: hashed and indexed on the way, in a thread, block by block."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import stamina

from hikcore.errors import MediaError, TransferInterrupted
from hikcore.extract.parts import Finished, Part, body_name
from hikcore.extract.plan import PlannedChunk
from hikcore.extract.spool import Room, Spool
from hikcore.media.container import accept, index_file
from hikcore.media.ps import PsIndexer
from hikcore.media.sniff import sniff
from hikcore.media.table import SampleTable
from hikcore.sources.base import Source

#: Small network blocks are gathered to this many bytes, so that a thread is worth waking.
_BLOCK = 1 << 20
_SNIFF = 64


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


@dataclass(slots=True)
class Body:
    """A body in the spool, with its index or the reason why it has none.

    Attributes:
        settled: it is all that was listed, or two fetches brought it alike.
        short: two fetches brought it alike, and less than was listed.
        finished: under which name it survives a kill.
        received: bytes taken from the device for it, all attempts together.
    """

    part: Part
    size: int
    sha256: str
    table: SampleTable | None
    fault: MediaError | None
    settled: bool = True
    short: bool = False
    finished: Finished | None = None
    received: int = 0


class Intake:
    """Takes the blocks of a body, in order: to the part, the hash and the index. Blocking."""

    def __init__(self, part: Part, *, store: bool) -> None:
        self._part = part
        self._store = store
        self._hash = hashlib.sha256()
        self._head = b""
        self._container = ""
        self._indexer: PsIndexer | None = None
        self._fault: MediaError | None = None
        self.size = 0

    def take(self, block: bytes | memoryview) -> None:
        """The next block."""
        if self._store:
            self._part.write(block)
        self._hash.update(block)
        self.size += len(block)
        if not self._container:
            self._head += bytes(block)
            if len(self._head) < _SNIFF:
                return
            self._begin()
        elif self._indexer is not None:
            self._feed(block)

    def finish(self) -> Body:
        """The body. What is not a program stream is indexed now, from the file."""
        if not self._container:
            self._begin()
        table = None
        if self._fault is None:
            try:
                table = self._index()
            except MediaError as error:
                self._fault = error
        return Body(self._part, self.size, self._hash.hexdigest(), table, self._fault)

    def _begin(self) -> None:
        self._container = sniff(self._head[:_SNIFF])
        if self._container == "ps":
            self._indexer = PsIndexer()
            self._feed(self._head)
        self._head = b""

    def _feed(self, block: bytes | memoryview) -> None:
        if self._indexer is None or self._fault is not None:
            return
        try:
            self._indexer.feed(block)
        except MediaError as error:
            self._fault = error

    def _index(self) -> SampleTable:
        if self._indexer is not None:
            return accept(self._indexer.finish())
        self._part.file.flush()
        return index_file(self._part.path)


@dataclass(slots=True)
class Inflow:
    """Hands blocks to an intake in a thread while the next arrive: at most two are in memory."""

    intake: Intake
    told: Callable[[int], None]
    _gathered: bytearray = field(default_factory=bytearray)
    _working: asyncio.Task[None] | None = None

    async def write(self, block: bytes) -> None:
        """The sink of `Source.fetch`."""
        self.told(len(block))
        self._gathered += block
        if len(self._gathered) >= _BLOCK:
            await self.flush()

    async def flush(self) -> None:
        """Begin to work on what is gathered, once what came before is done."""
        await self.settle()
        if self._gathered:
            block, self._gathered = bytes(self._gathered), bytearray()
            self._working = asyncio.create_task(asyncio.to_thread(self.intake.take, block))

    async def settle(self) -> None:
        """Wait for the thread; raises what it raised."""
        if self._working is not None:
            working, self._working = self._working, None
            await asyncio.shield(working)


class _Again(Exception):
    """A body that is not believed yet: cut off (with that error), or shorter than listed."""

    def __init__(self, interrupted: TransferInterrupted | None) -> None:
        super().__init__()
        self.interrupted = interrupted


@dataclass(slots=True)
class Fetching:
    """Brings one chunk into the spool, in as many attempts as it takes.

    Attributes:
        owner: whose it is, see `CameraJob.owner`. row: what is kept beside a body that arrived.
        began: called when an attempt begins.
        told: called with the size of every block that arrives.
    """

    source: Source
    chunk: PlannedChunk
    spool: Spool
    room: Room
    owner: str
    row: bytes
    patience: Patience
    began: Callable[[], None]
    told: Callable[[int], None]
    received: int = 0
    _seen: set[tuple[int, str]] = field(default_factory=set)
    _last: Body | None = None

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
        if body.settled:
            name = body_name(self.owner, self.chunk.id, body.size, body.sha256, short=body.short)
            body.finished = await asyncio.to_thread(self.spool.finish, body.part, name, self.row)
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
        try:
            try:
                await self.source.fetch(self.chunk.recording, inflow.write)
            except TransferInterrupted as error:
                interrupted = error
            await inflow.flush()
            await inflow.settle()
            self._last = await asyncio.to_thread(inflow.intake.finish)
        except BaseException:
            with contextlib.suppress(Exception):
                await inflow.settle()  # a thread may still write: do not close the file under it
            part.close()
            raise
        finally:
            self.received += inflow.intake.size
        return self._last, interrupted

    def _judge(self, body: Body, interrupted: TransferInterrupted | None) -> None:
        """Believe the body, or ask for another attempt."""
        listed = self.chunk.recording.size
        if not body.size:
            raise interrupted or TransferInterrupted(
                "the device sent nothing",
                where=f"recording of {self.chunk.recording.literal_begin}",
                hint="it may have overwritten it meanwhile",
            )
        if interrupted is None and (listed is None or body.size >= listed):
            return
        body.short = (body.size, body.sha256) in self._seen
        body.settled = body.short
        self._seen.add((body.size, body.sha256))
        if not body.settled:
            raise _Again(interrupted)

    def _drop(self) -> None:
        if self._last is not None:
            self._last.part.close()
            self._last = None


async def reuse(part: Part, body: Finished) -> Body | None:
    """The body of a finished spool file, indexed again; None if it is not what its name says."""

    def read() -> Body:
        intake = Intake(part, store=False)
        while block := part.file.read(_BLOCK):
            intake.take(block)
        return intake.finish()

    found = await asyncio.to_thread(read)
    if found.size != body.size or not found.sha256.startswith(body.sha16):
        return None
    found.short = body.short
    return found
