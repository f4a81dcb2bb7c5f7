"""All rows of a track and span, however the device pages.

One GUID a query, the position moved on by the distinct items received, the end known by an empty
page: page caps, counts and `OK` are not believed. Where a page repeats what is known (a position
that is ignored, a cap on the whole query) the window is halved, which works on every firmware.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from hikcore.errors import DeviceProtocolError
from hikcore.instants import NS, format_instant, parse_instant
from hikcore.sources.isapi import search
from hikcore.sources.isapi.dialect import SEARCH_LADDER, SearchDialect
from hikcore.sources.isapi.search import Page, SearchRow
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.status import Rejected
from hikcore.sources.isapi.turns import Turns

#: A query ends silently at 4000 rows (device fact).
_QUERY_CAP: Final = 4000
#: Requests for one window and its halves; a device that repeats for ever costs no more.
_BUDGET: Final = 1000
#: No page cap below 30 is known; a shorter page that brings nothing new is no cut-off one.
_LEAST_CAP: Final = 8
_HOUR: Final = 3600 * NS
#: How far a row may lie beside what was asked; half of the least offset of a zone that matters.
_ASIDE: Final = _HOUR // 2
_OFFSET: Final = re.compile(r"T\S*?([+-])(\d\d):?(\d\d)$")
#: A search in a container that the device ignores is a search of this track.
_DEFAULT_TRACK: Final = 101


def digits(text: str) -> int:
    """Literal digits as ns as if UTC, whatever stands behind them.

    Raises:
        ValueError: not a time.
    """
    text = text.strip()
    day, separator, clock = text.partition("T") if "T" in text else text.partition(" ")
    for mark in "Z+-":
        clock = clock.partition(mark)[0]
    return parse_instant(f"{day}{separator}{clock.strip()}Z")


def offset(text: str) -> int:
    """What a literal time says behind its digits, ns east of UTC: 0 for `Z` and nothing."""
    found = _OFFSET.search(text.strip())
    if found is None:
        return 0
    east = (int(found[2]) * 60 + int(found[3])) * 60 * NS
    return -east if found[1] == "-" else east


class _Outcome(Enum):
    END = "paging came to its end"
    SAID_END = "it said that this is all, and then repeated itself"
    STUCK = "it said that there is more, and then repeated itself"


@dataclass(slots=True)
class Listing:
    """What was found: rows without repeats, in the device's order."""

    rows: dict[SearchRow, None] = field(default_factory=dict)
    complete: bool = True


@dataclass(slots=True)
class _Query:
    """One window of a track: literal ns."""

    track: int
    begin: int
    end: int


def _meets(query: _Query, row: SearchRow) -> bool:
    try:
        begin, end = digits(row.begin), digits(row.end)
    except ValueError:
        return True  # told where it is read
    return begin - _ASIDE <= query.end and query.begin <= end + _ASIDE


