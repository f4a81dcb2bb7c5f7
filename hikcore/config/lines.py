"""On which line of a TOML file a key stands, for errors: tomllib does not tell.

Reads headers and keys only, so that a key inside an inline table or an array is told by the line of
what holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"))*)\s*="
)
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """The line (from 1) that sets a key, or the nearest table above it; None where neither is."""
    wanted = tuple(keys)
    best: tuple[int, int] | None = None
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _HEADER.fullmatch(line), _KEY.match(line)
        if header is not None:
            table = at = _parts(header[1])
        elif key is not None:
            at = (*table, *_parts(key[1]))
        else:
            continue
        if at == wanted[: len(at)] and (best is None or len(at) > best[0]):
            best = len(at), number
        elif header is not None and at[: len(wanted)] == wanted and best is None:
            best = 0, number  # a table below it: it has no header of its own
    return None if best is None else best[1]


class WithLines(Mapping[str, str]):
    """Origins with the line in the file, where that can be told: looked for when it is asked for,
    as of a file with two hundred sites all of them take seconds.

    Args:
        origins: of each dotted key. texts: of the files, by origin.
    """

    def __init__(self, origins: Mapping[str, str], texts: Mapping[str, str]) -> None:
        self._origins = origins
        self._texts = texts

    def __getitem__(self, key: str) -> str:
        origin = self._origins[key]
        text = self._texts.get(origin)
        line = None if text is None else line_of(text, key.split("."))
        return origin if line is None else f"{origin}, line {line}"

    def __iter__(self) -> Iterator[str]:
        return iter(self._origins)

    def __len__(self) -> int:
        return len(self._origins)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(a or b or c for a, b, c in _PART.findall(text))
