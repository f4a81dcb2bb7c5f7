"""A body on its way into the spool: hashed and indexed block by block, in a thread."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from hikcore.errors import MediaError
from hikcore.extract.parts import Finished, Part
from hikcore.media.container import accept, index_file
from hikcore.media.ps import PsIndexer
from hikcore.media.sniff import sniff
from hikcore.media.table import SampleTable

#: Blocks are gathered to so many bytes before a thread is woken, which costs as much CPU as hashing
#: 300 KiB: by the megabyte that was an eighth of what taking in a recording costs.
_BLOCK = 4 << 20
#: Smaller ones are put together before they are written, hashed and indexed.
_SMALL = 64 << 10
_SNIFF = 64


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
    """Hands blocks to an intake in a thread while the next arrive: at most twice what is gathered
    is in memory."""

    intake: Intake
    told: Callable[[int], None]
    _gathered: list[bytes] = field(default_factory=list)
    _size: int = 0
    _working: asyncio.Future[None] | None = None

    async def write(self, block: bytes) -> None:
        """The sink of `Source.fetch`."""
        self.told(len(block))
        self._gathered.append(block)
        self._size += len(block)
        if self._size >= _BLOCK:
            await self.flush()

    async def flush(self) -> None:
        """Begin to work on what is gathered, once what came before is done."""
        await self.settle()
        if self._gathered:
            blocks, self._gathered, self._size = self._gathered, [], 0
            # A task would begin only once this one waits, and with data at hand it does not.
            self._working = asyncio.get_running_loop().run_in_executor(None, self._take, blocks)

    def _take(self, blocks: list[bytes]) -> None:
        small: list[bytes] = []
        for block in blocks:
            if len(block) >= _SMALL:
                self._join(small)
                self.intake.take(block)
            else:
                small.append(block)
        self._join(small)

    def _join(self, small: list[bytes]) -> None:
        if small:
            self.intake.take(small[0] if len(small) == 1 else b"".join(small))
            small.clear()

    async def settle(self) -> None:
        """Wait for the thread; raises what it raised, now and whenever more is written: what came
        after a block that was lost is no body."""
        if self._working is not None:
            await asyncio.wait([self._working])  # which a cancelled wait leaves at work
            self._working.result()

    async def end(self) -> None:
        """Wait for the thread, whatever it raises, and however often this is cancelled: only then
        may its file be closed. It has a few megabytes to write at most."""
        cancelled = None
        while self._working is not None and not self._working.done():
            try:
                await asyncio.wait([self._working])
            except asyncio.CancelledError as error:
                cancelled = error
        if self._working is not None:
            self._working.exception()  # seen, though nobody may have waited for it
        if cancelled is not None:
            raise cancelled


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
