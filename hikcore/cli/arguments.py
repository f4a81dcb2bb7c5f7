"""What commands are given: the options that several share, targets, and times."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hikcore.cli.targets import (
    Target,
    echo_span,
    load_config,
    parse_span,
    parse_target,
    sites_named,
    zone_named,
)

Json = Annotated[
    bool, typer.Option("--json", help="JSON on standard output (docs/cli.md has the fields).")
]
Debug = Annotated[bool, typer.Option("--debug", help="Stack traces with errors.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Instead of ./hikcore.toml or ~/.config/hikcore/."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the configuration."),
]
ArchiveUrl = Annotated[
    str | None,
    typer.Option(
        "--archive",
        metavar="URL",
        help="Read this archive (a folder, s3+http://HOST/BUCKET, s3://BUCKET) and no "
        "configuration; keys from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    ),
]
Sites = Annotated[
    str | None,
    typer.Argument(metavar="[SITE]", help="One site, or a pattern like 'north-*'; all without."),
]
StreamName = Annotated[Literal["main", "sub"], typer.Option("--stream", help="Which of its two.")]
Tz = Annotated[
    str | None,
    typer.Option("--tz", metavar="ZONE", help="Read times without a zone in this one."),
]
TIME_HELP = "ISO time with Z or an offset; without one, by the site's clock. A date is its midnight"

__all__ = [
    "TIME_HELP", "ArchiveUrl", "ConfigFile", "Debug", "Json", "Set", "Sites", "StreamName",
    "Target", "Tz", "echo_span", "load_config", "parse_span", "parse_target", "sites_named",
    "zone_named",
]  # fmt: skip
