"""How findings of the doctor are shown: of one thing all, of many devices what is not well."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from hikcore.cli.output import Output, console, count_text

if TYPE_CHECKING:
    from hikcore.doctor.finding import Finding, Report

STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_CHECK: Final = 16
_INDENT: Final = " " * (8 + _CHECK)


def document(output: Output, report: Report) -> None:
    """The JSON lines of one thing."""
    for finding in report.findings:
        output.document(
            "finding",
            subject=report.subject,
            title=report.title,
            check=finding.check,
            verdict=finding.verdict,
            text=finding.text,
            hint=finding.hint,
            code=finding.code,
        )


def show(report: Report) -> None:
    """One thing: a heading, and a line for each finding, no wider than the terminal."""
    from rich.text import Text

    screen = console()
    screen.print(Text.assemble((report.subject, "bold"), f"  {report.title}"), soft_wrap=True)
    for finding in report.findings:
        _show(finding, ())
    screen.print()


def show_many(reports: Iterable[Report]) -> None:
    """Of many devices what is not well, failures last as the end of it is what a terminal shows;
    devices with the very same finding together."""
    found: dict[Finding, list[str]] = {}
    for report in sorted(reports, key=lambda each: natural(each.subject)):
        for finding in report.findings:
            if finding.verdict != "ok":
                found.setdefault(finding, []).append(report.subject)
    for verdict in ("warn", "fail"):
        for finding, subjects in found.items():
            if finding.verdict == verdict:
                _show(finding, subjects)


def natural(text: str) -> list[tuple[str, int]]:
    """A key that puts shop-9 before shop-10."""
    return [(word, int(digits or 0)) for word, digits in re.findall(r"(\D*)(\d*)", text)]


def devices_text(reports: Sequence[Report]) -> str:
    """`210 devices: 12 well, 48 with warnings, 150 failed`."""
    worst = [
        next((v for v in ("fail", "warn") if any(f.verdict == v for f in report.findings)), "ok")
        for report in reports
    ]
    said = (("ok", "well"), ("warn", "with warnings"), ("fail", "failed"))
    counts = ", ".join(f"{worst.count(each)} {word}" for each, word in said if each in worst)
    return f"{count_text(len(worst), 'device')}: {counts}"


def _show(finding: Finding, subjects: Sequence[str]) -> None:
    from rich.text import Text

    width = max(min(shutil.get_terminal_size((100, 24)).columns, 100), 40) - len(_INDENT)
    # Paths and ids stay whole, so that they can be copied.
    wrap = partial(textwrap.wrap, width=width, break_long_words=False, break_on_hyphens=False)
    lines = [line for part in finding.text.splitlines() for line in wrap(part)] or [""]
    if finding.hint:
        lines += wrap(finding.hint, initial_indent="> ", subsequent_indent="  ")
    if len(subjects) > 1:
        lines.append(f"{len(subjects)} devices:")
    lines += wrap(", ".join(subjects))
    head = f"  {finding.verdict:<5} {finding.check:<{_CHECK}}"
    text = Text.assemble(
        (head[:8], STYLES[finding.verdict]), head[8:], ("\n" + _INDENT).join(lines)
    )
    console().print(text, soft_wrap=True)
