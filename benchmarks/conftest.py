"""A recording of some 100 MB as a recorder writes it, and an archive that holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hikcore.instants import parse_instant
from hikcore.sim import ps_body
from hikcore.sim.camera import CameraProfile

BEGIN = parse_instant("2026-11-20T10:00:00Z")
#: 25 pictures a second of 20 kB each, 4 Mbit/s: an ordinary camera's main stream.
CAMERA = CameraProfile(channel=1, audio="alaw", frame_ms=40, gop=50, bank=30, filler=20_000)
SECONDS = 200


@pytest.fixture(scope="session")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "recording.mp4"
    begin = BEGIN // 1_000_000
    with path.open("wb") as out:
        for block in ps_body(begin, begin + SECONDS * 1000, camera=CAMERA):
            out.write(block)
    return path


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Rates, which the table of times has no column for."""
    session = getattr(config, "_benchmarksession", None)
    for each in getattr(session, "benchmarks", ()):
        for name, value in each.extra_info.items():
            terminalreporter.write_line(f"{each.name}: {value} {name}")
