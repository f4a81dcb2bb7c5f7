"""Event/notification/alertStream: an answer that never ends, and the ways in which it is odd."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from hikcore.instants import NS, format_local
from hikcore.sim.http import Response
from hikcore.sim.when import Data
from hikcore.sim.xml import tags

PATHS = ("/ISAPI/Event/notification/alertStream", "/Event/notification/alertStream")
_TICK = 1.0


class AlertEvent(Data):
    """Something that happens while somebody listens.

    Attributes:
        kind: eventType: VMD, linedetection, fielddetection, …
        channel: where.
        after_s: seconds after the stream began.
        lasts_s: how long it is repeated, once a second; 0: it is told once.
        ends: whether a last message says `inactive`; many devices send none.
    """

    kind: str = "VMD"
    channel: int = 1
    after_s: int = Field(default=0, ge=0)
    lasts_s: int = Field(default=0, ge=0)
    ends: bool = False


class Alerts(Data):
    """How the stream is.

    Attributes:
        path: where it is served; old firmware has it without /ISAPI.
        heartbeat: `videoloss` that is inactive, every `heartbeat_s`; `heartBeat`; `once` at the
            begin, or `never`. None comes while an event is told.
        heartbeat_s: seconds from one heartbeat to the next.
        listeners: at the same time; one more is refused with 403.
        drop_after_s: the recorder hangs up then; 0: never.
        channel: what channelID says: the number, 0, nothing, nothing but dynChannelID, or 32 more.
        empty_count: activePostCount is there and empty.
        lengths: Content-Length of a part: right, without the line ends that it has, or not there.
        namespace: of the messages.
        style: XML or JSON messages.
        pictures: a JPEG part behind each first message of an event.
        broken: a dateTime that is none, or an & that is not escaped.
        copies: of each message in a second, as some firehoses send.
        events: what happens, by the time since the stream began.
    """

    path: Literal["isapi", "legacy"] = "isapi"
    heartbeat: Literal["videoloss", "heartBeat", "once", "never"] = "videoloss"
    heartbeat_s: int = Field(default=10, ge=1)
    listeners: int = Field(default=4, ge=1)
    drop_after_s: int = Field(default=0, ge=0)
    channel: Literal["number", "zero", "empty", "dynamic", "plus32"] = "number"
    empty_count: bool = False
    lengths: Literal["right", "off", "none"] = "right"
    namespace: str = "http://www.hikvision.com/ver20/XMLSchema"
    style: Literal["xml", "json"] = "xml"
    pictures: bool = False
    broken: Literal["none", "dateTime", "ampersand"] = "none"
    copies: int = Field(default=1, ge=1)
    events: tuple[AlertEvent, ...] = ()


@dataclass
class _Raised:
    """An event that a test raised, until when it lasts (ns of the recorder's clock)."""

    event: AlertEvent
    until: int
    count: int = 0


class AlertStream:
    """Serves listeners.

    Args:
        alerts: how it is.
        wall: the reading of the recorder's wall clock (local ns) and the text of its offset.
        now: its clock, ns.
        picture: a JPEG of a channel.
        sleep: how it waits for the next second.

    Attributes:
        listeners: how many there are.
    """

    def __init__(
        self,
        alerts: Alerts,
        wall: Callable[[], tuple[int, str]],
        now: Callable[[], int],
        picture: Callable[[int], bytes],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._alerts = alerts
        self._wall = wall
        self._now = now
        self._picture = picture
        self._sleep = sleep
        self._raised: list[list[_Raised]] = []  # for each listener
        self.listeners = 0

    @property
    def path(self) -> str:
        """Where it is."""
        return PATHS[self._alerts.path == "legacy"]

    def raise_event(self, event: AlertEvent) -> None:
        """Let something happen now; `after_s` does not count."""
        for told in self._raised:
            told.append(_Raised(event, self._now() + event.lasts_s * NS))

    def listen(self) -> Response | None:
        """A new listener's answer; None where there are too many."""
        if self.listeners >= self._alerts.listeners:
            return None
        self.listeners += 1
        mine: list[_Raised] = []
        self._raised.append(mine)

        def left() -> None:
            self.listeners -= 1
            self._raised = [told for told in self._raised if told is not mine]

        kind = "multipart/mixed; boundary=boundary"
        return Response(200, kind, self._parts(mine), done=left)

    async def _parts(self, mine: list[_Raised]) -> AsyncIterator[bytes]:
        alerts, ticks, quiet = self._alerts, 0, 0
        if alerts.heartbeat == "once":
            yield self._heartbeat()
        while not alerts.drop_after_s or ticks < alerts.drop_after_s:
            told = False
            for event, count, active in self._due(ticks, mine):
                told = True
                for _ in range(alerts.copies):
                    yield self._message(event.kind, event.channel, count, active=active)
                if alerts.pictures and count == 1:
                    picture = await asyncio.to_thread(self._picture, event.channel)
                    yield _part("image/jpeg", picture, "right")
            quiet = 0 if told else quiet + 1
            periodic = alerts.heartbeat in ("videoloss", "heartBeat")
            if periodic and quiet and (quiet - 1) % alerts.heartbeat_s == 0:
                yield self._heartbeat()
            ticks += 1
            await self._sleep(_TICK)

    def _due(self, ticks: int, mine: list[_Raised]) -> Iterator[tuple[AlertEvent, int, bool]]:
        """(event, how often it was told with this time, whether it is active)."""
        for event in self._alerts.events:
            since = ticks - event.after_s
            if 0 <= since <= event.lasts_s and not (since == event.lasts_s and event.ends):
                yield event, since + 1, True
            elif event.ends and since == event.lasts_s:
                yield event, 0, False
        for raised in list(mine):
            raised.count += 1
            over = self._now() > raised.until or raised.count > raised.event.lasts_s + 1
            if over:
                mine.remove(raised)
                if raised.event.ends:
                    yield raised.event, 0, False
            else:
                yield raised.event, raised.count, True

    def _heartbeat(self) -> bytes:
        kind = "heartBeat" if self._alerts.heartbeat == "heartBeat" else "videoloss"
        return self._message(kind, 1, 0, active=False)

    def _message(self, kind: str, channel: int, count: int, *, active: bool) -> bytes:
        alerts = self._alerts
        local, suffix = self._wall()
        at = format_local(local, 0) + suffix
        if alerts.broken == "dateTime":
            at = at.replace("T", " T ").replace(":", ".")
        state = "active" if active else "inactive"
        if alerts.style == "json":
            fields = {"ipAddress": "192.0.2.1", "channelID": channel, "dateTime": at,
                      "activePostCount": count, "eventType": kind, "eventState": state}  # fmt: skip
            return _part("application/json", json.dumps(fields).encode(), alerts.lengths)
        ids = {
            "number": tags(channelID=channel),
            "zero": tags(channelID=0),
            "empty": "<channelID/>",
            "dynamic": tags(dynChannelID=channel),
            "plus32": tags(channelID=channel + 32),
        }
        name = "Gate & yard" if alerts.broken == "ampersand" else f"Camera {channel:02d}"
        lines = [
            f'<EventNotificationAlert version="2.0" xmlns="{alerts.namespace}">',
            tags(ipAddress="192.0.2.1", portNo=80, protocol="HTTP", macAddress="02:00:00:00:00:01"),
            ids[alerts.channel],
            tags(dateTime=at),
            "<activePostCount/>" if alerts.empty_count else tags(activePostCount=count),
            tags(eventType=kind, eventState=state, eventDescription=f"{kind} alarm"),
            f"<channelName>{name}</channelName>",
            "</EventNotificationAlert>",
        ]
        body = "\n".join(lines).replace("\n", "\r\n").encode() + b"\r\n"
        return _part('application/xml; charset="UTF-8"', body, alerts.lengths)


def _part(kind: str, body: bytes, lengths: Literal["right", "off", "none"]) -> bytes:
    head = f"--boundary\r\nContent-Type: {kind}\r\n"
    if lengths != "none":
        size = len(body) - (body.count(b"\r\n") if lengths == "off" else 0)
        head += f"Content-Length: {size}\r\n"
    return head.encode() + b"\r\n" + body + b"\r\n"
