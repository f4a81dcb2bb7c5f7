"""Leases: one process at a time works on a camera, stream and day.

They only save work: without them two machines would fetch the same recording, and put the same
objects. An object a camera-day under `run/`, created once, changed by compare-and-swap while its
holder works, removed when he is done. Who finds one watches it on his own monotonic clock: it
changes, then its holder lives, and the day is left to him; it has not changed for a whole term,
then it is taken over, by compare-and-swap as well. No two machines' clocks are compared. A holder
of whom this very machine knows that he is dead is followed at once.

A store without conditional puts, or one that refuses `run/`, gives no leases: that is said once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from hikcore.archive.keys import check_id
from hikcore.archive.store import Store
from hikcore.errors import ArchiveConflict, ArchiveError
from hikcore.extract.holder import Holder, is_gone, ourselves
from hikcore.extract.report import CameraJob
from hikcore.instants import format_instant

_LOG = logging.getLogger(__name__)
LEASES: Final = "run/leases/"
#: Seconds without a change after which a holder is taken for dead.
TERM: Final = 60.0
_JSON: Final = "application/json"
#: A holder who lives changes his lease several times a term: one lost put does not cost it.
_BEATS: Final = 4
_LOOKS: Final = 12
_TURNS: Final = 5


class LeaseNote(BaseModel):
    """What lies in a lease: its holder (None: it was given back), and how often he renewed it."""

    model_config = ConfigDict(extra="ignore")

    version: int = 1
    holder: Holder | None = None
    beat: int = 0

    def to_bytes(self) -> bytes:
        """As it is stored."""
        return self.model_dump_json(indent=1).encode() + b"\n"


def lease_key(job: CameraJob, day: int) -> str:
    """The key of a lease.

    Args:
        day: UTC ns at which the day begins.
    """
    site, camera = check_id(job.site, "site"), check_id(job.camera, "camera")
    return f"{LEASES}{site}/{camera}/{job.stream}/{format_instant(day, 0)[:10]}.json"


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody else's lease, as first seen.

    Attributes:
        since: by our monotonic clock.
        key, etag: of the object.
    """

    key: str
    etag: str
    holder: Holder
    since: float


@dataclass(slots=True)
class _Lease:
    """One of ours. `users`: parts of this process that work under it."""

    key: str
    etag: str
    users: int = 1
    beat: int = 0
    ended: bool = False
    lost_to: Holder | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    renewing: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Taken:
    """What came of asking for the days of a part.

    Attributes:
        seen: by day, what others hold; then the part is to wait, and to ask again.
    """

    seen: dict[int, Seen]
    _leases: dict[int, _Lease]

    def lost(self) -> dict[int, Holder]:
        """The days that somebody else took over while we worked (we stood still for a term)."""
        return {day: each.lost_to for day, each in self._leases.items() if each.lost_to is not None}


