"""`hikcore events`: what recorders reported in a span, and when nobody listened."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hikcore.cli.archive import open_reader
from hikcore.cli.arguments import (
    TIME_HELP,
    ArchiveUrl,
    ConfigFile,
    Debug,
    Json,
    Set,
    Tz,
    echo_span,
    parse_span,
    parse_target,
    zone_named,
)
from hikcore.cli.output import Output
from hikcore.errors import ConfigurationError
from hikcore.instants import DAY, Span, format_instant, to_datetime

if TYPE_CHECKING:
    from hikcore.archive.events import Event

#: Statements about listening, told apart from what happened.
_LISTENING: Final = ("gap", "watch")

_KINDS: Final = ("event", "meta", "exception", "message", "status", "interval", "log", "gap")


def events(
    target: Annotated[str, typer.Argument(metavar="SITE[/CAMERA]", help="Whose events.")],
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help=f"{TIME_HELP}; else 24 h ago.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Not included; else now.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help=f"{', '.join(_KINDS)}."),
    ] = None,
    archive: ArchiveUrl = None,
    tz: Tz = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List what recorders reported in a span, each event once, by the recorder's clock.

    Of a camera: its own, and what concerns its recorder as a whole. When nobody listened is said
    too: no event there does not mean that nothing happened.
    """
    from hikcore.archive.events import heard_devices, read_events

    output = Output(json=json)
    where = parse_target(target)
    for each in kind or ():
        if each not in _KINDS:
            raise ConfigurationError(f"--kind {each}: it is one of {', '.join(_KINDS)}")
    reader = open_reader(archive, config, set_)
    zone = zone_named(tz) or reader.zone(where.site)
    span = _span(begin, end, zone)
    echo_span(output, span)
    store = reader.archive.store
    found = read_events(store, where.site, span, camera=where.camera)
    devices = heard_devices(store, where.site)
    # Whose camera it is, is not in the archive: with several devices it may be of another one.
    missing = not_listened(found, span, devices if not where.camera or len(devices) == 1 else ())
    tell(output, found, span, zone or UTC, kind or (), missing)


def _span(begin: str | None, end: str | None, zone: tzinfo | None) -> Span:
    now = time.time_ns()
    first = begin if begin is not None else format_instant(now - DAY)
    return parse_span(first, end if end is not None else format_instant(now + 1_000_000), zone)


def tell(
    output: Output,
    found: Sequence[Event],
    span: Span,
    zone: tzinfo,
    kinds: Sequence[str],
    missing: Mapping[tuple[str, str], Sequence[Span]],
) -> None:
    """A line an event, and when nobody listened."""
    output.talk(f"times in {zone}")
    count = 0
    for event in found:
        if event.kind == "watch" or (kinds and event.kind not in kinds):
            continue
        count += event.kind not in _LISTENING
        output.data(event_line(event, zone))
        output.document("event", **event_fields(event))
    told: dict[tuple[str, str, str], list[str]] = {}
    for (device, via), spans in missing.items():
        for each in spans:
            # Endpoints that were lost and found together are one line.
            begin, last = (_time(at, zone)[:19] for at in (each.begin, each.end))
            told.setdefault((device, begin, last), []).append(via)
    for (device, begin, last), names in told.items():
        which = f": {', '.join(names)}" if any(names) else ""
        output.talk(f"nobody listened to {device} from {begin} to {last}{which}")
    output.document(
        "summary",
        events=count,
        begin=format_instant(span.begin),
        end=format_instant(span.end),
        not_listened=[
            {"device": device, "via": via, "begin": format_instant(each.begin, 9),
             "end": format_instant(each.end, 9)}
            for (device, via), spans in missing.items() for each in spans
        ],
    )  # fmt: skip
    if not found:
        output.talk("no events; has anybody listened? `hikcore listen SITE/DEVICE` does")


def not_listened(
    found: Sequence[Event], span: Span, devices: Iterable[str] = ()
) -> Mapping[tuple[str, str], list[Span]]:
    """When nobody listened, by device and endpoint, of those that somebody did listen to.

    Args:
        devices: that anybody ever listened to: of one that nobody did in all of the span, the
            endpoint is "".
    """
    from hikcore.archive.events import unwatched

    end = min(span.end, max(time.time_ns(), span.begin + 1))  # what is to come is no hole
    span = Span(span.begin, end)
    heard = dict.fromkeys((e.device, e.via) for e in found if e.kind == "watch")
    silent = set(devices) - {device for device, _ in heard}
    out = {(device, ""): [span] for device in sorted(silent)}
    for device, via in heard:
        own = [event for event in found if event.device == device]
        spans = unwatched(own, via, span)
        if spans:
            out[device, via] = spans
    return out


def event_fields(event: Event) -> dict[str, object]:
    """Of its JSON line, whose own `type` is `event`: the device's word for it is `event_type`."""
    fields = event.model_dump(mode="json", exclude={"schema_"})
    fields["event_type"] = fields.pop("type")
    return fields


def event_line(event: Event, zone: tzinfo = UTC) -> str:
    """`2026-11-20 10:03:17.250  door  Motion active`, as wide as it must be."""
    where = event.camera or (f"channel {event.channel}" if event.channel is not None else "-")
    what = " ".join(part for part in (event.type, event.state) if part)
    parts = [_time(event.time, zone), f"{where:<12}", f"{event.kind:<9}", what]
    if event.end is not None:
        parts.append(f"until {_time(event.end, zone)}")
    if event.kind == "gap":
        parts.append(f"{event.via}: {event.data.get('reason', '')}; "
                     f"unknown: {event.data.get('unknown', '')}")  # fmt: skip
    if event.told == "receipt" and event.deviation is None:
        parts.append("(by our clock)")
    if event.note:
        parts.append(f"({event.note})")
    return "  ".join(part for part in parts if part.strip())


def _time(ns: int, zone: tzinfo) -> str:
    local = to_datetime(ns).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}"
