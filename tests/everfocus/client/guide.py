"""The guide's own sample replies (guide/*.txt, verbatim by section), as a recorder would send them.

Where the guide prints a value, it is kept; where it prints words about a value (`boolean for the
channel is on line or not`), a test gives the value. All else, its unquoted keys, curly quotes,
trailing and missing commas and slips of the pen included, goes over the wire as printed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "guide"
_KEY = re.compile(r"(?P<quote>[\"']?)(?P<name>[\w{}$-]+)(?P=quote)\s*:\s*(?P<rest>.*)")
_VALUE = re.compile(
    r"(?P<value>(?:true|false|-?\d+(?:\.\d+)?|\"[^\"]*\"|'[^']*'|“[^”]*”)\s*,?)"
    r"(?:\s{2,}.*|\s*\|.*)?"
)


def text(section: str) -> str:
    return (FOLDER / f"{section}.txt").read_text(encoding="utf-8")


def reply(section: str, **values: Any) -> bytes:
    """A sample, with `values` in place of words about values; each of them has to be wanted."""
    lines = [line.strip() for line in text(section).splitlines() if _printed(line)]
    wanted = {name.replace("CH1", "CH{ChannelID}"): value for name, value in values.items()}
    used: set[str] = set()
    out: list[str] = []
    for at, printed in enumerate(lines):
        line = printed
        while line[:1] == "{" and line[1:2] == " ":
            out.append("{")
            line = line[1:].strip()
        following = lines[at + 1][:1] if at + 1 < len(lines) else ""
        found = _KEY.fullmatch(line)
        if found is None:
            out.append(_unkeyed(line, wanted, used))
        else:
            out.append(_keyed(found, line, following, wanted, used))
    assert used == set(wanted), f"{section}: {set(wanted) - used} is not in the guide"
    return "\n".join(line for line in out if line).encode()


def _printed(line: str) -> bool:
    """Whether a line is more than words that go on from the one before, or the border of a page:
    those begin at the margin."""
    return bool(line.strip()) and (line[0].isspace() or line[0] in "{}[]")


def _unkeyed(line: str, wanted: dict[str, Any], used: set[str]) -> str:
    if line[0] in "{}[]\"'" or line[0].isdigit():
        return re.sub(r"(?<=[\"\],])\s{2,}\w.*$", "", line)
    if line in wanted:
        used.add(line)
        return f"{line}: {json.dumps(wanted[line])},"
    return ""


def _keyed(
    found: re.Match[str], line: str, following: str, wanted: dict[str, Any], used: set[str]
) -> str:
    quote, name, rest = found["quote"], found["name"], found["rest"]
    key = f"{quote}{name}{quote}:"
    if rest[:1] in ("[", "{") and rest:
        bracket = re.split(r"\s{2,}", rest)[0]
        return f"{key} {bracket}"
    value = _VALUE.fullmatch(rest)
    if value is not None:
        return f"{key} {value['value']}"
    if name in wanted:
        used.add(name)
        comma = "," if rest.rstrip().endswith(",") else ""
        return f"{key.replace('{ChannelID}', '1')} {json.dumps(wanted[name])}{comma}"
    if following in ("{", "["):
        return key
    if re.fullmatch(r"\w*,?", rest) or line.count('"') % 2:
        return line  # a word without quotes, nothing, or a text without an end: as printed
    raise AssertionError(f"no value for {name}: {rest}")
