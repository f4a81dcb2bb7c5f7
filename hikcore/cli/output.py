"""Where output goes: data on standard output, talk on standard error, JSON on demand.

Every JSON line has `type` and `schema`; the last one of a command is `summary` (or the command's
one document) or `exit_error`. docs/cli.md lists the fields.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: As of hikcore.instants, which a short cut of a file has no other use for.
_NS: Final = 1_000_000_000
#: Raised when a field is renamed or removed, or means something else; not when one is added.
SCHEMA: Final = 1


class Output:
    """The two streams of one command.

    Args:
        json: standard output gets JSON lines instead of tables and text.
    """

    def __init__(self, *, json: bool) -> None:
        self.json = json

    def talk(self, text: str = "") -> None:
        """A line for people."""
        print(text, file=sys.stderr, flush=True)

    def data(self, text: str) -> None:
        """A line of the answer; nothing with `--json`, where the document holds it."""
        if not self.json:
            print(text, flush=True)

    def document(self, type_: str, **fields: Any) -> None:
        """A JSON line; nothing without `--json`."""
        if self.json:
            document = {"type": type_, "schema": SCHEMA, **fields}
            print(json.dumps(document, ensure_ascii=False), flush=True)

    def progress(self, fields: dict[str, Any]) -> None:
        """A JSON line of progress: among the others with `--json`, else on standard error."""
        line = json.dumps({"type": "progress", "schema": SCHEMA, **fields}, ensure_ascii=False)
        print(line, file=sys.stdout if self.json else sys.stderr, flush=True)

    def table(self, table: Table) -> None:
        """A table of the answer; nothing with `--json`."""
        if not self.json:
            console().print(table)

    def failed(
        self,
        code: int,
        error: str,
        message: str,
        where: str = "",
        hint: str = "",
        *,
        quiet: bool = False,
    ) -> None:
        """The one line of an error, and with `--json` its document as the last line.

        Args:
            quiet: standard error has it already.
        """
        if not quiet:
            self.talk(f"error: {where}: {message}" if where else f"error: {message}")
            if hint:
                self.talk(f"  {hint}")
        self.document("exit_error", code=code, error=error, message=message, where=where, hint=hint)


def console(*, stderr: bool = False) -> Console:
    """A terminal as wide as it is, or 100 columns where there is none (a pipe, a log)."""
    from rich.console import Console

    # No markup: a device's names may hold square brackets.
    out = Console(stderr=stderr, highlight=False, markup=False)
    if not out.is_terminal:
        out = Console(stderr=stderr, highlight=False, markup=False, width=100)
    return out


def count_text(count: int, thing: str) -> str:
    """How many of something: `1 gap`, `2 gaps`, `1,200 gaps`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def size_text(count: float) -> str:
    """Bytes as people write them: `1.2 GB`."""
    if count < 1000:
        return f"{int(count)} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.5 or unit == "TB":
            break
    return f"{count:.1f} {unit}" if count < 99.5 else f"{count:.0f} {unit}"


def length_text(ns: int) -> str:
    """A length as people write it: `2 h 05 min`, `12 min 30 s`, `4.250 s`."""
    seconds, rest = divmod(ns, _NS)
    if seconds < 60:
        return f"{seconds}.{rest // 1_000_000:03d} s" if rest else f"{seconds} s"
    minutes, second = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {second:02d} s" if second else f"{minutes} min"
    hours, minute = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minute:02d} min" if minute else f"{hours} h"
    days, hour = divmod(hours, 24)
    return f"{days} d {hour:02d} h" if hour else f"{days} d"


def share_text(part: int, whole: int) -> str:
    """A share that is 0 % and 100 % only where it is exactly that."""
    if part in (0, whole):
        return "0 %" if part == 0 else "100 %"
    return f"{min(max(round(part * 1000 / whole), 1), 999) / 10:.1f} %"


def clock_text(ns: int) -> str:
    """A length for a column: `2:16:09`, rounded to seconds."""
    minutes, second = divmod((ns + _NS // 2) // _NS, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"
