"""The work of `hikcore cut`. Typer, by which its arguments are declared, is not loaded for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from hikcore.cli.output import Output, count_text, length_text, size_text
from hikcore.errors import ConfigurationError

_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)")


def cut_files(
    files: Sequence[Path],
    out: Path,
    begin: str | None,
    end: str | None,
    start: str,
    *,
    strip: bool,
    json: bool,
) -> None:
    """Cut one file, or join several, and say what was written.

    Raises:
        ConfigurationError: arguments that do not go together.
        NoRecording, MediaError: see `hikcore.media.cut`.
    """
    from hikcore.media.cut import FOREVER, cut_file, join_files

    output = Output(json=json)
    for path in files:
        if not path.is_file():
            raise ConfigurationError(f"{path} is no file")
        if out.exists() and out.samefile(path):
            raise ConfigurationError(f"{out} would be written over itself", hint="name another -o")
    if out.suffix.lower() != ".mp4" or out.is_dir():
        raise ConfigurationError(f"{out} is no name of an MP4 file", hint="write -o clip.mp4")
    if len(files) > 1:
        if begin is not None or end is not None or start == "key" or strip:
            raise ConfigurationError(
                "--from, --to, --start and --strip-parameter-sets are of one file",
                hint="join first, then cut",
            )
        done = join_files(files, out)
    else:
        low = 0.0 if begin is None else seconds(begin)
        high = FOREVER if end is None else seconds(end)
        if not low < high:
            raise ConfigurationError(f"--from {begin} is not before --to {end}")
        how: Literal["exact", "key"] = "key" if start == "key" else "exact"
        done = cut_file(files[0], out, low, high, start=how, strip_parameter_sets=strip)
    output.data(str(out))
    hidden = f", {_length(done.lead_in)} before them in the file, hidden" if done.lead_in else ""
    output.talk(f"  {size_text(done.size)}, {count_text(done.frames, 'picture')}{hidden}")
    for note in done.notes:
        output.talk(f"  note: {note}")
    output.document(
        "cut",
        path=str(out),
        begin=round(done.begin / 90_000, 6),
        end=round(done.end / 90_000, 6),
        frames=done.frames,
        hidden=done.hidden,
        lead_in_ms=round(done.lead_in / 90, 3),
        bytes=done.size,
        notes=list(done.notes),
    )


def seconds(text: str) -> float:
    """`83.5`, `1:23.5` or `0:01:23.5`.

    Raises:
        ConfigurationError: none of these.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"{text!r} is no time in a file", hint="write 83.5 or 1:23.5")
    hours, minutes, rest = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest)


def _length(ticks: int) -> str:
    return length_text(ticks * 100_000 // 9)
