"""The job by the command: extract, what it left, and how it can fail."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from hikcore.sim.faults import Fault
from hikcore.sim.recorder import Recorder
from tests.cli.conftest import (
    BEGIN,
    END,
    PASSWORD,
    Command,
    Running,
    documented,
    small,
    write_config,
)
from tests.timecode import read_instants

SPAN = ("--from", BEGIN, "--to", END)


def files_of(folder: Path) -> dict[str, bytes]:
    """Everything under a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_whole_job(hikcore: Command, recorder: Recorder, tmp_path: Path) -> None:
    write_config(tmp_path, recorder.port)
    planned = hikcore("extract", "home", *SPAN, "--dry-run", "--json")
    assert planned.code == 0, planned.err
    assert planned.lines[-1]["chunks"] > 0
    assert planned.lines[-1]["bytes_received"] == 0
    assert not (tmp_path / "archive").exists()

    first = hikcore("extract", "home", *SPAN, "--json", "--progress", "json")
    assert first.code == 0, first.err
    summary = first.lines[-1]
    cameras = {line["camera"]: line for line in first.lines if line["type"] == "camera"}
    assert {line["type"] for line in first.lines} == {"progress", "camera", "summary"}
    assert set(cameras) == {"gate", "nvr-02"}
    for line in first.lines:
        assert set(line) <= documented("extract")
    assert summary["held"] == summary["chunks"] == planned.lines[-1]["chunks"]
    assert summary["bytes_received"] == planned.lines[-1]["bytes_planned"] == recorder.bytes_served
    assert summary["growing"] == 2

    before = files_of(tmp_path / "archive" / "v1")
    served = recorder.bytes_served
    again = hikcore("extract", "home", *SPAN, "--json", "--fail-if-empty")
    assert again.code == 4
    assert again.lines[-1]["chunks"] == 0
    assert recorder.bytes_served == served
    assert files_of(tmp_path / "archive" / "v1") == before
    assert PASSWORD not in first.out + first.err + again.out + again.err
    assert PASSWORD.encode() not in b"".join(files_of(tmp_path).values())

    (tmp_path / "hikcore.toml").unlink()  # a reader needs the archive alone
    check_coverage(hikcore, tmp_path)
    check_clip(hikcore, tmp_path, recorder)


def check_coverage(hikcore: Command, folder: Path) -> None:
    archive = ("--archive", folder / "archive")
    table = hikcore("coverage", "home", BEGIN, END, *archive)
    assert table.code == 0, table.err
    assert "empty" in table.out
    assert "pending" in table.out
    assert "Asia/Tashkent" in table.out  # the zone is in the archive too
    assert "2026-11-20T11:50:00.000Z to 2026-11-20T12:00:00.000Z (UTC)" in table.err
    found = hikcore("coverage", "home/gate", BEGIN, END, *archive, "--json").lines[-1]
    stretches = found["cameras"][0]["stretches"]
    for fields in (found, found["cameras"][0], stretches[0]):
        assert set(fields) <= documented("coverage")
    assert [s["state"] for s in stretches] == ["held", "empty", "held", "pending"]
    assert stretches[0]["begin"] == "2026-11-20T11:50:00.000000000Z"
    for one, other in pairwise(stretches):
        assert one["end"] == other["begin"]
    local = hikcore(
        "coverage", "home/gate", "2026-11-20 16:50", "2026-11-20 17:00", *archive, "--json"
    )
    assert local.lines[-1]["cameras"] == found["cameras"]


