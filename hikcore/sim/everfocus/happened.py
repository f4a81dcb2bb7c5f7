"""What happened at a simulated EverFocus recorder: events, metadata, log rows."""

from __future__ import annotations

from typing import Any, Literal

from hikcore.sim.when import Data, When

LogType = Literal["System", "Configuration", "Account", "Alarm", "Record", "Storage"]


class EventRow(Data):
    """An event with footage (4.5).

    Attributes:
        channel, begin, end, type, comment: of it.
        pre_s, post_s: seconds recorded before and after it: its archive window.
        size: of its video.
    """

    channel: int
    begin: When
    end: When
    type: Literal["Motion", "InputAlarm", "ManualRecord", "Tag"] = "Motion"
    pre_s: int = 10
    post_s: int = 30
    size: int = 14_707_618
    comment: str = "Motion-1"


class MetaRow(Data):
    """A piece of metadata (4.6).

    Attributes:
        channel, type, at: of it.
        data: a text that may be no JSON, as the guide's `{ id: 1564741064}`.
    """

    channel: int
    type: str
    at: When
    data: Any = "active"


class LogRow(Data):
    """A row of the log (9.25).

    Attributes:
        type, description, at: of it.
        channel, user: told where they are set.
        has_record: whether there is footage of it.
    """

    type: LogType
    description: str
    at: When
    channel: int | None = None
    user: str | None = None
    has_record: bool = False
