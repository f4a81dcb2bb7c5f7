"""Footage: where there is any, lists of clips, clips as AVI, and what is set to be recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from pydantic import AliasPath, Field, field_validator

from hikcore.errors import DeviceProtocolError
from hikcore.instants import NS, Span
from hikcore.sources.base import Stream
from hikcore.sources.everfocus.bodies import Body, body, is_avi
from hikcore.sources.everfocus.calls.base import Calls
from hikcore.sources.everfocus.maps import PATHS, MapKind
from hikcore.sources.everfocus.streams import from_wire, to_wire
from hikcore.sources.everfocus.values import (
    Flag,
    Number,
    Reply,
    as_int,
    instant,
    rows,
    to_seconds,
    up_to_seconds,
    wire_time,
)


@dataclass(frozen=True, slots=True)
class RecordMap:
    """What a map says (5.x).

    Attributes:
        span: what was answered, which may be less than was asked for.
        rows: by channel, `+` and `-`: one text of days, a text of minutes for each hour, a text of
            seconds for each minute. A channel that was not answered is not in it.
    """

    span: Span
    rows: Mapping[int, tuple[str, ...]]


class Clip(Reply):
    """A stretch of footage that was listed (9.11), in UTC ns."""

    begin: int = Field(alias="startTime")
    end: int = Field(alias="endTime")

    @field_validator("begin", "end", mode="before")
    @classmethod
    def _instant(cls, value: Any) -> int:
        return instant(value)


class RecordSettings(Reply):
    """What is recorded of a channel (9.16). `streams` is empty where that is not told."""

    channel: Number
    enabled: Flag | None = Field(None, validation_alias=AliasPath("setting", "enable"))
    streams: tuple[Stream, ...] = Field((), validation_alias=AliasPath("setting", "streamType"))
    pre_record: Flag | None = Field(None, validation_alias=AliasPath("setting", "enablePreRecord"))

    @field_validator("streams", mode="before")
    @classmethod
    def _streams(cls, value: Any) -> tuple[Stream, ...]:
        return from_wire("record", value)


class Recordings(Calls):
    """Calls about footage."""

    async def record_map(
        self, kind: MapKind, channels: Sequence[int], span: Span, stream: Stream = "main"
    ) -> RecordMap:
        """Where there is footage, by day, minute or second (5.1, 5.2, 5.3): one request.

        Args:
            channels: at most `settings.map_channels`.
            span: beginning at the border of a day or hour by the recorder's clock; of more than
                35 days, 24 hours or 60 minutes only the first are answered.
        """
        if len(channels) > self.session.settings.map_channels:
            raise ValueError(
                f"a map tells of {self.session.settings.map_channels} channels at most"
            )
        path = PATHS[kind]
        inclusive = self.session.settings.ends_inclusive
        asked = {
            "ChannelIDs": list(channels),
            "StartTime": to_seconds(span.begin),
            "EndTime": up_to_seconds(span.end) - (1 if inclusive else 0),
            "mainsub": to_wire("map", stream),
        }
        said = await self.session.post(path, asked)
        return _map(said, inclusive, self._where(path))

    async def video_clips(self, channel: int, span: Span) -> tuple[Clip, ...]:
        """Stretches of footage in a span (9.11). They may reach beyond it; no stream is named."""
        path, unit = "/record/requestVideoClips", self.session.settings.clips_unit
        asked = {
            "startTime": str(wire_time(span.begin, unit)),
            "endTime": str(wire_time(span.end, unit, up=True)),
        }
        said = await self.session.post(path, asked, {"ChannelID": channel})
        return rows(Clip, said, self._where(path))

    def backup_video_clip(
        self, channel: int, span: Span, stream: Stream = "main"
    ) -> AbstractAsyncContextManager[Body]:
        """Footage of a span as AVI (9.12), in whole seconds that hold it.

        Entering raises:
            DeviceSaidError: there is an error in its place. DeviceProtocolError: it is no AVI.
        """
        inclusive = self.session.settings.backup_end_inclusive
        params = {
            "ChannelID": channel,
            "stream": to_wire("clip", stream),
            "startTime": to_seconds(span.begin),
            "endTime": up_to_seconds(span.end) - (1 if inclusive else 0),
        }
        return body(self.session, "/record/backupVideoClip", params, fits=is_avi, what="AVI")

    async def record_settings(self) -> tuple[RecordSettings, ...]:
        """What is recorded of each channel (9.16)."""
        path = "/device/getRecordSettings"
        said = await self.session.get(path)
        listed = said.get("settings", said) if isinstance(said, dict) else said
        return rows(RecordSettings, listed, self._where(path))


def _map(document: Any, inclusive: bool, where: str) -> RecordMap:
    if not isinstance(document, dict):
        raise DeviceProtocolError("a map that is no object", where=where)
    try:
        begin = as_int(document.get("StartTime"))
        end = as_int(document.get("EndTime")) + (1 if inclusive else 0)
        span = Span(begin * NS, end * NS)
    except ValueError as error:
        raise DeviceProtocolError(f"a map without its times: {error}", where=where) from None
    found: dict[int, tuple[str, ...]] = {}
    for name, value in document.items():
        if name[:2] == "CH" and name[2:].isascii() and name[2:].isdecimal():
            found[int(name[2:])] = _texts(value, where)
    return RecordMap(span, found)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DeviceProtocolError("a map's row that is no text", where=where)
    return tuple(texts)
