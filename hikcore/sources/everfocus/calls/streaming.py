"""WebSockets of a recorder: live, playback with its control, and what it tells by itself.

Each call gives a context that opens one connection; `parse` makes models of its text messages.
`hikcore.sources.everfocus.live` keeps such connections up, and cuts frames out of them.
"""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, TypeVar

from pydantic import Field, field_validator

from hikcore.errors import DeviceProtocolError
from hikcore.sources.base import Stream
from hikcore.sources.everfocus.calls.base import Calls
from hikcore.sources.everfocus.calls.cameras import CameraStatus
from hikcore.sources.everfocus.masked import masked
from hikcore.sources.everfocus.streams import to_wire
from hikcore.sources.everfocus.tolerant import read_json
from hikcore.sources.everfocus.transport import AllowedConnection
from hikcore.sources.everfocus.values import (
    Millis,
    Number,
    Reply,
    Text,
    rows,
    to_seconds,
    wire_time,
)

Command = Literal[
    "stop", "play", "pause", "forward", "backward", "fast_forward", "fast_backward",
    "slow_forward", "slow_backward", "step_forward", "step_backward", "seek",
]  # fmt: skip
Speed = Literal[1, 2, 4, 8, 16]
Opening = AbstractAsyncContextManager[AllowedConnection]
_PACED = frozenset({"fast_forward", "fast_backward", "slow_forward", "slow_backward"})
M = TypeVar("M", bound=Reply)


class EventMessage(Reply):
    """An event as it happens (4.2); the recorder tells no time of it."""

    channel: Number = Field(alias="ChannelID")
    type: Text = Field(alias="Type")
    state: Text = Field("", alias="State")


class MetaMessage(Reply):
    """Metadata as they come up (4.4); the recorder tells no time of them."""

    channel: Number = Field(alias="ChannelID")
    type: Text = Field(alias="Type")
    data: Any = Field(None, alias="Data")

    _masked = field_validator("data", mode="before")(masked)


class ExceptionMessage(Reply):
    """A fault of the recorder (10.13), at `time` (UTC ns): `DiskFull`, or `DiskError` of a disk."""

    exception: Text
    target: Text = ""
    time: Millis


class Notice(Reply):
    """A message of the recorder (10.14), at `time` (UTC ns). Passwords in its content are masked.

    `message` is one of `network`, `cameraSubnetMask`, `cameraDetail`, `portList`, `sysTimeChanged`.
    """

    message: Text
    time: Millis
    target: Text = ""
    content: Any = None

    _masked = field_validator("content", mode="before")(masked)


def parse(model: type[M], message: str | bytes, where: str = "") -> tuple[M, ...]:
    """A text message of a WebSocket, as one or several models (`CameraStatus` too).

    Raises:
        DeviceProtocolError: it is none of them.
    """
    data = message.encode() if isinstance(message, str) else message
    try:
        document = read_json(data).document
    except ValueError as error:
        raise DeviceProtocolError(f"a message that is no JSON: {error}", where=where) from None
    return rows(model, document, where)


def control(command: Command, *, time: int | None = None, speed: Speed | None = None) -> str:
    """A text for a playback's WebSocket (3.4).

    Args:
        time: UTC ns, of `seek`, after which the playback is paused.
        speed: of `fast_…` and `slow_…`.

    Raises:
        ValueError: a time or speed where none belongs, or none where one does.
    """
    return json.dumps(_control(command, time, speed))


def _control(command: Command, time: int | None, speed: Speed | None) -> dict[str, Any]:
    if (time is not None) != (command == "seek"):
        raise ValueError("a time belongs to seek, and to nothing else")
    if (speed is not None) != (command in _PACED):
        raise ValueError("a speed belongs to fast_… and slow_…, and to nothing else")
    body: dict[str, Any] = {"command": command}
    if time is not None:
        body["time"] = to_seconds(time)
    if speed is not None:
        body["speed"] = speed
    return body


class Streaming(Calls):
    """Calls that open WebSockets, and the control of a playback over HTTP."""

    def live(self, channel: int, stream: Stream = "main") -> Opening:
        """Frames as they are recorded (3.1)."""
        return self.session.websocket(f"/live/{channel}/{to_wire('path', stream)}")

    def playback(self, channel: int, at: int, session: str, stream: Stream = "main") -> Opening:
        """Frames from an instant on (3.3), at the recorder's pace and without an end of their own.

        Args:
            at: UTC ns; sent down to `settings.playback_unit`.
            session: a text of the caller's own making, another for each playback.
        """
        return self.session.websocket(
            f"/playback/{channel}/{to_wire('path', stream)}",
            {"time": wire_time(at, self.session.settings.playback_unit), "session": session},
        )

    async def control_playback(
        self,
        session: str,
        command: Command,
        *,
        time: int | None = None,
        speed: Speed | None = None,
    ) -> None:
        """Control a playback by its session (3.5); arguments as of `control`. Not tried again.

        Raises:
            DeviceSaidError: the recorder will not.
        """
        path = "/device/playbackControl"
        await self.session.once("POST", path, {"session": session}, _control(command, time, speed))

    def status_stream(self) -> Opening:
        """What each camera does, every second (2.8); messages: `CameraStatus`."""
        return self.session.websocket("/device/cameraStatus")

    def event_hook(self) -> Opening:
        """Events as they happen (4.2); messages: `EventMessage`."""
        return self.session.websocket("/meta/eventHook")

    def meta_hook(self) -> Opening:
        """Metadata as they come up (4.4); messages: `MetaMessage`."""
        return self.session.websocket("/meta/metaHook")

    def exception_listener(self) -> Opening:
        """Faults of the recorder (10.13); messages: `ExceptionMessage`."""
        return self.session.websocket("/system/exceptionListen")

    def message_listener(self) -> Opening:
        """What else it tells (10.14), a change of its clock among it; messages: `Notice`."""
        return self.session.websocket("/system/messageListen")


__all__ = [
    "CameraStatus", "Command", "EventMessage", "ExceptionMessage", "MetaMessage", "Notice",
    "Opening", "Speed", "Streaming", "control", "parse",
]  # fmt: skip
