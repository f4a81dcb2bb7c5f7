"""The work of `hikcore clip`. Typer, by which its arguments are declared, is not loaded for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hikcore.cli.archive import open_reader
from hikcore.cli.output import Output, count_text, size_text
from hikcore.cli.targets import echo_span, names_zone, parse_span, parse_target, zone_named
from hikcore.errors import ConfigurationError
from hikcore.instants import format_instant

if TYPE_CHECKING:
    from hikcore.archive.clip import ClipReport


def write_clip(
    target: str,
    begin: str,
    end: str,
    out: Path,
    *,
    archive: str | None,
    tz: str | None,
    config: Path | None,
    overrides: list[str] | None,
    json: bool,
    **options: Any,
) -> None:
    """Cut a span of a camera out of an archive, and say what was written.

    Args:
        options: of `hikcore.archive.clip.cut_clip`.

    Raises:
        ConfigurationError: arguments that name nothing.
        NoRecording, ArchiveError: see `hikcore.archive.clip`.
    """
    output = Output(json=json)
    where = parse_target(target, camera=True)
    if out.suffix.lower() != ".mp4" or out.is_dir():
        raise ConfigurationError(f"{out} is no name of an MP4 file", hint="write -o clip.mp4")
    reader = open_reader(archive, config, overrides)
    zone = zone_named(tz)
    if zone is None and not (names_zone(begin) and names_zone(end)):
        zone = reader.zone(where.site)  # a request
    span = parse_span(begin, end, zone)
    echo_span(output, span)
    tell(output, reader.archive.clip(where.site, where.camera or "", span, out, **options))


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
