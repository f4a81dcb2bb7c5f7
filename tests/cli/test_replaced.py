"""A recorder replaced with its disks in place, one reindexed after a reboot, one whose Z was read
wrongly: nothing is fetched again, coverage and clips stay right. By the command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hikcore.instants import parse_instant
from hikcore.sim.profile import Profile
from hikcore.sim.recorder import Recorder
from tests.cli.conftest import BEGIN, END, Command, Running, small, write_config
from tests.cli.test_extract import files_of
from tests.timecode import read_instants

SPAN = ("--from", BEGIN, "--to", END)
#: No simulated recorder needs to be spared.
UNSPARED = "[defaults]\nrequests_per_second = 1000\n"
CLIP = ("2026-11-20T11:51:20.300Z", "2026-11-20T11:52:10Z")
#: A serial number with a slash, as they have; other names of files, another look of URIs.
OTHER: dict[str, dict[str, Any]] = {
    "identity": {
        "name": "New one", "model": "DS-7616NXI-K2", "serial": "DS-7616NXI-K2/16P42",
        "firmware": "V4.84.101", "mac": "02:00:00:00:00:99",
    },
    "recorded": {"reindex": 70_000},
    "dialect": {
        "container": "trackList", "declaration": "refused", "xmlns": "refused",
        "search_id": "braces", "uri_time": "spaced", "uri_slash": False, "names": "ipc",
        "download": ["POST body"], "namespace": "http://www.isapi.org/ver20/XMLSchema",
    },
}  # fmt: skip


def downloads(recorder: Recorder) -> int:
    return sum(request.path.endswith("/ContentMgmt/download") for request in recorder.requests)


def told(hikcore: Command, folder: Path) -> tuple[list[Any], bytes, list[int]]:
    """Coverage, and a clip over a file border with the instants that its pictures carry."""
    coverage = hikcore("coverage", "home", BEGIN, END, "--json").lines[-1]["cameras"]
    clip = folder / f"clip-{len(list(folder.glob('clip-*.mp4')))}.mp4"
    made = hikcore("clip", "home/gate", *CLIP, "-o", clip)
    assert made.code == 0, made.err
    return coverage, clip.read_bytes(), read_instants(str(clip))


def extracted(hikcore: Command, *more: str) -> dict[str, Any]:
    ran = hikcore("extract", "home", *SPAN, "--json", *more)
    assert ran.code == 0, ran.err
    return ran.lines[-1]


def frames(recorder: Recorder, begin: str, end: str) -> list[int]:
    """What was recorded, from the picture on that covers the begin."""
    first, last = parse_instant(begin), parse_instant(end)
    units = recorder.vaults[1].footage.instants(first // 1_000_000 - 199, last // 1_000_000)
    return [ms * 1_000_000 for ms in units if ms * 1_000_000 < last]


@pytest.mark.parametrize(
    "profile",
    [small(**OTHER), small(recorded={"reindex": 900})],
    ids=["another model", "the same model"],
)
def test_another_recorder_with_the_same_disks(
    hikcore: Command, recorder: Recorder, tmp_path: Path, cache: Path, profile: Profile
) -> None:
    write_config(tmp_path, recorder.port, more=UNSPARED)
    assert extracted(hikcore)["held"] > 0
    before, objects = told(hikcore, tmp_path), files_of(tmp_path / "archive" / "v1")
    names = {file.name for file in recorder.files(1)}
    assert before[2] == frames(recorder, *CLIP)
    with Running(profile, cache) as other:
        assert names.isdisjoint(file.name for file in other.files(1))
        write_config(tmp_path, other.port, more=UNSPARED)
        again = extracted(hikcore)
        assert (again["chunks"], again["bytes_received"]) == (0, 0)
        assert downloads(other) == 0
    assert told(hikcore, tmp_path) == before
    assert files_of(tmp_path / "archive" / "v1") == objects


def test_a_recorder_that_was_restarted_and_reindexed(
    hikcore: Command, recorder: Recorder, tmp_path: Path
) -> None:
    write_config(tmp_path, recorder.port, more=UNSPARED)
    extracted(hikcore)
    before, first = told(hikcore, tmp_path), downloads(recorder)
    closed = {channel: _closed(recorder, channel) for channel in recorder.vaults}
    recorder.reboot(30, reindex=12_345)
    recorder.advance(1800)
    for _ in range(2):
        ran = hikcore("extract", "home", "--from", BEGIN, "--to", "2026-11-20T12:25:00Z", "--json")
        assert ran.code == 0, ran.err
    # What was closed then has other names now, and is known by its times: what is new is fetched.
    new = sum(
        len([f for f in _closed(recorder, n) if f not in closed[n] and f < "2026-11-20T12:25:00"])
        for n in recorder.vaults
    )
    assert downloads(recorder) - first == new > 5
    after = told(hikcore, tmp_path)
    assert after[1:] == before[1:]
    (later,) = hikcore(
        "coverage", "home/gate", "2026-11-20T11:57:00Z", "2026-11-20T12:20:00Z", "--json"
    ).lines[-1]["cameras"]
    gaps = [s for s in later["stretches"] if s["state"] != "held"]
    assert [(s["state"], s["begin"][11:16]) for s in gaps] == [("empty", "12:00")]


def _closed(recorder: Recorder, channel: int) -> set[str]:
    """Begins of closed files, in UTC."""
    from hikcore.instants import format_instant

    limit = recorder.now() // 1_000_000 - 60_000
    files = recorder.files(channel)
    return {format_instant(f.begin_ms * 1_000_000, 0) for f in files if f.end_ms < limit}


def test_a_meaning_of_z_that_was_corrected(hikcore: Command, tmp_path: Path, cache: Path) -> None:
    wrong = ("--set", "sites.home.devices.nvr.device_time=utc")
    with Running(small(clock={"zone": "CST+5:00:00"}), cache) as recorder:
        write_config(tmp_path, recorder.port, more=UNSPARED)
        span = ("--from", "2026-11-20T06:50:00Z", "--to", "2026-11-20T07:00:00Z")
        assert hikcore("extract", "home", *span, *wrong).code == 0
        fetched, names = downloads(recorder), {file.name for file in recorder.files(1)}
        corrected = hikcore("clock", "correct", "home/nvr", "--device-time", "local", "--yes")
        assert corrected.code == 0, corrected.err
        coverage, _, instants = told(hikcore, tmp_path)
        assert instants == frames(recorder, *CLIP)
        for camera in coverage:
            assert {s["state"] for s in camera["stretches"]} == {"held", "empty"}
        # Set right, measured, and with the wrong setting still in force: nothing comes again.
        for more in ((), ("--set", "sites.home.devices.nvr.device_time=local"), wrong):
            assert extracted(hikcore, *more)["chunks"] == 0
        assert downloads(recorder) == fetched
        # What is recorded from now on is fetched once, and lies right.
        recorder.advance(1200)
        ran = hikcore("extract", "home", "--from", BEGIN, "--to", "2026-11-20T12:15:00Z", "--json")
        assert ran.code == 0, ran.err
        assert ran.lines[-1]["held"] > 0
        assert len(names) > 3
    states = hikcore("coverage", "home/gate", END, "2026-11-20T12:12:00Z", "--json").lines[-1]
    assert {s["state"] for s in states["cameras"][0]["stretches"]} == {"held"}
    assert re.search(r"local", hikcore("clock", "show", "home/nvr", "--json").out)
