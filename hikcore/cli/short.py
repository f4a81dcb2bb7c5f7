"""`hikcore cut` without typer, which takes longer to load than most cuts: its arguments in their
plain forms. Whatever else there is (help, mistakes, other spellings) is typer's to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hikcore.cli.failures import guarded
from hikcore.cli.output import Output

_VALUES: Final = {"-o": "out", "--out": "out", "--from": "begin", "--to": "end", "--start": "start"}
_FLAGS: Final = {"--strip-parameter-sets": "strip", "--json": "json", "--debug": "debug"}


@dataclass
class Plain:
    """The arguments of a cut."""

    files: list[str] = field(default_factory=list)
    out: str = ""
    begin: str | None = None
    end: str | None = None
    start: str = "exact"
    strip: bool = False
    json: bool = False
    debug: bool = False


def plain_cut(arguments: Sequence[str]) -> Plain | None:
    """The arguments of `hikcore cut`, if they are of the plain form; else None."""
    if not arguments or arguments[0] != "cut":
        return None
    found = Plain()
    given: set[str] = set()
    words = iter(arguments[1:])
    for word in words:
        name = _VALUES.get(word) or _FLAGS.get(word)
        if name is None:
            if not word or word.startswith("-"):
                return None
            found.files.append(word)
            continue
        value = next(words, "") if word in _VALUES else ""
        if name in given or (word in _VALUES and (not value or value.startswith("-"))):
            return None
        given.add(name)
        setattr(found, name, value if word in _VALUES else True)
    whole = found.files and found.out and found.start in ("exact", "key")
    return found if whole else None


def run_short(arguments: Sequence[str]) -> int | None:
    """Run the command line and give its exit code; None where typer is needed."""
    asked = plain_cut(arguments)
    if asked is None:
        return None
    from pathlib import Path

    from hikcore.cli.cutting import cut_files

    def work() -> int:
        cut_files(
            [Path(name) for name in asked.files], Path(asked.out), asked.begin, asked.end,
            asked.start, strip=asked.strip, json=asked.json,
        )  # fmt: skip
        return 0

    return guarded(work, Output(json=asked.json), debug=asked.debug)
