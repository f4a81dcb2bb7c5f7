"""`hikcore check`: whether clips and segments keep the rules that every one must."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hikcore.cli.arguments import Debug, Json
from hikcore.cli.output import Output
from hikcore.errors import ConfigurationError

if TYPE_CHECKING:
    from hikcore.media.check_file import Report

_FAILED = 9  # docs/cli.md: an object is not what it is said to be


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="MP4 files of ours.")],
    source: Annotated[
        Path | None,
        typer.Option(
            "--source", metavar="FILE", help="What they were cut from: compare the bytes."
        ),
    ] = None,
    sidecar: Annotated[
        Path | None,
        typer.Option("--sidecar", metavar="FILE.json", help="Instead of the JSON beside the file."),
    ] = None,
    decode: Annotated[
        bool, typer.Option("--decode", help="Decode everything by PyAV as well: slow.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say which of the 18 rules of a clip a file breaks, and where.

    What a file alone does not tell is checked with the JSON beside it, --source and --decode, and
    named as not checked without them. The exit code is 9 if any rule is broken.
    """
    from hikcore.media.check import check_file

    output = Output(json=json)
    for path in (*files, *(one for one in (source, sidecar) if one is not None)):
        if not path.is_file():
            raise ConfigurationError(f"{path} is no file")
    failed = False
    for path in files:
        report = check_file(path, sidecar=sidecar, source=source, decode=decode)
        failed = failed or not report.ok
        tell(output, report)
    output.document("summary", files=len(files), code=_FAILED if failed else 0)
    if failed:
        raise typer.Exit(_FAILED)


def tell(output: Output, report: Report) -> None:
    """The failures of one file, or that it is well."""
    from hikcore.media.check import INVARIANTS

    output.document(
        "check",
        path=str(report.path),
        ok=report.ok,
        failed=report.failed,
        failures=[
            {"invariant": f.invariant, "reason": f.reason, "track": f.track, "sample": f.sample,
             "offset": f.offset, "field": f.field}
            for f in report.failures
        ],
        untold={str(number): why for number, why in sorted(report.untold.items())},
        notes=report.notes,
    )  # fmt: skip
    checked = len(INVARIANTS) - len(report.untold.keys() - set(report.failed))
    verdict = "well" if report.ok else f"breaks {', '.join(map(str, report.failed))}"
    output.data(f"{report.path}: {verdict} ({checked} of {len(INVARIANTS)} rules checked)")
    for failure in report.failures:
        output.data(f"  {failure}")
    for number in report.failed:
        more = report.counts[number] - sum(f.invariant == number for f in report.failures)
        output.talk(f"  {number} is: {INVARIANTS[number]}" + (f"; {more} more" if more else ""))
    for note in report.notes:
        output.talk(f"  {note}")
    for number, why in sorted(report.untold.items()):
        if number not in report.failed:
            output.talk(f"  not checked: {number}, {INVARIANTS[number]} ({why})")
