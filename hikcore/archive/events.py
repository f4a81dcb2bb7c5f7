"""What devices reported as it happened, and what they were asked afterwards: kept for ever.

Under `events/` lie batches of JSON lines, one `hikcore/event/1` a line, by site, device and the UTC
day of the events' begin. A batch never changes and its name holds its content's hash, so whoever
puts it again adds nothing. The same event may lie in several batches (two listeners, a broken-off
run): its key is the same, and readers show it once.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from hikcore.archive.document import Document, Instant
from hikcore.archive.keys import EVENTS, check_id, day_folder, days, events_key, events_prefix
from hikcore.archive.store import Store
from hikcore.archive.update import corrupt
from hikcore.instants import DAY, NS, Span, subtract, union

JSON_LINES: Final = "application/x-ndjson"
#: Two listeners of one device hear the same message within so long of each other.
_TOGETHER: Final = 2 * NS

EventKind = Literal[
    "event", "meta", "exception", "message", "status", "interval", "log", "gap", "watch"
]


class Event(Document):
    """Something that a device reported, or a statement about how well it was listened to.

    Attributes:
        key: 16 hex digits: the same for the same event, whoever heard or found it.
        camera: the camera's id; "" where it concerns the device, or a channel without an id.
        channel: as the device numbers it.
        kind: `event`, `meta`, `exception`, `message`, `status` (of a camera): heard when it
            happened; `interval`, `log` (and `meta`): found by asking afterwards; `gap`: nobody
            listened, and what asking gave; `watch`: somebody listened all that time.
        type, state: as the device writes them.
        time: UTC by the device's own clock, as footage is. end: where it has one; not included.
        told: `device`: the device said the time; `receipt`: it said none, so it is the time of
            receipt plus `deviation`.
        received: by the listener's clock; of what was asked for, when.
        deviation, uncertainty: the device's clock less the listener's, ns, measured last before;
            None: not known.
        via: the device's endpoint.
        listener: who heard it: one for each run of a listener.
        data: the message as it came, passwords masked.
        note: what is odd about it.
    """

    schema_: Literal["hikcore/event/1"] = Field("hikcore/event/1", alias="schema")
    key: str
    site: str
    device: str
    camera: str = ""
    channel: int | None = None
    kind: EventKind
    type: str = ""
    state: str = ""
    time: Instant
    end: Instant | None = None
    told: Literal["device", "receipt"] = "device"
    received: Instant
    deviation: int | None = None
    uncertainty: int | None = None
    via: str
    listener: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
    note: str = ""

    @property
    def span(self) -> Span:
        """From its begin to its end; an instant lasts a nanosecond."""
        return Span(self.time, max(self.end or 0, self.time + 1))


def event_key(device: str, kind: EventKind, when: int | str, data: Mapping[str, Any]) -> str:
    """The key of an event: the same for the same event.

    Args:
        when: the device's own time (UTC ns by its clock); where it said none, the slot of receipt,
            `1795168997/0`: the second, and how many of the same content came before in it.
        data: the content.
    """
    content = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    text = "".join(f"{part}\n" for part in (device, kind, when, content))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class ReceiptSlots:
    """Numbers equal messages without a time within a second of receipt, so that each has a key."""

    def __init__(self) -> None:
        self._second = -1
        self._seen: dict[str, int] = {}

    def slot(self, received: int, content: str) -> str:
        """The slot of a message with this content that came then (ns)."""
        second = received // NS
        if second != self._second:
            self._second, self._seen = second, {}
        number = self._seen.get(content, 0)
        self._seen[content] = number + 1
        return f"{second}/{number}"


def put_events(store: Store, events: Iterable[Event]) -> list[str]:
    """Add events to the archive and return the keys of their batches, one a site, device and day.

    Raises:
        ConfigurationError: ids that cannot stand in a key.
    """
    batches: dict[tuple[str, str, int], list[Event]] = {}
    for event in _by_day(events):
        at = (event.site, event.device, event.time // DAY)
        batches.setdefault(at, []).append(event)
    keys = []
    for (site, device, _), batch in sorted(batches.items()):
        for event in batch:
            if event.camera:
                check_id(event.camera, "camera")
        batch.sort(key=_order)
        lines = b"".join(line + b"\n" for line in dict.fromkeys(e.to_bytes() for e in batch))
        key = events_key(
            site, device, batch[0].time, batch[-1].time, hashlib.sha256(lines).hexdigest()
        )
        store.put(key, lines, content_type=JSON_LINES)
        keys.append(key)
    return keys


def _by_day(events: Iterable[Event]) -> Iterator[Event]:
    """Statements about listening cut at midnights (UTC), so that whoever reads a day sees them."""
    for event in events:
        if event.kind not in ("gap", "watch") or event.end is None or event.end <= event.time:
            yield event
            continue
        for part in Span(event.time, event.end).days():
            yield event.model_copy(update={"time": part.begin, "end": part.end})


def read_events(
    store: Store, site: str, span: Span, *, device: str | None = None, camera: str | None = None
) -> list[Event]:
    """All events of a site that meet a span, each once, by time; statements about listening (`gap`,
    `watch`) among them.

    Args:
        device: of one device only. camera: of one camera, and what concerns its device as a whole.

    An event that began more than a day before the span is not found, however long it lasted.

    Raises:
        ArchiveCorrupt: a batch is none.
    """
    found: list[Event] = []
    for each in heard_devices(store, site):
        if device not in (None, each):
            continue
        own = [e for day in days(span) for e in _day(store, site, each, day)]
        if camera is not None:
            own = _of_camera(own, camera)
        found += [event for event in _once(own) if event.span.meets(span)]
    return sorted(found, key=_order)


def heard_devices(store: Store, site: str) -> list[str]:
    """The devices of a site that anybody ever listened to."""
    return list(store.folders(f"{EVENTS}{check_id(site, 'site')}/"))


def watched(events: Iterable[Event], via: str, span: Span) -> list[Span]:
    """When somebody listened to an endpoint of a device.

    What a listener itself calls a gap is none of it: it says so only afterwards, when it finds that
    its connection had been dead for a while.

    Args:
        events: of one device, as read.
    """
    said: dict[str, tuple[list[Span], list[Span]]] = {}
    for event in events:
        if event.kind not in ("watch", "gap") or event.via != via:
            continue
        part = event.span.intersection(span)
        if part is not None:
            said.setdefault(event.listener, ([], []))[event.kind == "gap"].append(part)
    return union(part for heard, gaps in said.values() for part in subtract(heard, gaps))


def unwatched(events: Iterable[Event], via: str, span: Span) -> list[Span]:
    """When nobody did: what happened there is not known, unless a search found it."""
    return subtract([span], watched(events, via, span))


def _day(store: Store, site: str, device: str, day: int) -> Iterator[Event]:
    for info in store.list(f"{events_prefix(site, device)}{day_folder(day)}/"):
        found = store.get(info.key)
        if found is None:
            continue
        yield from parse_events(found[0], f"{store.url}/{info.key}")


def parse_events(lines: bytes, where: str) -> Iterator[Event]:
    """The events of a batch.

    Raises:
        ArchiveCorrupt: a line is none.
    """
    for number, line in enumerate(lines.splitlines(), 1):
        try:
            yield Event.model_validate_json(line)
        except ValidationError as error:
            raise corrupt(f"line {number} is no event", error, where) from None


def _of_camera(events: Iterable[Event], camera: str) -> list[Event]:
    return [e for e in events if e.camera == camera or (not e.camera and e.channel is None)]


def _once(events: Iterable[Event]) -> list[Event]:
    """Each once: by key; what two listeners heard of the same moment; the last word on an event
    that was found while it still went on."""
    by_key: dict[tuple[str, int, int | None], Event] = {}
    for event in sorted(events, key=_order):
        # A statement about listening is cut at midnights, and grows, under one key.
        by_key.setdefault((event.key, event.time, event.end), event)
    return _last_word(_not_found_again(_heard_once(by_key.values())))


def _heard_once(events: Iterable[Event]) -> list[Event]:
    out: list[Event] = []
    open_: dict[str, list[tuple[Event, set[str]]]] = {}
    for event in events:
        if event.told != "receipt" or event.kind in ("gap", "watch"):
            out.append(event)
            continue
        content = event_key(event.device, event.kind, event.via, event.data)
        near = [
            pair for pair in open_.get(content, ())
            if event.received - pair[0].received <= _TOGETHER
        ]  # fmt: skip
        twin = next((pair for pair in near if event.listener not in pair[1]), None)
        if twin is not None:
            twin[1].add(event.listener)
        else:
            near.append((event, {event.listener}))
            out.append(event)
        open_[content] = near
    return out


def _not_found_again(events: Sequence[Event]) -> list[Event]:
    """Without metadata that one listener heard and another one, who was away, found by a search."""
    heard: dict[tuple[object, ...], list[int]] = {}
    for event in events:
        if event.kind == "meta" and event.told == "receipt":
            heard.setdefault(_meta(event), []).append(event.time)
    out = []
    for event in events:
        if event.kind == "meta" and event.told == "device":
            times = heard.get(_meta(event), [])
            # By time, as the events come: one message may be repeated all day.
            first = bisect_left(times, event.time - _TOGETHER)
            near = times[first : bisect_right(times, event.time + _TOGETHER, lo=first)]
            if near:
                nearest = min(near, key=lambda at: abs(at - event.time))
                del times[bisect_left(times, nearest, lo=first)]
                continue
        out.append(event)
    return out


def _meta(event: Event) -> tuple[object, ...]:
    data = event.data.get("Data")
    if isinstance(data, str):
        # A hook sends a text of what a search gives as an object.
        with suppress(ValueError):
            data = json.loads(data)
    return event.device, event.channel, event.type, json.dumps(data, sort_keys=True)


def _last_word(events: Iterable[Event]) -> list[Event]:
    out: dict[tuple[object, ...], Event] = {}
    for event in events:
        at: tuple[object, ...] = (event.key, event.time)
        if event.kind == "interval":
            at = (event.device, event.channel, event.type, event.time)
        if at not in out or (event.end or 0) > (out[at].end or 0):
            out[at] = event
    return list(out.values())


def _order(event: Event) -> tuple[object, ...]:
    return event.time, event.received, event.kind, event.key, event.to_bytes()
