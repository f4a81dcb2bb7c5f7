"""Every command line that the documents print is one that the command takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from hikcore.cli.app import application

ROOT = Path(__file__).parents[2]
DOCS = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
#: A line of a block, or an inline piece of code.
_LINE = re.compile(r"^ {4}(?:[A-Z_]+=\S+ )?(hikcore .*)$", re.MULTILINE)
_INLINE = re.compile(r"`(hikcore [^`]+)`")
#: The rows of docs/cli.md's table of commands: `extract SITE[/CAMERA] [--from T]`.
_ROW = re.compile(r"^\| `([a-z][^`]*)`(?:, `([a-z][^`]*)`)* \|", re.MULTILINE)


def _printed(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    found = [each for pattern in (_LINE, _INLINE) for each in pattern.findall(text)]
    if path.name == "cli.md":
        table = text[text.index("## Commands") : text.index("## JSON")]
        found += [f"hikcore {row}" for rows in _ROW.findall(table) for row in rows if row]
    return [each.replace("\n", " ").replace("\\|", "|") for each in found]


CASES = [(path.name, each) for path in DOCS if path.exists() for each in _printed(path)]


@pytest.mark.parametrize(("name", "line"), CASES, ids=[f"{n}: {c[:60]}" for n, c in CASES])
def test_a_command_of_the_documents(name: str, line: str) -> None:
    plain = re.sub(r"\[(--?\w[\w-]*)", r" \1", line.partition(" | ")[0]).replace("]", " ")
    words = shlex.split(plain, comments=True)[1:]
    command: Any = typer.main.get_command(application())
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    if words and words[0] != "COMMAND" and hasattr(command, "commands"):
        pytest.fail(f"{name}: there is no command {words[0]!r}")
    options = {option for parameter in command.params for option in parameter.opts}
    options |= {"--help", "-h"}
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in options, f"{name}: {line}"


def test_every_command_has_its_row() -> None:
    path = ROOT / "docs" / "cli.md"
    rows = " ".join(line for line in _printed(path) if line.startswith("hikcore "))
    command: Any = typer.main.get_command(application())
    for one, found in command.commands.items():
        for inner in getattr(found, "commands", {"": None}):
            assert f"hikcore {one} {inner}".rstrip() in rows
