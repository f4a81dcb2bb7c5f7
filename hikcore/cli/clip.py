"""`hikcore clip`: any span of a camera as one playable file, cut to the frame."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hikcore.cli.arguments import (
    TIME_HELP,
    ArchiveUrl,
    ConfigFile,
    Debug,
    Json,
    Set,
    StreamName,
    Tz,
)
from hikcore.cli.clipping import write_clip


class Audio(StrEnum):
    """What becomes of the sound."""

    COPY = "copy"
    AAC = "aac"
    FLAC = "flac"
    NONE = "none"


class Start(StrEnum):
    """Where the picture begins."""

    EXACT = "exact"
    KEY = "key"


class Gaps(StrEnum):
    """What becomes of stretches without footage."""

    KEEP = "keep"
    CUT = "cut"


def clip(
    target: Annotated[str, typer.Argument(metavar="SITE/CAMERA", help="Whose footage.")],
    begin: Annotated[str, typer.Argument(metavar="BEGIN", help=TIME_HELP)],
    end: Annotated[
        str, typer.Argument(metavar="END", help="Not included; a date is its whole day.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.mp4", help="What to write.")],
    stream: StreamName = "main",
    audio: Annotated[
        Audio,
        typer.Option(
            "--audio", help="copy: as recorded (few players play G.711 in MP4), or aac, flac, none."
        ),
    ] = Audio.COPY,
    start: Annotated[
        Start,
        typer.Option(
            "--start",
            help="exact: pictures before BEGIN are in the file but not shown (it is no redaction); "
            "key: the clip openly begins at the key picture before.",
        ),
    ] = Start.EXACT,
    gaps: Annotated[
        Gaps, typer.Option("--gaps", help="keep: the last picture stands still; cut: no wait.")
    ] = Gaps.KEEP,
    strip: Annotated[
        bool,
        typer.Option(
            "--strip-parameter-sets",
            help="Leave out the copies of SPS and PPS in the pictures that the header has: "
            "for players that refuse them.",
        ),
    ] = False,
    take: Annotated[
        int, typer.Option("--take", min=1, help="2: other footage of the same time, if any.")
    ] = 1,
    archive: ArchiveUrl = None,
    tz: Tz = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a span of a camera as one MP4, and beside it a JSON that says what is in it.

    Nothing is re-encoded, so it is as quick as copying.
    The JSON has the first and last picture shown, the hidden lead-in, gaps,
    the uncertainty of the times, and hashes.
    """
    write_clip(
        target,
        begin,
        end,
        out,
        archive=archive,
        tz=tz,
        config=config,
        overrides=set_,
        json=json,
        stream=stream,
        audio=audio.value,
        start=start.value,
        gaps=gaps.value,
        take=take,
        strip_parameter_sets=strip,
    )
