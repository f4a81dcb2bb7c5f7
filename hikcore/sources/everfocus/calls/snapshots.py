"""Still pictures that a recorder keeps (guide, 3.6 to 3.9, 9.14)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from pydantic import AliasPath, Field, field_validator

from hikcore.errors import DeviceProtocolError, TransferInterrupted
from hikcore.instants import Span
from hikcore.sources.base import Stream
from hikcore.sources.everfocus.bodies import body, is_jpeg
from hikcore.sources.everfocus.calls.base import Calls
from hikcore.sources.everfocus.streams import from_wire
from hikcore.sources.everfocus.values import (
    Flag,
    Number,
    Real,
    Reply,
    Text,
    instant,
    one,
    rows,
    wire_time,
)

SnapshotType = Literal["Manual", "Normal", "Motion", "InputAlarm"]
ALL: Final[tuple[SnapshotType, ...]] = ("Manual", "Normal", "Motion", "InputAlarm")


class SnapshotPath(Reply):
    """Where a picture lies on the recorder (3.6)."""

    path: Text = Field(alias="snapshotPath", min_length=1)


class Snapshot(SnapshotPath):
    """A picture that was found (3.7), of `time` (UTC ns)."""

    channel: Number
    time: int = Field(alias="timeStamp")
    type: Text = ""


class SnapshotSettings(Reply):
    """When the recorder takes pictures of a channel by itself (9.14).

    Attributes:
        auto: whether it does. period, alarm_period: between two, in ordinary times and during an
            alarm; at most 0: none. The guide does not name their unit.
    """

    channel: Number
    auto: Flag | None = Field(None, validation_alias=AliasPath("snapshotSettings", "Auto"))
    stream: Stream | None = Field(
        None, validation_alias=AliasPath("snapshotSettings", "streamType")
    )
    period: Real | None = Field(
        None, validation_alias=AliasPath("snapshotSettings", "Normal", "period")
    )
    alarm_period: Real | None = Field(
        None, validation_alias=AliasPath("snapshotSettings", "Alarm", "period")
    )

    @field_validator("stream", mode="before")
    @classmethod
    def _stream(cls, value: object) -> Stream | None:
        return None if value is None else from_wire("snapshot", value)[0]


class Snapshots(Calls):
    """Calls about still pictures."""

    async def take_snapshot(self, channel: int) -> str:
        """Have a picture taken, and give its path (3.6). It makes a file on the recorder: needs
        `snapshots`."""
        path = "/device/getSnapshot"
        # Once: a second try would make a second file.
        said = await self.session.once("GET", path, {"ChannelID": channel})
        return one(SnapshotPath, said, self._where(path)).path

    async def snapshots(
        self, channels: Iterable[int], span: Span, types: Iterable[SnapshotType] = ALL
    ) -> tuple[Snapshot, ...]:
        """Pictures of a span (3.7). Times are asked and answered in `settings.snapshots_unit`."""
        path, unit = "/device/searchSnapshotPath", self.session.settings.snapshots_unit
        body = {
            "channels": list(channels),
            "types": list(types),
            "startTime": wire_time(span.begin, unit),
            "endTime": wire_time(span.end, unit, up=True),
        }
        said = await self.session.post(path, body)
        found = [_timed(row, unit, self._where(path)) for row in _list(said)]
        return rows(Snapshot, found, self._where(path))

    async def download_snapshot(self, snapshot: str | Snapshot) -> bytes:
        """A picture as JPEG (3.9), by its path.

        Raises:
            DeviceSaidError: there is none. DeviceProtocolError: it is no JPEG, or no picture of
                ordinary size. TransferInterrupted: it has no end.
        """
        file = snapshot.path if isinstance(snapshot, Snapshot) else snapshot
        return await self.session.retrying(lambda: self._picture(file))

    async def _picture(self, file: str) -> bytes:
        path, limit = "/device/download/", self.session.settings.answer_limit
        params = {"snapshot": file}
        async with body(self.session, path, params, fits=is_jpeg, what="a JPEG") as picture:
            data = bytearray()
            async for block in picture.blocks():
                data += block
                if len(data) > limit:
                    raise DeviceProtocolError(
                        f"a picture of more than {limit} bytes", where=self._where(path)
                    )
        if data.rfind(b"\xff\xd9") < 0:
            raise TransferInterrupted("a JPEG without its end", where=self._where(path))
        return bytes(data)

    async def snapshot_settings(self) -> tuple[SnapshotSettings, ...]:
        """When pictures are taken of each channel (9.14)."""
        path = "/device/getSnapshotSettings"
        said = await self.session.get(path)
        listed = said.get("settings", said) if isinstance(said, dict) else said
        return rows(SnapshotSettings, listed, self._where(path))


def _list(document: object) -> list[object]:
    return document if isinstance(document, list) else [document]


def _timed(row: object, unit: str, where: str) -> object:
    if not isinstance(row, dict) or "timeStamp" not in row:
        return row
    try:
        return {**row, "timeStamp": instant(row["timeStamp"], unit)}
    except ValueError as error:
        raise DeviceProtocolError(f"timeStamp: {error}", where=where) from None
