"""A recorder's listeners into the archive: what is heard, what was missed, how well was listened.

Times in the archive are the device's own clock's, as those of footage are: what comes without a
time gets that of receipt plus the clock's deviation, and both are kept. A hole (a lost connection,
a killed process) is asked for once the recorder had time to write it down. What was heard on both
sides of it is not added again.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from hikcore.archive.event_writer import EventWriter
from hikcore.archive.events import Event, EventKind, ReceiptSlots, event_key, read_events
from hikcore.archive.store import Store
from hikcore.errors import ArchiveError, DeviceError
from hikcore.extract.holes import NEVER, Hole, left_open, questions, widened
from hikcore.instants import DAY, NS, Span
from hikcore.sources.base import Deviation
from hikcore.sources.everfocus.heard import Heard
from hikcore.sources.everfocus.known import HeardAt, not_heard
from hikcore.sources.everfocus.listen import Listener, Listening, Silence
from hikcore.sources.everfocus.searched import (
    META_TYPES,
    Found,
    Posts,
    Search,
    search_events,
    search_logs,
    search_meta,
)

#: What can be asked for, by the listener that missed it, and what nobody can tell then.
_SEARCHED: Final = {
    "eventHook": ("events", "events of other types, and the order of states"),
    "metaHook": ("meta", "metadata of types that were never heard"),
    "exceptionListen": ("logs", "exceptions that left no row in the log"),
    "messageListen": ("logs", "messages that left no row in the log"),
    "cameraStatus": ("logs", "states between"),
}
_REMEMBERED: Final = 20_000


class ListenedTo(Posts, Protocol):
    """What is needed of a recorder's session."""

    def websocket(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """A WebSocket, as a context."""
        ...


@dataclass(frozen=True, slots=True)
class Listens:
    """How a recorder is listened to. All times in ns.

    Attributes:
        settle: after a hole, before what happened in it is asked for.
        slack: by which a search's times may differ from those of receipt.
        back: how far a hole is looked for at the start, from when somebody listened last.
        clock_every: how often the clock is compared.
        watch_every: how often "nothing happened" is written down in quiet times.
        mark_every: how exactly a killed process's last moment is known.
        meta_as_list: see `search_meta`.
    """

    settle: int = 30 * NS
    slack: int = 2 * NS
    back: int = 7 * DAY
    clock_every: int = 600 * NS
    watch_every: int = 3600 * NS
    mark_every: int = 10 * NS
    meta_as_list: bool = False


@dataclass(slots=True)
class ListenReport:
    """What came of it: how many events of each kind were written, and what went wrong."""

    written: Counter[str] = field(default_factory=Counter)
    recovered: int = 0
    batches: int = 0
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Note something once."""
        if text not in self.warnings and len(self.warnings) < 1000:
            self.warnings.append(text)


class EventListening:
    """One recorder's listeners into the archive.

    Args:
        listener: of that recorder. session: for what is asked afterwards, and its clock.
        deviation: measures its clock against ours.
        store, writer: of the archive.
        cameras: ids by channel.
        run: who listens: one text for each run.
        now: our clock, UTC ns.
        said: told of every event as it is written.
    """

    def __init__(
        self,
        listener: Listener,
        session: Posts,
        deviation: Callable[[], Awaitable[Deviation]],
        store: Store,
        writer: EventWriter,
        *,
        site: str,
        device: str,
        cameras: Mapping[int, str],
        run: str,
        options: Listens | None = None,
        now: Callable[[], int] = time.time_ns,
        said: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self.report = ListenReport()
        self._listener, self._session, self._measure = listener, session, deviation
        self._store, self._writer = store, writer
        self._site, self._device, self._cameras, self._run = site, device, dict(cameras), run
        self._options = options or Listens()
        self._now, self._said = now, said
        self._clock: Deviation | None = None
        self._clock_at = 0
        self._slots = ReceiptSlots()
        self._watching: dict[str, int] = {}
        self._watched_at = self._marked_at = now()
        self._last: dict[str, int] = {}
        self._holes: list[Hole] = []
        self._recent: deque[HeardAt] = deque(maxlen=_REMEMBERED)
        self._meta_types = dict.fromkeys(META_TYPES)

    async def run(self, stop: asyncio.Event) -> ListenReport:
        """Listen until `stop` is set.

        Raises:
            DeviceAuthError: the login is refused.
            DeviceError: no listener can be had.
            ArchiveError: the archive cannot be read at the start.
        """
        await asyncio.to_thread(self._begin)
        await self._compare()
        ending = asyncio.Event()
        work = asyncio.create_task(self._consume(ending))
        ticks = asyncio.create_task(self._tick_for_ever())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, ticks, stopped}, return_when=asyncio.FIRST_COMPLETED)
            until = self._now()  # connections take their time to close, and tell nothing more
            ticks.cancel()
            if stop.is_set():
                ending.set()
                await asyncio.wait({work})  # it ends behind what has come already
        finally:
            for task in (work, ticks, stopped):
                task.cancel()
            ended = await asyncio.gather(work, ticks, stopped, return_exceptions=True)
        try:
            await self._end(until)
        finally:
            for each in ended:
                if isinstance(each, Exception):
                    raise each
        return self.report

    def _begin(self) -> None:
        """What a killed process left, and until when somebody listened."""
        self.report.recovered = self._writer.recover()
        now = self._now()
        span = Span(now - self._options.back, now + DAY)
        events = read_events(self._store, self._site, span, device=self._device)
        for event in events:
            if event.kind == "watch":
                self._last[event.via] = max(self._last.get(event.via, -1), event.received)
            if event.kind in ("event", "meta"):
                self._remember(event)
        self._holes = left_open(events, _SEARCHED)

    async def _consume(self, stop: asyncio.Event | None = None) -> None:
        # Nothing is waited for here: what was heard is in the journal before the next is read.
        async with aclosing(self._listener.items(stop)) as items:
            async for item in items:
                if isinstance(item, Heard):
                    self._heard(item)
                elif isinstance(item, Listening):
                    self._listening(item)
                else:
                    self._silence(item)

    def _heard(self, heard: Heard) -> None:
        offset = self._clock.offset if self._clock is not None else 0
        told: Literal["device", "receipt"] = "device" if heard.time >= 0 else "receipt"
        at = heard.time if heard.time >= 0 else heard.received + offset
        when: int | str = heard.time
        if told == "receipt":
            content = event_key(self._device, heard.kind, heard.via, heard.data)
            when = self._slots.slot(heard.received, content)
        event = self._event(
            heard.kind, when, at, heard.via, heard.data, received=heard.received, told=told,
            channel=heard.channel, type_=heard.type, state=heard.state, note=heard.note,
        )  # fmt: skip
        if heard.kind == "meta" and heard.type and len(self._meta_types) < 64:
            self._meta_types[heard.type] = None
        if heard.type == "sysTimeChanged":
            self._clock_at = 0  # compared again at the next tick
        self._add(event)
        self._remember(event)

    def _listening(self, item: Listening) -> None:
        for hole in self._holes:
            if hole.via == item.via and hole.due == NEVER:
                hole.due = item.at + self._options.settle
        since = item.since if item.since >= 0 else self._last.pop(item.via, -1)
        self._watching[item.via] = item.at
        self._clock_at = 0
        if since >= 0 and since < item.at:
            reason = item.reason or "nobody listened"
            due = item.at + self._options.settle
            self._holes.append(Hole(item.via, since, item.at, reason, due))

    def _silence(self, item: Silence) -> None:
        self.report.warn(f"{item.via}: {item.reason}")
        begin = self._watching.pop(item.via, None)
        if begin is not None and item.at > begin:
            self._add(self._watch(item.via, begin, item.at))

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            await self.tick()

    async def tick(self) -> None:
        """What is to be done by and by: compare clocks, fill holes, put batches."""
        now = self._now()
        if now - self._clock_at >= self._options.clock_every:
            await self._compare()
        due = [hole for hole in self._holes if hole.due <= now]
        if due:
            await self._fill(due)
            now = self._now()
        if now - self._marked_at >= self._options.mark_every:
            self._marked_at = now
            for via, begin in self._watching.items():
                if now > begin:
                    self._writer.mark(self._watch(via, begin, now))
        if self._writer.due() or now - self._watched_at >= self._options.watch_every:
            await self._put(now)

    async def _put(self, until: int) -> None:
        """A batch, with the statement that somebody listened until then (our clock)."""
        try:
            self._watched_at = until
            for via, begin in self._watching.items():
                if until > begin:
                    self._writer.add(self._watch(via, begin, until))
                    self._watching[via] = until
            self._writer.close_batch()
        finally:
            try:
                if await asyncio.to_thread(self._writer.put_batches):
                    self.report.batches += 1
            except ArchiveError as error:
                self.report.warn(f"a batch waits in the journal: {error}")

    async def _end(self, until: int) -> None:
        """Nothing more is heard: holes are asked for at once, and everything goes out."""
        holes = [hole for hole in self._holes if hole.due != NEVER]
        if holes:
            await self._fill(holes)
        await self._put(until)

    async def _compare(self) -> None:
        self._clock_at = self._now()
        try:
            self._clock = await self._measure()
        except DeviceError as error:
            self.report.warn(f"its clock cannot be compared: {error.message}")

    async def _fill(self, holes: list[Hole]) -> None:
        """Ask for what was missed, once for each kind of question, and say what remains unknown.
        Who is interrupted while it waits has filled none, and they are asked for again."""
        offset = self._clock.offset if self._clock is not None else 0
        slack = self._options.slack + (self._clock.uncertainty if self._clock is not None else NS)
        found: dict[str, Search] = {}
        for kind in dict.fromkeys(_SEARCHED[hole.via][0] for hole in holes):
            own = [hole for hole in holes if _SEARCHED[hole.via][0] == kind]
            wide = widened(own, offset, slack)
            for span in questions(own, offset, slack):
                search = await self._search(kind, span)
                # What lies between the holes was heard, further back perhaps than is remembered.
                search.rows = [row for row in search.rows if _meets(row, wide)]
                if kind in found:
                    search.rows = found[kind].rows + search.rows
                    search.failed = found[kind].failed + search.failed
                found[kind] = search
        new = {kind: not_heard(s.rows, self._recent, slack) for kind, s in found.items()}
        for rows in new.values():
            for row in rows:
                self._add(self._of_search(row))
        for hole in holes:
            kind, unknown = _SEARCHED[hole.via]
            self._add(self._gap(hole, offset, found[kind], len(new[kind]), unknown))
        self._holes = [hole for hole in self._holes if hole not in holes]

    async def _search(self, kind: str, span: Span) -> Search:
        channels = sorted(self._cameras)
        if kind == "events":
            return await search_events(self._session, channels, span)
        if kind == "meta":
            as_list = self._options.meta_as_list
            return await search_meta(
                self._session, channels, span, types=list(self._meta_types), as_list=as_list
            )
        return await search_logs(self._session, span)

    def _of_search(self, row: Found) -> Event:
        end = row.end if row.end > row.time else None
        return self._event(
            row.kind, row.time, row.time, row.via, row.data, received=self._now(), end=end,
            channel=row.channel, type_=row.type,
        )  # fmt: skip

    def _gap(self, hole: Hole, offset: int, search: Search, new: int, unknown: str) -> Event:
        data = {
            "reason": hole.reason,
            "asked": search.via,
            "for": search.asked,
            "found": len(search.rows),
            "new": new,
            "failed": search.failed,
            "unknown": "everything" if search.failed else unknown,
        }
        begin, end = hole.begin + offset, hole.end + offset
        return self._event("gap", begin, begin, hole.via, data, received=self._now(), end=end)

    def _watch(self, via: str, begin: int, end: int) -> Event:
        offset = self._clock.offset if self._clock is not None else 0
        data = {"listener": self._run}
        at = begin + offset
        return self._event("watch", f"{via} {begin}", at, via, data, received=end, end=end + offset)

    def _event(
        self,
        kind: EventKind,
        when: int | str,
        at: int,
        via: str,
        data: dict[str, Any],
        *,
        received: int,
        end: int | None = None,
        told: Literal["device", "receipt"] = "device",
        channel: int | None = None,
        type_: str = "",
        state: str = "",
        note: str = "",
    ) -> Event:
        camera = self._cameras.get(channel, "") if channel is not None else ""
        return Event(
            key=event_key(self._device, kind, when, data | {"via": via}),
            site=self._site,
            device=self._device,
            camera=camera,
            channel=channel,
            kind=kind,
            type=type_,
            state=state,
            time=at,
            end=end,
            told=told,
            received=received,
            deviation=self._clock.offset if self._clock is not None else None,
            uncertainty=self._clock.uncertainty if self._clock is not None else None,
            via=via,
            listener=self._run,
            data=data,
            note=note,
        )

    def _add(self, event: Event) -> None:
        self._writer.add(event)
        self.report.written[event.kind] += 1
        self._said(event)

    def _remember(self, event: Event) -> None:
        if event.kind in ("event", "meta"):
            data = event.data.get("Data")
            self._recent.append(
                HeardAt(event.kind, event.channel, event.type, event.state, data, event.time)
            )


def _meets(row: Found, spans: list[Span]) -> bool:
    end = max(row.end, row.time)
    return any(row.time < span.end and end >= span.begin for span in spans)
