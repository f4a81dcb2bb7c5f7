"""`hikcore coverage`: what the archive has of a span, what it lacks, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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
    StreamName,
    Tz,
    echo_span,
    parse_span,
    parse_target,
    zone_named,
)
from hikcore.cli.coverage_sites import Asked, read_sites, tell_sites
from hikcore.cli.output import Output, clock_text, length_text, share_text
from hikcore.cli.targets import is_pattern
from hikcore.errors import ConfigurationError
from hikcore.instants import NS, Span, format_instant, to_datetime

if TYPE_CHECKING:
    from rich.table import Table

    from hikcore.archive.coverage import Stretch
    from hikcore.archive.documents import Hold
    from hikcore.cli.archive import Reader

#: In the order of totals; the colours of the table.
COLOURS: Final = {
    "held": "green",
    "pending": "yellow",
    "empty": "bright_black",
    "lost": "red",
    "damaged": "magenta",
    "excluded": "blue",
    "unknown": "bright_black",
}


def coverage(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="SITE[/CAMERA]",
            help="Of one, of all sites like 'north-*', or of all without.",
            default_factory=list,
            show_default=False,
        ),
    ],
    begin: Annotated[str, typer.Argument(metavar="FROM", help=TIME_HELP)],
    end: Annotated[
        str, typer.Argument(metavar="TO", help="Not included; a date is its whole day.")
    ],
    stream: StreamName = "main",
    fail_on_alarm: Annotated[
        bool,
        typer.Option("--fail-on-alarm", help="Exit with 3 where a hole is unexplained."),
    ] = False,
    archive: ArchiveUrl = None,
    tz: Tz = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say for every instant of a span whether the archive holds it, and if not, why.

    Of several sites a line for each, with what they lack; those with alarms last.
    """
    output = Output(json=json)
    if len(targets) > 1:
        raise typer.BadParameter(f"one SITE, or a pattern of sites, but got {' '.join(targets)}")
    if not targets and not begin[:1].isdigit():
        raise typer.BadParameter(f"FROM and TO are wanted behind {begin}")
    if not targets or is_pattern(targets[0]):
        wanted = targets[0] if targets else None
        asked = Asked(begin, end, zone_named(tz), stream)
        raise typer.Exit(
            _of_sites(output, open_reader(archive, config, set_), wanted, asked, fail_on_alarm)
        )
    where = parse_target(targets[0])
    reader = open_reader(archive, config, set_)
    zone = zone_named(tz) or reader.zone(where.site)
    span = parse_span(begin, end, zone)
    echo_span(output, span)
    found = {
        camera: reader.archive.coverage(where.site, camera, span, stream=stream)
        for camera in reader.cameras(where)
    }
    holds = {
        camera: reader.archive.holds(where.site, camera, span, stream=stream) for camera in found
    }
    tell(output, where.site, found, span, zone or UTC, holds)
    if fail_on_alarm and any(each.alarm for stretches in found.values() for each in stretches):
        raise typer.Exit(3)


def _of_sites(
    output: Output, reader: Reader, wanted: str | None, asked: Asked, fail_on_alarm: bool
) -> int:
    sites = reader.sites(wanted)
    aside = len(reader.config.aside) if reader.config is not None and wanted is None else 0
    if not sites and not aside:
        hint = "`hikcore init HOST` writes one, `hikcore extract` brings its footage in"
        raise ConfigurationError("there is no site to look at", hint=hint)
    found = read_sites(reader, sites, asked)
    return tell_sites(output, found, asked, aside=aside, fail_on_alarm=fail_on_alarm)