def check_clip(hikcore: Command, folder: Path, recorder: Recorder) -> None:
    """Over a file border: the pictures shown are those of the footage, by what they carry."""
    from hikcore.instants import Span, parse_instant

    begin, end = "2026-11-20T11:51:20.300Z", "2026-11-20T11:52:10Z"
    ran = hikcore(
        "clip",
        "home/gate",
        begin,
        end,
        "-o",
        folder / "c.mp4",
        "--archive",
        folder / "archive",
        "--json",
    )
    assert ran.code == 0, ran.err
    document = ran.lines[-1]
    assert document["path"] == str(folder / "c.mp4")
    assert (folder / "c.json").is_file()
    asked = Span(parse_instant(begin), parse_instant(end))
    every = recorder.recorded(1, Span(asked.begin - 10**9, asked.end))
    covering = max(instant for instant in every if instant <= asked.begin)
    shown = read_instants(str(folder / "c.mp4"))
    assert shown == [instant for instant in every if instant >= covering]
    assert document["frames"] == len(shown)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("extract", "home/dor", *SPAN), 2, "no camera 'dor'"),
        (("events", "home", "--kind", "nonsense"), 2, "one of event, meta"),
        (("coverage", "home", BEGIN, END, "--stream", "third"), 2, "'third'"),
        (("clip", "home/door", BEGIN, END, "-o", "x.mp4", "--stream", "third"), 2, "'third'"),
        (("extract", "hom", *SPAN), 2, "did you mean 'home'"),
        (("extract", "home", "--from", END, "--to", BEGIN), 2, "is not before"),
        (("extract", "home", "--from", BEGIN, "--to", END, "--set", "spool"), 2, "--set"),
        (("extract", "home", *SPAN, "--set", "spool.limt=1"), 2, "nearest known: spool.limit"),
        (("extract", "home", *SPAN, "--tz", "Mars"), 2, "--tz"),
        (("extract", "home", *SPAN, "--no-such-option"), 2, "No such option"),
        (("coverage", "home", BEGIN, END), 10, "no such folder"),
        (("clip", "home/gate", BEGIN, END, "-o", "f.mkv"), 2, "MP4"),
    ],
)
def test_refused_before_any_request(
    hikcore: Command,
    recorder: Recorder,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    write_config(tmp_path, recorder.port)
    ran = hikcore(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err
    assert "Traceback" not in ran.err
    with_json = hikcore(*arguments, "--json")
    assert with_json.lines[-1]["type"] == "exit_error"
    assert with_json.lines[-1]["code"] == code
    assert recorder.requests == []


def test_a_wrong_password_is_tried_once(
    hikcore: Command, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_NVR_PASSWORD", "Planted-wrong-77aa")
    write_config(tmp_path, recorder.port)
    ran = hikcore("extract", "home/gate", *SPAN)
    assert ran.code == 7
    refused = [
        r for r in recorder.requests if r.login not in ("in", None) and "authorization" in r.headers
    ]
    assert len(refused) == 1
    assert "Planted" not in ran.out + ran.err
    # Nobody knows what there is to fetch where not even the cameras can be listed.
    unlisted = hikcore("extract", "home", *SPAN, "--set", "sites.home.devices.nvr.cameras=all")
    assert unlisted.code == 7
    assert "nothing was fetched" in unlisted.out
    assert "nothing to fetch" not in unlisted.out


def test_nobody_there(hikcore: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, 9, more="[defaults]\nattempts = 1\n")  # discard: nobody listens
    ran = hikcore("cameras", "home")
    assert ran.code == 6
    assert "nvr" in ran.err
    assert "refused" in ran.err or "failed" in ran.err  # what the connection met, nothing else


def test_cameras(hikcore: Command, recorder: Recorder, tmp_path: Path) -> None:
    write_config(tmp_path, recorder.port)
    found = hikcore("cameras", "--json").lines
    assert [(line["camera"], line["channel"], line["name"]) for line in found[:-1]] == [
        ("gate", 1, "Gate"),
        ("nvr-02", 2, "Yard"),
    ]
    assert {key for line in found for key in line} <= documented("cameras")
    assert "home/nvr-02" in hikcore("cameras", "home").out


def test_a_channel_that_the_recorder_does_not_have(
    hikcore: Command, recorder: Recorder, tmp_path: Path
) -> None:
    write_config(tmp_path, recorder.port)
    ran = hikcore("extract", "home/nvr-09", *SPAN)
    assert ran.code == 2
    assert "no channel 9" in ran.err
    # The login was told to those who share the archive; nothing is said of the camera.
    assert [path.name for path in (tmp_path / "archive").glob("[!.]*")] == ["run"]
    assert hikcore("extract", "home/nvr-02", *SPAN, "--dry-run").code == 0


def test_a_spool_folder_that_cannot_be_made(
    hikcore: Command, recorder: Recorder, tmp_path: Path
) -> None:
    write_config(tmp_path, recorder.port)
    ran = hikcore("extract", "home/gate", *SPAN, "--set", "spool.folder=/proc/spool")
    assert ran.code == 1
    assert "error: /proc/spool: " in ran.err
    assert "report it" not in ran.err


def test_a_recording_that_comes_short_is_told(
    hikcore: Command, cache: Path, tmp_path: Path
) -> None:
    cut = {"match": "/download", "kind": "short", "at": 100_000}
    profile = small().model_copy(update={"faults": (Fault.model_validate(cut),)})
    with Running(profile, cache) as recorder:
        write_config(tmp_path, recorder.port)
        ran = hikcore("extract", "home/gate", "--from", BEGIN, "--to", "2026-11-20T11:50:01Z")
    assert ran.code == 0, ran.err
    assert re.search(
        r"warning: home/gate/main \S+Z: short: listed \d+ bytes, received 100000", ran.err
    )


#: The first recording of the small recorder is a short one; here a long one comes first.
LATER = ("--from", "2026-11-20T11:51:30Z", "--to", END)


def launch(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command as a process of its own, as signals need one."""
    return subprocess.Popen(
        [sys.executable, "-m", "hikcore", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "TEST_NVR_PASSWORD": PASSWORD,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "HIKCORE_PROGRESS_INTERVAL": "0.2",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c(hikcore: Command, cache: Path, tmp_path: Path, presses: int) -> None:
    """Once: the recording at hand is finished, and no other begun. Twice: now. Then: the rest."""
    slow = small(limits={"rate": 400_000 if presses == 1 else 50_000})
    with Running(slow, cache) as recorder:
        write_config(tmp_path, recorder.port)
        process = launch(tmp_path, "extract", "home/gate", *LATER, "--progress", "lines")
        deadline = time.monotonic() + 60
        while not any(r.path.endswith("/download") for r in recorder.requests):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        if presses == 2:
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert "resume: hikcore extract home/gate --from 2026-11-20T11:51:30Z" in err
        assert "once more stops now" in err
        downloads = [r for r in recorder.requests if r.path.endswith("/download")]
        assert len(downloads) == 1
        manifests = list((tmp_path / "archive").glob("v1/manifests/**/*.json"))
        assert len(manifests) == (1 if presses == 1 else 0)
        if presses == 1:
            assert "1 held" in out
    with Running(small(), cache) as recorder:
        write_config(tmp_path, recorder.port)
        assert hikcore("extract", "home/gate", *SPAN).code == 0
        assert hikcore("extract", "home/gate", *SPAN, "--fail-if-empty").code == 4
        expected = 2 if presses == 1 else 1
        assert len([r for r in recorder.requests if r.path.endswith("/download")]) >= expected


def test_what_cannot_be_decoded_is_not_passed_over() -> None:
    """All came and is kept; but somebody should know."""
    from hikcore.cli.extract import _code
    from hikcore.extract.plan import PlannedChunk
    from hikcore.extract.report import CameraJob, CameraReport, Outcome
    from hikcore.instants import Span
    from hikcore.sources.base import Recording

    row = Recording(1, "main", "file", "", "", Span(0, 1), 1, "", False, "")
    report = CameraReport(CameraJob("home", "gate", "main", "nvr", 1), Span(0, 1))
    report.outcomes.append(Outcome(PlannedChunk("0" * 16, row), "held"))
    assert _code([], [report], False) == 0
    report.outcomes.append(Outcome(PlannedChunk("0" * 16, row), "damaged"))
    assert _code([], [report], False) == 3