class Leases:
    """The leases of one process on an archive.

    Args:
        store: of the archive.
        term: seconds; see the module. All who fill an archive have to use the same.
        holder: who we are.
        gone: whether a holder can be seen to be dead.
        monotonic, sleep: our clock.
    """

    def __init__(
        self,
        store: Store,
        *,
        term: float = TERM,
        holder: Holder | None = None,
        gone: Callable[[Holder], bool] = is_gone,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.term = term
        self._store = store
        self._holder = holder or ourselves()
        self._gone = gone
        self._monotonic = monotonic
        self._sleep = sleep
        self._held: dict[str, _Lease] = {}
        self._taking: dict[str, asyncio.Lock] = {}
        self._tried = False
        self._off = False

    @asynccontextmanager
    async def take(
        self, job: CameraJob, days: Iterable[int], expired: Mapping[int, Seen]
    ) -> AsyncIterator[Taken]:
        """Hold the leases of a camera's days, as far as they are to be had; they are given back in
        the end.

        Args:
            days: UTC ns at which they begin.
            expired: what `watch` found to be nobody's any more.
        """
        taken = Taken({}, {})
        try:
            for day in days:
                found = await self._take(lease_key(job, day), expired.get(day))
                if isinstance(found, Seen):
                    taken.seen[day] = found
                elif found is not None:
                    taken._leases[day] = found
            yield taken
        finally:
            given_back = asyncio.gather(*map(self._give_back, taken._leases.values()))
            await asyncio.shield(given_back)

    async def watch(self, seen: Seen, stop: Callable[[], bool] = lambda: False) -> Holder | None:
        """Look at somebody else's lease until it is known whether its holder lives: then he is
        returned; None where the lease is free or has expired, or `stop` says so."""
        while not stop():
            try:
                found = await asyncio.to_thread(self._store.get, seen.key)
            except (ArchiveError, OSError):
                return None  # what takes it next meets the same, and says it
            if found is None or (holder := _read(found[0]).holder) is None:
                return None
            if found[1] != seen.etag:
                return holder
            if self._expired(seen) or self._gone(holder):
                return None
            await self._sleep(self.term / _LOOKS)
        return None

    def _expired(self, seen: Seen) -> bool:
        return self._monotonic() - seen.since >= self.term

    async def _take(self, key: str, expired: Seen | None) -> _Lease | Seen | None:
        """Ours, or who else's; None where there are no leases."""
        async with self._taking.setdefault(key, asyncio.Lock()):
            held = self._held.get(key)
            if held is not None and held.lost_to is None:
                held.users += 1
                return held
            try:
                found = await asyncio.to_thread(self._try, key, expired)
            except (ArchiveError, OSError) as error:
                self._give_up(str(error))
                return None
            if not isinstance(found, str):
                return found
            lease = self._held[key] = _Lease(key, found)
            lease.renewing = asyncio.create_task(self._renew(lease))
            return lease

    def _try(self, key: str, expired: Seen | None, beat: int = 0) -> str | Seen | None:
        """Put ours, if nobody has one: its ETag. Blocking."""
        if self._off:
            return None
        data = LeaseNote(holder=self._holder, beat=beat).to_bytes()
        for turn in range(_TURNS):
            try:
                return self._proven(key, self._store.create(key, data, content_type=_JSON), data)
            except ArchiveConflict:
                found = self._store.get(key)
            if found is None:
                continue  # given back in between
            holder, etag = _read(found[0]).holder, found[1]
            since = self._monotonic()
            if holder is not None and expired is not None and etag == expired.etag:
                since = expired.since
            theirs = Seen(key, etag, holder or self._holder, since)
            free = holder is None or self._expired(theirs) or self._gone(holder)
            if not free or turn + 1 == _TURNS:
                return theirs
            with contextlib.suppress(ArchiveConflict):
                return self._store.swap(key, data, etag, content_type=_JSON)
        return None

    def _proven(self, key: str, etag: str, data: bytes) -> str | None:
        """The ETag of the first one made, after the store has refused to make it twice."""
        if self._tried:
            return etag
        try:
            self._store.create(key, data, content_type=_JSON)
        except ArchiveConflict:
            self._tried = True
            return etag
        self._store.delete(key)
        self._give_up("the store takes conditional puts and does not keep to them")
        return None

    def _give_up(self, reason: str) -> None:
        if not self._off:
            self._off = True
            _LOG.warning(
                "%s: no leases (%s): another run at the same time may fetch the same once more",
                self._store.url,
                reason,
            )

    async def _renew(self, lease: _Lease) -> None:
        while True:
            await self._sleep(self.term / _BEATS)
            async with lease.lock:
                if lease.ended:
                    return
                lease.beat += 1
                try:
                    await self._beat(lease)
                except (ArchiveError, OSError) as error:
                    _LOG.info("%s: not renewed (%s)", lease.key, error)
                if lease.lost_to is not None:
                    return

    async def _beat(self, lease: _Lease) -> None:
        note = LeaseNote(holder=self._holder, beat=lease.beat).to_bytes()
        swap = self._store.swap
        try:
            lease.etag = await asyncio.to_thread(
                swap, lease.key, note, lease.etag, content_type=_JSON
            )
        except ArchiveConflict:
            # Taken over; or gone, as `run/` may be emptied at any time, and what its first
            # holder gave back may have been ours already.
            found = await asyncio.to_thread(self._try, lease.key, None, lease.beat)
            if isinstance(found, str):
                lease.etag = found
            elif isinstance(found, Seen) and found.holder.token == self._holder.token:
                lease.etag = found.etag  # our own put, whose answer was lost
            elif isinstance(found, Seen):
                lease.lost_to = found.holder

    async def _give_back(self, lease: _Lease) -> None:
        """Overwrite it by one that is nobody's, if it is still ours, and remove that: there is no
        conditional delete. Who took it in between puts it back when he renews it."""
        async with self._taking[lease.key]:
            lease.users -= 1
            if lease.users:
                return
            self._held.pop(lease.key, None)
            async with lease.lock:
                lease.ended = True
            if lease.renewing is not None:
                lease.renewing.cancel()
            if lease.lost_to is None:
                with contextlib.suppress(ArchiveError, OSError):
                    await asyncio.to_thread(self._free, lease)

    def _free(self, lease: _Lease) -> None:
        self._store.swap(lease.key, LeaseNote().to_bytes(), lease.etag, content_type=_JSON)
        self._store.delete(lease.key)


def _read(data: bytes) -> LeaseNote:
    """A lease; one that cannot be read is somebody's, and expires like any other."""
    try:
        return LeaseNote.model_validate_json(data)
    except ValidationError:
        return LeaseNote(holder=Holder(token=""))
