"""Files as a player sees them who decodes all of them and complains of nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import av
import av.logging


def played(path: Path) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Streams and format as ffprobe names them, by ffprobe where it is installed, else by PyAV's
    own libav. A warning fails."""
    program = shutil.which("ffprobe")
    if program is None:
        return _by_libav(path)
    done = subprocess.run(
        [program, "-v", "warning", "-count_frames", "-show_streams", "-show_format", "-of", "json",
         str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    told: dict[str, Any] = json.loads(done.stdout)
    return told["streams"], told["format"]


def _by_libav(path: Path) -> tuple[list[dict[str, str]], dict[str, str]]:
    before = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=False) as said:
            with av.open(str(path)) as file:
                count, length = len(file.streams), file.duration
            assert length is not None
            streams = [_stream(path, number) for number in range(count)]
    finally:
        av.logging.set_level(before)
    assert [text for level, _, text in said if level <= av.logging.WARNING] == []
    return streams, {"duration": str(length / 1_000_000)}


def _stream(path: Path, number: int) -> dict[str, str]:
    with av.open(str(path)) as file:
        stream = file.streams[number]
        context: Any = stream.codec_context
        found = {
            "codec_name": context.name,
            "codec_tag_string": context.codec_tag,
            "nb_read_frames": str(sum(1 for _ in file.decode(stream))),
        }
        if stream.type == "audio":
            found["sample_rate"] = str(context.sample_rate)
        return found
