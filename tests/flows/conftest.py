"""A real Prefect server and a recorder for the tests of the flow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hikcore.sim.camera import CameraProfile
from hikcore.sim.profile import Auth, Clock, Profile, Recorded
from tests.flows.server import PrefectServer, serve
from tests.kill.recorder import recorder_process

PASSWORD = "planted-Passw0rd-8812"
#: Two camera-days: the second day's file begins in the first.
SPAN = ("2026-11-19T23:50:00Z", "2026-11-20T00:20:00Z")
PROFILE = Profile(
    name="flow",
    auth=Auth(password=PASSWORD),
    clock=Clock(frozen="2026-11-20T01:00:00Z", listing="local"),
    recorded=Recorded(since="2026-11-19T23:50:00Z"),
    cameras=(
        CameraProfile(channel=1, height=144, frame_ms=5000, gop=10, file_ms=700_000),
        CameraProfile(channel=2, height=144, frame_ms=5000, gop=10, file_ms=700_000),
    ),
)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """One for all tests: it takes some 9 s to start."""
    with serve(tmp_path_factory.mktemp("prefect")) as server:
        yield server


@pytest.fixture(scope="session")
def recorder_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A recorder with PROFILE's footage in a process of its own."""
    cache: Path = tmp_path_factory.mktemp("footage")
    with recorder_process(cache, PROFILE) as port:
        yield port


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Coded footage of recorders in this process."""
    return tmp_path_factory.mktemp("coded-footage")
