"""`hikcore cut`: a span of a file at hand, or whole files one behind the other, as one MP4."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hikcore.cli.arguments import Debug, Json
from hikcore.cli.cutting import cut_files

_SECONDS = "Since the file's first picture: seconds, MM:SS or HH:MM:SS."


class Start(StrEnum):
    """Where the picture begins."""

    EXACT = "exact"
    KEY = "key"


def cut(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="PS, MP4, AVI or EverFocus; several are joined."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.mp4", help="What to write.")],
    begin: Annotated[str | None, typer.Option("--from", metavar="T", help=_SECONDS)] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="T", help="Not included.")] = None,
    start: Annotated[
        Start,
        typer.Option("--start", help="As of `hikcore clip`: hide what lies before, or show it."),
    ] = Start.EXACT,
    strip: Annotated[
        bool,
        typer.Option(
            "--strip-parameter-sets", help="Leave out copies of SPS and PPS, as of `hikcore clip`."
        ),
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Cut a file to the frame, or join whole files, without an archive and without re-encoding.

    `hikcore cut recording.mp4 --from 12:03.5 --to 12:20 -o clip.mp4`
    """
    cut_files(files, out, begin, end, start.value, strip=strip, json=json)
