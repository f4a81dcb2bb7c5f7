"""What a recorder tells afterwards: events, metadata and logs of a span (guide, 4.5, 4.6, 9.25).

It knows less than its listeners say: events of four types, with whole seconds; metadata by channel
and type; logs in words. So what is found fills a hole in part, and what was asked is told beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from hikcore.errors import DeviceError
from hikcore.instants import NS, Span
from hikcore.sources.everfocus.heard import milliseconds, number
from hikcore.sources.everfocus.masked import masked

#: The types that eventSearch's example names.
EVENT_TYPES: Final = ("Motion", "InputAlarm", "ManualRecord", "Tag")
#: Those that 4.6 and 9.27 name; what was heard besides is asked for too.
META_TYPES: Final = (
    "diEventStart", "diEventStop", "manualStart", "manualStop", "manualAlarmStart",
    "manualAlarmStop",
)  # fmt: skip
#: Rows of a reply of searchLogs at most (9.25): so many mean that there may be more.
LOG_ROWS: Final = 4000
#: Channels of a question: as many as the guide's example has, and as maps take at most.
_CHANNELS: Final = 4
_MS: Final = 1_000_000


class Posts(Protocol):
    """What is needed of a session: a reading POST, its reply parsed.

    Raises:
        DeviceError: no reply, or one that is an error.
    """

    async def post(
        self, path: str, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """The reply's JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A row that a search gave: as `heard.Heard`, with the end that an interval has (UTC ns by the
    device's clock; -1: none)."""

    via: str
    kind: Literal["interval", "meta", "log"]
    channel: int | None
    type: str
    time: int
    end: int = -1
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Search:
    """A question, and what came of it.

    Attributes:
        asked: of what, in words. failed: why there is no answer, or not all of it.
    """

    via: str
    asked: str
    rows: list[Found] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


async def search_events(
    session: Posts, channels: Sequence[int], span: Span, *, types: Sequence[str] = EVENT_TYPES
) -> Search:
    """Events that meet a span (by the device's clock), with the window that belongs to each."""
    out = Search("eventSearch", f"types {', '.join(types)}")
    for at in range(0, len(channels), _CHANNELS):
        body = {
            "ChannelID": list(channels[at : at + _CHANNELS]),
            "StartTime": span.begin // NS,
            "EndTime": -(-span.end // NS),
            "Type": list(types),
            "Stream": "Main",
        }
        for row in await _rows(session, "/record/eventSearch", body, out):
            begin, end = _seconds(row.get("ev_start")), _seconds(row.get("ev_end"))
            if begin < 0 or not (begin < span.end and max(end, begin) >= span.begin):
                continue
            out.rows.append(
                Found("eventSearch", "interval", number(row.get("ChannelID")),
                      str(row.get("Type") or ""), begin, end, masked(row))
            )  # fmt: skip
    return out


async def search_meta(
    session: Posts,
    channels: Sequence[int],
    span: Span,
    *,
    types: Sequence[str] = META_TYPES,
    as_list: bool = False,
) -> Search:
    """Metadata of a span. The guide leaves open whether `Type` is one text or a list.

    Args:
        as_list: one question a channel with all types, instead of one a type.
    """
    out = Search("metaSearch", f"types {', '.join(types)}")
    questions: list[object] = [list(types)] if as_list else list(types)
    for channel in channels:
        for kind in questions:
            body = {
                "ChannelID": channel,
                "Type": kind,
                "StartTime": span.begin // NS,
                "EndTime": -(-span.end // NS),
            }
            for row in await _rows(session, "/record/metaSearch", body, out):
                time = milliseconds(row.get("Timestamp"))
                if span.begin <= time < span.end:
                    out.rows.append(
                        Found("metaSearch", "meta", number(row.get("ChannelID")),
                              str(row.get("Type") or ""), time, data=masked(row))
                    )  # fmt: skip
            if out.failed:
                return out  # it would refuse all the others too
    return out


async def search_logs(session: Posts, span: Span) -> Search:
    """Log rows of a span: what is left of exceptions and messages. A reply that is full is asked
    for again in halves."""
    out = Search("searchLogs", "all types")
    todo = [(span.begin // _MS, -(-span.end // _MS))]
    while todo and not out.failed:
        begin, end = todo.pop()
        # A start of 0 would mean "from the first on".
        body = {"type": "All", "startTime": max(begin, 1), "endTime": end}
        rows = await _rows(session, "/system/searchLogs", body, out)
        if len(rows) >= LOG_ROWS and end - begin > 1000:
            middle = (begin + end) // 2
            todo += [(middle, end), (begin, middle)]
            continue
        if len(rows) >= LOG_ROWS:
            out.failed.append(f"{LOG_ROWS} log rows in a second: there may be more")
        for row in rows:
            time = milliseconds(row.get("createTime"))
            if span.begin <= time < span.end:
                out.rows.append(
                    Found("searchLogs", "log", number(row.get("channel")),
                          str(row.get("type") or ""), time, data=masked(row))
                )  # fmt: skip
    return out


async def _rows(
    session: Posts, path: str, body: Mapping[str, Any], out: Search
) -> list[Mapping[str, Any]]:
    """The rows of a reply; a question that fails is noted, the others are still put."""
    try:
        reply = await session.post(path, body)
    except DeviceError as error:
        out.failed.append(error.message)
        return []
    if isinstance(reply, list):
        return list(_objects(reply))
    if isinstance(reply, dict) and str(reply.get("Result", "")).lower() == "ok":
        return []
    told = str(reply.get("Description") or reply)[:200] if isinstance(reply, dict) else "no list"
    out.failed.append(f"{path.rpartition('/')[2]} answered: {told}")
    return []


def _objects(reply: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    seen: set[str] = set()
    for row in reply:
        if isinstance(row, dict) and (text := repr(row)) not in seen:
            seen.add(text)
            yield row


def _seconds(value: object) -> int:
    """UTC ns of Unix seconds; -1: none."""
    found = number(value)
    return found * NS if found is not None and 0 < found < 4_102_444_800 else -1
