"""`hikcore everfocus`: EverFocus recorders that can be found in a network."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hikcore.cli.arguments import Debug, Json
from hikcore.cli.output import Output

if TYPE_CHECKING:
    from hikcore.sources.everfocus.discovery import FoundRecorder

app = typer.Typer(help="EverFocus recorders in a network.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command()
def discover(
    hosts: Annotated[
        list[str] | None,
        typer.Argument(metavar="HOST", help="Ask these alone, in place of everybody."),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, max=60, help="Seconds to wait for answers.")
    ] = 3.0,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Find EverFocus recorders by a broadcast on each interface.

    It sends no credentials. A broadcast leaves neither network nor container: name HOST then.
    """
    import asyncio

    from hikcore.sources.everfocus.discovery import discover as search

    output = Output(json=json)
    found = asyncio.run(search(hosts or (), timeout=timeout))
    if not found:
        output.talk(
            "no recorder answers"
            if hosts
            else "no recorder answers; a broadcast does not leave the network: "
            "`hikcore everfocus discover HOST` asks one"
        )
    _show(output, found)
    for one in found:
        output.document("recorder", **asdict(one))
    output.document("summary", found=len(found), code=0)


def _show(output: Output, found: list[FoundRecorder]) -> None:
    if not found:
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("ADDRESS", "HTTP", "NAME", "MODEL", "FIRMWARE", "MAC", "CAMERAS"):
        table.add_column(title)
    for one in found:
        cameras = str(one.ip_channels + one.analog_channels)
        table.add_row(
            one.address, str(one.http_port), one.name, one.model, one.firmware, one.mac, cameras
        )
    output.table(table)
