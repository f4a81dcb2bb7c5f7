"""`hikcore clip`: any span of a camera as one playable file, cut to the frame."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from hikcore.cli.output import Output, count_text, size_text
from hikcore.errors import ConfigurationError
from hikcore.instants import format_instant

if TYPE_CHECKING:
    from hikcore.archive.clip import ClipReport


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
    output = Output(json=json)
    where = parse_target(target, camera=True)
    if out.suffix.lower() != ".mp4" or out.is_dir():
        raise ConfigurationError(f"{out} is no name of an MP4 file", hint="write -o clip.mp4")
    reader = open_reader(archive, config, set_)
    zone = zone_named(tz) or reader.zone(where.site)
    span = parse_span(begin, end, zone)
    echo_span(output, span)
    report = reader.archive.clip(
        where.site,
        where.camera or "",
        span,
        out,
        stream=stream,
        audio=audio.value,
        start=start.value,
        gaps=gaps.value,
        take=take,
        strip_parameter_sets=strip,
    )
    tell(output, report)


def milliseconds(length: float) -> str:
    """`1,480 ms`, `33.4 ms`."""
    return f"{length:,.1f}".removesuffix(".0") + " ms"


def tell(output: Output, report: ClipReport) -> None:
    """The names of the files, what is in them, and the JSON document."""
    document = report.document
    for path in report.paths:
        output.data(str(path))
    size = sum(file.size for file in document.files)
    output.talk(
        f"  {size_text(size)}, {count_text(document.frames, 'picture')}, times good to "
        f"{document.uncertainty_ms:g} ms; {report.sidecar.name} has the rest"
    )
    if document.lead_in_ms:
        output.talk(
            f"  {milliseconds(document.lead_in_ms)} before the begin lie hidden in the file"
        )
    output.talk(f"  first {format_instant(document.first)}")
    output.talk(f"  last  {format_instant(document.last)}")
    for missing in document.missing:
        output.talk(
            f"warning: {format_instant(missing.begin)} to {format_instant(missing.end)} is "
            f"{missing.state}: {missing.reason}"
        )
    if document.ambiguous:
        output.talk("warning: at a seam the same pictures may be shown twice; see ambiguous there")
    fields = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    del fields["schema"]  # the line has its own
    output.document(
        "clip",
        **fields,
        path=str(report.path),
        paths=[str(path) for path in report.paths],
        sidecar=str(report.sidecar),
    )
