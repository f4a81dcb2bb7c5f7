"""All rows of a track and span, however the device pages.

One GUID a query, the position moved on by the distinct items received, the end known by an empty
page: page caps, counts and `OK` are not believed. Where a page repeats what is known (a position
that is ignored, a cap on the whole query) the window is halved, which works on every firmware.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from hikcore.errors import DeviceProtocolError
from hikcore.instants import NS, format_instant
from hikcore.sources.isapi import search
from hikcore.sources.isapi.asking import Asker, Query, Tracks
from hikcore.sources.isapi.dialects import Dialects
from hikcore.sources.isapi.literal import digits, offset
from hikcore.sources.isapi.search import Page, SearchRow
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.status import Rejected
from hikcore.sources.turns import Turns

#: A query ends silently at 4000 rows (device fact).
_QUERY_CAP: Final = 4000
#: Requests for one window and its halves; a device that repeats for ever costs no more.
_BUDGET: Final = 1000
#: No page cap below 30 is known; a shorter page that brings nothing new is no cut-off one.
_LEAST_CAP: Final = 8
_HOUR: Final = 3600 * NS
#: How far a row may lie beside what was asked; half of the least offset of a zone that matters.
_ASIDE: Final = _HOUR // 2


class _Outcome(Enum):
    END = "paging came to its end"
    SAID_END = "it said that this is all, and then repeated itself"
    STUCK = "it said that there is more, and then repeated itself"


@dataclass(slots=True)
class Listing:
    """What was found: rows without repeats, in the device's order."""

    rows: dict[SearchRow, None] = field(default_factory=dict)
    complete: bool = True


def _meets(query: Query, row: SearchRow) -> bool:
    try:
        begin, end = digits(row.begin), digits(row.end)
    except ValueError:
        return True  # told where it is read
    return begin - _ASIDE <= query.end and query.begin <= end + _ASIDE


