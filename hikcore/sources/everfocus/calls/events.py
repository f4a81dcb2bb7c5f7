"""What happened: events with their footage, metadata, and the recorder's log (4.5, 4.6, 9.25)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from hikcore.instants import Span
from hikcore.sources.base import Stream
from hikcore.sources.everfocus.calls.base import Calls
from hikcore.sources.everfocus.masked import masked
from hikcore.sources.everfocus.streams import to_wire
from hikcore.sources.everfocus.values import (
    Flag,
    Millis,
    Number,
    Reply,
    Seconds,
    Text,
    to_seconds,
    up_to_seconds,
)

EventType = Literal["Motion", "InputAlarm", "ManualRecord", "Tag"]
ALL: Final[tuple[EventType, ...]] = ("Motion", "InputAlarm", "ManualRecord", "Tag")
LogType = Literal["All", "System", "Configuration", "Account", "Alarm", "Record", "Storage"]
#: An answer of so many rows (9.25) may be cut short.
LOG_LIMIT: Final = 4000
_MS: Final = 1_000_000


class RecordedEvent(Reply):
    """An event that was recorded (4.5); times in UTC ns.

    Attributes:
        begin, end: of the event. footage_begin, footage_end: of what was recorded for it.
        size: bytes of that footage.
    """

    channel: Number = Field(alias="ChannelID")
    begin: Seconds = Field(alias="ev_start")
    end: Seconds = Field(alias="ev_end")
    footage_begin: Seconds = Field(alias="pre_rec")
    footage_end: Seconds = Field(alias="post_rec")
    size: Number | None = Field(None, alias="video_size")
    type: Text = Field("", alias="Type")
    comment: Text = ""


class Metadata(Reply):
    """Metadata that were kept (4.6), of `time` (UTC ns). `data` of manual recordings and alarms is
    `{"id": …}`, the same at start and stop (9.27, 9.28)."""

    channel: Number = Field(alias="ChannelID")
    type: Text = Field(alias="Type")
    data: Any = Field(None, alias="Data")
    time: Millis = Field(alias="Timestamp")

    _masked = field_validator("data", mode="before")(masked)


class LogEntry(Reply):
    """A line of the recorder's log (9.25), of `time` (UTC ns)."""

    type: Text
    description: Text = ""
    channel: Number | None = None
    time: Millis = Field(alias="createTime")
    user: Text = ""
    has_record: Flag = Field(False, alias="hasRecord")


class Events(Calls):
    """Calls about what happened."""

    async def events(
        self,
        channels: Iterable[int],
        span: Span,
        stream: Stream = "main",
        types: Iterable[EventType] = ALL,
    ) -> tuple[RecordedEvent, ...]:
        """Events of a span, with the span of their footage (4.5)."""
        body = {
            "ChannelID": list(channels),
            "StartTime": to_seconds(span.begin),
            "EndTime": self._end(span),
            "Type": list(types),
            "Stream": to_wire("event", stream),
        }
        return await self._posted(RecordedEvent, "/record/eventSearch", body)

    async def metadata(self, channel: int, span: Span, type_: str) -> tuple[Metadata, ...]:
        """Metadata of one type in a span (4.6), as `manualStart` or `diEventStop`."""
        body = {
            "ChannelID": channel,
            "Type": type_,
            "StartTime": to_seconds(span.begin),
            "EndTime": self._end(span),
        }
        return await self._posted(Metadata, "/record/metaSearch", body)

    async def logs(
        self, begin: int | None = None, end: int | None = None, type_: LogType = "All"
    ) -> tuple[LogEntry, ...]:
        """The log (9.25). Where `LOG_LIMIT` rows come, ask for a shorter span: it may be cut.

        Args:
            begin, end: UTC ns; None: from the first line, to now.
        """
        body = {
            "type": type_,
            "startTime": begin // _MS if begin is not None else 0,
            "endTime": -(-end // _MS) if end is not None else 0,
        }
        return await self._posted(LogEntry, "/system/searchLogs", body)

    def _end(self, span: Span) -> int:
        """`EndTime`: in the guide's example the last second that is meant."""
        end = up_to_seconds(span.end)
        return end - 1 if self.session.settings.ends_inclusive else end
