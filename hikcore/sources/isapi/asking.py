"""One search request in the words that the device understands, which are found out on the way.

A form that is refused is stepped over; one that is ignored gives itself away by the reply: another
track than was asked, or page 0 again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import Final, Literal

from hikcore.errors import DeviceError, DeviceProtocolError
from hikcore.sources.isapi import search
from hikcore.sources.isapi.dialect import (
    FEW,
    FORM_CODES,
    SEARCH_LADDER,
    SearchDialect,
    every_search_dialect,
)
from hikcore.sources.isapi.dialects import Dialects
from hikcore.sources.isapi.search import Page, SearchRow
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.status import Rejected

#: A search in a container that the device ignores is a search of this track.
_DEFAULT_TRACK: Final = 101
#: In so many things a dialect may differ from one that is understood but for its container.
_NEAR: Final = 2

Problem = Rejected | DeviceProtocolError
Tracks = Callable[[], Awaitable[frozenset[int]]]


@dataclass(slots=True)
class Query:
    """One window of a track: literal ns. `repeated`: positions of it that were asked for more than
    once, and what came."""

    track: int
    begin: int
    end: int
    repeated: list[tuple[int, tuple[SearchRow, ...]]] = field(default_factory=list)


async def _no_tracks() -> frozenset[int]:
    return frozenset()


class Asker:
    """Puts searches to one device.

    Args:
        ask: posts a search body and gives the reply as read, tried again where that helps.
        where: device and request, for errors.
        dialects: what is known of its dialect, and where that is kept.
        tracks: the numbers of the tracks as the device lists them; empty where it lists none.

    Attributes:
        left: requests that may still be sent for what is being listed.
        before, after: ns by which questions are widened.
        paging: whether a position was ever seen to be read: None while nothing shows it.
        by_position: whether a page was ever seen to be given for its position, under another id.
    """

    def __init__(
        self,
        ask: Callable[[bytes], Awaitable[Page]],
        settings: Settings,
        where: str,
        dialects: Dialects,
        tracks: Tracks = _no_tracks,
    ) -> None:
        self._ask = ask
        self._settings = settings
        self._where = where
        self._dialects = dialects
        self._tracks = tracks
        self._works = False
        self._container_proven = False
        self._climbed: set[int] = set()
        self._walked: set[str] = set()
        self._ignored: SearchDialect | None = None
        self.left = 0
        self.before = self.after = 0
        self.paging: bool | None = None
        self.by_position = False

    async def page(self, query: Query, search_id: str, position: int) -> Page:
        """One page, in the first dialect that the device neither refuses nor ignores.

        Raises:
            DeviceError: it refuses all, or is not to be asked.
        """
        await self._dialects.load()
        page = await self._try(self._now, query, search_id, position, last=self._works)
        if not isinstance(page, Page):
            if position:
                raise page
            page = await self._climb(page, query, search_id)
        if page.rows or position or not self._doubtful(query):
            return page
        return await self._elsewhere(query, search_id) or page

    async def other_position(
        self, query: Query, search_id: str, position: int
    ) -> tuple[Page, SearchDialect] | None:
        """The page under the other spelling of the position; None where that is refused."""
        dialect = self._now.other_position
        page = await self._try(dialect, query, search_id, position, last=False)
        return (page, dialect) if isinstance(page, Page) else None

    async def adopt(self, dialect: SearchDialect) -> None:
        """Go on in that dialect, and keep it."""
        await self._dialects.learnt(search=dialect)

    @property
    def _now(self) -> SearchDialect:
        return self._dialects.search or SEARCH_LADDER[0]

    async def _climb(self, problem: Problem, query: Query, search_id: str) -> Page:
        tried = 1
        async for dialect in self._steps(query, problem):
            page = await self._try(dialect, query, search_id, 0, last=False)
            tried += 1
            if isinstance(page, Page):
                await self.adopt(dialect)
                return page
        if isinstance(problem, Rejected) and tried > 1:
            problem.hint = (
                f"so it does in all {tried} known forms of the question; a camera that is not set "
                "to record is refused like this, too"
            )
        raise problem

    async def _steps(self, query: Query, problem: Problem) -> AsyncIterator[SearchDialect]:
        """What to try: the ladder once for each track; then every combination, once, those first
        that are nearest to what the device has understood. A device that answers track 101, and
        shows by nothing that it reads the container at all, may demand what no step of the ladder
        has together with the right one: there what is near is walked, once too."""
        if query.track in self._climbed and isinstance(problem, Rejected):
            return
        self._climbed.add(query.track)
        now = self._now
        tried = {now}
        async for form in self._forms(query, problem, now):
            # A spelling that is known to be read is kept.
            dialect = replace(form, position=now.position) if self.paging else form
            if dialect not in tried:
                tried.add(dialect)
                yield dialect

    async def _forms(
        self, query: Query, problem: Problem, now: SearchDialect
    ) -> AsyncIterator[SearchDialect]:
        for dialect in SEARCH_LADDER:
            yield replace(dialect, most=now.most)
        kind: Literal["near", "all"] = "near" if self._works else "all"
        ignored = isinstance(problem, DeviceProtocolError) and not self._container_proven
        if kind in self._walked or (self._works and not ignored):
            return
        if kind == "all" and self._dialects.walked:
            return
        self._walked.add(kind)
        plain = await self._numbered_plainly(query.track)
        within = _NEAR if kind == "near" else len(fields(now))
        like = self._ignored or now
        most = FEW if kind == "all" else like.most
        every = every_search_dialect(like, plain=plain, within=within, most=most)
        for dialect in islice(every, max(self.left, 0)):
            yield dialect
        if kind == "all":
            await self._dialects.walked_in_vain()

    async def _try(
        self, dialect: SearchDialect, query: Query, search_id: str, position: int, *, last: bool
    ) -> Page | Problem:
        """The page, or what is wrong with this dialect; a refusal is final where `last`."""
        self.left -= 1
        body = search.build(
            dialect,
            search_id=search_id,
            track=query.track,
            begin=query.begin - self.before,
            end=query.end + self.after,
            position=position,
            page=min(self._settings.page, dialect.most or self._settings.page),
        )
        try:
            page = await self._ask(body)
            if page.ident not in ("", search_id):
                # An answer that was sent twice is read in place of the next one. Some firmware may
                # have ids of its own: what it says again is believed.
                self.left -= 1
                page = replace(await self._ask(body), repeated=True)
            if page.repeated:
                query.repeated.append((position, page.rows))
        except Rejected as error:
            if error.http != 400 and error.code not in FORM_CODES:
                raise
            if last:
                error.hint = error.hint or (
                    f"it answers searches of other tracks: track {query.track} is not set to "
                    "record, or the device has none"
                )
                raise
            return error
        strange = {row.track for row in page.rows} - _own_numbers(query.track, dialect)
        if strange:
            self._ignored = dialect
            return DeviceProtocolError(
                f"asked for track {query.track}, it lists track {min(strange)}",
                where=self._where,
                hint="it has no such track, or this firmware reads the track in no known form",
            )
        if not self._works:
            self._works = True
            await self._dialects.learnt(search=self._dialects.search or dialect)
        if page.rows and query.track != _DEFAULT_TRACK and page.rows[0].track:
            self._container_proven = True
        return page

    def _doubtful(self, query: Query) -> bool:
        """Whether an empty page may be that of another track."""
        return not self._container_proven and (
            query.track != _DEFAULT_TRACK or self._now.ids == "hundreds"
        )

    async def _elsewhere(self, query: Query, search_id: str) -> Page | None:
        """Rows in another container, where an empty page may be one of track 101; or under another
        number, where the device lists its tracks under such."""
        now, others = self._now, []
        if query.track != _DEFAULT_TRACK:
            containers = dict.fromkeys(dialect.container for dialect in SEARCH_LADDER)
            others = [replace(now, container=c) for c in containers if c != now.container]
        plain = replace(now, ids="plain")
        if now.ids == "hundreds" and await self._numbered_plainly(query.track):
            others.insert(0, plain)
        for dialect in others:
            page = await self._try(dialect, query, search_id, 0, last=False)
            if isinstance(page, Page) and page.rows:
                await self.adopt(dialect)
                return page
        return None

    async def _numbered_plainly(self, track: int) -> bool:
        try:
            known = await self._tracks()
        except DeviceError:
            return False
        return track not in known and track // 100 in known


def _own_numbers(track: int, dialect: SearchDialect) -> set[int]:
    """The numbers under which a reply may call a track; 0: it says none. Cameras that take 101
    may answer 1."""
    own = {0, track, dialect.track(track)}
    return own | {track // 100} if track % 100 == 1 else own
