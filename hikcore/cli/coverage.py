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
    Tz,
    echo_span,
    parse_span,
    parse_target,
    zone_named,
)
from hikcore.cli.output import Output, length_text, share_text
from hikcore.instants import Span, format_instant, to_datetime

if TYPE_CHECKING:
    from rich.table import Table

    from hikcore.archive.coverage import Stretch

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
    target: Annotated[str, typer.Argument(metavar="SITE[/CAMERA]", help="Whose coverage.")],
    begin: Annotated[str, typer.Argument(metavar="FROM", help=TIME_HELP)],
    end: Annotated[
        str, typer.Argument(metavar="TO", help="Not included; a date is its whole day.")
    ],
    stream: Annotated[str, typer.Option("--stream", help="main or sub.")] = "main",
    archive: ArchiveUrl = None,
    tz: Tz = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say for every instant of a span whether the archive holds it, and if not, why."""
    output = Output(json=json)
    where = parse_target(target)
    reader = open_reader(archive, config, set_)
    zone = zone_named(tz) or reader.zone(where.site)
    span = parse_span(begin, end, zone)
    echo_span(output, span)
    found = {
        camera: reader.archive.coverage(where.site, camera, span, stream=stream)
        for camera in reader.cameras(where)
    }
    tell(output, where.site, found, span, zone or UTC)


def tell(
    output: Output, site: str, found: Mapping[str, Sequence[Stretch]], span: Span, zone: tzinfo
) -> None:
    """The table, its totals, and the JSON document."""
    output.table(coverage_table(site, found, zone))
    totals = {camera: _totals(stretches) for camera, stretches in found.items()}
    for camera, states in totals.items():
        output.data(f"{site}/{camera}: {_totals_text(states, span.length)}")
    if len(totals) > 1:
        whole: Counter[str] = sum(totals.values(), Counter())
        output.data(f"together: {_totals_text(whole, span.length * len(totals))}")
    output.document(
        "coverage",
        site=site,
        begin=format_instant(span.begin),
        end=format_instant(span.end),
        cameras=[
            {
                "camera": camera,
                "stretches": [_fields(stretch) for stretch in stretches],
                "seconds": {state: round(ns / 1e9, 3) for state, ns in totals[camera].items()},
            }
            for camera, stretches in found.items()
        ],
    )


def coverage_table(site: str, found: Mapping[str, Sequence[Stretch]], zone: tzinfo) -> Table:
    """A row a stretch; times are those of the zone named in the title."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=f"Coverage of {site}, times in {_zone_name(zone)}",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
    )
    table.add_column("camera", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("from", no_wrap=True)
    table.add_column("to", no_wrap=True)
    table.add_column("length", justify="right", no_wrap=True)
    table.add_column("reason")
    for camera, stretches in found.items():
        for number, stretch in enumerate(stretches):
            state = Text(stretch.state, style=COLOURS.get(stretch.state, ""))
            table.add_row(
                camera if number == 0 else "",
                state,
                _time(stretch.span.begin, zone),
                _time(stretch.span.end, zone, stretch.span.begin),
                length_text(stretch.span.length),
                stretch.reason,
                end_section=number == len(stretches) - 1,
            )
    return table


def _zone_name(zone: tzinfo) -> str:
    return getattr(zone, "key", None) or str(zone)


def _time(ns: int, zone: tzinfo, after: int | None = None) -> str:
    """Milliseconds only where there are any; the day left out where it is that of `after`."""
    local = to_datetime(ns).astimezone(zone)
    text = f"{local:%H:%M:%S}"
    millis = local.microsecond // 1000
    if millis:
        text += f".{millis:03d}"
    if after is not None and to_datetime(after).astimezone(zone).date() == local.date():
        return text
    return f"{local:%Y-%m-%d} {text}"


def _totals(stretches: Sequence[Stretch]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for stretch in stretches:
        totals[stretch.state] += stretch.span.length
    return totals


def _totals_text(states: Counter[str], whole: int) -> str:
    return ", ".join(
        f"{state} {length_text(states[state])} ({share_text(states[state], whole)})"
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
    }