class Lister:
    """Searches of one device; keeps the dialect that worked.

    Args:
        ask: posts a search body and gives the reply, tried again where that helps.
        turns: the places for searches; held for all pages of a query.
        where: the device, for errors.
        new_id: a GUID in upper case for every query.
    """

    def __init__(
        self,
        ask: Callable[[bytes], Awaitable[bytes]],
        turns: Turns,
        settings: Settings,
        where: str,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()).upper(),
    ) -> None:
        self._ask = ask
        self._turns = turns
        self._settings = settings
        self._where = f"{where} {search.PATH}"
        self._new_id = new_id
        self._dialect = SEARCH_LADDER[0]
        self._works = False
        self._container_proven = False
        self._left = _BUDGET
        self._before = self._after = 0

    @property
    def dialect(self) -> SearchDialect:
        """The one in use: the first of the ladder until another one was found to work."""
        return self._dialect

    async def listing(self, track: int, begin: int, end: int) -> Listing:
        """Every row of a track that meets a span of literal time, rounded out to seconds.

        Raises:
            DeviceError: the device does not answer, refuses, or searches another track.
        """
        found = Listing()
        at, end = begin // NS * NS, -(-end // NS) * NS
        while at < end:
            until = min(at + self._settings.window, end)
            self._left = _BUDGET
            async with self._turns.place():
                complete = await self._window(_Query(track, at, until), found.rows)
            found.complete = found.complete and complete
            at = until
        return found

    async def _window(self, query: _Query, rows: dict[SearchRow, None]) -> bool:
        if self._left <= 0:
            return False
        mine: dict[SearchRow, None] = {}
        try:
            outcome = await self._pages(query, mine)
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
        middle = (query.begin + query.end) // 2 // NS * NS
        if not query.begin < middle < query.end:
            rows.update(mine)
            return False
        left = await self._window(_Query(query.track, query.begin, middle), rows)
        right = await self._window(_Query(query.track, middle, query.end), rows)
        rows.update(mine)
        return left and right

    async def _pages(self, query: _Query, rows: dict[SearchRow, None]) -> _Outcome:
        search_id, position, more = self._new_id(), 0, True
        while True:
            try:
                page = await self._page(query, search_id, position)
            except Rejected:
                if position and not more:
                    return _Outcome.END  # nothing lies beyond what it called the end
                raise
            if self._asked_too_little(query, page.rows):
                rows.clear()
                return await self._pages(query, rows)
            fresh = [row for row in page.rows if row not in rows]
            rows.update(dict.fromkeys(fresh))
            # Distinct rows: where a page overlaps the one before, counting its repeats would skip.
            position = len(rows)
            if not page.rows:
                return _Outcome.STUCK if page.more else _Outcome.END
            if not fresh:
                return _Outcome.STUCK if more else _Outcome.SAID_END
            if position >= _QUERY_CAP:
                return _Outcome.STUCK
            more = page.more

    def _asked_too_little(self, query: _Query, rows: tuple[SearchRow, ...]) -> bool:
        """Whether a page shows that the question has to be put again, wider: a device that answers
        in local time with an offset (`+05:00`) may take the `Z` of a question for UTC.

        Raises:
            DeviceProtocolError: no row is of the time that was asked, for no reason that is known.
                To leave such rows out would tell that nothing is recorded.
        """
        offsets = [offset(row.begin) for row in rows]
        before, after = max([0, *offsets]), -min([0, *offsets])
        if before > self._before or after > self._after:
            self._before, self._after = max(before, self._before), max(after, self._after)
            return True
        if rows and not (self._before or self._after or any(_meets(query, row) for row in rows)):
            raise DeviceProtocolError(
                f"asked for {format_instant(query.begin, 0)} to {format_instant(query.end, 0)}, it "
                f"lists {rows[0].begin} to {rows[0].end}",
                where=self._where,
                hint="this device means another time by its answers than by its questions",
            )
        return False

    async def _nothing_after(self, query: _Query, rows: dict[SearchRow, None]) -> bool:
        """Whether the device lists nothing new from the last row on: the end it told is true."""
        last_begin = max(digits(row.begin) for row in rows)
        last_end = max(digits(row.end) for row in rows)
        for after in (last_begin, last_end + NS):
            rest = _Query(query.track, max(after, query.begin), query.end)
            if rest.begin < rest.end:
                page = await self._page(rest, self._new_id(), 0)
                if len(page.rows) >= _LEAST_CAP or any(row not in rows for row in page.rows):
                    return False
        return True

    async def _page(self, query: _Query, search_id: str, position: int) -> Page:
        """One page, in the first dialect that the device neither refuses nor ignores."""
        page = await self._try(self._dialect, query, search_id, position, last=self._works)
        if isinstance(page, Page):
            if page.rows or position or not self._doubtful(query):
                return page
            return await self._other_containers(query, search_id) or page
        problem = page
        for dialect in SEARCH_LADDER:
            if dialect == self._dialect or position:
                continue
            page = await self._try(dialect, query, search_id, position, last=False)
            if isinstance(page, Page):
                self._dialect = dialect
                return page
        raise problem

    async def _try(
        self, dialect: SearchDialect, query: _Query, search_id: str, position: int, *, last: bool
    ) -> Page | Rejected | DeviceProtocolError:
        """The page, or what is wrong with this dialect; a refusal is final where `last`."""
        self._left -= 1
        body = search.build(
            dialect,
            search_id=search_id,
            track=query.track,
            begin=query.begin - self._before,
            end=query.end + self._after,
            position=position,
            page=self._settings.page,
        )
        try:
            page = search.parse(await self._ask(body), self._where)
        except Rejected as error:
            if last or (error.http != 400 and error.code not in (5, 6)):
                raise
            return error
        strange = {row.track for row in page.rows} - {0, query.track}
        if strange:
            return DeviceProtocolError(
                f"asked for track {query.track}, it lists track {min(strange)}",
                where=self._where,
                hint="this firmware reads the track in none of the known forms",
            )
        self._works = True
        if page.rows and query.track != _DEFAULT_TRACK and page.rows[0].track:
            self._container_proven = True
        return page

    def _doubtful(self, query: _Query) -> bool:
        return not self._container_proven and query.track != _DEFAULT_TRACK

    async def _other_containers(self, query: _Query, search_id: str) -> Page | None:
        """Rows in another container, where an empty page may be one of track 101."""
        tried = {self._dialect.container}
        for dialect in SEARCH_LADDER:
            if dialect.container in tried:
                continue
            tried.add(dialect.container)
            page = await self._try(dialect, query, search_id, 0, last=False)
            if isinstance(page, Page) and page.rows:
                self._dialect = dialect
                return page
        return None