class Lister:
    """Searches of one device; keeps the dialect that worked.

    Args:
        ask: posts a search body and gives the reply as read, tried again where that helps.
        turns: the places for searches; held for all pages of a query.
        where: the device, for errors.
        dialects, tracks: see `Asker`.
        new_id: a GUID in upper case for every query.
    """

    def __init__(
        self,
        ask: Callable[[bytes], Awaitable[Page]],
        turns: Turns,
        settings: Settings,
        where: str,
        dialects: Dialects | None = None,
        tracks: Tracks | None = None,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()).upper(),
    ) -> None:
        self._turns = turns
        self._settings = settings
        self._where = f"{where} {search.PATH}"
        self._new_id = new_id
        known = dialects or Dialects()
        if tracks is None:
            self._asker = Asker(ask, settings, self._where, known)
        else:
            self._asker = Asker(ask, settings, self._where, known, tracks)

    async def listing(self, track: int, begin: int, end: int) -> Listing:
        """Every row of a track that meets a span of literal time, rounded out to seconds.

        Raises:
            DeviceError: the device does not answer, refuses, or searches another track.
        """
        found = Listing()
        at, end = begin // NS * NS, -(-end // NS) * NS
        while at < end:
            until = min(at + self._settings.window, end)
            async with self._turns.place():
                self._asker.left = _BUDGET
                complete = await self._window(Query(track, at, until), found.rows)
            found.complete = found.complete and complete
            at = until
        return found

    async def _window(self, query: Query, rows: dict[SearchRow, None]) -> bool:
        if self._asker.left <= 0:
            return False
        mine: dict[SearchRow, None] = {}
        try:
            outcome = await self._passes(query, mine)
        except Rejected as error:
            # "Device Error" on a wide window is not a refusal of a narrow one (facts 1.3).
            if (error.http != 500 and error.code != 3) or query.end - query.begin <= _HOUR:
                raise
            outcome = _Outcome.STUCK
        if outcome is _Outcome.SAID_END and await self._nothing_after(query, mine):
            outcome = _Outcome.END
        if outcome is _Outcome.END:
            rows.update(mine)
            return True
        narrow = query.end - query.begin <= _HOUR
        if not mine and narrow:
            return False  # it says that there is more, and never shows any
        middle = (query.begin + query.end) // 2 // NS * NS
        if not query.begin < middle < query.end:
            rows.update(mine)
            return False
        left = await self._window(Query(query.track, query.begin, middle), rows)
        right = await self._window(Query(query.track, middle, query.end), rows)
        rows.update(mine)
        return left and right

    async def _passes(self, query: Query, rows: dict[SearchRow, None]) -> _Outcome:
        """All pages; and all of them once more where one was asked for again of a device that keeps
        the position itself, by the id of the search (a DVR V4.30.300 does, whatever position it is
        asked for): what was lost on the way is given to nobody then."""
        outcome = await self._pages(query, rows)
        while query.repeated and not await self._by_position(query):
            query.repeated.clear()
            once_more: dict[SearchRow, None] = {}
            outcome = await self._pages(query, once_more)
            nothing_new = rows.keys() >= once_more.keys()
            merged = dict.fromkeys([*once_more, *rows])  # in the order of the last one
            rows.clear()
            rows.update(merged)
            if nothing_new:
                break
        return outcome

    async def _by_position(self, query: Query) -> bool:
        """Whether the furthest page that was asked for again comes alike under another id."""
        if self._asker.by_position:
            return True
        position, rows = max(query.repeated, key=lambda each: each[0])
        same = Query(query.track, query.begin, query.end)
        page = await self._asker.page(same, self._new_id(), position)
        self._asker.by_position = bool(position and rows) and page.rows == rows
        return page.rows == rows

    async def _pages(self, query: Query, rows: dict[SearchRow, None]) -> _Outcome:
        search_id, position, more, barren = self._new_id(), 0, True, -1
        first: tuple[SearchRow, ...] = ()
        while True:
            try:
                page = await self._asker.page(query, search_id, position)
            except Rejected:
                if position and not more:
                    return _Outcome.END  # nothing lies beyond what it called the end
                raise
            if self._asked_too_little(query, page.rows):
                rows.clear()
                return await self._pages(query, rows)
            first = first or page.rows
            if position and page.rows and all(row in rows for row in page.rows):
                page = await self._turn_over(query, search_id, position, page, first)
            fresh = [row for row in page.rows if row not in rows]
            rows.update(dict.fromkeys(fresh))
            # Distinct rows: where a page overlaps the one before, counting its repeats would skip.
            position = len(rows)
            if not page.rows:
                if not page.more:
                    return _Outcome.END
                if barren != position:
                    barren = position  # a search that is still under way: asked for once more
                    continue
                # It shows no more, whatever it says: that is looked into.
                return _Outcome.SAID_END if rows else _Outcome.STUCK
            if not fresh:
                return _Outcome.STUCK if more else _Outcome.SAID_END
            if position >= _QUERY_CAP:
                return _Outcome.STUCK
            if page.rows[0] != first[0]:
                self._asker.paging = True
            more = page.more

    async def _turn_over(
        self,
        query: Query,
        search_id: str,
        position: int,
        page: Page,
        first: tuple[SearchRow, ...],
    ) -> Page:
        """A page that brought the first one again: the same under the other spelling of the
        position, where that is the one that the device reads; else as it was."""
        if self._asker.paging is not None or page.rows != first:
            return page
        other = await self._asker.other_position(query, search_id, position)
        if other is None or other[0].rows == first:
            self._asker.paging = False  # read in neither spelling: windows are halved
            return page
        await self._asker.adopt(other[1])
        self._asker.paging = True
        return other[0]

    def _asked_too_little(self, query: Query, rows: tuple[SearchRow, ...]) -> bool:
        """Whether a page shows that the question has to be put again, wider: a device that answers
        in local time with an offset (`+05:00`) may take the `Z` of a question for UTC.

        Raises:
            DeviceProtocolError: no row is of the time that was asked, for no reason that is known.
                To leave such rows out would tell that nothing is recorded.
        """
        offsets = [offset(row.begin) for row in rows]
        before, after = max([0, *offsets]), -min([0, *offsets])
        if before > self._asker.before or after > self._asker.after:
            self._asker.before, self._asker.after = (
                max(before, self._asker.before),
                max(after, self._asker.after),
            )
            return True
        if rows and not (
            self._asker.before or self._asker.after or any(_meets(query, row) for row in rows)
        ):
            raise DeviceProtocolError(
                f"asked for {format_instant(query.begin, 0)} to {format_instant(query.end, 0)}, it "
                f"lists {rows[0].begin} to {rows[0].end}",
                where=self._where,
                hint="this device means another time by its answers than by its questions",
            )
        return False

    async def _nothing_after(self, query: Query, rows: dict[SearchRow, None]) -> bool:
        """Whether the device lists nothing new from the last row on: the end it told is true."""
        last_begin = max(digits(row.begin) for row in rows)
        last_end = max(digits(row.end) for row in rows)
        for after in (last_begin, last_end + NS):
            rest = Query(query.track, max(after, query.begin), query.end)
            if rest.begin < rest.end:
                page = await self._asker.page(rest, self._new_id(), 0)
                if len(page.rows) >= _LEAST_CAP or any(row not in rows for row in page.rows):
                    return False
        return True
