"""`hikcore cut` and `hikcore clip` without typer, which takes longer to load than most cuts: their
arguments in their plain forms. Whatever else there is (help, mistakes, other spellings) is typer's
to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hikcore.cli.failures import guarded
from hikcore.cli.output import Output

#: Options with a value of each command, flags of both, and the values that are not just any.
_VALUES: Final[dict[str, dict[str, str]]] = {
    "cut": {"-o": "out", "--out": "out", "--from": "begin", "--to": "end", "--start": "start"},
    "clip": {
        "-o": "out", "--out": "out", "--stream": "stream", "--audio": "audio", "--start": "start",
        "--gaps": "gaps", "--take": "take", "--archive": "archive", "--tz": "tz",
        "--config": "config",
    },
}  # fmt: skip
_FLAGS: Final = {"--strip-parameter-sets": "strip", "--json": "json", "--debug": "debug"}
_CHOICES: Final = {
    "start": ("exact", "key"),
    "stream": ("main", "sub"),
    "audio": ("copy", "aac", "flac", "none"),
    "gaps": ("keep", "cut"),
    "take": tuple("123456789"),
}


class Plain:
    """The arguments of a command: words that are no options, values of options, flags."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.values: dict[str, str] = {}
        self.flags: set[str] = set()


def plain(arguments: Sequence[str]) -> Plain | None:
    """The arguments of `hikcore cut` or `clip`, if they are of the plain form; else None."""
    values = _VALUES.get(arguments[0]) if arguments else None
    if values is None:
        return None
    found = Plain()
    rest = iter(arguments[1:])
    for word in rest:
        if word in _FLAGS:
            if _FLAGS[word] in found.flags:
                return None
            found.flags.add(_FLAGS[word])
        elif word in values:
            name, value = values[word], next(rest, "")
            if name in found.values or not value or value.startswith("-"):
                return None
            found.values[name] = value
        elif not word or word.startswith("-"):
            return None
        else:
            found.words.append(word)
    good = all(found.values.get(name, known[0]) in known for name, known in _CHOICES.items())
    count = len(found.words)
    whole = count == 3 if arguments[0] == "clip" else count > 0
    return found if good and whole and "out" in found.values else None


def run_short(arguments: Sequence[str]) -> int | None:
    """Run the command line and give its exit code; None where typer is needed."""
    asked = plain(arguments)
    if asked is None:
        return None
    work = _WORK[arguments[0]]

    def done() -> int:
        work(asked.words, asked.values, asked.flags)
        return 0

    return guarded(done, Output(json="json" in asked.flags), debug="debug" in asked.flags)


def _cut(words: list[str], values: Mapping[str, str], flags: set[str]) -> None:
    from pathlib import Path

    from hikcore.cli.cutting import cut_files

    cut_files(
        [Path(name) for name in words], Path(values["out"]), values.get("begin"),
        values.get("end"), values.get("start", "exact"), strip="strip" in flags,
        json="json" in flags,
    )  # fmt: skip


def _clip(words: list[str], values: Mapping[str, str], flags: set[str]) -> None:
    from pathlib import Path

    from hikcore.cli.clipping import write_clip

    target, begin, end = words
    write_clip(
        target,
        begin,
        end,
        Path(values["out"]),
        archive=values.get("archive"),
        tz=values.get("tz"),
        config=Path(values["config"]) if "config" in values else None,
        overrides=None,
        json="json" in flags,
        stream=values.get("stream", "main"),
        audio=values.get("audio", "copy"),
        start=values.get("start", "exact"),
        gaps=values.get("gaps", "keep"),
        take=int(values.get("take", "1")),
        strip_parameter_sets="strip" in flags,
    )


_WORK: Final[dict[str, Callable[[list[str], Mapping[str, str], set[str]], None]]] = {
    "cut": _cut,
    "clip": _clip,
}
