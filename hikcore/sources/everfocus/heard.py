"""What a recorder's listeners say, message by message (NVR SDK guide, 2.8, 4.2, 4.4, 10.13, 10.14).

Hooks tell no time, no order and no id: a message is stamped when it comes. The guide prints an
object where it says array, so both are read; what is no JSON at all is kept as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from hikcore.sources.everfocus.masked import masked, masked_text
from hikcore.sources.everfocus.tolerant import read_json

Kind = Literal["event", "meta", "exception", "message", "status"]
#: Of a message that is no JSON, so many characters are kept.
_TEXT: Final = 4096
_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of the WebSockets that tell.

    Attributes:
        name: as events name it. path: of the WebSocket. kind: what it tells.
    """

    name: str
    path: str
    kind: Kind


ENDPOINTS: Final = (
    Endpoint("eventHook", "/meta/eventHook", "event"),
    Endpoint("metaHook", "/meta/metaHook", "meta"),
    Endpoint("exceptionListen", "/system/exceptionListen", "exception"),
    Endpoint("messageListen", "/system/messageListen", "message"),
    Endpoint("cameraStatus", "/device/cameraStatus", "status"),
)


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that was told.

    Attributes:
        via, kind: of the endpoint. channel: None where it concerns the recorder.
        type, state: as the device writes them.
        time: UTC ns by the device's clock, where the message has one; -1.
        received: UTC ns by ours.
        data: the message, passwords masked. note: what is odd about it.
    """

    via: str
    kind: Kind
    channel: int | None
    type: str
    state: str
    time: int
    received: int
    data: dict[str, Any] = field(default_factory=dict)
    note: str = ""


def read_message(endpoint: Endpoint, message: str | bytes, received: int) -> Iterator[Heard]:
    """What a message tells. Nothing is dropped: what cannot be understood is kept with a note."""
    data = message if isinstance(message, bytes) else message.encode()
    try:
        value = read_json(data).document
    except ValueError:
        text = masked_text(data.decode("utf-8", "replace"))[:_TEXT]
        yield _heard(endpoint, {"text": text}, received, "no JSON: kept as text")
        return
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield _heard(endpoint, each, received, "")
        else:
            yield _heard(endpoint, {"value": each}, received, "no object")


def _heard(endpoint: Endpoint, value: Mapping[str, Any], received: int, note: str) -> Heard:
    data = masked(dict(value))
    kind, state = "", ""
    if endpoint.kind in ("event", "meta"):
        kind, state = _text(data.get("Type")), _text(data.get("State"))
    elif endpoint.kind == "exception":
        kind = _text(data.get("exception"))
    elif endpoint.kind == "message":
        kind = _text(data.get("message"))
    return Heard(
        via=endpoint.name,
        kind=endpoint.kind,
        channel=_channel(endpoint, data),
        type=kind,
        state=state,
        time=milliseconds(data.get("time")) if endpoint.kind in ("exception", "message") else -1,
        received=received,
        data=data,
        note=note,
    )


def _channel(endpoint: Endpoint, data: Mapping[str, Any]) -> int | None:
    value = data.get("ChannelID")
    if endpoint.kind == "message" and data.get("message") in ("cameraSubnetMask", "cameraDetail"):
        value = data.get("target")  # 10.14: for these the target is the channel
    return number(value)


def _text(value: object) -> str:
    return "" if value is None else str(value)[:200]


def number(value: object) -> int | None:
    """A whole number, also where the device writes it as text."""
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def milliseconds(value: object) -> int:
    """UTC ns of Unix milliseconds; -1: none, or none that can be true (before 2000, after 2100)."""
    found = number(value)
    if found is None or not 946_684_800_000 <= found < 4_102_444_800_000:
        return -1
    return found * _MS


class StatusChanges:
    """Of an array that comes every second (2.8) what changed, camera by camera."""

    #: `Manual` is in the reply over HTTP alone.
    FIELDS: Final = ("Online", "Recording", "Event")

    def __init__(self) -> None:
        self._known: dict[int, dict[str, Any]] = {}

    def changed(self, heard: Heard) -> Heard | None:
        """The status with what changed in it named in `state`; None where nothing did. What cannot
        be read passes as it is."""
        if heard.channel is None or heard.note:
            return heard
        now = {name: as_bool(heard.data.get(name)) for name in self.FIELDS}
        before = self._known.get(heard.channel)
        if now == before:
            return None
        self._known[heard.channel] = now
        told = [
            f"{name}={_yes(now[name])}"
            for name in self.FIELDS
            if before is None or now[name] != before[name]
        ]
        return Heard(
            heard.via, heard.kind, heard.channel, "status", ", ".join(told), heard.time,
            heard.received, heard.data, heard.note,
        )  # fmt: skip


def _yes(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[value]


def as_bool(value: object) -> bool | None:
    """A boolean as recorders write them: true, "true", 1, "1", "yes"; None: not said."""
    if isinstance(value, bool) or value is None:
        return value
    text = str(value).strip().lower()
    return {"true": True, "1": True, "yes": True, "on": True,
            "false": False, "0": False, "no": False, "off": False}.get(text)  # fmt: skip
