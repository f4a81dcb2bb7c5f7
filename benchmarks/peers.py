"""The programs that users pick today, where they are on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec

import av

#: In the order of the table.
DEBIAN, WHEEL, PYAV, GPAC = "ffmpeg", "ffmpeg (wheel)", "PyAV", "MP4Box"


def programs() -> dict[str, str]:
    """Name to path, of those that are here."""
    found = {DEBIAN: shutil.which("ffmpeg"), GPAC: shutil.which("MP4Box")}
    if find_spec("imageio_ffmpeg"):
        from imageio_ffmpeg import get_ffmpeg_exe

        found[WHEEL] = get_ffmpeg_exe()
    return {name: path for name, path in found.items() if path}


def absent() -> list[str]:
    """What is not here, and how it would come."""
    here = programs()
    reasons = {
        DEBIAN: "no ffmpeg on PATH (apt-get install ffmpeg)",
        WHEEL: "imageio-ffmpeg is not installed (pip install hikcore[bench])",
        GPAC: "no MP4Box on PATH (package gpac)",
    }
    return [reason for name, reason in reasons.items() if name not in here]


def versions() -> dict[str, str]:
    """Of the programs and of PyAV."""
    out = {PYAV: av.__version__}
    for name, path in programs().items():
        done = subprocess.run([path, "-version"], capture_output=True, text=True, check=False)
        text = (done.stdout or done.stderr).splitlines()[0]
        version = re.search(r"version\s+(\S+)", text)
        out[name] = version.group(1) if version else text[:40]
    return out


def quiet(path: str) -> list[str]:
    """ffmpeg that says errors alone and overwrites."""
    return [path, "-nostdin", "-v", "error", "-y"]