def tell(
    output: Output,
    site: str,
    found: Mapping[str, Sequence[Stretch]],
    span: Span,
    zone: tzinfo,
    holds: Mapping[str, Sequence[Hold]] | None = None,
) -> None:
    """The table, its totals, and the JSON document."""
    output.table(coverage_table(site, found, span, zone))
    totals = {camera: _totals(stretches) for camera, stretches in found.items()}
    width = max(map(len, [*totals, "together"]))
    for camera, states in totals.items():
        output.data(f"{camera:<{width}}  {_totals_text(states, span.length)}")
    if len(totals) > 1:
        whole: Counter[str] = sum(totals.values(), Counter())
        output.data(f"{'together':<{width}}  {_totals_text(whole, span.length * len(totals))}")
    holds = holds or {}
    for camera, standing in holds.items():
        for hold in standing:
            begin, end = (_time(at, zone, dated=True) for at in (hold.begin, hold.end))
            output.data(f"{camera} is on hold from {begin} to {end}: {hold.reason}")
    alarms = {camera: sum(s.alarm for s in stretches) for camera, stretches in found.items()}
    for camera, count in alarms.items():
        if count:
            output.talk(
                f"alarm: {site}/{camera}: {count} {'holes' if count > 1 else 'hole'} that nothing "
                "explains: it should have recorded there"
            )
    output.document(
        "coverage",
        site=site,
        alarms=sum(alarms.values()),
        begin=format_instant(span.begin),
        end=format_instant(span.end),
        cameras=[
            {
                "camera": camera,
                "stretches": [_fields(stretch) for stretch in stretches],
                "holds": [
                    {
                        "begin": format_instant(hold.begin, 9),
                        "end": format_instant(hold.end, 9),
                        "reason": hold.reason,
                    }
                    for hold in holds.get(camera, ())
                ],
                "seconds": {state: round(ns / 1e9, 3) for state, ns in totals[camera].items()},
            }
            for camera, stretches in found.items()
        ],
    )


def coverage_table(
    site: str, found: Mapping[str, Sequence[Stretch]], span: Span, zone: tzinfo
) -> Table:
    """A row a stretch, narrow enough for 80 columns; the title names the zone of its times, and the
    day where the span has only one."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    day = _only_day(span, zone)
    table = Table(
        title=f"Coverage of {site}, {f'{day}, ' if day else ''}times in {_zone_name(zone)}",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
    )
    for column in ("camera", "state", "from", "to"):
        table.add_column(column, no_wrap=True)
    table.add_column("length", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for camera, stretches in found.items():
        for number, stretch in enumerate(stretches):
            begin, end = stretch.span.begin, stretch.span.end
            table.add_row(
                camera if number == 0 else "",
                Text(stretch.state, style="red" if stretch.alarm else COLOURS[stretch.state]),
                _time(begin, zone, dated=day is None),
                _time(end, zone, dated=day is None and not _same_day(begin, end, zone)),
                _length(stretch.span.length),
                _reason(stretch, zone),
                end_section=number == len(stretches) - 1,
            )
    return table


def _length(ns: int) -> str:
    """As the totals below are written, so that the two can be compared."""
    return clock_text(ns) if ns >= NS else length_text(ns)


def _reason(stretch: Stretch, zone: tzinfo) -> str:
    if stretch.expected is None:
        return stretch.reason
    return f"{stretch.reason}, due {_time(stretch.expected, zone, dated=False)[:5]}"


def _only_day(span: Span, zone: tzinfo) -> str | None:
    """The date of a span that lies in one day (its end may be the midnight after)."""
    first, last = (to_datetime(ns).astimezone(zone) for ns in (span.begin, span.end - 1))
    return f"{first:%Y-%m-%d}" if first.date() == last.date() else None


def _same_day(one: int, other: int, zone: tzinfo) -> bool:
    return to_datetime(one).astimezone(zone).date() == to_datetime(other).astimezone(zone).date()


def _zone_name(zone: tzinfo) -> str:
    return getattr(zone, "key", None) or str(zone)


def _time(ns: int, zone: tzinfo, *, dated: bool) -> str:
    """Milliseconds only where there are any."""
    local = to_datetime(ns).astimezone(zone)
    millis = f".{local.microsecond // 1000:03d}" if local.microsecond >= 1000 else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{millis}" if dated else f"{local:%H:%M:%S}{millis}"


def _totals(stretches: Sequence[Stretch]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for stretch in stretches:
        totals[stretch.state] += stretch.span.length
    return totals


def _totals_text(states: Counter[str], whole: int) -> str:
    return ", ".join(
        f"{state} {clock_text(states[state])} ({share_text(states[state], whole)})"
        for state in COLOURS
        if states[state]
    )


def _fields(stretch: Stretch) -> dict[str, object]:
    return {
        "state": stretch.state,
        "begin": format_instant(stretch.span.begin, 9),
        "end": format_instant(stretch.span.end, 9),
        "seconds": round(stretch.span.length / 1e9, 3),
        "reason": stretch.reason,
        "expected": format_instant(stretch.expected) if stretch.expected is not None else None,
        "alarm": stretch.alarm,
    }
